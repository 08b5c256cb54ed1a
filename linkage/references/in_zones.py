"""What is done with reference tables within the linkage zone? Rows come in; kinds, counts and digests come out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from linkage.errors import ZoneError
from linkage.references.errors import UnknownReference
from linkage.references.reading import digest_of
from linkage.references.tables import bring_into_force, loaded_tables, prepare_references, put_rows
from linkage.separation.ports import Answer, Named, Plain, Room
from linkage.zones import count


def put_reference(room: Room, asked: Plain, tables: Iterator[Named]) -> Answer:
    """A table that waits for approval, in the place of one that waited. tables: one of old, new.

    asked: kind, digest, at, by. version: the new one's. Raises ZoneError where it is not what the digest says.
    """
    _, rows = next(tables)
    given, kind = rows.read_all(), asked["kind"]
    if digest_of(pl.DataFrame(given)) != asked["digest"]:
        raise ZoneError("The table did not arrive whole.", where=kind, mend="Load it again.")
    with room.open() as zone:
        prepare_references(zone)
        at = datetime.fromisoformat(asked["at"])
        return Answer({"version": put_rows(zone, kind, given, asked["digest"], at, asked["by"])})


def listed(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """tables: kind, version, digest, rows, in_force, by; those that count and those that wait."""
    with room.open(read_only=True) as zone:
        return Answer({"tables": loaded_tables(zone)})


def approve(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """The table that waits comes into force, and the one before goes. asked: kind, version. Raises UnknownReference."""
    kind, version = asked["kind"], asked["version"]
    with room.open() as zone:
        prepare_references(zone)
        waiting = "FROM reference_tables WHERE kind = ? AND version = ? AND NOT in_force AND version IN"
        if not count(
            zone,
            f"SELECT count(*) {waiting} (SELECT version FROM reference_rows WHERE kind = ?)",
            [kind, version, kind],
        ):
            raise UnknownReference("No such table waits for approval.", where=kind, mend="haven linkage reference list")
        bring_into_force(zone, kind, version)
    return Answer()


def remove(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Nothing of this kind counts or waits any more. asked: kind."""
    with room.open() as zone:
        prepare_references(zone)
        zone.execute("BEGIN")
        zone.execute("UPDATE reference_tables SET in_force = false WHERE kind = ?", [asked["kind"]])
        zone.execute("DELETE FROM reference_rows WHERE kind = ?", [asked["kind"]])
        zone.execute("COMMIT")
    return Answer()
