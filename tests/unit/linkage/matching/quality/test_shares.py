"""Shares with intervals, and without small numbers."""

from __future__ import annotations

import pytest

from linkage.matching.quality.shares import HIDDEN, percent, said


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (500, 1000, "50.0 (46.9 to 53.1)"),
        (0, 1000, "0.000 (0.000 to 0.383)"),
        (1000, 1000, "100.000 (99.617 to 100.000)"),
        (3, 9, HIDDEN),
        (0, 0, HIDDEN),
    ],
)
def test_a_share_with_its_interval(part: int, whole: int, shown: str) -> None:
    """In per cent, with Wilson's interval (the figures are those of published calculators); hidden of few."""
    assert percent(part, whole) == shown


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_an_interval_tells_no_exact_number(share: float) -> None:
    """From the ends of Wilson's interval the count can be computed: it is the rounded one, of five neighbours alike."""
    neighbours = range(9_998, 10_003)
    assert len({percent(round(share * 10_000) + (n - 10_000) * (share == 1), n) for n in neighbours}) == 1
    assert len({said(round(share * 10_000) + (n - 10_000) * (share == 1), n) for n in neighbours}) == 1


@pytest.mark.parametrize("whole", [10, 100, 5000])
def test_few_are_not_told_apart(whole: int) -> None:
    """One and nine of them read the same, and so do all but one and all but nine; none is plotted."""
    few = [part for part in range(1, 10) if whole - part >= 10]
    assert len({percent(part, whole) for part in few}) <= 1
    assert len({percent(whole - part, whole) for part in few}) <= 1
    assert all(said(part, whole) is None and said(whole - part, whole) is None for part in few)


def test_the_bound_is_a_bound() -> None:
    """What is said of few is above the share of nine of them, and of all but few below that of all but nine."""
    assert float(percent(4, 1000).removeprefix("under ")) > 0.9
    assert float(percent(996, 1000).removeprefix("over ")) < 99.1
