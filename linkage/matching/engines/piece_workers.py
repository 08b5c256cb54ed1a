"""The processes that make pieces: started with nothing secret in sight, given one at a time, ended whatever happens.

A process that dies, or that DuckDB's own limits end, ends the run: no piece begins after it, whoever waits is told of
it and of nothing else, the processes end, and then the folder goes. The zone is as it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

import linkage
from linkage.matching.engines.errors import EngineFailed

WORKER = "linkage.matching.engines.piece_worker"
CODE = Path(linkage.__file__).resolve().parent.parent
CLOSED = ("-P", "-s")
"""How an interpreter is started: it imports nothing from its working directory, nor from a home's packages."""
SECONDS_TO_END = 10


class Workers:
    """So many processes over one folder. told: what each is told first (piece_worker)."""

    def __init__(self, number: int, folder: Path, told: Mapping[str, Any]) -> None:
        self._idle: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        self._failure: EngineFailed | None = None
        self._failing = Lock()
        self._all = [self._start(folder, told) for _ in range(number)]

    def make(self, select: str, tables: Mapping[str, list[Path]], to: Path | None) -> list[int]:
        """A piece in a worker that is free, as soon as one is: its rows, or the numbers of the one row.

        Raises EngineFailed: of this piece, or of the one that failed first, after which none begins.
        """
        told = {
            "select": select,
            "tables": {name: [quoted(file) for file in files] for name, files in tables.items()},
            "to": None if to is None else quoted(to),
        }
        worker = self._idle.get()
        try:
            if self._failure is not None:
                raise self._failure
            return _asked(worker, told)
        except EngineFailed as error:
            raise self._first(error) from None
        finally:
            self._idle.put(worker)

    def end(self) -> None:
        """Their input closes; who has not ended then is killed.

        What they say is closed last: a thread that still reads of it would hold the closing up.
        """
        for worker in self._all:
            if worker.stdin is not None:
                with suppress(BrokenPipeError):
                    worker.stdin.close()
        for worker in self._all:
            try:
                worker.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()

    def _first(self, error: EngineFailed) -> EngineFailed:
        with self._failing:
            self._failure = self._failure or error
            return self._failure

    def _start(self, folder: Path, told: Mapping[str, Any]) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, *CLOSED, "-m", WORKER],
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
