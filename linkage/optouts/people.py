"""Whose record leaves a disclosure? Persons of the spine by the NHS numbers of their records; numbers never go out.

Fail closed: who has a number that is not among those that may be used leaves, also one that came after the list was
asked for; who has no number at all leaves too, unless it was decided that tracing would be disproportionate. Of whom
only tokens came (mode B) leaves in any case: their numbers are the controller's, and nobody here can ask about them.
"""

from __future__ import annotations

import duckdb
import polars as pl

from linkage.optouts.tables import is_there
from linkage.references.tables import references_in
from linkage.standardise.nhs_numbers import nhs_number_faults, nhs_numbers
from linkage.standardise.references import follow


def records_with_numbers(zone: duckdb.DuckDBPyConnection, *, test_range: bool) -> pl.DataFrame:
    """record, number (valid), fault: each number as written and, where another took its place, that one too."""
    if not is_there(zone, "identity") or not _has_column(zone, "identity", "record"):
        return pl.DataFrame(schema={"record": pl.Int64, "number": pl.String, "fault": pl.String})
    found = zone.sql("SELECT DISTINCT record, nhs_number FROM identity WHERE record IS NOT NULL").to_arrow_table()
    frame = pl.DataFrame(found).with_columns(pl.col("nhs_number").cast(pl.String))
    given = frame["nhs_number"]
    frame = frame.with_columns(
        number=nhs_numbers(given, test_range=test_range),
        fault=nhs_number_faults(given, test_range=test_range).fill_null(pl.lit(None, dtype=pl.String)),
    ).select("record", "number", "fault")
    return pl.concat([frame, _followed(zone, frame)])


def persons_left_out(
    zone: duckdb.DuckDBPyConnection,
    may_be_used: pl.Series | None,
    objecting: pl.Series,
    *,
    numberless_stay: bool,
    test_range: bool,
) -> list[str]:
    """The person numbers that a disclosure leaves out, sorted. may_be_used: None where opt-outs do not apply to it.

    objecting: as the letters say; whose number was superseded is meant under the new one too.
    """
    people, objecting = linked_records(zone), pl.concat([objecting, _successors(zone, objecting)])
    held = people.join(records_with_numbers(zone, test_range=test_range), on="record", how="left")
    out = held.filter(pl.col("number").is_in(objecting.implode())).select("person")
    if may_be_used is not None:
        unusable = pl.col("number").is_not_null() & ~pl.col("number").is_in(may_be_used.implode())
        out = pl.concat([out, held.filter(unusable).select("person")])
        some = held.filter(pl.col("number").is_not_null()).select("person").unique()
        unknown = _of_tokens_only(zone, people)
        if not numberless_stay:
            unknown = pl.concat([unknown, people.select("person")])
        out = pl.concat([out, unknown.join(some, on="person", how="anti")])
    return sorted(out["person"].unique().to_list())


def linked_records(zone: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """record, person: also of records that were linked to nobody."""
    if not is_there(zone, "links"):
        return pl.DataFrame(schema={"record": pl.Int64, "person": pl.String})
    return pl.DataFrame(zone.sql("SELECT record, person::TEXT AS person FROM links").to_arrow_table()).with_columns(
        pl.col("person").cast(pl.String)
    )


def runs_of_links(zone: duckdb.DuckDBPyConnection) -> list[str]:
    """The linkage runs by which somebody is who they are: payload must have followed all of them."""
    if not is_there(zone, "links"):
        return []
    sealed = (
        " UNION SELECT run::TEXT FROM sealed_records WHERE run IS NOT NULL" if is_there(zone, "sealed_records") else ""
    )
    found = zone.execute(f"SELECT run::TEXT FROM links UNION SELECT run::TEXT FROM changes{sealed}").fetchall()
    return sorted(str(run) for (run,) in found)


def _of_tokens_only(zone: duckdb.DuckDBPyConnection, people: pl.DataFrame) -> pl.DataFrame:
    """Persons of whom only tokens came: they have numbers, which nobody here can ask about."""
    if not is_there(zone, "sealed_records"):
        return people.select("person").clear()
    found = zone.sql("SELECT DISTINCT person::TEXT AS person FROM sealed_records WHERE person IS NOT NULL")
    sealed = pl.DataFrame(found.to_arrow_table()).select(pl.col("person").cast(pl.String))
    return sealed.join(people.select("person").unique(), on="person", how="anti")


def _followed(zone: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> pl.DataFrame:
    changed = frame.with_columns(now=_successors(zone, frame["number"])).filter(pl.col("now") != pl.col("number"))
    return changed.select("record", number="now", fault=pl.lit(None, dtype=pl.String))


def _successors(zone: duckdb.DuckDBPyConnection, given: pl.Series) -> pl.Series:
    """The number that took each one's place; where none did, itself."""
    return follow(given, references_in(zone).superseded_nhs_numbers, keep_unresolved=True)


def _has_column(zone: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    found = zone.execute(
        "SELECT 1 FROM duckdb_columns() WHERE table_name = ? AND column_name = ?", [table, column]
    ).fetchall()
    return bool(found)
