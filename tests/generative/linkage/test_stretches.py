"""Looking only at what is open gives the same people as looking at every record on every step."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.matching.engines.running import in_duckdb
from linkage.matching.ladder import STRETCHES, Stretch
from tests.fakes.evidence import accidental_evidence

WHOLE = tuple(replace(stretch, near=()) for stretch in STRETCHES)


def _people(evidence: pl.DataFrame, stretches: tuple[Stretch, ...]) -> list[tuple[int, int, int | None]]:
    with duckdb.connect() as zone:
        zone.register("arriving", evidence.to_arrow())
        zone.execute("CREATE TABLE evidence AS FROM arriving")
        zone.execute("CREATE TEMP TABLE pool AS SELECT record FROM evidence")
        in_duckdb(zone, stretches=stretches)
        kept = zone.execute("SELECT record, cluster, step FROM work ORDER BY record").fetchall()
        doubts = zone.execute(
            "SELECT DISTINCT record, flag FROM doubts JOIN work USING (record) WHERE step IS NULL ORDER BY ALL"
        ).fetchall()
    smallest: dict[int, int] = {}
    for record, cluster, _ in kept:
        smallest.setdefault(cluster, record)
    return [(record, smallest[cluster], step) for record, cluster, step in kept] + doubts


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), people=st.integers(1, 40), datasets=st.integers(1, 3))
def test_looking_only_at_what_is_open_changes_nothing(seed: int, people: int, datasets: int) -> None:
    """The same clusters, the same steps, the same doubts."""
    evidence = accidental_evidence(seed, people, datasets)
    assert _people(evidence, STRETCHES) == _people(evidence, WHOLE)
