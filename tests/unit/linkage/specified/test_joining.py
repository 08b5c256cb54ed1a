"""Links one to one, clusters that no chain stretches, and the figures over them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from linkage.specified.joining import clusters, components, for_one_to_one, one_to_one
from linkage.specified.quality import Counts, curve, wilson


def _pairs(*rows: tuple[int, int, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"l": pl.Int64, "r": pl.Int64, "weight": pl.Float64}, orient="row")


def test_each_record_has_one_partner_and_the_heaviest_goes_first() -> None:
    """A lighter pair of a record that is taken is not a link."""
    kept = one_to_one(_pairs((0, 10, 5.0), (0, 11, 9.0), (1, 11, 8.0), (1, 10, 1.0)))
    assert set(kept.select("l", "r").iter_rows()) == {(0, 11), (1, 10)}


def test_where_everybody_has_a_partner_who_is_left_over_weighs_more() -> None:
    """Odds are divided by the shares without a partner; where few have one, hardly anything changes."""
    sure = [(number, 100 + number, 20.0) for number in range(99)]
    raised = for_one_to_one(_pairs(*sure, (99, 199, -3.0)), 100, 100)
    assert raised["weight"].to_list()[-1] > 3
    few = for_one_to_one(_pairs(*sure[:5]), 100, 100)
    assert few["weight"][0] == pytest.approx(20.0, abs=0.2)


def test_a_chain_whose_ends_contradict_is_cut() -> None:
    """a-b and b-c are alike, a-c speaks against it more than the weaker of both: c stays apart."""
    found = clusters(_pairs((0, 1, 8.0), (1, 2, 2.0), (0, 2, -9.0)), 4, 0.0)
    assert found[0] == found[1] != found[2]
    assert len(set(found.tolist())) == 3


def test_what_was_never_compared_is_joined_through_others() -> None:
    """Two strong pairs join three records though the third pair was never compared."""
    found = clusters(_pairs((0, 1, 8.0), (1, 2, 8.0)), 3, 0.0)
    assert len(set(found.tolist())) == 1


def test_components_are_what_hangs_together() -> None:
    """Each record is called by the lowest that it is connected with."""
    assert components(np.array([3, 4]), np.array([4, 1]), 6).tolist() == [0, 1, 2, 1, 1, 5]


def test_figures_are_of_pairs() -> None:
    """Precision, recall, F1, and intervals that hold them."""
    counts = Counts(true=100, found=90, right=80)
    assert (counts.precision, counts.recall) == (80 / 90, 0.8)
    assert counts.f1 == pytest.approx(160 / 190)
    for name in ("precision", "recall", "f1"):
        low, high = counts.as_dict()[f"{name}_95"]
        assert low < counts.as_dict()[name] < high


def test_the_interval_of_f1_is_no_point_where_all_is_right() -> None:
    """Of 100 right pairs it reaches as far down as 100 pairs can tell; without pairs it says nothing."""
    low, high = Counts(true=100, found=100, right=100).f1_interval()
    assert (round(low, 3), high) == (0.981, pytest.approx(1.0))
    assert Counts(true=0, found=0, right=0).f1_interval() == (0.0, 1.0)


def test_wilsons_interval() -> None:
    """The published example: 8 of 10."""
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_curve_falls_in_recall() -> None:
    """The higher the threshold, the fewer pairs."""
    scored = pl.DataFrame({"weight": [-5.0, 0.0, 5.0], "true": [False, True, True]})
    recalls = [point["recall"] for point in curve(scored, 2)]
    assert recalls == sorted(recalls, reverse=True)
    assert recalls[0] == 1.0
