"""Counts in what many see: hidden when small, rounded otherwise."""

from __future__ import annotations

import pytest

from audit.suppression import shown_count


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (1, "fewer than 10"), (9, "fewer than 10"), (10, "10"), (12, "10"), (13, "15"), (10023, "10,025")],
)
def test_small_counts_are_hidden_and_others_rounded(count: int, shown: str) -> None:
    """Zero stays, one to nine are hidden, the rest go to the nearest five."""
    assert shown_count(count) == shown
