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
from linkage.matching.ladder import FIELDS
from linkage.matching.spine import create_spine
from linkage.references.tables import prepare_references, references_in
from linkage.standardise.references import NO_REFERENCES, References
from linkage.standardise.specification import IDENTITY, VERSION, standardise
from linkage.tokens import tokenise
from linkage.zones import count

AT_ONCE = 1_000_000
"""So many records are standardised and tokenised at a time."""
UNIT = "\x1f"  # parts of a composite are joined by a sign that no value holds


def prepare(zone: duckdb.DuckDBPyConnection) -> None:
    """The tables of matching in the linkage zone; nothing happens where they are there.

    evidence.subject: the random name under which the research zone knows the record, so that its payload can follow
    when the record's person changes. evidence.l: the token of the controller's own key, for continuity only.
    """
    zone.execute("ALTER TABLE identity ADD COLUMN IF NOT EXISTS record BIGINT")
    fields = ", ".join(f"{name} UBIGINT" for name in FIELDS)
    zone.execute(
        "CREATE TABLE IF NOT EXISTS evidence"
        f" (record BIGINT NOT NULL, subject UUID NOT NULL, dataset TEXT NOT NULL, l UBIGINT, {fields})"
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
    names = ", ".join(IDENTITY)
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE fresh AS SELECT row_number() OVER () AS place, * FROM"
        f" (SELECT dataset, {names}, min(local_id) AS local_id, list(rowid) AS rows FROM identity"
        f" WHERE record IS NULL AND list_contains(?, delivery) GROUP BY dataset, {names})",
        [deliveries],
    )
    fresh = count(zone, "SELECT count(*) FROM fresh")
    if not fresh:
        return 0
    last, references = count(zone, "SELECT coalesce(max(record), 0) FROM evidence"), references_in(zone)
    pages = (
        _fresh_tokens(zone, start, last, key, test_range=test_range, references=references)
        for start in range(0, fresh, AT_ONCE)
    )
    zone.register("tokens", pa.concat_tables(pages))
    same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM e.{name}" for name in ("dataset", *FIELDS))
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE known AS SELECT t.record AS fresh, min(e.record) AS record"
        f" FROM tokens t JOIN evidence e ON {same} GROUP BY t.record"
    )
    # By the rows' places in the table: joined on what they hold, millions of rows take ten times as long.
    zone.execute(
        "UPDATE identity SET record = given.record FROM (SELECT unnest(f.rows) AS row,"
        " coalesce(k.record, $last + f.place) AS record FROM fresh f LEFT JOIN known k ON k.fresh = $last + f.place"
        ") given WHERE identity.rowid = given.row",
        {"last": last},
    )
    zone.execute("INSERT INTO evidence BY NAME SELECT t.* FROM tokens t ANTI JOIN known k ON k.fresh = t.record")
    zone.unregister("tokens")
    new = fresh - count(zone, "SELECT count(*) FROM known")
    zone.execute("DROP TABLE fresh; DROP TABLE known")
    return new


def _fresh_tokens(
    zone: duckdb.DuckDBPyConnection, start: int, last: int, key: HeldKey, *, test_range: bool, references: References
) -> pa.Table:
    """The evidence of AT_ONCE records of `fresh`, numbered after `last`: texts are in memory for so many at a time."""
    names = ", ".join(IDENTITY)
    told = zone.sql(f"SELECT $last + place AS record, dataset, {names}, local_id FROM fresh WHERE place > $start"
                    " AND place <= $end", params={"last": last, "start": start, "end": start + AT_ONCE})  # fmt: skip
    fresh = told.pl()
    tokens = tokens_of(fresh, key, test_range=test_range, references=references).with_columns(
        dataset=fresh["dataset"], l=tokenise(fresh["local_id"], "local_id", key)
    )
    return tokens.to_arrow().append_column("subject", random_row_keys(fresh.height))


def forget_records(zone: duckdb.DuckDBPyConnection) -> None:
    """Remove the evidence that no row carries any more. The temporary table `forgotten` holds what it was."""
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE forgotten AS SELECT * FROM evidence"
        " ANTI JOIN (SELECT record FROM identity WHERE record IS NOT NULL) USING (record)"
    )
    zone.execute("DELETE FROM evidence WHERE record IN (SELECT record FROM forgotten)")


def tokens_of(
    records: pl.DataFrame, key: HeldKey, *, test_range: bool, references: References = NO_REFERENCES
) -> pl.DataFrame:
    """record and one UInt64 token for each of FIELDS, from a frame of record and IDENTITY."""
    values = standardise(records, test_range=test_range, references=references)
    text = values.select(
        n="nhs_number",
        f="surname",
        g="forename",
        gi="initial",
        fs="sound",
        nm=_joined(pl.min_horizontal("surname", "forename"), pl.max_horizontal("surname", "forename")),
        s="sex",
        p="postcode",
    )
    text = text.with_columns(nm=pl.when(pl.col("f").is_not_null() & pl.col("g").is_not_null()).then("nm"))
    tokens = _tokens(text, key) | _birthday_tokens(values.select("born", "year", "month", "day"), key)
    return pl.DataFrame({"record": records["record"], **{name: tokens[name] for name in FIELDS}})


def _birthday_tokens(born: pl.DataFrame, key: HeldKey) -> dict[str, pl.Series]:
    """What is made of the birthday alone, once for each day: everybody alive was born on one of some 40,000."""
    days = born.drop_nulls("born").unique("born")
    place = born["born"].replace_strict(
        days["born"], pl.int_range(days.height, dtype=pl.UInt32, eager=True), default=None
    )
    text = days.select(
        b="born",
        b_known=pl.when(~((pl.col("day") == "01") & (pl.col("month") == "01"))).then("born"),
        b_swap=_joined(pl.col("year"), pl.min_horizontal("month", "day"), pl.max_horizontal("month", "day")),
        b_y="year",
        b_ym=_joined(pl.col("year"), pl.col("month")),
        b_yd=_joined(pl.col("year"), pl.col("day")),
        b_md=_joined(pl.col("month"), pl.col("day")),
    )
    return {name: tokens.gather(place) for name, tokens in _tokens(text, key).items()}


def _tokens(text: pl.DataFrame, key: HeldKey) -> dict[str, pl.Series]:
    return {name: tokenise(text[name], f"{VERSION}/{name}", key) for name in text.columns}


def _joined(*parts: pl.Expr) -> pl.Expr:
    return pl.concat_str(parts, separator=UNIT)
