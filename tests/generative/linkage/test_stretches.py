"""Looking only at what is open gives the same people as looking at every record on every step."""

from __future__ import annotations

import random
from dataclasses import replace

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.matching.joining import join_records
from linkage.matching.ladder import FIELDS, STRETCHES, Stretch

WHOLE = tuple(replace(stretch, near=()) for stretch in STRETCHES)
DATASETS = ("one", "two", "three")
SAME = 0.75  # how often a field agrees within a person: low, so that every step has work


def _evidence(seed: int, people: int, datasets: int) -> pl.DataFrame:
    """Records of people with few values a field, so that namesakes, contradictions and chains are frequent."""
    chance = random.Random(seed)  # noqa: S311 - invented values
    rows = []
    for _person in range(people):
        true = {name: chance.randrange(1, 3 + 3 * people if name in ("n", "nm") else 6) for name in FIELDS}
        for _ in range(chance.randrange(1, 4)):
            row = {name: true[name] if chance.random() < SAME else chance.choice([None, 1, 2, 3]) for name in FIELDS}
            row["b"] = row["b"] if row["b_known"] is None else row["b_known"]
            rows.append({"record": len(rows) + 1, "dataset": DATASETS[chance.randrange(datasets)], **row})
    kinds = {"record": pl.Int64, "dataset": pl.String, **dict.fromkeys(FIELDS, pl.UInt64)}
    return pl.DataFrame(rows, schema=kinds)


def _people(evidence: pl.DataFrame, stretches: tuple[Stretch, ...]) -> list[tuple[int, int, int | None]]:
    with duckdb.connect() as zone:
        zone.register("arriving", evidence.to_arrow())
        zone.execute("CREATE TABLE evidence AS FROM arriving")
        zone.execute("CREATE TEMP TABLE pool AS SELECT record FROM evidence")
        join_records(zone, stretches=stretches)
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
    evidence = _evidence(seed, people, datasets)
    assert _people(evidence, STRETCHES) == _people(evidence, WHOLE)
