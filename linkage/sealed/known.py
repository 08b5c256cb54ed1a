"""What tokens would the identified records have in this round? Made in memory for one run, and never kept.

Batch by batch: of a million records only those that share a token with somebody who is looked for are held, and of the
others the token of the NHS number, for the guard.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa

from access.keys import HeldKey
from audit.progress import Progress
from linkage.sealed.composites import NUMBER, TOKENS, sealed_tokens
from linkage.standardise.specification import IDENTITY
from linkage.zones import count

AT_ONCE = 200_000


@dataclass(frozen=True)
class KnownRecords:
    """hits: record, person, dataset and TOKENS of whom a token is shared with. numbers: person and n, where known."""

    hits: pl.DataFrame
    numbers: pl.DataFrame


def known_records(
    zone: duckdb.DuckDBPyConnection, wanted: pl.DataFrame, key: HeldKey, *, test_range: bool, progress: Progress
) -> KnownRecords:
    """Of the identified records with a link. wanted: TOKENS of the records that are looked for."""
    needles = {name: wanted[name].drop_nulls().unique() for name in TOKENS}
    total, done = count(zone, "SELECT count(*) FROM links"), 0
    # Read to its end before the next query: DuckDB 2 wants that. Identifiers of one record standardise alike.
    values = ", ".join(f"any_value(i.{name}) AS {name}" for name in IDENTITY)
    reader = zone.sql(
        f"SELECT i.record, any_value(l.person)::TEXT AS person, any_value(i.dataset) AS dataset, {values}"
        " FROM identity i JOIN links l USING (record) GROUP BY i.record"
    ).to_arrow_reader(AT_ONCE)
    hits, numbers = [], []
    for batch in reader:
        people = pl.DataFrame(pa.table(batch))
        tokens = sealed_tokens(people.select(IDENTITY), key, test_range=test_range)
        rows = people.select("record", "person", "dataset").hstack(tokens)
        numbers.append(rows.select("person", NUMBER).drop_nulls().unique())
        hits.append(rows.filter(pl.any_horizontal(pl.col(name).is_in(needles[name].implode()) for name in TOKENS)))
        done += people.height
        progress("tokens of identified records", done, total)
    if not hits:
        return KnownRecords(_empty(), _empty().select("person", NUMBER))
    return KnownRecords(pl.concat(hits), pl.concat(numbers).unique())


def _empty() -> pl.DataFrame:
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"record": pl.Int64, "person": pl.String, "dataset": pl.String}
    return pl.DataFrame(schema={**schema, **dict.fromkeys(TOKENS, pl.UInt64)})
