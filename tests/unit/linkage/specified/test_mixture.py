"""Kinds of two people: what a house shares is no evidence of one person, and the weights are Splink's else."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import polars as pl
import pytest

from linkage.specified.engine import SplinkEngine
from linkage.specified.frozen import ComparisonModel, FrozenModel, LevelModel
from linkage.specified.mixture import Seen, Shares, learn_kinds, surplus, weights_of
from linkage.specified.specification import Specification
from linkage.specified.weighing import Weighing
from linkage.specified.written import written

SHARES = Shares(
    m=[np.array([0.9, 0.1]), np.array([0.9, 0.1]), np.array([0.95, 0.05])],
    u=[np.array([0.01, 0.99]), np.array([0.02, 0.98]), np.array([0.005, 0.995])],
    means=["surname", "place", "forename"],
)


def _seen(*rows: tuple[int, int, int, float]) -> Seen:
    return Seen(np.array([row[:3] for row in rows], np.int8), {}, np.array([row[3] for row in rows]))


def test_a_house_is_no_person() -> None:
    """Where many pairs share surname and place but no forename, both together say little more than one does."""
    compared = _seen((0, 0, 0, 800), (0, 0, 1, 3000), (0, 1, 1, 9000), (1, 0, 1, 9000))
    kinds, _ = learn_kinds(compared, _seen((1, 1, 1, 900_000)), SHARES, 1e-3)
    plain, less = weights_of(compared, SHARES), surplus(compared, kinds, SHARES)
    assert less[0] == pytest.approx(less[1], abs=2.1)
    assert less[1] > 3
    assert (plain - less)[0] > (plain - less)[1] + 8


def test_unknown_values_are_no_evidence() -> None:
    """A pair of which nothing is known weighs nothing, and nobody is of a kind for it."""
    compared = _seen((-1, -1, -1, 10), (0, 0, 0, 100))
    kinds, _ = learn_kinds(compared, _seen((1, 1, 1, 10_000)), SHARES, 1e-3)
    assert weights_of(compared, SHARES)[0] == 0
    assert surplus(compared, kinds, SHARES)[0] == pytest.approx(0, abs=1e-6)


def test_the_weights_are_splinks() -> None:
    """Level by level, rare values for more: to the figure what Splink's own prediction says."""
    specification = Specification.model_validate(
        {
            "specification": 1,
            "files": 1,
            "columns": [
                {"name": "surname", "means": "surname", "heading": "s"},
                {"name": "forename", "means": "forename", "heading": "f"},
            ],
            "comparisons": [
                {"of": "surname", "levels": ["same", {"jaro_winkler": 0.8}], "term_frequency": True},
                {"of": "forename", "levels": ["same"]},
            ],
            "blocking": [["forename.initial"]],
        }
    )
    frame = pl.DataFrame(
        {"s": ["Smith", "Smith", "Smyth", "Rare", "Rare", None], "f": ["Ann", "Anna", "Ann", "Al", "Al", "Al"]}
    )
    model = FrozenModel(
        engine="duckdb",
        splink="5",
        specification=specification.digest,
        prior=0.01,
        comparisons=tuple(
            ComparisonModel(of=of, levels=tuple(LevelModel(label="x", m=m, u=u) for m, u in levels))
            for of, levels in (
                ("surname", [(0.8, 0.05), (0.15, 0.1), (0.05, 0.85)]),
                ("forename", [(0.9, 0.1), (0.1, 0.9)]),
            )
        ),
    )
    with closing(SplinkEngine(specification, written(frame, specification.columns, right=False), None)) as engine:
        engine.con.execute(
            "CREATE TABLE pairs AS SELECT a.rid AS l, b.rid AS r FROM people_left a JOIN people_left b ON a.rid < b.rid"
        ).fetchall()
        ours = Weighing(engine, 0.01, kinds=False).evidence(model)
        theirs = engine.score(model, "pairs")["evidence"].to_numpy()
    assert ours == pytest.approx(theirs, abs=1e-4)
