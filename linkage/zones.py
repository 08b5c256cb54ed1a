"""Where do identifiers and payload lie? In zones: separate folders, separate encrypted DuckDB files, separate keys.

No connection ever has two zones attached (separation of functions, design section 1). One writer at a time per
zone, held by a file lock, so that a second process gets a sentence instead of a half-read state.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from linkage.errors import LinkageError

PRIVATE = 0o700
SECONDS_TO_WAIT = 30.0
POLL_SECONDS = 0.1


class ZoneBusy(LinkageError):
    """Another process writes in the zone."""

    code = "zone.busy"
    exit_status = 75


class ZoneClosed(LinkageError):
    """The zone cannot be opened: wrong key, damage, or no cipher fit for real data."""

    code = "zone.closed"
    exit_status = 78


class ZoneKeys(Protocol):
    """What zones need of the key ring."""

    def zone_key(self, zone: str) -> str: ...


@dataclass(frozen=True)
class Zones:
    """The zones of one haven. `httpfs` names DuckDB's OpenSSL extension; real data needs it (ADR 7)."""

    linkage_folder: Path
    research_folder: Path
    quarantine_folder: Path
    keys: ZoneKeys
    real_data: bool = False
    httpfs: Path | None = None
    memory_limit: str = "6GB"

    @contextmanager
    def linkage(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The linkage zone: identifiers and tokens, never clinical payload."""
        with self._open("linkage", self.linkage_folder) as connection:
            yield connection

    @contextmanager
    def research(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The research zone: payload under a person number, never identifiers."""
        with self._open("research", self.research_folder) as connection:
            yield connection

    @contextmanager
    def quarantine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Rows that were refused, as they came."""
        with self._open("quarantine", self.quarantine_folder) as connection:
            yield connection

    @contextmanager
    def _open(self, zone: str, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        with _one_writer(zone, folder):
            connection = duckdb.connect()
            try:
                prepare_cipher(connection, real_data=self.real_data, httpfs=self.httpfs)
                connection.execute("SET memory_limit = ?", [self.memory_limit])
                connection.execute("SET temp_directory = ?", [str(folder / "spill")])
                connection.execute("SET temp_file_encryption = true")
                self._attach(connection, zone, folder / f"{zone}.duckdb")
                yield connection
            finally:
                connection.close()

    def _attach(self, connection: duckdb.DuckDBPyConnection, zone: str, path: Path) -> None:
        failed = False
        try:
            connection.execute("ATTACH ? AS zone (ENCRYPTION_KEY ?)", [str(path), self.keys.zone_key(zone)])
            connection.execute("USE zone")
        except duckdb.Error:
            failed = True  # the library's text could quote the key's parameter
        if failed:
            raise ZoneClosed(
                f"The {zone} zone cannot be opened: its key does not fit, or the file is damaged.",
                where=str(path),
                mend="Open it with the key ring it was made with, or restore it from its backup.",
            )
        path.chmod(0o600)


def prepare_cipher(connection: duckdb.DuckDBPyConnection, *, real_data: bool, httpfs: Path | None) -> None:
    """Make encrypted writing possible: with OpenSSL where its extension is named, else only without real data."""
    if httpfs is not None:
        connection.load_extension(str(httpfs))
    elif real_data:
        raise ZoneClosed(
            "A haven with real data needs OpenSSL for its encryption at rest.",
            mend="Name DuckDB's httpfs extension file as duckdb_httpfs in haven.toml (docs/adr/0007).",
        )
    else:
        connection.execute("SET force_mbedtls_unsafe = 'true'")


@contextmanager
def _one_writer(zone: str, folder: Path) -> Iterator[None]:
    with (folder / ".writer").open("a") as lock:
        until = time.monotonic() + SECONDS_TO_WAIT
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise ZoneBusy(
                        f"Another process works in the {zone} zone.",
                        where=str(folder),
                        mend="Wait for it to finish and run the same command again.",
                    ) from None
                time.sleep(POLL_SECONDS)
        yield
