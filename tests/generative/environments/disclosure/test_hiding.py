"""Secondary suppression and the attacker's audit against every table that could be, counted by hand on tiny tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from environments.disclosure.audit import audit
from environments.disclosure.check import check_counts_table
from environments.disclosure.evidence import read_evidence
from environments.disclosure.methods import made_fit
from environments.disclosure.model import Stage, TableContext, context_from
from environments.disclosure.profile import criteria
from environments.disclosure.protect import Hiding, Need, Quantity, choose
from environments.disclosure.rules import values_left

AREAS = {"a": "North", "b": "North", "South": "All", "North": "All", "c": "Islands", "d": "Islands", "Islands": "All"}
LEAVES = ("a", "b", "c", "d", "South")  # South stands one level higher than the others
ABOVE = {"North": ("a", "b"), "Islands": ("c", "d"), "All": LEAVES}
PROFILES = ("acro_default", "isb_1523_strong", "isb_1523_weak", "hes", "sensitive_health")


def _nested(counts: list[int], sexes: tuple[str, ...]) -> tuple[pl.DataFrame, TableContext]:
    """A table of areas in a hierarchy of unequal depth by sex, with every total."""
    inner = dict(zip(product(LEAVES, sexes), counts, strict=False))
    rows = dict(inner)
    for sex in sexes:
        rows |= {(area, sex): sum(inner[one, sex] for one in parts) for area, parts in ABOVE.items()}
    rows |= {(area, "Total"): sum(rows[area, sex] for sex in sexes) for area in (*LEAVES, *ABOVE)}
    table = pl.DataFrame([(*key, n) for key, n in rows.items()], schema=["area", "sex", "people"], orient="row")
    return table, context_from({"count_column": "people", "hierarchies": {"area": AREAS}})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(
    counts=st.lists(st.integers(0, 3), min_size=5, max_size=5),
    hidden=st.sets(st.integers(0, 7), min_size=1, max_size=4),
)
def test_the_audit_is_counting_by_hand(counts: list[int], hidden: set[int]) -> None:
    """Along a hierarchy of unequal depth: each hidden cell's interval is that of all tables that could be."""
    table, context = _nested(counts, ("F",))
    table = table.filter(pl.col("sex") == "F")
    shown = [("*" if place in hidden else str(n)) for place, n in enumerate(table["people"])]
    finished = table.with_columns(people=pl.Series(shown))
    texts = {(a, s): n for a, s, n in finished.rows()}
    assume(texts["All", "F"] != "*")  # else there is no end
    total = int(texts["All", "F"])
    numbers = [{cell: one[cell] for cell in texts} for one in _likes(texts, total)]
    found = audit([(finished, context)])
    for cell in found.cells:
        key = (cell.categories["area"], cell.categories["sex"])
        if texts[key] == "*":
            values = [one[key] for one in numbers]
            assert cell.interval == (min(values), max(values))


def _likes(shown: dict[tuple[str, str], str], most: int) -> Iterator[dict[tuple[str, str], int]]:
    """As _tables_like, for one sex without a total column."""
    free = [area for area in LEAVES if not shown[area, "F"].isdigit()]
    for numbers in product(range(most + 1), repeat=len(free)):
        inner = {area: int(shown[area, "F"]) for area in LEAVES if shown[area, "F"].isdigit()}
        inner |= dict(zip(free, numbers, strict=True))
        full = inner | {area: sum(inner[one] for one in parts) for area, parts in ABOVE.items()}
        if all(full[area] == int(text) for (area, _), text in shown.items() if text.isdigit()):
            yield {(area, "F"): n for area, n in full.items()}


@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.one_of(st.integers(0, 12), st.integers(0, 60)), min_size=10, max_size=10))
def test_what_is_hidden_stays_hidden(name: str, counts: list[int]) -> None:
    """With hierarchies and totals: the true numbers stay possible, and every sensitive count as open as is asked."""
    table, context = _nested(counts, ("F", "M"))
    made = made_fit(table, context, criteria(name), method="secondary")
    truth = {(a, s): n for a, s, n in table.rows()}
    again = check_counts_table(made.table, made.context, criteria(name), Stage.MITIGATED)
    assert again == made.result
    for a, s, shown in made.table.rows():
        assert not shown.isdigit() or abs(int(shown) - truth[a, s]) <= 2
        assert not shown.isdigit() or not 0 < truth[a, s] < criteria(name).counts.smallest_shown
    for key, (low, high) in made.intervals.items():
        assert (low or 0) <= truth[key]
        assert high is None or truth[key] <= high
        if made.passed and key in made.primary and high is not None:
            assert high - (low or 0) + 1 >= values_left(criteria(name).counts)
    full = [cell for cell in made.result.cells if cell.status.value == "full_cell"]
    assert made.passed or full or made.problems


