"""How far is a query? A line that grows while it runs: seconds waited, rows and bytes that have come.

In a notebook the line is one output that changes; in a terminal one line of the error output. A query that is done
within a second shows nothing.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FIRST_SECONDS = 1.0
SECONDS_BETWEEN = 0.5
MIB = 1024**2


class Shown:
    """What has come so far, and where it is shown."""

    def __init__(self, show: Any) -> None:
        self._show = show
        self._started = time.monotonic()
        self._over = threading.Event()
        self.rows = 0
        self.bytes = 0

    def came(self, batch: Any) -> Any:
        """Count a batch; the batch again."""
        self.rows += batch.num_rows
        self.bytes += batch.nbytes
        return batch

    def line(self) -> str:
        """The line as it stands."""
        seconds = time.monotonic() - self._started
        if not self.rows:
            return f"Running for {seconds:.0f} s ..."
        return f"{self.rows:,} rows, {self.bytes / MIB:,.1f} MiB after {seconds:.1f} s"

    def run(self) -> None:
        """Show the line until it is over; nothing where that is within the first second."""
        wait = FIRST_SECONDS
        while not self._over.wait(wait):
            self._show.change(self.line())
            wait = SECONDS_BETWEEN

    def end(self) -> None:
        """The last word."""
        self._over.set()
        self._show.finish(self.line())


class _Notebook:
    """One output of the cell, changed in place."""

    def __init__(self) -> None:
        self._output: Any = None

    def change(self, line: str) -> None:
        """Show this line."""
        from IPython.display import display

        content = {"text/plain": line}
        if self._output is None:
            self._output = display(content, raw=True, display_id=True)
        else:
            self._output.update(content, raw=True)

    def finish(self, line: str) -> None:
        """The last line stays where there was one."""
        if self._output is not None:
            self._output.update({"text/plain": line}, raw=True)


class _Terminal:
    """The last line of a terminal's error output."""

    def __init__(self) -> None:
        self._shown = False

    def change(self, line: str) -> None:
        """Show this line in place of the one before."""
        self._shown = True
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()

    def finish(self, _: str) -> None:
        """The line goes."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class _Nowhere:
    """Nobody looks."""

    def change(self, line: str) -> None:
        """Nothing."""

    finish = change


@contextmanager
def shown_progress(wanted: bool | None) -> Iterator[Shown]:
    """Progress while the block runs; wanted: None decides by whether somebody sees it."""
    shown = Shown(_where(wanted))
    thread = threading.Thread(target=shown.run, daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        shown.end()
        thread.join()


def _where(wanted: bool | None) -> Any:
    if wanted is False:
        return _Nowhere()
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        return _Notebook()
    return _Terminal() if wanted or sys.stderr.isatty() else _Nowhere()
