"""Make it so: records in mode B linked to the identified ones, after the ladder, in the same transaction of a run.

A link is kept to the identified *record*, so that it follows when that record's person merges or splits. Who has met
nobody is tried again by every run while the round's key lives; afterwards its tokens go and its links stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from audit.progress import Progress, silent
from linkage.intake.tables import deliveries_in, random_row_keys
from linkage.matching.ladder import NOT_JOINED
from linkage.matching.spine import MERGE, SPLIT
from linkage.sealed.composites import COMPOSITES, ENOUGH
from linkage.sealed.joining import Joined, join_sealed
from linkage.sealed.known import known_records
from linkage.sealed.records import (
    COMPARED,
    HAS_TOKENS,
    Rounds,
    ended_rounds,
    leave_the_gone,
    remove_tokens,
    renew_records,
)
from linkage.sealed.tables import OF_LINK, ROWS
from linkage.standardise.specification import VERSION
from linkage.zones import count

LAST_KEY = COMPOSITES[-1].step
Outcome = tuple[int, int | None, str | None, int | None, str | None]


def link_sealed(
    zone: duckdb.DuckDBPyConnection,
    deliveries: Iterable[str],
    run: str,
    at: datetime,
    rounds: Rounds,
    *,
    test_range: bool,
    progress: Progress = silent,
) -> None:
    """Link what these deliveries hold in mode B, within the linkage zone: one transaction of the caller."""
    renew_records(zone, deliveries)
    remove_tokens(zone, ended_rounds(zone, rounds))
    leave_the_gone(zone)
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE outcome AS SELECT record, met, NULL::TEXT AS own, NULL::UTINYINT AS step,"
        " NULL::TEXT AS flag FROM sealed_records WHERE false"
    )
    registers, taken = _registers(zone), _taken(zone)
    for name, specification in _open_rounds(zone):
        key = rounds(name)
        if key is None or specification != VERSION:
            continue  # other rules make other tokens: who was not found stays so
        progress(f"round {name}", 0, None)
        records = _records_of(zone, name)
        wanted = records.filter(pl.col("met").is_null()).select(COMPARED)
        known = known_records(zone, wanted, key, test_range=test_range, progress=progress)
        _keep_outcome(zone, join_sealed(records, known, registers, taken))
    _write(zone, run, at.replace(tzinfo=None))
    zone.execute("DROP TABLE outcome")


def sealed_waiting(zone: duckdb.DuckDBPyConnection) -> set[str]:
    """The deliveries whose rows still carry their row keys."""
    return deliveries_in(zone, ROWS, "row_key IS NOT NULL")


def has_ended_rounds(zone: duckdb.DuckDBPyConnection, rounds: Rounds) -> bool:
    """Do tokens lie here whose round was destroyed?"""
    there = zone.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'zone' AND table_name = 'sealed_records'"
    ).fetchall()
    return bool(there) and bool(ended_rounds(zone, rounds))


def sealed_outcome(zone: duckdb.DuckDBPyConnection, applied: list[str]) -> tuple[pa.Table, pa.Table]:
    """What the research zone is told: links of rows whose key is still kept; of subjects that other runs changed."""
    rows = zone.sql(
        f"SELECT r.row_key, s.subject, s.person, s.linked FROM {ROWS} r JOIN sealed_records s USING (record)"
        " WHERE r.row_key IS NOT NULL ORDER BY r.row_key"
    ).to_arrow_table()
    subjects = zone.sql(
        "SELECT subject, person, linked, run FROM sealed_records WHERE run::TEXT NOT IN (SELECT unnest(?::TEXT[]))"
        " ORDER BY subject",
        params=[applied],
    ).to_arrow_table()
    return rows, subjects


def drop_sealed_keys(zone: duckdb.DuckDBPyConnection, deliveries: list[str]) -> None:
    """Nothing joins rows of the two zones any more but the subject."""
    zone.execute(
        f"UPDATE {ROWS} SET row_key = NULL WHERE row_key IS NOT NULL AND list_contains(?, delivery)", [deliveries]
    )


def summarise_sealed(zone: duckdb.DuckDBPyConnection, new: list[str]) -> dict[str, Any]:
    """Rows in mode B by dataset and step, flags, and people known by these only; of the deliveries `new` rows by step.

    Raw; empty where there are none.
    """
    joined = f"FROM {ROWS} r JOIN sealed_records s USING (record)"
    steps = zone.execute(f"SELECT r.dataset, s.step, count(*) {joined} GROUP BY ALL ORDER BY ALL").fetchall()
    flags = zone.execute(
        f"SELECT r.dataset, s.flag, count(*) {joined} WHERE s.flag IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    if not steps:
        return {}
    came = zone.execute(
        f"SELECT s.step, count(*) {joined} WHERE list_contains(?, r.delivery) GROUP BY ALL ORDER BY ALL", [new]
    ).fetchall()
    return {
        "new": [[int(step), int(rows)] for step, rows in came],
        "steps": [[dataset, int(step), int(rows)] for dataset, step, rows in steps],
        "flags": [[dataset, flag, int(rows)] for dataset, flag, rows in flags],
        "people": count(
            zone, "SELECT count(DISTINCT person) FROM sealed_records WHERE person NOT IN (SELECT person FROM links)"
        ),
    }


# -- parts


def _open_rounds(zone: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Rounds (and their rules) with records that have met nobody and can be compared."""
    found = zone.execute(
        f"SELECT DISTINCT round, specification FROM sealed_records WHERE met IS NULL AND {HAS_TOKENS} ORDER BY ALL"
    ).fetchall()
    return [(str(name), str(specification)) for name, specification in found]


