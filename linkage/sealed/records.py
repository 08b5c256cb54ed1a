"""Which sealed records are there, and what becomes of them before anything is matched?

A record is one distinct row of tokens in one dataset and round, or one row that has no token. When the round's key is
destroyed its tokens go at the next run, and its links stay as they are; what the record follows is the identified
record that it was linked to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import duckdb
import pyarrow as pa

from access.keys import HeldKey
from linkage.intake.tables import random_row_keys, remove_deliveries_except
from linkage.sealed.composites import TOKENS
from linkage.sealed.filters import FILTER
from linkage.sealed.tables import ROWS, create_sealed
from linkage.zones import count

Rounds = Callable[[str], HeldKey | None]
"""The key of a round that lives; None for one that does not."""
COMPARED = (*TOKENS, FILTER)
DISTINCT = ("dataset", "round", "specification", *COMPARED)
HAS_TOKENS = "(" + " OR ".join(f"{name} IS NOT NULL" for name in COMPARED) + ")"
NO_TOKENS = ", ".join(f"{name} = NULL" for name in COMPARED)


def renew_records(zone: duckdb.DuckDBPyConnection, deliveries: Iterable[str]) -> None:
    """Records of new rows; records that no row carries any more go."""
    create_sealed(zone)
    remove_deliveries_except(zone, deliveries, [ROWS])
    names = ", ".join(DISTINCT)
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE arrived AS SELECT row_number() OVER () AS fresh, *,"
        f" NULL::UUID AS row_key FROM (SELECT DISTINCT {names} FROM {ROWS} WHERE record IS NULL AND {HAS_TOKENS})"
    )
    # Of rows without any token nobody can say that they are one person's: each is a record of its own.
    zone.execute(
        "INSERT INTO arrived SELECT (SELECT count(*) FROM arrived) + row_number() OVER () AS fresh,"
        f" {names}, row_key FROM {ROWS} WHERE record IS NULL AND NOT {HAS_TOKENS}"
    )
    if new := count(zone, "SELECT count(*) FROM arrived"):
        _number(zone, new)
    zone.execute("DROP TABLE arrived")
    zone.execute(f"DELETE FROM sealed_records WHERE record NOT IN (SELECT record FROM {ROWS})")


def _number(zone: duckdb.DuckDBPyConnection, new: int) -> None:
    """Each distinct row of tokens its record, which may be there already; the tokens leave the rows."""
    zone.register("subjects", pa.table({"subject": random_row_keys(new), "fresh": range(1, new + 1)}))
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS SELECT a.*, s.subject, k.record IS NULL AS new, coalesce(k.record,"
        " (SELECT coalesce(max(record), 0) FROM sealed_records) + a.fresh) AS record FROM arrived a"
        f" JOIN subjects s USING (fresh) LEFT JOIN (FROM sealed_records WHERE {HAS_TOKENS}) k ON {_same('a', 'k')}"
    )
    zone.unregister("subjects")
    names = ", ".join(("record", "subject", *DISTINCT))
    zone.execute(f"INSERT INTO sealed_records ({names}) SELECT {names} FROM numbered WHERE new")
    zone.execute(
        f"UPDATE {ROWS} SET record = n.record, {NO_TOKENS} FROM numbered n WHERE {ROWS}.record IS NULL"
        f" AND n.row_key IS NULL AND {_same(ROWS, 'n')}"
    )
    zone.execute(
        f"UPDATE {ROWS} SET record = n.record FROM numbered n WHERE {ROWS}.record IS NULL"
        f" AND {ROWS}.row_key = n.row_key"
    )
    zone.execute("DROP TABLE numbered")


def ended_rounds(zone: duckdb.DuckDBPyConnection, rounds: Rounds) -> list[str]:
    """The rounds whose tokens lie here and whose keys do not live any more."""
    found = zone.execute(f"SELECT DISTINCT round FROM sealed_records WHERE {HAS_TOKENS} ORDER BY 1").fetchall()
    return [str(name) for (name,) in found if rounds(str(name)) is None]


def remove_tokens(zone: duckdb.DuckDBPyConnection, ended: list[str]) -> None:
    """The tokens of ended rounds go; the records stay, and so do their links."""
    if ended:
        zone.execute(f"UPDATE sealed_records SET {NO_TOKENS} WHERE list_contains(?, round)", [ended])


def leave_the_gone(zone: duckdb.DuckDBPyConnection) -> None:
    """A record whose identified record is gone: matched anew while its tokens live, else it stays with the person.

    Of a person who has another record it then follows that one; the number alone is kept where there is none.
    """
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE gone AS SELECT record, person FROM sealed_records"
        " WHERE met IS NOT NULL AND met NOT IN (SELECT record FROM links)"
    )
    zone.execute("UPDATE sealed_records SET met = NULL WHERE record IN (SELECT record FROM gone)")
    zone.execute(
        "UPDATE sealed_records SET met = o.other FROM gone g JOIN (SELECT person, min(record) AS other FROM links"
        " GROUP BY person) o USING (person) WHERE sealed_records.record = g.record"
        f" AND NOT {HAS_TOKENS}"
    )
    zone.execute("DROP TABLE gone")


def _same(one: str, other: str) -> str:
    return " AND ".join(f"{one}.{name} IS NOT DISTINCT FROM {other}.{name}" for name in DISTINCT)