SQUARE = ((4, (0, 1)), (5, (2, 3)), (6, (0, 2)), (7, (1, 3)), (8, (4, 5)), (8, (6, 7)))


@settings(max_examples=40, deadline=None)
@given(
    inner=st.lists(st.integers(0, 30), min_size=4, max_size=4),
    weights=st.lists(st.integers(1, 9), min_size=9, max_size=9),
    below=st.integers(3, 9),
)
def test_the_optimum_is_the_cheapest_of_all_choices(inner: list[int], weights: list[int], below: int) -> None:
    """Two by two with margins: no other choice of cells that protects costs less than what was chosen."""
    a, b, c, d = inner
    values = [*inner, a + b, c + d, a + c, b + d, sum(inner)]
    primary = frozenset(cell for cell in range(4) if 0 < values[cell] < below)
    assume(primary)
    quantity = Quantity(tuple(map(float, values)), (0.0,) * 9, {cell: Need(width=2.0) for cell in primary})
    chosen = choose(Hiding(tuple(map(float, weights)), primary, SQUARE, (quantity,)), lambda _: True)
    others = [cell for cell in range(9) if cell not in primary]
    moves = list(_moves(values))
    cheapest = min(
        sum(weights[cell] for cell in choice)
        for size in range(len(others) + 1)
        for choice in combinations(others, size)
        if _protects(moves, primary | set(choice), primary)
    )
    assert chosen.proven
    assert chosen.cost == pytest.approx(cheapest)


def _protects(moves: list[list[int]], hidden: frozenset[int], primary: frozenset[int]) -> bool:
    """Three values of each: a count's possible values lie next to each other, so they are found near the true one."""
    fitting = [moved for moved in moves if all(not change or cell in hidden for cell, change in enumerate(moved))]
    return all(max(moved[cell] for moved in fitting) - min(moved[cell] for moved in fitting) >= 2 for cell in primary)


def _moves(values: list[int]) -> Iterator[list[int]]:
    """Changes of the inner cells by at most two, with the totals that follow, where no cell falls below zero."""
    for a, b, c, d in product((-2, -1, 0, 1, 2), repeat=4):
        moved = [a, b, c, d, a + b, c + d, a + c, b + d, a + b + c + d]
        if all(value + change >= 0 for value, change in zip(values, moved, strict=True)):
            yield moved


@settings(max_examples=40, deadline=None)
@given(
    amounts=st.lists(st.lists(st.integers(1, 500), min_size=1, max_size=14), min_size=6, max_size=6),
    negative=st.booleans(),
)
def test_amounts_keep_their_distance(amounts: list[list[int]], negative: bool) -> None:
    """Counts and amounts together: a cell hidden for one is hidden for both, and each amount stays open by its need."""
    if negative:
        amounts[0][0] = -amounts[0][0]
    leaves = {(f"a{n // 3}", f"b{n % 3}"): values for n, values in enumerate(amounts)}
    cells = dict(leaves)
    for a in ("a0", "a1", "Total"):
        for b in ("b0", "b1", "b2", "Total"):
            cells[a, b] = [x for (i, j), v in leaves.items() if a in (i, "Total") and b in (j, "Total") for x in v]
    rows = [(a, b, len(v), sum(v), max(v), sorted(v)[-2] if len(v) > 1 else 0, min(v)) for (a, b), v in cells.items()]
    table = pl.DataFrame(rows, schema=["a", "b", "n", "v", "x1", "x2", "low"], orient="row")
    context = context_from({"count_column": "n", "value_column": "v", "largest": ("x1", "x2"), "least": "low"})
    made = made_fit(table, context, criteria("acro_default"))
    assert set(made.table.columns) == {"a", "b", "n", "v"}
    evidence = read_evidence(made.table, made.context, ["*"])
    for key, people in evidence.values.items():
        assert (people["n"].text == "*") == (evidence.amounts[key].text == "*")
        low, high = made.amount_intervals.get(key, (None, None))
        assert low is None or low <= sum(cells[key]) + 1e-6
        first, second = [*sorted(cells[key], reverse=True), 0][:2]
        if made.passed and min(cells[key]) >= 0 and sum(cells[key]) - first - second < 0.1 * first:
            assert people["n"].text == "*"
            assert high is None or high - first - second >= 0.1 * first - 1e-3 * abs(high)
