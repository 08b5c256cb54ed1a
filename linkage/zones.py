"""Where do identified data lie, and who is in there now? Zones: each its own folder, DuckDB file and key.

Identifiers and payload are never reachable from one connection: a connection has one zone, as `zone`, and no other
(design section 1). One writer at a time, by a lock beside the file; who finds it busy is told so. Without a cipher
fit for real data no zone opens for writing (docs/adr/0007-encryption-at-rest.md).
"""

from __future__ import annotations

import base64
import fcntl
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from access.keys import KeyRing
from linkage.errors import ZoneBusy, ZoneError, ZoneUnsafe

PRIVATE = 0o700
PATIENCE_SECONDS = 10.0
SCRATCH = "scratch-"


class ZoneSettings(Protocol):
    """What of the haven's settings a zone needs."""

    @property
    def linkage_zone(self) -> Path: ...
    @property
    def research_zone(self) -> Path: ...
    @property
    def intake_folder(self) -> Path: ...
    @property
    def real_data(self) -> bool: ...
    @property
    def duckdb_httpfs(self) -> Path | None: ...


@dataclass(frozen=True)
class ZonePlan:
    """The same without the rest of the settings: for tests and tools."""

    linkage_zone: Path
    research_zone: Path
    intake_folder: Path
    real_data: bool = False
    duckdb_httpfs: Path | None = None

    @classmethod
    def under(cls, home: Path) -> ZonePlan:
        """The folders where a haven at `home` has them."""
        return cls(home / "zones" / "linkage", home / "zones" / "research", home / "intake")


class Zones:
    """The zones of one haven. Each opener yields a connection in which the zone's catalog `zone` is in use.

    patience: seconds to wait for a busy zone. Raises ZoneBusy, ZoneUnsafe, ZoneError.
    """

    def __init__(self, settings: ZoneSettings, keyring: KeyRing, *, patience: float = PATIENCE_SECONDS) -> None:
        self._settings = settings
        self._keyring = keyring
        self._patience = patience

    def __repr__(self) -> str:
        return "Zones(linkage, research, intake)"

    @contextmanager
    def linkage(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Identifiers and links; never clinical payload."""
        with self._zone("linkage", self._settings.linkage_zone / "linkage.duckdb", read_only) as connection:
            yield connection

    @contextmanager
    def research(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Payload under a row key, and after linkage under a person number; never identifiers."""
        with self._zone("research", self._settings.research_zone / "research.duckdb", read_only) as connection:
            yield connection

    @contextmanager
    def quarantine(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """The rows that could not be taken in, as they came."""
        with self._zone("quarantine", self._settings.intake_folder / "quarantine.duckdb", read_only) as connection:
            yield connection

    @contextmanager
    def scratch(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A work file of the intake, encrypted under a key that is never kept, removed at the end."""
        folder = _private(self._settings.intake_folder)
        path = folder / f"{SCRATCH}{uuid.uuid4().hex}.duckdb"
        try:
            with self._attached(path, base64.b64encode(os.urandom(32)).decode("ascii"), False) as connection:
                yield connection
        finally:
            path.unlink(missing_ok=True)
            Path(f"{path}.wal").unlink(missing_ok=True)

    @contextmanager
    def one_delivery_at_a_time(self) -> Iterator[None]:
        """Hold the intake. What a killed receipt left there is removed first: nobody else can be using it."""
        folder = _private(self._settings.intake_folder)
        with _locked(folder / ".intake.lock", "intake", shared=False, patience=self._patience):
            for debris in folder.glob(f"{SCRATCH}*.duckdb*"):
                debris.unlink(missing_ok=True)
            yield

    @contextmanager
    def _zone(self, name: str, path: Path, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        folder = _private(path.parent)
        read_only = read_only and path.exists()
        with (
            _locked(folder / f".{name}.lock", name, shared=read_only, patience=self._patience),
            self._attached(path, self._keyring.zone_key(name), read_only) as connection,
        ):
            yield connection

    @contextmanager
    def _attached(self, path: Path, key: str, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with this one file as `zone`; spilled pages stay in its folder, encrypted as well."""
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            connection.execute("SET temp_directory = ?", [str(path.parent / ".spill")])
            connection.execute("SET temp_file_encryption = true")
            if not read_only or self._settings.real_data:
                self._choose_cipher(connection)
            mode = ", READ_ONLY" if read_only else ""
            try:
                connection.execute(f"ATTACH ? AS zone (ENCRYPTION_KEY ?{mode})", [str(path), key])
            except duckdb.Error:
                raise _cannot_open(path) from None
            path.chmod(0o600)
            connection.execute("USE zone")
            yield connection

    def _choose_cipher(self, connection: duckdb.DuckDBPyConnection) -> None:
        """OpenSSL where the settings name it; DuckDB's own cipher only where no real data can be."""
        extension = self._settings.duckdb_httpfs
        if extension is not None:
            quoted = str(extension).replace("'", "''")
            try:
                connection.execute(f"LOAD '{quoted}'")
            except duckdb.Error:
                raise ZoneUnsafe(
                    "The extension that encrypts the zones cannot be loaded.",
                    where="duckdb_httpfs",
                    mend=f"Name the httpfs extension built for DuckDB {duckdb.__version__}.",
                ) from None
        elif self._settings.real_data:
            raise ZoneUnsafe(
                "This haven holds real data, and no fit cipher for its zones is set.",
                where="duckdb_httpfs",
                mend="Set duckdb_httpfs in haven.toml to DuckDB's httpfs extension file.",
            )
        else:
            connection.execute("SET force_mbedtls_unsafe = 'true'")


def count(zone: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> int:
    """The one number that a query gives. The result is read to its end: DuckDB 2 wants that before anything else."""
    return int(zone.execute(query, list(values)).fetchall()[0][0])


def _cannot_open(path: Path) -> ZoneError:
    return ZoneError(
        "The zone's file cannot be opened: it is damaged, or the key ring is another haven's.",
        where=path.name,
        mend="Use the home whose key ring made this file, or restore both from one backup.",
    )


def _private(folder: Path) -> Path:
    """The folder, made if absent, closed to other accounts."""
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    folder.chmod(PRIVATE)
    return folder


@contextmanager
def _locked(path: Path, name: str, *, shared: bool, patience: float) -> Iterator[None]:
    """Hold the zone's lock; the system gives it back when a process dies, so no lock is ever stale."""
    until = time.monotonic() + patience
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise ZoneBusy(
                        f"Another process is working in the {name} zone.",
                        where=str(path.parent),
                        mend="Wait until it has finished and run the command again; nothing was changed.",
                    ) from None
                time.sleep(0.05)
        yield
