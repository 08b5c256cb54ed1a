"""Whatever the weights: one to one stays one to one, clusters divide the records, thresholds nest."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.specified.joining import clusters, one_to_one
from linkage.specified.quality import Counts

EDGES = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(8, 15)), st.floats(-20, 40, allow_nan=False), min_size=1, max_size=40
)


def _pairs(edges: dict[tuple[int, int], float]) -> pl.DataFrame:
    rows = [(left, right, weight) for (left, right), weight in edges.items()]
    return pl.DataFrame(rows, schema={"l": pl.Int64, "r": pl.Int64, "weight": pl.Float64}, orient="row")


@given(EDGES)
@settings(deadline=None)
def test_nobody_has_two_partners(edges: dict[tuple[int, int], float]) -> None:
    """Each record at most once, the heaviest pair always kept, whatever the order of the rows."""
    kept = one_to_one(_pairs(edges))
    assert kept["l"].n_unique() == kept["r"].n_unique() == kept.height
    assert kept["weight"][0] == max(edges.values())
    turned = one_to_one(_pairs(dict(reversed(edges.items()))))
    assert turned.equals(kept)


@given(EDGES, st.floats(-5, 20))
@settings(deadline=None)
def test_a_threshold_takes_the_links_above_it(edges: dict[tuple[int, int], float], threshold: float) -> None:
    """Cutting the pairs first or the links afterwards is the same."""
    after = one_to_one(_pairs(edges)).filter(pl.col("weight") >= threshold)
    before = one_to_one(_pairs(edges).filter(pl.col("weight") >= threshold))
    assert after.equals(before)


@given(EDGES)
@settings(deadline=None)
def test_clusters_never_join_what_has_nothing_for_it(edges: dict[tuple[int, int], float]) -> None:
    """Every cluster of two or more holds together by pairs above the threshold; a lone pair below it is apart."""
    found = clusters(_pairs(edges), 16, 0.0)
    assert len(found) == 16
    for (left, right), weight in edges.items():
        if weight < 0 and len(edges) == 1:
            assert found[left] != found[right]
    joined = {int(group) for group in found if (found == group).sum() > 1}
    for group in joined:
        assert any(w >= 0 for (a, b), w in edges.items() if found[a] == found[b] == group)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_figures_stay_within_their_intervals(right: int, wrong: int, missed: int) -> None:
    """For all counts."""
    counts = Counts(true=right + missed, found=right + wrong, right=right)
    figures = counts.as_dict()
    for name in ("precision", "recall"):
        low, high = figures[f"{name}_95"]
        assert low - 1e-9 <= figures[name] <= high + 1e-9 or not (right + missed and right + wrong)
