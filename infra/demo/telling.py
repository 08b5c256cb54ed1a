"""How is the story told? On the terminal with bars, and in one HTML report with the pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from audit.progress import Progress as ProgressCallback
from audit.reports import Report


@dataclass
class Teller:
    """Says each sentence to the person at the terminal and writes it into the report."""

    report: Report
    console: Console = field(default_factory=lambda: Console(highlight=False))
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def chapter(self, who: str, title: str) -> None:
        """A part of the story begins; `who` it is about."""
        self.console.print()
        self.console.rule(f"[bold]{who}[/bold]: {title}", align="left")
        self.report.heading(f"{who}: {title}")

    def say(self, text: str) -> None:
        """One sentence."""
        self.console.print(f"  {text}", markup=False, soft_wrap=True)
        self.report.text(text)

    def aside(self, text: str) -> None:
        """A line for the terminal alone: addresses and paths of this machine."""
        self.console.print(f"  {text}", markup=False, soft_wrap=True, style="dim")

    def table(self, caption: str, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A small table: in full in the report, compact on the terminal."""
        self.report.table(caption, headers, rows)
        for row in rows:
            self.console.print("    " + "  ".join(str(value) for value in row), markup=False, soft_wrap=True)

    def proved(self, what: str, held: bool, detail: str = "") -> None:
        """An attack and whether it was stopped. A claim that does not hold makes the demo fail at its end."""
        self._claim(f"{what}: {'refused or detected' if held else 'NOT STOPPED'}.", held, detail, what)

    def holds(self, what: str, held: bool, detail: str = "") -> None:
        """Something that must be so, and whether it is."""
        self._claim(f"{what}{'' if held else ': NOT SO'}.", held, detail, what)

    def _claim(self, sentence: str, held: bool, detail: str, what: str) -> None:
        line = sentence + (f" {detail}" if detail else "")
        self.console.print(("  [green]held[/green]  " if held else "  [red]FAILED[/red]  "), end="")
        self.console.print(line, markup=False, soft_wrap=True)
        self.report.note(line, "good" if held else "bad")
        if not held:
            self.failures.append(what)

    @contextmanager
    def working(self, title: str) -> Iterator[ProgressCallback]:
        """Long work under a bar; yields the callback that moves it, and keeps how long it took."""
        started = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(f"  {title}", total=None)

            def moved(step: str, done: int, total: int | None) -> None:
                bar.update(task, description=f"  {title}: {step}", completed=done, total=total)

            yield moved
        self.seconds[title] = time.monotonic() - started
        self.console.print(f"  {title}: {self.seconds[title]:.1f} s", markup=False, style="dim")
