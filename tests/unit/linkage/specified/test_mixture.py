"""Kinds of two people: what a house shares is no evidence of one person, and the weights are Splink's else."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from linkage.specified.engine import SplinkEngine
from linkage.specified.frozen import ComparisonModel, FrozenModel, LevelModel
from linkage.specified.mixture import Partners, Seen, Shares, learn_kinds, surplus, weights_of
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
    plain, less = weights_of(compared, SHARES), surplus(compared, kinds.two, SHARES)
    assert less[0] == pytest.approx(less[1], abs=2.1)
    assert less[1] > 3
    assert (plain - less)[0] > (plain - less)[1] + 8


def test_unknown_values_are_no_evidence() -> None:
    """A pair of which nothing is known weighs nothing, and nobody is of a kind for it."""
    compared = _seen((-1, -1, -1, 10), (0, 0, 0, 100))
    kinds, _ = learn_kinds(compared, _seen((1, 1, 1, 10_000)), SHARES, 1e-3)
    assert weights_of(compared, SHARES)[0] == 0
    assert surplus(compared, kinds.two, SHARES)[0] == pytest.approx(0, abs=1e-6)


def test_one_move_changes_all_of_a_place() -> None:
    """Street and postcode that differ together count as one move, less than as two slips, and a part of the first."""
    shares = Shares(
        m=[np.array([0.8, 0.2]), np.array([0.8, 0.2]), np.array([0.95, 0.05])],
        u=[np.array([0.001, 0.999]), np.array([0.01, 0.99]), np.array([1e-6, 1 - 1e-6])],
        means=["street", "postcode", "date"],
    )
    compared = _seen((0, 0, 0, 800), (1, 1, 0, 200), (0, 0, 1, 3000), (1, 1, 1, 9000))
    kinds, _ = learn_kinds(compared, _seen((1, 1, 1, 900_000)), shares, 1e-3)
    assert kinds.one is not None
    assert kinds.one.share[1] == pytest.approx(0.2, abs=0.05)
    plain, mended = weights_of(compared, shares), weights_of(compared, shares, kinds.one)
    assert mended[1] > plain[1] + 1.5
    assert mended[0] > plain[0]


def test_twins_are_not_one_person() -> None:
    """A birthday, a surname and a town in common with another forename: twins, as far as there are a few."""
    shares = replace(
        SHARES,
        m=[*SHARES.m[:2], np.array([0.99, 0.01]), np.array([0.95, 0.05])],
        u=[*SHARES.u, np.array([0.0001, 0.9999])],
        means=[*SHARES.means, "date"],
    )
    looks = [(0, 0, 0, 0), (0, 0, 1, 0), (0, 0, 1, 1), (1, 0, 1, 1), (1, 1, 1, 1)]
    compared = Seen(np.array(looks, np.int8), {}, np.array([2000.0, 600.0, 20_000.0, 9000.0, 9000.0]))
    others = Seen(np.array([(1, 1, 1, 1)], np.int8), {}, np.array([3_000_000.0]))
    kinds, _ = learn_kinds(compared, others, shares, 1e-3)
    weight = weights_of(compared, shares, kinds.one) - surplus(compared, kinds.two, shares) + np.log2(1e-3)
    assert weight[0] > 5
    assert weight[1] < 0


def test_each_record_has_one_partner_at_most() -> None:
    """Two equal claims on one record share it; a record that nobody else claims keeps its odds, raised where few are left."""
    partners = Partners(np.array([0, 0, 1]), np.array([0, 1, 2]), (10, 10))
    likely = partners.likely(np.array([9.0, 9.0, 9.0]), 0)
    assert likely == pytest.approx([9 / 19, 9 / 19, 0.9])
    assert partners.likely(np.array([9.0, 9.0, 9.0]), 8)[2] > 0.99


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
