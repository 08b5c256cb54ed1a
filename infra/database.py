"""The database of records: SQLite by default, PostgreSQL in production; always at the newest schema."""

from __future__ import annotations

import fcntl

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from infra.settings import Settings


def open_database(settings: Settings) -> Engine:
    """An engine on the records, migrated."""
    from infra.migrations import upgrade

    engine = make_engine(settings.database_url)
    with (settings.home / "records" / ".migrate.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that open a new home at once
        upgrade(engine)
    return engine


def make_engine(url: str) -> Engine:
    """An engine; on SQLite with foreign keys on, write-ahead log, full sync and a patient lock."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "busy_timeout=20000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
