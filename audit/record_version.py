"""Have the records changed? A stamp that two moments share only if the same could be read at both.

SQLite counts the commits of other connections (`PRAGMA data_version`); PostgreSQL names the transactions that a
snapshot sees (`pg_current_snapshot`). Cheap to ask, and never wrong in the direction that matters: two stamps may
differ where nothing that counts has changed, and never agree where something has.
"""

from __future__ import annotations

import sqlite3
import threading

from sqlalchemy import Engine


class RecordVersion:
    """Asks one database. A database in memory has no stamp: there every question is asked anew."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._watch: sqlite3.Connection | None = None  # never writes, so that every commit is another's to it

    def stamp(self) -> str | None:
        """The stamp of this moment; None where there is none."""
        if self._engine.dialect.name == "postgresql":
            with self._engine.connect() as connection:
                return str(connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one())
        path = self._engine.url.database
        if self._engine.dialect.name != "sqlite" or path in (None, "", ":memory:"):
            return None
        with self._lock:
            if self._watch is None:
                self._watch = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
            return str(self._watch.execute("PRAGMA data_version").fetchone()[0])
