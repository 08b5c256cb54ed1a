"""The attacker's programme: exact ends, wide cells left out where there are many, and tables too large to be tried."""

from __future__ import annotations

import pytest

from environments.disclosure import attack
from environments.disclosure.attack import Sum, possible_values
from environments.disclosure.errors import TableUnfit

LINE = [(5, 5), (1, 7), (1, 7), (12, 12)]  # 5 + ? + ? = 12
SUMS = [Sum(3, (0, 1, 2))]


def test_the_ends_of_each_hidden_cell() -> None:
    """Two hidden cells of seven together: one to six each."""
    assert possible_values(LINE, SUMS, [1, 2]) == {1: (1, 6), 2: (1, 6)}


def test_a_cell_without_an_upper_end() -> None:
    """A hidden total above a hidden cell may be anything from its parts upwards."""
    assert possible_values([(5, 5), (0, None), (0, None)], [Sum(2, (0, 1))], [1, 2]) == {1: (0, None), 2: (5, None)}


def test_totals_that_cannot_be() -> None:
    """No table fits: nothing is said of any cell."""
    assert possible_values([(5, 5), (1, 7), (4, 4)], [Sum(2, (0, 1))], [1]) is None


def test_cells_without_totals_are_free() -> None:
    """What no total covers cannot be worked out, and is not in the answer."""
    assert possible_values(LINE, [], [1, 2]) == {}


def test_wide_cells_are_left_out_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many hidden cells only those are worked out that are not seen to be wide; narrow ones never go missing."""
    monkeypatch.setattr(attack, "FEW_TARGETS", 1)
    ranges = [*LINE, (5, 5), (1, 7), (7, 7)]
    sums = [*SUMS, Sum(6, (4, 5))]
    tied = [*sums, Sum(7, (3, 6))]
    found = possible_values([*ranges, (19, 19)], tied, [1, 2, 5], lambda low, high: high - low >= 2)
    assert found == {5: (2, 2)}


@pytest.mark.parametrize("limit", ["MOST_CELLS", "MOST_TARGETS", "MOST_WORK"])
def test_too_large_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Never an endless check: the table is refused with how to mend it."""
    monkeypatch.setattr(attack, limit, 1)
    with pytest.raises(TableUnfit, match="leave the totals out"):
        possible_values(LINE, SUMS, [1, 2])
