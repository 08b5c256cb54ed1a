"""Looking only at what is open gives the same people as looking at every record on every step."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.matching import joining
from linkage.matching.engines.running import in_duckdb
from linkage.matching.ladder import FIELDS, STRETCHES, Stretch
from tests.fakes.evidence import DATASETS, accidental_evidence

WHOLE = tuple(replace(stretch, near=()) for stretch in STRETCHES)


def _linked(
    evidence: pl.DataFrame, registers: frozenset[str], stretches: tuple[Stretch, ...]
) -> tuple[list[tuple[int, int, int | None]], set[tuple[int, str]]]:
    """Each record with its cluster's smallest and its step; why records were left alone."""
    with duckdb.connect() as zone:
        zone.register("arriving", evidence.to_arrow())
        zone.execute("CREATE TABLE evidence AS FROM arriving")
        zone.execute("CREATE TABLE registers AS SELECT unnest(?::TEXT[]) AS dataset", [sorted(registers)])
        zone.execute("CREATE TEMP TABLE pool AS SELECT record FROM evidence")
        in_duckdb(zone, stretches=stretches)
        kept = zone.execute("SELECT record, cluster, step FROM work ORDER BY record").fetchall()
        doubts = zone.execute(
            "SELECT DISTINCT record, flag FROM doubts JOIN work USING (record) WHERE step IS NULL ORDER BY ALL"
        ).fetchall()
    smallest: dict[int, int] = {}
    for record, cluster, _ in kept:
        smallest.setdefault(cluster, record)
    return [(record, smallest[cluster], step) for record, cluster, step in kept], set(doubts)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    people=st.integers(1, 40),
    datasets=st.integers(1, 3),
    registers=st.frozensets(st.sampled_from(DATASETS)),
    largest=st.sampled_from((2, 3, joining.LARGEST_GROUP)),
)
def test_looking_only_at_what_is_open_changes_nothing(
    seed: int, people: int, datasets: int, registers: frozenset[str], largest: int
) -> None:
    """The same clusters, steps and doubts; also where some datasets, or all, are registers, and groups too large."""
    evidence = accidental_evidence(seed, people, datasets)
    with patch.object(joining, "LARGEST_GROUP", largest):
        people_so, doubts_so = _linked(evidence, registers, STRETCHES)
        people_whole, doubts_whole = _linked(evidence, registers, WHOLE)
    assert (people_so, doubts_so) == (people_whole, doubts_whole)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    known=st.integers(1, 6),
    spellings=st.integers(joining.LARGEST_GROUP + 1, joining.LARGEST_GROUP + 40),
    field=st.sampled_from(sorted({"f", "fs", "nm", "s", "b", "b_y", "p"} & set(FIELDS))),
)
def test_no_dataset_takes_a_person_from_the_others_by_repeating_them(
    seed: int, known: int, spellings: int, field: str
) -> None:
    """Whoever two datasets know as one stays one, though a third spells them in more ways than a group may have."""
    two = accidental_evidence(seed, known, 2)
    victim = two.sample(1, seed=seed).with_columns(dataset=pl.lit("three"))
    number = 1000 + pl.int_range(spellings, dtype=pl.Int64)
    crowd = pl.concat([victim] * spellings).with_columns(number.alias("record"), number.cast(pl.UInt64).alias(field))
    stranger = victim.select(pl.lit(1000, pl.Int64).alias("record"), "dataset").join(
        two.head(0), on="record", how="left"
    )
    without, _ = _linked(pl.concat([two, stranger.select(two.columns)]), frozenset(), STRETCHES)
    with_crowd, _ = _linked(pl.concat([two, crowd]), frozenset(), STRETCHES)
    together = {record: cluster for record, cluster, _ in with_crowd}
    split = [record for record, cluster, _ in without if together[record] != together[cluster]]
    assert not split
