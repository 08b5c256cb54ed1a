"""Weighing in slices gives what weighing all at once gives."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from linkage.matching.residual import slices
from linkage.matching.residual.slices import Weighing, weigh_in_slices
from tests.fakes.linkage_models import made_model


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_every_candidate_is_weighed_once_and_the_light_are_left_out(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Whatever a slice holds, each pair that weighs enough comes back once."""
    held = []

    def weigh(zone: duckdb.DuckDBPyConnection, *_: object, **__: object) -> pl.DataFrame:
        found = pl.DataFrame(
            zone.sql("SELECT l, r, l::DOUBLE AS weight, '{}' AS fields FROM candidates").to_arrow_table()
        )
        held.append(found.height)
        return found

    monkeypatch.setattr(slices, "weigh", weigh)
    with duckdb.connect() as zone:
        zone.execute("CREATE TEMP TABLE candidates AS SELECT range AS l, range + 1 AS r FROM range(40)")
        weighed = weigh_in_slices(zone, made_model(), Weighing(at_once=at_once), 10.0, test_range=True)
    assert sorted(weighed["l"].to_list()) == list(range(10, 40))
    assert sum(held) == 40
    assert (len(held) > 1) == (at_once < 40)
