"""Is the disk full, or the memory? It is told as such, whichever library met it, and never in that library's words.

DuckDB meets it, the system, SQLite, and whoever raises an error of their own because one of these did: Splink does so
with every error of its database.
"""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from audit.errors import HavenError
from linkage.errors import NoRoom

OF_MEMORY = (duckdb.OutOfMemoryException, MemoryError)
OF_THE_ENGINE = (duckdb.IOException, duckdb.FatalException)
"""What DuckDB raises where it cannot write, and for much else; the last once it gave the file up. Its words tell."""
WORDS_OF_THE_ENGINE = re.compile("could not write|no space|file too large|quota|cannot allocate memory", re.IGNORECASE)
OF_THE_SYSTEM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM})
OF_THE_RECORDS = "SQLITE_FULL"
IN_WORDS = re.compile(r"\(os error (\d+)\)")


def is_no_room(error: BaseException | None) -> bool:
    """Was it met by this error, or by one that led to it?"""
    while error is not None:
        if isinstance(error, OF_MEMORY) or (isinstance(error, OSError) and _number_of(error) in OF_THE_SYSTEM):
            return True
        if isinstance(error, OF_THE_ENGINE) and WORDS_OF_THE_ENGINE.search(str(error)):
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", None) == OF_THE_RECORDS:
            return True
        error = error.__cause__
    return False


def _number_of(error: OSError) -> int | None:
    """The system's number of it. A library that is written in Rust (Polars) tells it in words only."""
    found = IN_WORDS.search(str(error))
    return error.errno if error.errno is not None or found is None else int(found[1])


@contextmanager
def no_room_told(telling: Callable[[], HavenError]) -> Iterator[None]:
    """Within it, a full disk or memory is raised as `telling` says it; every other error as it is."""
    try:
        yield
    except HavenError:
        raise
    except Exception as error:
        if is_no_room(error):
            raise telling() from None
        raise


def no_room() -> NoRoom:
    """Where nothing nearer to it is known: at the edge of a process."""
    return NoRoom(
        "The disk or the memory is full. What was complete is kept; nothing half done counts.",
        where="the disks of the haven's folder and of temporary files",
        mend="Make room there, or give the haven more memory, and run the same again.",
    )
