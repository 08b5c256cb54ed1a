"""Which records are to be linked? The distinct ways in which people are recorded, as tokens.

Many rows carry the same identity (each episode of a patient): they are compared once. A `record` here is one distinct
identity; `identity.record` says which rows carry it.
"""

from __future__ import annotations

import duckdb
import polars as pl

from access.keys import HeldKey
from linkage.matching.ladder import FIELDS
from linkage.standardise.specification import IDENTITY, VERSION, standardise
from linkage.tokens import tokenise

UNIT = "\x1f"  # parts of a composite are joined by a sign that no value holds


def prepare(zone: duckdb.DuckDBPyConnection) -> None:
    """The tables of matching in the linkage zone; nothing happens where they are there."""
    zone.execute("ALTER TABLE identity ADD COLUMN IF NOT EXISTS record BIGINT")
    fields = ", ".join(f"{name} UBIGINT" for name in FIELDS)
    zone.execute(f"CREATE TABLE IF NOT EXISTS evidence (record BIGINT NOT NULL, dataset TEXT NOT NULL, {fields})")
    zone.execute(
        "CREATE TABLE IF NOT EXISTS links (record BIGINT NOT NULL, person UUID NOT NULL, linked BOOLEAN NOT NULL,"
        " id_type TEXT NOT NULL, step UTINYINT NOT NULL, last_step UTINYINT NOT NULL, flag TEXT, run UUID NOT NULL,"
        " as_at TIMESTAMP NOT NULL)"
    )
    zone.execute("CREATE TABLE IF NOT EXISTS spine (person UUID NOT NULL, as_at TIMESTAMP NOT NULL)")


def add_new_records(zone: duckdb.DuckDBPyConnection, deliveries: list[str], key: HeldKey, *, test_range: bool) -> int:
    """Number the distinct identities of these deliveries' rows and put their tokens into `evidence`; how many."""
    names = ", ".join(IDENTITY)
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE fresh AS SELECT (SELECT coalesce(max(record), 0) FROM evidence)"
        f" + row_number() OVER () AS record, * FROM (SELECT DISTINCT dataset, {names} FROM identity"
        " WHERE record IS NULL AND list_contains(?, delivery))",
        [deliveries],
    )
    same = " AND ".join(f"identity.{name} IS NOT DISTINCT FROM fresh.{name}" for name in ("dataset", *IDENTITY))
    zone.execute(
        f"UPDATE identity SET record = fresh.record FROM fresh WHERE identity.record IS NULL AND {same}"
        " AND list_contains(?, identity.delivery)",
        [deliveries],
    )
    fresh = pl.DataFrame(zone.sql("FROM fresh ORDER BY record").to_arrow_table())
    if fresh.height:
        tokens = tokens_of(fresh, key, test_range=test_range).hstack(fresh.select("dataset"))
        zone.register("tokens", tokens.to_arrow())
        zone.execute("INSERT INTO evidence BY NAME FROM tokens")
        zone.unregister("tokens")
    zone.execute("DROP TABLE fresh")
    return fresh.height


def tokens_of(records: pl.DataFrame, key: HeldKey, *, test_range: bool) -> pl.DataFrame:
    """record and one UInt64 token for each of FIELDS, from a frame of record and IDENTITY."""
    values = standardise(records, test_range=test_range).lazy()
    text = values.select(
        n="nhs_number",
        f="surname",
        g="forename",
        gi="initial",
        fs="sound",
        nm=_joined(pl.min_horizontal("surname", "forename"), pl.max_horizontal("surname", "forename")),
        s="sex",
        b="born",
        b_known=pl.when(~((pl.col("day") == "01") & (pl.col("month") == "01"))).then("born"),
        b_swap=_joined(pl.col("year"), pl.min_horizontal("month", "day"), pl.max_horizontal("month", "day")),
        b_y="year",
        b_ym=_joined(pl.col("year"), pl.col("month")),
        b_yd=_joined(pl.col("year"), pl.col("day")),
        b_md=_joined(pl.col("month"), pl.col("day")),
        p="postcode",
    ).collect()
    text = text.with_columns(nm=pl.when(pl.col("f").is_not_null() & pl.col("g").is_not_null()).then("nm"))
    return pl.DataFrame(
        {"record": records["record"], **{name: tokenise(text[name], f"{VERSION}/{name}", key) for name in FIELDS}}
    )


def _joined(*parts: pl.Expr) -> pl.Expr:
    return pl.concat_str(parts, separator=UNIT)
