"""Which records are to be linked? The distinct ways in which people are recorded, as tokens.

Many rows carry the same identity (each episode of a patient): they are compared once. A `record` here is one distinct
identity; `identity.record` says which rows carry it.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import polars as pl
import pyarrow as pa

from access.keys import HeldKey
from linkage.intake.tables import random_row_keys
from linkage.matching.evidence import tokens_of
from linkage.matching.ladder import FIELDS
from linkage.matching.spine import create_spine
from linkage.references.tables import prepare_references, references_in
from linkage.standardise.references import References
from linkage.standardise.specification import IDENTITY
from linkage.tokens import tokenise
from linkage.zones import count

AT_ONCE = 1_000_000
"""So many records are standardised and tokenised at a time."""


def prepare(zone: duckdb.DuckDBPyConnection) -> None:
    """The tables of matching in the linkage zone; nothing happens where they are there.

    evidence.subject: the random name under which the research zone knows the record, so that its payload can follow
    when the record's person changes. evidence.l: the token of the controller's own key, for continuity only.
    """
    zone.execute("ALTER TABLE identity ADD COLUMN IF NOT EXISTS record BIGINT")
    # Written as they are: there is nothing to compress in what looks random, and to find that out costs as much again.
    tokens = ", ".join(f"{name} UBIGINT USING COMPRESSION uncompressed" for name in ("l", *FIELDS))
    zone.execute(
        "CREATE TABLE IF NOT EXISTS evidence (record BIGINT NOT NULL,"
        f" subject UUID NOT NULL USING COMPRESSION uncompressed, dataset TEXT NOT NULL, {tokens})"
    )
    zone.execute("CREATE TABLE IF NOT EXISTS registers (dataset TEXT NOT NULL)")
    create_spine(zone)
    prepare_references(zone)


def set_registers(zone: duckdb.DuckDBPyConnection, datasets: Iterable[str]) -> None:
    """These datasets hold one row a person (DeliveredFile.one_row_a_person); all others may hold many."""
    zone.execute("DELETE FROM registers")
    zone.execute("INSERT INTO registers SELECT unnest(?::TEXT[])", [sorted(datasets)])


def add_new_records(zone: duckdb.DuckDBPyConnection, deliveries: list[str], key: HeldKey, *, test_range: bool) -> int:
    """Give the rows of these deliveries their records; how many records are new. Within one transaction.

    Rows with one identity are one record; who is recorded as before in the same dataset is the record there is.
    """
    _gather_fresh(zone, deliveries)
    fresh = count(zone, "SELECT count(*) FROM fresh")
    if not fresh:
        return 0
    last, references = count(zone, "SELECT coalesce(max(record), 0) FROM evidence"), references_in(zone)
    starts = zone.execute("SELECT DISTINCT row - row % ? AS start FROM fresh ORDER BY start", [AT_ONCE]).fetchall()
    pages = (
        _fresh_tokens(zone, int(start), last, key, test_range=test_range, references=references) for (start,) in starts
    )
    zone.register("tokens", pa.concat_tables(pages))
    same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM e.{name}" for name in ("dataset", *FIELDS))
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE known AS SELECT t.record AS fresh, min(e.record) AS record"
        f" FROM tokens t JOIN evidence e ON {same} GROUP BY t.record"
    )
    # By the rows' places in the table: joined on what they hold, millions of rows take ten times as long.
    zone.execute(
        "UPDATE identity SET record = given.record FROM (SELECT f.row, coalesce(k.record, $last + f.place) AS record"
        " FROM (SELECT place, row FROM fresh WHERE rows IS NULL UNION ALL SELECT place, unnest(rows) FROM fresh) f"
        " LEFT JOIN known k ON k.fresh = $last + f.place) given WHERE identity.rowid = given.row",
        {"last": last},
    )
    zone.execute("INSERT INTO evidence BY NAME SELECT t.* FROM tokens t ANTI JOIN known k ON k.fresh = t.record")
    zone.unregister("tokens")
    new = fresh - count(zone, "SELECT count(*) FROM known")
    zone.execute("DROP TABLE fresh; DROP TABLE known")
    return new


def _gather_fresh(zone: duckdb.DuckDBPyConnection, deliveries: list[str]) -> None:
    """`fresh`: each identity of rows without a record, by the place in the table (row) of the one that speaks for it.

    rows: the places of all that carry it, where they are several. Few repeat in most files, and to group texts costs
    as much as to make their tokens: so only rows whose hash is another's too are grouped by what they hold. l is to be
    the lowest of the controller's keys, so the row with that one speaks.
    """
    names = ", ".join(IDENTITY)
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE hashed AS SELECT rowid AS row, hash(dataset, {names}) AS h FROM identity"
        " WHERE record IS NULL AND list_contains(?, delivery)",
        [deliveries],
    )
    zone.execute("CREATE OR REPLACE TEMP TABLE repeated AS SELECT h FROM hashed GROUP BY h HAVING count(*) > 1")
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE fresh AS SELECT row_number() OVER () AS place, * FROM"
        " (SELECT row, NULL::BIGINT[] AS rows FROM hashed ANTI JOIN repeated USING (h) UNION ALL"
        " SELECT coalesce(arg_min(rowid, local_id), min(rowid)), list(rowid) FROM identity WHERE rowid IN"
        f" (SELECT row FROM hashed SEMI JOIN repeated USING (h)) GROUP BY dataset, {names})"
    )
    zone.execute("DROP TABLE hashed; DROP TABLE repeated")


def _fresh_tokens(
    zone: duckdb.DuckDBPyConnection, start: int, last: int, key: HeldKey, *, test_range: bool, references: References
) -> pa.Table:
    """The evidence of what AT_ONCE rows speak for, numbered after `last`: texts are in memory for so many at a time."""
    bounds = {"last": last, "start": start, "end": start + AT_ONCE}
    fresh = zone.sql(
        f"SELECT $last + f.place AS record, dataset, {', '.join(IDENTITY)}, local_id FROM identity i JOIN"
        " (SELECT place, row FROM fresh WHERE row >= $start AND row < $end) f ON i.rowid = f.row",
        params=bounds,
    ).pl()
    fresh = fresh.with_columns(
        pl.col("dataset").cast(pl.Categorical), l=tokenise(fresh["local_id"], "local_id", key)
    ).drop("local_id")
    tokens = tokens_of(fresh, key, test_range=test_range, references=references)
    return tokens.to_arrow().append_column("subject", random_row_keys(fresh.height))


UNSEEN = "SELECT record FROM links ANTI JOIN (SELECT record FROM identity WHERE record IS NOT NULL) USING (record)"


def has_unseen(zone: duckdb.DuckDBPyConnection) -> bool:
    """Is somebody linked by a record that no row carries any more? Its delivery went, and no linkage came since."""
    linked = count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'links'")
    return bool(linked) and bool(zone.execute(f"{UNSEEN} LIMIT 1").fetchall())


def forget_records(zone: duckdb.DuckDBPyConnection) -> None:
    """Remove the evidence that no row carries any more. The temporary table `forgotten` holds what it was.

    It has links: what has none is new in this run, and was made of rows that are there.
    """
    zone.execute(f"CREATE OR REPLACE TEMP TABLE forgotten AS SELECT * FROM evidence WHERE record IN ({UNSEEN})")
    if count(zone, "SELECT count(*) FROM forgotten"):
        zone.execute("DELETE FROM evidence WHERE record IN (SELECT record FROM forgotten)")
