"""The processes that make pieces: started with nothing secret in sight, given one at a time, ended whatever happens.

A process that dies, or that DuckDB's own limits end, ends the run: its folder goes, and the zone is as it was.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import linkage
from linkage.matching.engines.errors import EngineFailed

WORKER = "linkage.matching.engines.piece_worker"
CODE = Path(linkage.__file__).resolve().parent.parent
PRIVATE = 0o700
SECONDS_TO_END = 10
IN_USE = ".in-use"

KINDS = ("pieces", "spark")
"""Whose folders they are."""


class Workers:
    """So many processes over one folder. told: what each is told first (piece_worker)."""

    def __init__(self, number: int, folder: Path, told: Mapping[str, Any]) -> None:
        self._idle: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        self._all = [self._start(folder, told) for _ in range(number)]

    def make(self, select: str, tables: Mapping[str, list[Path]], to: Path | None) -> list[int]:
        """A piece in a worker that is free, as soon as one is: its rows, or the numbers of the one row.

        Raises EngineFailed.
        """
        told = {
            "select": select,
            "tables": {name: [quoted(file) for file in files] for name, files in tables.items()},
            "to": None if to is None else quoted(to),
        }
        worker = self._idle.get()
        try:
            return _asked(worker, told)
        finally:
            self._idle.put(worker)

    def end(self) -> None:
        """Their input closes; who has not ended then is killed."""
        for worker in self._all:
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
        for worker in self._all:
            try:
                worker.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def _start(self, folder: Path, told: Mapping[str, Any]) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(CODE), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=folder,
            text=True,
        )
        if worker.stdin is not None:
            worker.stdin.write(json.dumps(dict(told)) + "\n")
            worker.stdin.flush()
        self._idle.put(worker)
        return worker


@contextmanager
def private_folder(under: Path, kind: str) -> Iterator[Path]:
    """A folder of this account only, gone afterwards; what a killed run left beside it goes first."""
    under.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    sweep(under)
    folder = under / f"{kind}-{uuid.uuid4().hex}"
    folder.mkdir(mode=PRIVATE)
    with (folder / IN_USE).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(under: Path) -> None:
    """Remove what killed runs of any engine left here; what a living process uses stays."""
    for kind in KINDS:
        for debris in under.glob(f"{kind}-*"):
            _remove_if_left(debris)


def _remove_if_left(folder: Path) -> None:
    """The system gives a lock back when its process dies: who can take it knows that nobody uses the folder."""
    with suppress(OSError), (folder / IN_USE).open("r") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)


def quoted(path: Path) -> str:
    """As it stands within quotes in SQL."""
    return str(path).replace("'", "''")


def _asked(worker: subprocess.Popen[str], told: Mapping[str, Any]) -> list[int]:
    answer: dict[str, Any] = {}
    if worker.stdin is not None and worker.stdout is not None:
        with suppress(BrokenPipeError):
            worker.stdin.write(json.dumps(dict(told)) + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
            answer = json.loads(line) if line else {}
    match answer:
        case {"done": [*numbers]}:
            return [int(number) for number in numbers]
        case {"failed": "OutOfMemoryException"}:
            raise EngineFailed(
                "A piece of the ladder had not memory enough. The zone is as it was.",
                where="linkage.partitions",
                mend="In haven.toml, under [linkage.partitions]: more `memory`, or fewer `rows` in a piece.",
            )
        case {"failed": str(kind)}:
            raise EngineFailed(
                f"A piece of the ladder failed ({kind}). The zone is as it was.",
                where="linkage",
                mend="Look for a full disk, and run it again; report the kind if it fails again.",
            )
    raise EngineFailed(
        "A process that makes pieces of the ladder was killed. The zone is as it was.",
        where="linkage.partitions",
        mend="The system kills what takes too much memory: fewer `workers`, or fewer `rows` in a piece.",
    )
