"""Where do identified data lie, and who is in there now? Zones: each its own folder, DuckDB file and key.

Identifiers and payload are never reachable from one connection: a connection has one zone, as `zone`, and no other
(design section 1). One writer at a time, by a lock beside the file; who finds it busy is told so. A writer works on a
copy that takes the zone's place when it is complete: a killed writer leaves the zone as it was, and readers never wait
(docs/adr/0008-zones-are-switched.md). Without a cipher fit for real data no zone opens for writing
(docs/adr/0007-encryption-at-rest.md).
"""

from __future__ import annotations

import base64
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from access.keys import KeyRing
from access.keys.files import changeable_by_others
from linkage.errors import ZoneBusy, ZoneError, ZoneUnsafe
from linkage.full_disks import is_no_room, no_room_told
from linkage.private_folders import EXCHANGE, PRIVATE, Spilling, private_folder, spill_into

PRIVATE_FILE = 0o600
PATIENCE_SECONDS = 10.0
SCRATCH = "scratch-"
COPIED_AT_ONCE = 1 << 30  # bytes asked of the kernel in one call


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


class WorkFiles:
    """Encrypted work files of the intake, under keys that are never kept: whoever has these opens no zone.

    patience: seconds to wait for who holds the intake.
    """

    def __init__(self, settings: ZoneSettings, *, patience: float = PATIENCE_SECONDS) -> None:
        self._settings = settings
        self._patience = patience

    @contextmanager
    def scratch(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A work file of the intake, encrypted under a key that is never kept, removed at the end."""
        folder = _private(self._settings.intake_folder)
        path = folder / f"{SCRATCH}{uuid.uuid4().hex}.duckdb"
        try:
            with self._attached(path, base64.b64encode(os.urandom(32)).decode("ascii"), folder) as connection:
                yield connection
        finally:
            _remove(path)

    @contextmanager
    def one_delivery_at_a_time(self) -> Iterator[None]:
        """Hold the intake. What a killed receipt left there is removed first: nobody else can be using it."""
        folder = _private(self._settings.intake_folder)
        lock = held_lock(folder / ".intake.lock", "intake", patience=self._patience)
        with lock, no_room_told(lambda: no_room_in(folder, of="delivery", stands="Nothing half done counts.")):
            for debris in folder.glob(f"{SCRATCH}*.duckdb*"):
                debris.unlink(missing_ok=True)
            yield

    @contextmanager
    def _attached(
        self, path: Path | None, key: str, folder: Path, *, read_only: bool = False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with this one file (or nothing yet) as `zone`; spilled pages stay in the folder, encrypted."""
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            spill_into(connection, folder / ".spill")
            self._choose_cipher(connection)
            try:
                if path is None:
                    connection.execute("ATTACH ':memory:' AS zone")
                else:
                    mode = "READ_ONLY" if read_only else "RECOVERY_MODE NO_WAL_WRITES"
                    connection.execute(f"ATTACH ? AS zone (ENCRYPTION_KEY ?, {mode})", [str(path), key])
            except duckdb.Error as error:
                raise (no_room_in(folder) if is_no_room(error) else _cannot_open(folder)) from None
            connection.execute("USE zone")
            with no_room_told(lambda: no_room_in(folder)):  # only this: what the engine says of it may quote a row
                yield connection
                if not read_only:
                    connection.execute("CHECKPOINT zone")

    def _choose_cipher(self, connection: duckdb.DuckDBPyConnection) -> None:
        """OpenSSL where the settings name it; DuckDB's own cipher only where no real data can be."""
        extension = self._settings.duckdb_httpfs
        if extension is not None:
            _require_own(extension)
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


class Zones(WorkFiles):
    """The zones of one haven. Each opener yields a connection in which the zone's catalog `zone` is in use.

    patience: seconds to wait for a busy zone. Raises ZoneBusy, ZoneUnsafe, ZoneError; ZoneUnsafe for all of them where
    real data are and the folders of both zones are told.
    """

    def __init__(self, settings: ZoneSettings, keyring: KeyRing, *, patience: float = PATIENCE_SECONDS) -> None:
        super().__init__(settings, patience=patience)
        self._keyring = keyring

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
    def review(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """What reviewers were shown and said, by subjects: beside the linkage zone, and small."""
        with self._zone("review", self.review_file, read_only) as connection:
            yield connection

    @contextmanager
    def optouts(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """The list of opt-outs, to apply them and for nothing else: beside the linkage zone, under a key of its own."""
        path = self._settings.linkage_zone / "optouts.duckdb"
        with self._zone("optouts", path, read_only) as connection:
            yield connection

    @contextmanager
    def objections(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Who objects, under opaque ids: beside the linkage zone; it outlives every list."""
        path = self._settings.linkage_zone / "objections.duckdb"
        with self._zone("objections", path, read_only) as connection:
            yield connection

    @property
    def review_file(self) -> Path:
        """Where that lies; it is made with the door."""
        return self._settings.linkage_zone / "review.duckdb"

    @property
    def keyring(self) -> KeyRing:
        """The ring under whose keys they lie."""
        return self._keyring

    def require_one_zone(self) -> None:
        """With real data a process knows the folders of one zone only, its own account's. Raises ZoneUnsafe."""
        if self._settings.real_data and self._settings.linkage_zone != self._settings.research_zone:
            raise ZoneUnsafe(
                "This haven holds real data, and here one account would open both zones.",
                where="zones",
                mend="Install the zones' own accounts, as root: haven accounts install",
            )

    def opener(self, zone: str) -> Callable[..., AbstractContextManager[duckdb.DuckDBPyConnection]]:
        """What opens the zone of this name: linkage, review, optouts, objections, research or quarantine."""
        places = {"linkage": self.linkage, "review": self.review, "research": self.research}
        beside = {"quarantine": self.quarantine, "optouts": self.optouts, "objections": self.objections}
        return {**places, **beside}[zone]

    def folder(self, zone: str) -> Path:
        """The folder of this zone's file."""
        plan = self._settings
        places = {"linkage": plan.linkage_zone, "research": plan.research_zone, "quarantine": plan.intake_folder}
        return places[zone]

    def spilling(self, zone: str) -> Spilling:
        """How a connection of an engine, which holds what was read from this zone, spills as the zone itself does."""

        @contextmanager
        def told(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
            with private_folder(_private(self.folder(zone)) / EXCHANGE, "spill") as folder:
                spill_into(connection, folder)
                self._choose_cipher(connection)
                yield

        return told

    @contextmanager
    def one_linkage_at_a_time(self) -> Iterator[None]:
        """Hold the linkage: its phases go from zone to zone, and no other run may come between."""
        folder = _private(self._settings.linkage_zone)
        with held_lock(folder / ".run.lock", "linkage", patience=self._patience):
            yield

    @contextmanager
    def one_publication_at_a_time(self, project: str) -> Iterator[None]:
        """Hold the publication of one project's scope."""
        folder = _private(self._settings.research_zone)
        with held_lock(folder / f".publish-{project}.lock", "research", patience=self._patience):
            yield

    @contextmanager
    def _zone(self, name: str, path: Path, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """The zone as it stands, or a copy to write in that takes its place at the end, unless an error ends it."""
        self.require_one_zone()
        folder = _private(path.parent)
        key = self._keyring.zone_key(name)
        if read_only:
            with self._attached(path if path.exists() else None, key, folder, read_only=True) as connection:
                yield connection
            return
        with held_lock(folder / f".{name}.lock", name, patience=self._patience):
            draft = folder / f".{name}.next"
            _remove(draft)
            try:
                if path.exists():
                    _copied(path, draft)
                with self._attached(draft, key, folder) as connection:
                    yield connection
                _switch(draft, path)
            finally:
                _remove(draft)


def count(zone: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> int:
    """The one number that a query gives. The result is read to its end: DuckDB 2 wants that before anything else."""
    return int(zone.execute(query, list(values)).fetchall()[0][0])


def _copied(source: Path, target: Path) -> None:
    """The file's bytes under another name; a file system that can (XFS, Btrfs) shares them. Raises ZoneError."""
    try:
        with source.open("rb") as old, target.open("xb") as new:
            os.fchmod(new.fileno(), PRIVATE_FILE)
            while os.copy_file_range(old.fileno(), new.fileno(), COPIED_AT_ONCE):
                pass
    except OSError as error:
        raise ZoneError(
            f"The zone cannot be copied to be written: {os.strerror(error.errno or 0)}. It stays as it was.",
            where=str(source.parent),
            mend=f"Make room for {source.stat().st_size:,} bytes there, and run the command again.",
        ) from None


def _switch(draft: Path, path: Path) -> None:
    """The complete draft becomes the zone. Raises ZoneError when it is not complete in itself."""
    if _log_of(draft).exists():
        raise ZoneError(
            "The zone was written and could not be closed; it stays as it was.",
            where=path.name,
            mend="Look for a full disk, and run the command again.",
        )
    draft.chmod(PRIVATE_FILE)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _require_own(extension: Path) -> None:
    """What is loaded into the process that has the zone's key must be root's or this account's own."""
    try:
        place = changeable_by_others(extension)
    except OSError:
        return  # the engine says that it is not there
    if place is not None:
        raise ZoneUnsafe(
            f"Others can change {place}, and with it the extension that encrypts the zones.",
            where="duckdb_httpfs",
            mend=f"chown root {place}; chmod go-w {place}",
        )


def _log_of(path: Path) -> Path:
    """Where DuckDB keeps what is not yet in the file."""
    return Path(f"{path}.wal")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _log_of(path).unlink(missing_ok=True)


def no_room_in(folder: Path, *, of: str = "zone's file", stands: str = "The zone stays as it was.") -> ZoneError:
    """The error of a full disk, or a full memory, where a zone's folder is worked in. of: what takes the room."""
    return ZoneError(
        f"There is no room to work: the disk or the memory is full. {stands}",
        where=str(folder),
        mend=f"Make room on this disk (three times the {of}), or give the haven more memory, and run the command"
        " again.",
    )


def _cannot_open(folder: Path) -> ZoneError:
    return ZoneError(
        "The zone's file cannot be opened: it is damaged, or the key ring is another haven's.",
        where=str(folder),
        mend="Use the home whose key ring made this file, or restore both from one backup.",
    )


def _private(folder: Path) -> Path:
    """The folder, made if absent, closed to other accounts."""
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    folder.chmod(PRIVATE)
    return folder


@contextmanager
def held_lock(path: Path, name: str, *, patience: float) -> Iterator[None]:
    """Hold the zone's lock; the system gives it back when a process dies, so no lock is ever stale."""
    until = time.monotonic() + patience
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
