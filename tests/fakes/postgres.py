"""A real PostgreSQL of the tests' own: made in a temporary folder, reached by its Unix socket, ended by its own id."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

SECONDS = "60"


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
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    control = str(binaries / "pg_ctl")
    run(control, "-D", str(data), "-w", "-t", SECONDS, "-o", options, "-l", str(folder / "log"), "start")
    try:
        owner = "postgres" if as_owner else os.environ.get("USER", "postgres")
        yield f"postgresql+psycopg://{owner}@/postgres?host={folder}"
    finally:
        run(control, "-D", str(data), "-w", "-t", SECONDS, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
