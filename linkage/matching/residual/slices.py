"""How many candidates are weighed at once? A slice of them, so that memory is bounded however many there are.

Which pairs are in one slice changes no weight: how common names are is counted among all records beforehand. Of each
slice only the pairs that are worth a question are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl

from linkage.matching.residual.weighing import NOTHING_WEIGHED, Score, weigh
from linkage.private_folders import Spilling
from linkage.specified.engine import SplinkEngine
from linkage.specified.frozen import FrozenModel
from linkage.zones import count

PAIRS_AT_ONCE = 5_000_000


@dataclass(frozen=True)
class Weighing:
    """Who weighs, how many pairs at once, and how that spills: as the zone does (Room.spilling)."""

    score: Score = SplinkEngine.score
    at_once: int = PAIRS_AT_ONCE
    spilling: Spilling | None = None


def weigh_in_slices(
    zone: duckdb.DuckDBPyConnection, model: FrozenModel, weighing: Weighing, least: float, *, test_range: bool
) -> pl.DataFrame:
    """What weighing.weigh gives for all of `candidates`, of those that weigh so much at the least."""
    slices = -(-count(zone, "SELECT count(*) FROM candidates") // weighing.at_once)
    if slices <= 1:
        weighed = weigh(zone, model, test_range=test_range, score=weighing.score, spilling=weighing.spilling)
        return weighed.filter(pl.col("weight") >= least)
    zone.execute("CREATE OR REPLACE TEMP TABLE all_candidates AS FROM candidates")
    found = [NOTHING_WEIGHED]
    for part in range(slices):
        zone.execute(
            f"CREATE OR REPLACE TEMP TABLE candidates AS FROM all_candidates WHERE hash(l) % {slices} = {part}"
        )
        weighed = weigh(zone, model, test_range=test_range, score=weighing.score, spilling=weighing.spilling)
        found.append(weighed.filter(pl.col("weight") >= least))
    zone.execute("DROP TABLE temp.all_candidates")
    return pl.concat(found)
