"""The measures of anonymity against their definitions, row against row, against pandas and against scipy."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from environments.anonymity.model import AnonymityRequirement
from tests.fakes.microdata import Row, by_hand, measured, written

cells = st.sampled_from([None, "01", "1", "NA", "x"])
rows = st.lists(st.tuples(cells, cells, cells, cells, st.sampled_from("abcde")), min_size=1, max_size=25)
NAMES = ["q", "r", "u", "s", "p"]


@pytest.mark.parametrize("nulls", ["own-value", "wildcard"])
@pytest.mark.parametrize("person", [None, "p"])
@settings(max_examples=60, deadline=None)
@given(found=rows)
def test_each_measure_is_that_of_its_definition(nulls: str, person: str | None, found: list[Row]) -> None:
    """k, l, t and each failing row are those of comparing every row with every other."""
    expected = by_hand(
        [row[:3] for row in found],
        [row[3] for row in found],
        nulls,
        [str(row[4]) for row in found] if person else None,
    )
    required = AnonymityRequirement(k=3, t=0.4)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), found, NAMES)
        result = measured(path, "q r u", "s", person=person, nulls=nulls, required=required)
    assert result.k == min(size for size, _, _ in expected)
    assert result.l == min(values for _, values, _ in expected)
    assert result.t == pytest.approx(max(far for _, _, far in expected))
    assert result.classes == len({row[:3] for row in found})
    told = {place: (one.size, one.l, one.fails) for one in result.failing for place in one.places}
    assert told == {
        number + 2: (size, values, tuple(name for name, bad in (("k", size < 3), ("t", far > 0.4 + 1e-9)) if bad))
        for number, (size, values, far) in enumerate(expected)
        if size < 3 or far > 0.4 + 1e-9
    }


@settings(max_examples=60, deadline=None)
@given(found=rows)
def test_nulls_that_are_values_are_as_in_pandas(found: list[Row]) -> None:
    """Own values: k, the classes and l are those of pandas' groups that keep nulls."""
    frame = pd.DataFrame(found, columns=NAMES)
    groups = frame.groupby(["q", "r"], dropna=False)
    with tempfile.TemporaryDirectory() as folder:
        result = measured(written(Path(folder), found, NAMES), "q r", "s")
    assert result.k == groups.size().min()
    assert result.classes == groups.ngroups
    assert result.l == groups["s"].nunique(dropna=False).min()


@settings(max_examples=60, deadline=None)
@given(found=rows)
def test_a_null_that_matches_makes_no_class_smaller(found: list[Row]) -> None:
    """What may agree with a class holds the class itself: k by wildcards is never below k by own values."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), found, NAMES)
        assert measured(path, "q r u", nulls="wildcard").k >= measured(path, "q r u").k


@settings(max_examples=60, deadline=None)
@given(found=rows)
def test_fewer_columns_make_no_class_smaller(found: list[Row]) -> None:
    """Who knows less of a person confuses them with as many others or more, and with as many values or more."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), found, NAMES)
        for nulls in ("own-value", "wildcard"):
            fine, coarse = (measured(path, quasi, "s", nulls=nulls) for quasi in ("q r u", "q r"))
            assert coarse.k >= fine.k
            assert (coarse.l or 0) >= (fine.l or 0)


numbers = st.lists(st.tuples(st.sampled_from("ab"), st.integers(-9, 30)), min_size=2, max_size=40)


@settings(max_examples=100, deadline=None)
@given(found=numbers)
def test_ordered_distance_is_that_of_scipy(found: list[tuple[str, int]]) -> None:
    """For numbers t is scipy's earth mover's distance between ranks, over the greatest that there can be."""
    values = np.array([value for _, value in found])
    ranks = np.unique(values, return_inverse=True)[1]
    most = max(1, ranks.max())
    expected = max(
        wasserstein_distance(ranks[[row[0] == group for row in found]], ranks) / most
        for group in {group for group, _ in found}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), [(group, str(value)) for group, value in found], ["q", "s"])
        result = measured(path, "q", "s")
    assert result.sensitive[0].ordered
    assert result.t == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(found=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("vwxyz")), min_size=1, max_size=40))
def test_diversity_is_that_of_its_definitions(found: list[tuple[str, str]]) -> None:
    """Entropy and recursive diversity are those of their formulas, class by class."""
    entropy, ratios = [], []
    for group in {group for group, _ in found}:
        counts = pd.Series([value for other, value in found if other == group]).value_counts().to_numpy()
        shares = counts / counts.sum()
        entropy.append(float(np.prod(shares**-shares)))
        ratios.append(counts[0] / counts[1:].sum() if len(counts) > 1 else None)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), found, ["q", "s"])
        (one,) = measured(path, "q", "s", required=AnonymityRequirement(l=2)).sensitive
    assert one.entropy_l == pytest.approx(min(entropy))
    assert one.recursive_c == (None if None in ratios else pytest.approx(max(ratio for ratio in ratios if ratio)))
