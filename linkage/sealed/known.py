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
from linkage.references.tables import references_in
from linkage.sealed.composites import NUMBER, TOKENS, sealed_tokens, token_of
from linkage.sealed.filters import FILTER, bloom_filters
from linkage.standardise.references import References
from linkage.standardise.specification import IDENTITY
from linkage.writings import writings_sql
from linkage.zones import count

AT_ONCE = 200_000


@dataclass(frozen=True)
class KnownRecords:
    """hits: record, person, dataset and TOKENS of whom a token is shared with. numbers: person and n, where known.

    filters: record, person and Bloom filter of everybody, where one is looked for by it; else nobody.
    superseded: old and new NHS number as tokens; new is null for what has no single successor.
    A record whose number or postcode took another's place has tokens of both: the agent knows no reference table.
    """

    hits: pl.DataFrame
    numbers: pl.DataFrame
    filters: pl.DataFrame
    superseded: pl.DataFrame


def known_records(
    zone: duckdb.DuckDBPyConnection, wanted: pl.DataFrame, key: HeldKey, *, test_range: bool, progress: Progress
) -> KnownRecords:
    """Of the identified records with a link. wanted: TOKENS and filters of who is looked for."""
    needles = {name: wanted[name].drop_nulls().unique() for name in TOKENS}
    total, done = count(zone, "SELECT count(*) FROM links"), 0
    references = references_in(zone)
    # Read to its end before the next query: DuckDB 2 wants that. The most frequent way to write it speaks for a record.
    reader = zone.sql(
        f"SELECT i.record, l.person::TEXT AS person, i.dataset, {', '.join(IDENTITY)} FROM ({writings_sql()}) i"
        " JOIN links l USING (record)"
    ).to_arrow_reader(AT_ONCE)
    hits, numbers, filters = [_empty()], [_empty().select("person", NUMBER)], [_no_filters()]
    by_filter = wanted[FILTER].null_count() < wanted.height
    for batch in reader:
        people = pl.DataFrame(pa.table(batch))
        whose, said = people.select("record", "person", "dataset"), people.select(IDENTITY)
        rows = whose.hstack(sealed_tokens(said, key, test_range=test_range, references=references))
        numbers.append(rows.select("person", NUMBER).drop_nulls().unique())
        if references.superseded_nhs_numbers.height or references.postcode_history.height:
            written = sealed_tokens(said, key, test_range=test_range, references=_without_successors(references))
            rows = pl.concat([rows, whose.hstack(written)]).unique()
        hits.append(rows.filter(pl.any_horizontal(pl.col(name).is_in(needles[name].implode()) for name in TOKENS)))
        if by_filter:
            made = bloom_filters(people.select(IDENTITY), key, test_range=test_range)
            filters.append(people.select("record", "person").with_columns(made))
        done += people.height
        progress("tokens of identified records", done, total)
    table = references.superseded_nhs_numbers
    superseded = pl.DataFrame({name: token_of(table[name], NUMBER, key) for name in ("old", "new")})
    return KnownRecords(pl.concat(hits), pl.concat(numbers).unique(), pl.concat(filters), superseded)


def _without_successors(references: References) -> References:
    """What nobody may meet in stays nothing; everything else as it is written."""
    return References(references.superseded_nhs_numbers.filter(pl.col("new").is_null()))


def _no_filters() -> pl.DataFrame:
    return pl.DataFrame(schema={"record": pl.Int64, "person": pl.String, FILTER: pl.Binary})


def _empty() -> pl.DataFrame:
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"record": pl.Int64, "person": pl.String, "dataset": pl.String}
    return pl.DataFrame(schema={**schema, **dict.fromkeys(TOKENS, pl.UInt64)})