def _records_of(zone: duckdb.DuckDBPyConnection, name: str) -> pl.DataFrame:
    """person: of whom it has met, as the ladder has it in this run."""
    compared = ", ".join(f"s.{one}" for one in COMPARED)
    return pl.DataFrame(
        zone.sql(
            f"SELECT s.record, s.dataset, s.met, coalesce(l.person, s.person)::TEXT AS person, {compared}"
            " FROM sealed_records s LEFT JOIN links l ON l.record = s.met"
            " WHERE s.round = ? AND s.specification = ? ORDER BY s.record",
            params=[name, VERSION],
        ).to_arrow_table()
    )


def _registers(zone: duckdb.DuckDBPyConnection) -> set[str]:
    return {str(name) for (name,) in zone.execute("SELECT dataset FROM registers").fetchall()}


def _taken(zone: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Dataset and person of each record of a register."""
    found = zone.execute(
        "SELECT e.dataset, l.person::TEXT FROM links l JOIN evidence e USING (record)"
        " SEMI JOIN registers USING (dataset)"
        " UNION SELECT dataset, person::TEXT FROM sealed_records SEMI JOIN registers USING (dataset)"
        " WHERE met IS NOT NULL"
    ).fetchall()
    return {(str(dataset), str(person)) for dataset, person in found}


def _keep_outcome(zone: duckdb.DuckDBPyConnection, joined: Joined) -> None:
    """Into `outcome`: who met whom, who is one group, and who stays open, and why."""
    rows: list[Outcome] = [(record, met, None, step, None) for record, (met, _, step) in joined.met.items()]
    rows += [(record, None, str(group), step, None) for record, (group, step) in joined.groups.items()]
    settled = joined.met.keys() | joined.groups.keys()
    rows += [(record, None, None, None, flag) for record, flag in joined.doubts.items() if record not in settled]
    schema = {"record": pl.Int64, "met": pl.Int64, "own": pl.String, "step": pl.UInt8, "flag": pl.String}
    zone.register("found", pl.DataFrame(rows, schema=schema, orient="row").to_arrow())
    zone.execute("CREATE OR REPLACE TEMP TABLE outcome AS FROM outcome UNION ALL FROM found")
    zone.unregister("found")


def _write(zone: duckdb.DuckDBPyConnection, run: str, now: datetime) -> None:
    """The link of each record as it is now; one that says what it said before keeps its run and its time."""
    _decide(zone)
    differs = " OR ".join(f"s.{name} IS DISTINCT FROM d.{name}" for name in OF_LINK)
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE changed AS SELECT d.*, s.person AS was FROM decided d JOIN sealed_records s"
        f" USING (record) WHERE {differs}"
    )
    values = ", ".join(f"{name} = c.{name}" for name in OF_LINK)
    zone.execute(
        f"UPDATE sealed_records SET {values}, run = ?::UUID, as_at = ?::TIMESTAMP FROM changed c"
        " WHERE sealed_records.record = c.record",
        [run, now],
    )
    # A merge or split of the identified record's person stands in `changes` already.
    zone.execute(
        "INSERT INTO changes SELECT DISTINCT c.was, c.person, CASE WHEN c.was IN (SELECT person FROM links"
        f" UNION ALL SELECT person FROM sealed_records) THEN '{SPLIT}' ELSE '{MERGE}' END, ?::UUID, ?::TIMESTAMP"
        " FROM changed c WHERE c.was <> c.person AND NOT EXISTS"
        " (SELECT 1 FROM changes o WHERE o.was = c.was AND o.now = c.person AND o.run = ?::UUID)",
        [run, now, run],
    )
    zone.execute(
        "INSERT INTO spine SELECT person, min(as_at) FROM sealed_records"
        " WHERE person NOT IN (SELECT person FROM spine) GROUP BY person"
    )
    zone.execute("DROP TABLE decided; DROP TABLE changed")


def _decide(zone: duckdb.DuckDBPyConnection) -> None:
    """`decided`: record and OF_LINK. Whoever has met nobody is the person they were, else a new one, by groups."""
    enough = " OR ".join(f"s.{name} IS NOT NULL" for name in ENOUGH)
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE state AS SELECT s.record, coalesce(o.met, s.met) AS met, l.person AS of_met,"
        " coalesce(o.own, s.record::TEXT) AS own, s.person AS was, o.flag, s.met IS NOT NULL AS met_before,"
        " s.linked, s.id_type, s.step AS step_before, s.flag AS flag_before, o.step,"
        f" {HAS_TOKENS} AS alive, s.n IS NOT NULL AS has_n, ({enough}) AS enough FROM sealed_records s"
        " LEFT JOIN outcome o USING (record) LEFT JOIN links l ON l.record = coalesce(o.met, s.met)"
    )
    # A number of its own goes on unless somebody identified bears it, or the oldest of the group bears another.
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE owners AS SELECT own, arg_min(was, record) FILTER (WHERE was IS NOT NULL"
        " AND (NOT alive OR was NOT IN (SELECT person FROM links))) AS person FROM state WHERE of_met IS NULL"
        " GROUP BY own"
    )
    zone.execute("CREATE OR REPLACE TEMP TABLE unnamed AS SELECT own, row_number() OVER () AS place FROM owners"
                 " WHERE person IS NULL")  # fmt: skip
    (rows,) = zone.execute("SELECT count(*) FROM unnamed").fetchall()[0]
    zone.register("new_numbers", pa.table({"person": random_row_keys(int(rows)), "place": range(1, int(rows) + 1)}))
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE named AS SELECT own, person FROM owners WHERE person IS NOT NULL UNION ALL"
        " SELECT u.own, f.person FROM unnamed u JOIN new_numbers f USING (place)"
    )
    zone.unregister("new_numbers")
    frozen = "NOT s.alive AND s.was IS NOT NULL"
    alone = "s.of_met IS NULL AND s.step IS NULL"
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE decided AS SELECT s.record, s.met, coalesce(s.of_met, n.person) AS person,"
        f" CASE WHEN {frozen} THEN s.linked ELSE s.of_met IS NOT NULL OR s.step IS NOT NULL OR s.enough END AS linked,"
        f" CASE WHEN {frozen} THEN s.id_type WHEN s.has_n THEN 'nhs_number' WHEN {alone} AND NOT s.enough"
        " THEN 'one_time' ELSE 'spine' END AS id_type,"
        f" CASE WHEN {frozen} OR s.met_before AND s.of_met IS NOT NULL THEN s.step_before"
        f" ELSE coalesce(s.step, {NOT_JOINED}) END::UTINYINT AS step,"
        f" CASE WHEN {frozen} OR s.met_before AND s.of_met IS NOT NULL THEN s.step_before"
        f" ELSE coalesce(s.step, {LAST_KEY}) END::UTINYINT AS last_step,"
        f" CASE WHEN {frozen} THEN s.flag_before WHEN {alone} THEN"
        " coalesce(s.flag, CASE WHEN s.enough THEN 'no_match' ELSE 'too_little' END) END AS flag"
        " FROM state s LEFT JOIN named n USING (own)"
    )
    zone.execute("DROP TABLE state; DROP TABLE owners; DROP TABLE unnamed; DROP TABLE named")
