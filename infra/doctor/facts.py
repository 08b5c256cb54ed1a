"""What is known of a haven before anything is said of it? Plain values, gathered by looking/, judged by policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class EnvironmentFacts:
    """One Python environment beside its lock. stamped: finished from this very lock. differing: name, found, locked."""

    name: str
    there: bool
    stamped: bool
    distributions: int
    missing: tuple[str, ...] = ()
    differing: tuple[tuple[str, str, str], ...] = ()
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class PathFacts:
    """A folder or a file as it lies there. seen: False where this account may not look. mode: the permission bits."""

    path: Path
    seen: bool = True
    there: bool = True
    folder: bool = False
    plain: bool = True  # a folder or a regular file, no link
    own: bool = True  # this account's
    owner: str = ""
    mode: int = 0


@dataclass(frozen=True)
class RoomFacts:
    """Room of a file system: bytes and inodes that are free of all; no count of inodes where it has none."""

    free_bytes: int
    all_bytes: int
    free_inodes: int
    all_inodes: int


@dataclass(frozen=True)
class LogFacts:
    """The audit log. age: since the newest checkpoint. running: the services are up."""

    signed: int
    unsigned: int
    age: timedelta | None
    problem: str | None
    running: bool
    writer_answers: bool


@dataclass(frozen=True)
class RecordsFacts:
    """The database of records. kind: sqlite or postgresql. version: of its schema; None: empty."""

    kind: str
    there: bool
    version: str | None
    newest: str
    error: str | None = None


@dataclass(frozen=True)
class PageFacts:
    """What the edge gave back of the hub's own page that asks for all that is forbidden, and of its closed route."""

    status: int | None  # None: no answer
    headers: tuple[tuple[str, str], ...] = ()
    closed_status: int | None = None


@dataclass(frozen=True)
class ControlFacts:
    """What the gateway's process said to the hub's question about somebody whom nobody knows."""

    status: int | None
    code: str | None = None


@dataclass(frozen=True)
class RealDataFacts:
    """What real data ask of the settings. declared: real_data is set. A problem is a sentence; None: there is none."""

    declared: bool
    separated: bool = False
    cipher: bool = False  # duckdb_httpfs is named
    cipher_problem: str | None = None
    passphrase: bool = False  # passphrase_file is named, or the root key lies in a store
    passphrase_problem: str | None = None
    passphrases_problem: str | None = None
    hub_log_in: bool = False  # people log in at the identity provider before they reach a workspace
