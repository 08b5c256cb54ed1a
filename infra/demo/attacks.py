"""What happens to somebody who tries? The demo attacks itself, and shows each attempt refused or detected."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from access.decisions import RefusedError
from audit.model import organisation
from infra.demo.outside import run_cells_outside
from infra.demo.stage import PROJECT, RESEARCHER, Stage

if TYPE_CHECKING:
    from audit.verifier import Verdict

WITHIN_SECONDS = 1.0
NOT_ALLOWED = 77
"""The exit status of a refusal."""
WHY = f"./haven why {RESEARCHER} {PROJECT} query"


def attack(stage: Stage) -> None:
    """Each attempt in turn; a claim that does not hold makes the demo fail at its end."""
    stage.teller.chapter("Somebody who should not", "the haven attacks itself")
    _in_the_notebook(stage)
    _after_a_withdrawal(stage)
    _on_the_log(stage)


def _in_the_notebook(stage: Stage) -> None:
    teller, cells = stage.teller, stage.cells
    for name, what in (
        ("table_not_approved", "A table that the approval does not give"),
        ("raw_file", "A raw file, read through SQL"),
    ):
        text = cells[name].text
        teller.proved(what, text.startswith("refused:"), " ".join(text.split())[:200])
    outside = cells["people_outside"].text.strip()
    teller.proved("Rows of people outside the approved cohort", outside.endswith("0") or outside == "np.int64(0)",
                  "They were never written into the project's file: a query for them finds none.")  # fmt: skip
    if stage.workspaces:
        text = cells["socket"].text.strip()
        teller.proved("A socket opened from the notebook", text.startswith("no way out"), text)
    raw = cells["submit_raw"].text
    teller.proved("An output with small counts", "returned" in raw, " ".join(raw.split())[:220])


def _after_a_withdrawal(stage: Stage) -> None:
    """One controller takes its approval back: the next query is refused, and the open workspace closes."""
    haven, teller = stage.haven, stage.teller
    status, said = _haven_why(stage)
    teller.holds(f"{WHY}, before it", status == 0, said)
    haven.access.withdraw(PROJECT, "council", "A question about the purpose.", by=organisation("council"))
    started = time.monotonic()
    refused = haven.access.why(RESEARCHER, PROJECT, "query")
    took = time.monotonic() - started
    teller.proved(
        "The same question to the records, at once after one controller withdrew",
        not refused and took < WITHIN_SECONDS,
        f"{getattr(refused, 'reason', 'yes')} Known after {1000 * took:.0f} ms.",
    )
    status, said = _haven_why(stage)
    teller.proved(f"{WHY}, after it", status == NOT_ALLOWED and "project.withdrawn" in said, said)
    text = run_cells_outside(haven, RESEARCHER, PROJECT)["count"].text
    teller.proved("A query after one controller withdrew", "project.withdrawn" in text, " ".join(text.split())[:200])
    if stage.workspaces:
        try:
            haven.workspaces.enter(RESEARCHER, PROJECT).close()
            opened = "it opened"
        except RefusedError as error:
            opened = ""
            reason = str(error)
        teller.proved("A workspace opened after the withdrawal", not opened, opened or reason)


def _haven_why(stage: Stage) -> tuple[int, str]:
    """The command as a person gives it, in a process of its own: its exit status and what it said."""
    words = ("why", RESEARCHER, PROJECT, "query", "--home", str(stage.haven.settings.home.resolve()))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "infra.cli", *words], capture_output=True, text=True, check=False
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def _on_the_log(stage: Stage) -> None:
    """One byte of a copy of the log is changed; then an entry is cut off: the verifier names the place."""
    teller = stage.teller
    for what, change in (("One byte of the log, changed", _change_a_byte), ("The log's end, cut off", _cut_the_end)):
        verdict = _verdict_of_a_copy(stage.haven.settings.audit_folder, change)
        teller.proved(what, not verdict.whole, " ".join(verdict.sentences())[:300])


def _verdict_of_a_copy(folder: Path, change: object) -> Verdict:
    from audit.verifier import verify

    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "audit"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
        change(copy)  # type: ignore[operator]
        return verify(copy, None, None)


def _change_a_byte(copy: Path) -> None:
    path = max((p for p in copy.rglob("*") if p.is_file() and "entries" in str(p)), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def _cut_the_end(copy: Path) -> None:
    path = max((p for p in copy.rglob("*") if p.is_file() and "entries" in str(p)), key=lambda p: p.stat().st_mtime)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-40])
