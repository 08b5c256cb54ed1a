"""Looking only at what is open gives the same people as looking at every record on every step."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.matching.engines.running import in_duckdb
from linkage.matching.ladder import STRETCHES, Stretch
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
)
def test_looking_only_at_what_is_open_changes_nothing(
    seed: int, people: int, datasets: int, registers: frozenset[str]
) -> None:
    """The same clusters, the same steps, the same doubts; also where some datasets, or all, are registers."""
    evidence = accidental_evidence(seed, people, datasets)
    people_so, doubts_so = _linked(evidence, registers, STRETCHES)
    people_whole, doubts_whole = _linked(evidence, registers, WHOLE)
    assert (people_so, doubts_so) == (people_whole, doubts_whole)
