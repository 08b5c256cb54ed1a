"""How much speaks for it that two records are one person's? Identifiers are read for the candidates only, in memory.

The specification is `people.yaml`: part of the code, versioned with it; a model is bound to its digest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from linkage.private_folders import Spilling
from linkage.references.tables import references_in
from linkage.specified.engine import SplinkEngine
from linkage.specified.frozen import FrozenModel
from linkage.specified.specification import Specification, load_specification
from linkage.specified.written import written
from linkage.standardise.references import NO_REFERENCES, References
from linkage.standardise.specification import standardise
from linkage.writings import writings_sql

SPECIFICATION = Path(__file__).with_name("people.yaml")


NOTHING_WEIGHED = pl.DataFrame(schema={"l": pl.Int64, "r": pl.Int64, "weight": pl.Float64, "fields": pl.String})


@cache
def people_specification() -> Specification:
    """What is compared of two records, as it ships with this version."""
    return load_specification(SPECIFICATION)


def identity_of(zone: duckdb.DuckDBPyConnection, records: Iterable[int]) -> pl.DataFrame:
    """record and IDENTITY (text as received) of these records, ordered by record."""
    among = "record IN (SELECT unnest(?::BIGINT[]))"
    return pl.DataFrame(
        zone.sql(
            f"SELECT * EXCLUDE (dataset) FROM ({writings_sql(among)}) ORDER BY record",
            params=[list(records)],
        ).to_arrow_table()
    )


def name_shares(zone: duckdb.DuckDBPyConnection, records: pl.Series) -> pl.DataFrame:
    """record, surname and forename: how common this record's are among all records, as shares; ordered by record.

    Counted on tokens: nobody's name is read for it.
    """
    share = "SELECT {0}, count(*) / sum(count(*)) OVER () AS {1} FROM evidence WHERE {0} IS NOT NULL GROUP BY {0}"
    return pl.DataFrame(
        zone.sql(
            f"SELECT record, surname, forename FROM evidence LEFT JOIN ({share.format('f', 'surname')}) USING (f)"
            f" LEFT JOIN ({share.format('g', 'forename')}) USING (g)"
            " WHERE record IN (SELECT unnest(?::BIGINT[])) ORDER BY record",
            params=[records.to_list()],
        ).to_arrow_table()
    )


def engine_for(
    people: pl.DataFrame,
    *,
    test_range: bool,
    shares: pl.DataFrame | None = None,
    references: References = NO_REFERENCES,
    spilling: Spilling | None = None,
) -> SplinkEngine:
    """Splink over these records (record and IDENTITY): its number of a record is its place in the frame.

    shares: how common their names are (name_shares, in the same order); else it is counted among themselves.
    spilling: the zone's, for what was read from one.
    """
    compared = seen_by_the_model(people, test_range=test_range, references=references)
    engine = engine_of(compared, spilling=spilling)
    if shares is not None:
        for name in ("surname", "forename"):
            told = pl.DataFrame({name: compared[name], f"tf_{name}": shares[name]}).drop_nulls()
            engine.use_shares(name, told.unique(name, maintain_order=True))
    return engine


def seen_by_the_model(people: pl.DataFrame, *, test_range: bool, references: References) -> pl.DataFrame:
    """Each column as it is compared, and its parts: standardised; null where the value tells nothing."""
    standard = standardise(people, test_range=test_range, references=references)
    return written(standard, people_specification().columns, right=False)


def engine_of(compared: pl.DataFrame, *, spilling: Spilling | None = None) -> SplinkEngine:
    """Splink over records that are standardised."""
    return SplinkEngine(people_specification(), compared, None, spilling=spilling)


Score = Callable[[SplinkEngine, FrozenModel, str], pl.DataFrame]
"""l, r and the evidence of each pair of a table, as SplinkEngine.score gives it: that, or another engine's."""


def weigh(
    zone: duckdb.DuckDBPyConnection,
    model: FrozenModel,
    *,
    test_range: bool,
    score: Score = SplinkEngine.score,
    spilling: Spilling | None = None,
) -> pl.DataFrame:
    """l, r (records), weight (log2 of the odds) and fields (its parts by column, as JSON) of each of `candidates`."""
    pairs = pl.DataFrame(zone.sql("SELECT l, r FROM candidates ORDER BY l, r").to_arrow_table())
    if pairs.is_empty():
        return NOTHING_WEIGHED
    people = identity_of(zone, pl.concat([pairs["l"], pairs["r"]]).unique().to_list())
    place = people.select("record").with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    shares = name_shares(zone, people["record"])
    references = references_in(zone)
    made = engine_for(people, test_range=test_range, shares=shares, references=references, spilling=spilling)
    with closing(made) as engine:
        numbered = pairs.join(place, left_on="l", right_on="record").join(
            place, left_on="r", right_on="record", suffix="_r"
        )
        engine.add_pairs("candidates", numbered.select(l="place", r="place_r"))
        prior = math.log2(model.prior / (1 - model.prior))
        weighed = score(engine, model, "candidates").join(engine.field_weights(model, "candidates"), on=["l", "r"])
    records = people["record"]
    return weighed.select(
        l=records.gather(weighed["l"]),
        r=records.gather(weighed["r"]),
        weight=pl.col("evidence") + prior,
        fields="fields",
    )
