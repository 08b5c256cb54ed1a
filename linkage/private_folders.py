"""Where does a run put for the while what must not stay? In a folder of its own, gone afterwards or swept later.

What lies there: tokens that engines read, and what an engine spills from memory.
"""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import duckdb

PRIVATE = 0o700
IN_USE = ".in-use"
EXCHANGE = ".exchange"
"""What these folders lie in, within a zone's own."""
KINDS = ("pieces", "spark", "spill")
"""Whose folders they are."""
Spilling = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[None]]
"""Tells a connection where it puts what exceeds memory, and under which cipher; at the end nothing of it is left."""


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


def spill_into(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """What exceeds memory goes there, encrypted; by which cipher is told apart from this."""
    connection.execute("SET temp_directory = ?", [str(folder)]).fetchall()
    connection.execute("SET temp_file_encryption = true").fetchall()
