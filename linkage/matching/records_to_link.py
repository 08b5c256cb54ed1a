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
    """Give the rows of these deliveries their records; how many records are new.

    Rows with one identity are one record; who is recorded as before in the same dataset is the record there is.
    """
    names = ", ".join(IDENTITY)
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE fresh AS SELECT row_number() OVER () AS record, * FROM"
        f" (SELECT dataset, {names}, min(local_id) AS local_id FROM identity"
        f" WHERE record IS NULL AND list_contains(?, delivery) GROUP BY dataset, {names})",
        [deliveries],
    )
    fresh = count(zone, "SELECT count(*) FROM fresh")
    if not fresh:
        return 0
    references = references_in(zone)
    zone.register(
        "tokens",
        pa.concat_tables(
            _fresh_tokens(zone, start, key, test_range=test_range, references=references)
            for start in range(0, fresh, AT_ONCE)
        ),
    )
    same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM e.{name}" for name in ("dataset", *FIELDS))
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS SELECT t.record AS fresh, min(e.record) AS known"
        f" FROM tokens t LEFT JOIN evidence e ON {same} GROUP BY t.record"
    )
    # A new table with the final numbers; see spine._assign for why none is filled after it was made.
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE arrived AS SELECT fresh, known IS NULL AS new, coalesce(known,"
        " (SELECT coalesce(max(record), 0) FROM evidence) + fresh) AS record FROM numbered"
    )
    carries = " AND ".join(f"identity.{name} IS NOT DISTINCT FROM f.{name}" for name in ("dataset", *IDENTITY))
    zone.execute(
        "UPDATE identity SET record = a.record FROM fresh f JOIN arrived a ON f.record = a.fresh"
        f" WHERE identity.record IS NULL AND {carries} AND list_contains(?, identity.delivery)",
        [deliveries],
    )
    zone.execute(
        "INSERT INTO evidence BY NAME SELECT t.* REPLACE (a.record AS record) FROM tokens t JOIN arrived a"
        " ON t.record = a.fresh WHERE a.new"
    )
    zone.unregister("tokens")
    new = count(zone, "SELECT count(*) FROM arrived WHERE new")
    zone.execute("DROP TABLE fresh; DROP TABLE numbered; DROP TABLE arrived")
    return new


def _fresh_tokens(
    zone: duckdb.DuckDBPyConnection, start: int, key: HeldKey, *, test_range: bool, references: References
) -> pa.Table:
    """The tokens of AT_ONCE records of `fresh`, with fresh subjects: texts are in memory for so many at a time."""
    told = zone.sql("FROM fresh WHERE record > $start AND record <= $end ORDER BY record",
                    params={"start": start, "end": start + AT_ONCE})  # fmt: skip
    fresh = pl.DataFrame(told.to_arrow_table())
    tokens = tokens_of(fresh, key, test_range=test_range, references=references).with_columns(
        dataset=fresh["dataset"], l=tokenise(fresh["local_id"], "local_id", key)
    )
    return tokens.to_arrow().append_column("subject", random_row_keys(fresh.height))


def forget_records(zone: duckdb.DuckDBPyConnection) -> None:
    """Remove the evidence that no row carries any more. The temporary table `forgotten` holds what it was."""
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE forgotten AS SELECT * FROM evidence"
        " WHERE record NOT IN (SELECT record FROM identity WHERE record IS NOT NULL)"
    )
    zone.execute("DELETE FROM evidence WHERE record IN (SELECT record FROM forgotten)")


def tokens_of(
    records: pl.DataFrame, key: HeldKey, *, test_range: bool, references: References = NO_REFERENCES
) -> pl.DataFrame:
    """record and one UInt64 token for each of FIELDS, from a frame of record and IDENTITY."""
    values = standardise(records, test_range=test_range, references=references).lazy()
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
