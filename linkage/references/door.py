"""Who reads a reference table? It holds NHS numbers: where accounts are apart the intake's process, and nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from access.keys.files import changeable_by_others
from audit.progress import Progress, silent
from linkage.errors import ZoneForbids
from linkage.references.errors import ReferenceRefused
from linkage.references.reading import kind_named, read_table
from linkage.separation.client import ZonePlace, asked, connected
from linkage.separation.ports import Answer, Asker, Named, Plain, ZoneRunner

LOAD = "intake.reference"
ROOT = 0
ROWS = pa.schema([("old", pa.string()), ("new", pa.string())])


@dataclass(frozen=True)
class LoadedReference:
    """A table in the linkage zone. in_force: else it waits for approval. bad: rows not followed, by reason."""

    kind: str
    version: int
    digest: str
    rows: int
    bad: dict[str, int]
    in_force: bool = False
    by: str | None = None


class ReferenceDoor(Protocol):
    """Reads a table and puts it into the linkage zone, where it waits. Raises ReferenceRefused, UnknownReference."""

    def load(self, kind: str, path: Path, at: str, by: str) -> LoadedReference:
        """at: now, as ISO 8601 without a zone; by: who loads it."""
        ...


class ReadHere:
    """In this process: on a laptop, and within the intake's."""

    def __init__(self, zones: ZoneRunner, *, test_range: bool) -> None:
        self._zones = zones
        self._test_range = test_range

    def load(self, kind: str, path: Path, at: str, by: str) -> LoadedReference:
        """As the port says."""
        table = read_table(path, kind_named(kind), test_range=self._test_range)
        told = {"kind": kind, "digest": table.digest, "at": at, "by": by}
        rows = table.rows.to_arrow().cast(ROWS).to_reader()
        version = self._zones.run("references.put", told, [("rows", rows)]).data["version"]
        return LoadedReference(kind, version, table.digest, table.rows.height, table.bad, by=by)


class ReferencesAtTheDoor:
    """What the intake's process does with a reference table: only with one that root put there.

    Whoever chooses its rows learns from the numbers of persons whose NHS number is whose; so it may not be the
    administrator's account, which asks for it, and approves it too.
    """

    def __init__(self, here: ReadHere) -> None:
        self._here = here

    def do(
        self, verb: str, asker: Asker, arguments: Plain, tables: Iterator[Named], progress: Progress = silent
    ) -> Answer:
        """Read root's table and put it into the linkage zone. Raises what `ReadHere` raises, ZoneForbids."""
        if asker is not Asker.ORCHESTRATOR or verb != LOAD:
            raise ZoneForbids("The intake does not do this for this account.", where=verb[:60])
        path = _roots_own(Path(arguments["path"]), arguments["kind"])
        loaded = self._here.load(arguments["kind"], path, arguments["at"], arguments["by"])
        return Answer(asdict(loaded))


class ReadAtTheDoor:
    """The intake's process, asked over its socket."""

    def __init__(self, place: ZonePlace) -> None:
        self._place = place

    def load(self, kind: str, path: Path, at: str, by: str) -> LoadedReference:
        """As the port says. The path is read by the intake's account, which alone need be able to."""
        told = {"kind": kind, "path": str(path.absolute()), "at": at, "by": by}
        with connected(self._place) as wire:
            return LoadedReference(**asked(wire, LOAD, told, (), silent, None).data)


def _roots_own(path: Path, kind: str) -> Path:
    """Where this file really is: root's, as each folder above it, and nobody else's to write. Raises ReferenceRefused.

    Why it is refused is not said: the account that asks may not be able to see the file.
    """
    try:
        real = path.resolve(strict=True)
        fit = real.is_file() and changeable_by_others(real, owners=(ROOT,)) is None and os.access(real, os.R_OK)
    except (OSError, RuntimeError):
        fit = False
    if not fit:
        raise ReferenceRefused(
            "With installed accounts a table is taken only from a file that is root's alone and that the intake's"
            " account can read.",
            where=kind,
            mend=f"As root: install -m 0640 -g haven-intake {path.name} /srv/haven/zones/references/{path.name};"
            " then name that file.",
        )
    return real
