"""Which number has a person? Clusters of the ladder take over the persons they were; the rest get fresh random ones.

A person goes on with the cluster that holds most of their records; a cluster goes on as the oldest of the persons that
it holds. Who was someone else before is kept as a change: `merge` when the number ends, `split` when a part leaves it.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa

from linkage.intake.tables import random_row_keys
from linkage.matching.ladder import LAST_STEP, NOT_JOINED
from linkage.zones import count

MERGE, SPLIT = "merge", "split"
SAID = ("person", "linked", "id_type", "step", "last_step", "flag", "score", "field_scores")
FEWEST_FOR_A_SPINE_PERSON = "n IS NOT NULL OR (f IS NOT NULL AND g IS NOT NULL AND b IS NOT NULL)"
"""What a record must hold to stand for a person by itself; with less it gets a one-time person, flagged."""


def create_spine(zone: duckdb.DuckDBPyConnection) -> None:
    """The tables of persons, links and changes; nothing happens where they are there."""
    zone.execute(
        "CREATE TABLE IF NOT EXISTS links (record BIGINT NOT NULL, person UUID NOT NULL, linked BOOLEAN NOT NULL,"
        " id_type TEXT NOT NULL, step UTINYINT NOT NULL, last_step UTINYINT NOT NULL, flag TEXT, run UUID NOT NULL,"
        " as_at TIMESTAMP NOT NULL)"
    )
    zone.execute("ALTER TABLE links ADD COLUMN IF NOT EXISTS score DOUBLE")
    zone.execute("ALTER TABLE links ADD COLUMN IF NOT EXISTS field_scores TEXT")
    zone.execute("CREATE TABLE IF NOT EXISTS spine (person UUID NOT NULL, as_at TIMESTAMP NOT NULL)")
    zone.execute(
        "CREATE TABLE IF NOT EXISTS changes (was UUID NOT NULL, now UUID NOT NULL, kind TEXT NOT NULL,"
        " run UUID NOT NULL, as_at TIMESTAMP NOT NULL)"
    )


def last_run(zone: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    """The last run that linked here, and the check value of the key of its tokens; None before there was one."""
    if not count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'last_run'"):
        return None
    found = zone.execute("SELECT run, key_check FROM last_run").fetchall()
    return (str(found[0][0]), str(found[0][1])) if found else None


def note_run(zone: duckdb.DuckDBPyConnection, run: str, key_check: str) -> None:
    """This run linked here. Within its transaction: what it left undone after it is known by it."""
    zone.execute("CREATE TABLE IF NOT EXISTS last_run (run TEXT NOT NULL, key_check TEXT NOT NULL)")
    zone.execute("DELETE FROM last_run")
    zone.execute("INSERT INTO last_run VALUES (?, ?)", [run, key_check])


def write_links(zone: duckdb.DuckDBPyConnection, run: str, now: datetime, last_step: int = LAST_STEP) -> None:
    """From `work` and `doubts` of the ladder: persons, changes, and a link for each record of the pool.

    A link that says what it said before keeps its run and its time. last_step: the last that was tried.
    """
    _assign(zone)
    zone.execute(
        "INSERT INTO changes SELECT c.person, a.person, CASE WHEN c.home THEN ? ELSE ? END, ?::UUID, ?::TIMESTAMP"
        " FROM claims c JOIN assigned a USING (cluster) WHERE c.person <> a.person",
        [MERGE, SPLIT, run, now],
    )
    zone.execute(
        "INSERT INTO spine SELECT person, ?::TIMESTAMP FROM assigned WHERE person NOT IN (SELECT person FROM spine)",
        [now],
    )
    told = (
        "SELECT w.record, a.person, w.step IS NOT NULL OR enough AS linked,"
        " CASE WHEN w.n IS NOT NULL THEN 'nhs_number' WHEN w.step IS NOT NULL OR enough THEN 'spine'"
        " ELSE 'one_time' END AS id_type,"
        f" coalesce(w.step, {NOT_JOINED})::UTINYINT AS step, coalesce(w.step, {last_step})::UTINYINT AS last_step,"
        " CASE WHEN w.step IS NULL THEN coalesce(d.flag, CASE WHEN enough THEN 'no_match' ELSE 'too_little' END)"
        " END AS flag, w.score, w.field_scores FROM"
        f" (SELECT work.*, n, {FEWEST_FOR_A_SPINE_PERSON} AS enough FROM work JOIN evidence USING (record)) w"
        " JOIN assigned a USING (cluster)"
        " LEFT JOIN (SELECT record, min(flag) AS flag FROM doubts GROUP BY record) d USING (record)"
    )
    if count(zone, "SELECT count(*) FROM links"):
        told = _what_is_new(zone, told)
    zone.execute(f"INSERT INTO links BY NAME SELECT *, ?::UUID AS run, ?::TIMESTAMP AS as_at FROM ({told})", [run, now])
    zone.execute("DROP TABLE claims; DROP TABLE assigned; DROP TABLE IF EXISTS temp.new_links")


def _what_is_new(zone: duckdb.DuckDBPyConnection, told: str) -> str:
    """Of the links that are told, those that say another thing than before, whose old ones are removed."""
    zone.execute(f"CREATE OR REPLACE TEMP TABLE new_links AS {told}")
    same = " AND ".join(f"n.{name} IS NOT DISTINCT FROM l.{name}" for name in SAID)
    zone.execute(f"DELETE FROM new_links n USING links l WHERE n.record = l.record AND {same}")
    zone.execute("DELETE FROM links WHERE record IN (SELECT record FROM new_links)")
    return "FROM new_links"


def _assign(zone: duckdb.DuckDBPyConnection) -> None:
    """`claims`: whose records a cluster holds; `assigned`: the person of each cluster.

    A corrected record claims for the person of the one that its controller had under the same key before.
    """
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE claims AS SELECT *,"
        " row_number() OVER (PARTITION BY person ORDER BY records DESC, first) = 1 AS home"
        " FROM (SELECT w.cluster, l.person, count(*) AS records, min(w.record) AS first FROM work w JOIN"
        " (SELECT record, person FROM links UNION ALL SELECT e.record, l.person FROM forgotten f"
        " JOIN links l USING (record) JOIN evidence e ON e.dataset = f.dataset AND e.l = f.l) l"
        " USING (record) GROUP BY ALL)"
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE kept AS SELECT cluster, person FROM (SELECT c.cluster, c.person,"
        " row_number() OVER (PARTITION BY c.cluster ORDER BY s.as_at, c.records DESC, c.first) AS place"
        " FROM claims c JOIN spine s USING (person) WHERE c.home) WHERE place = 1"
    )
    zone.execute(
        # A cluster has the number of its lowest record.
        "CREATE OR REPLACE TEMP TABLE minted AS SELECT cluster FROM work ANTI JOIN kept USING (cluster)"
        " WHERE record = cluster"
    )
    zone.register("random", pa.table({"person": random_row_keys(count(zone, "SELECT count(*) FROM minted"))}))
    # A new table rather than rows added to `kept`: on DuckDB 2.0.0 a join with a temporary table that was made empty
    # and filled with many rows in the same transaction found none of them.
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE assigned AS SELECT cluster, person FROM kept UNION ALL"
        " SELECT m.cluster, r.person FROM minted m POSITIONAL JOIN random r"
    )
    zone.unregister("random")
    zone.execute("DROP TABLE kept; DROP TABLE minted")


def purge(zone: duckdb.DuckDBPyConnection) -> None:
    """What no row carries any more (its delivery was superseded) is removed, persons included."""
    zone.execute("DELETE FROM links WHERE record NOT IN (SELECT record FROM evidence)")
    zone.execute("DELETE FROM spine WHERE person NOT IN (SELECT person FROM links)")
