"""A real PostgreSQL of the tests' own: made in a temporary folder, reached by its Unix socket, ended by its own id."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from infra.migrations import upgrade

SECONDS = "60"
STORIES_DATABASE = "HAVEN_TESTS_POSTGRESQL"
"""The variable with the URL of a server on which records that tests keep in memory are kept instead."""
TEMPLATE = "haven_template"
NOTHING_IS_KEPT = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
"""Of a server that is removed with its test: nothing need outlive the machine, and nobody tidies up."""
KEPT_OPEN = 6
"""A process's newest stories, whose connections stay open between their transactions: each new one takes its time."""
_stories: list[Engine] = []


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """An SQLAlchemy URL of a fresh database; the server ends with the block. Raises FileNotFoundError without one."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        raise FileNotFoundError("PostgreSQL is not installed; `./haven test` as root installs it (apt: postgresql)")
    binaries = programs[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    as_owner: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run([*as_owner, *command], check=True, capture_output=True, cwd="/")

    run(str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--no-sync")
    settings = ("listen_addresses=''", f"unix_socket_directories={folder}", *NOTHING_IS_KEPT)
    options = " ".join(f"-c {setting}" for setting in settings)
    control = str(binaries / "pg_ctl")
    run(control, "-D", str(data), "-w", "-t", SECONDS, "-o", options, "-l", str(folder / "log"), "start")
    try:
        owner = "postgres" if as_owner else os.environ.get("USER", "postgres")
        yield f"postgresql+psycopg://{owner}@/postgres?host={folder}"
    finally:
        run(control, "-D", str(data), "-w", "-t", SECONDS, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def prepare_template(url: str) -> None:
    """Make the database of which `database_of_its_own` makes copies: migrated, and empty."""
    _on_server(url, f"CREATE DATABASE {TEMPLATE}")
    engine = create_engine(make_url(url).set(database=TEMPLATE), poolclass=NullPool)
    upgrade(engine)
    engine.dispose()


def database_of_its_own(url: str) -> Engine:
    """A fresh database of that server, with the haven's tables. It goes with the server."""
    name = f"story_{uuid.uuid4().hex}"
    _on_server(url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    _stories.append(create_engine(make_url(url).set(database=name)))
    if len(_stories) > KEPT_OPEN:
        _stories.pop(0).dispose()  # whoever still asks it connects anew
    return _stories[-1]


@atexit.register
def _close_stories() -> None:
    for engine in _stories:
        engine.dispose()


def stories_told(url: str) -> int:
    """How many databases `database_of_its_own` has made."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM pg_database WHERE datname LIKE 'story%'")) or 0)


def _on_server(url: str, statement: str) -> None:
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(statement))
