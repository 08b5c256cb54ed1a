"""The attacker's programme against counting every table by hand; tables made fit against the finished-table check."""

from __future__ import annotations

from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.disclosure.attack import Sum, possible_values
from environments.disclosure.check import check_counts_table
from environments.disclosure.mitigate import suppress_and_round
from environments.disclosure.model import FINE, context_from
from environments.disclosure.profile import all_profiles, criteria
from environments.disclosure.rules import too_narrow

small_ranges = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(small_ranges, min_size=4, max_size=4),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=5, max_size=5),
)
def test_the_attack_agrees_with_counting(cells: list[tuple[int, int]], margins: list[tuple[int, int]]) -> None:
    """A two-by-two table with margins: least and greatest value of each cell are those of all tables that fit."""
    ranges = [*cells, *((low, low + width) for low, width in margins)]
    sums = [Sum(4, (0, 1)), Sum(5, (2, 3)), Sum(6, (0, 2)), Sum(7, (1, 3)), Sum(8, (0, 1, 2, 3))]
    fitting = [
        inner
        for inner in product(*(range(low, high + 1) for low, high in cells))
        if all(ranges[one.total][0] <= sum(inner[part] for part in one.parts) <= ranges[one.total][1] for one in sums)
    ]
    found = possible_values(ranges, sums, range(4))
    if not fitting:
        assert found is None
        return
    assert found is not None
    for cell in range(4):
        assert found[cell] == (min(one[cell] for one in fitting), max(one[cell] for one in fitting))


counts = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 400)), min_size=6, max_size=6)


def _with_totals(inner: list[int]) -> pl.DataFrame:
    rows = [(f"a{n // 3}", f"b{n % 3}", count) for n, count in enumerate(inner)]
    rows += [(f"a{n}", "Total", sum(inner[3 * n : 3 * n + 3])) for n in range(2)]
    rows += [("Total", f"b{n}", inner[n] + inner[n + 3]) for n in range(3)]
    rows += [("Total", "Total", sum(inner))]
    return pl.DataFrame(rows, schema=["a", "b", "people"], orient="row")


@pytest.mark.parametrize("name", [*all_profiles(), "hes+ons", "opensafely+ons"])
@settings(max_examples=25, deadline=None)
@given(inner=counts)
def test_made_fit_is_fit(name: str, inner: list[int]) -> None:
    """Whatever the true counts: the result agrees with a check from scratch, and no small count is ever shown."""
    rules = criteria(name)
    made = suppress_and_round(_with_totals(inner), context_from({"count_column": "people"}), rules)
    again = check_counts_table(made.table, made.context, rules)
    assert again == made.result
    truths = dict(zip(_with_totals(inner).select("a", "b").rows(), _with_totals(inner)["people"], strict=True))
    for a, b, shown in made.table.rows():
        truth = truths[a, b]
        if 0 < truth < rules.counts.smallest_shown and "Total" not in (a, b):
            assert not shown.isdigit()
        if shown.isdigit() and rules.counts.base:
            assert int(shown) % rules.counts.base == 0
    if made.result.passed:
        for cell in again.cells:
            assert cell.status in FINE
            assert cell.interval is None or not too_narrow(cell.interval, rules.counts)


@settings(max_examples=40, deadline=None)
@given(inner=counts)
def test_the_true_table_is_always_possible(inner: list[int]) -> None:
    """The interval that a reader can work out for a hidden cell holds its true count."""
    table = _with_totals(inner)
    made = suppress_and_round(table, context_from({"count_column": "people"}), criteria("isb_1523_strong"))
    for cell, truth in zip(made.result.cells, table["people"], strict=True):
        if cell.interval is not None:
            low, high = cell.interval
            assert (low or 0) <= truth
            assert high is None or truth <= high


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["0", "3", "5", "10", "12", "25", "*", "", "x", "-5", "4.5"]), min_size=1, max_size=8))
def test_any_column_is_judged_cell_by_cell(shown: list[str]) -> None:
    """Whatever stands in the counts' place, the check ends with a status for every cell, never an exception."""
    table = pl.DataFrame({"g": [f"g{number}" for number in range(len(shown))], "people": shown})
    result = check_counts_table(table, context_from({"count_column": "people"}), criteria("hes"))
    assert len(result.cells) == len(shown)
    assert result.passed == all(cell.status in FINE for cell in result.cells)
