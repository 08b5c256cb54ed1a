"""The ledger against a reader who tries every union of cells, on worlds small enough for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from environments.disclosure.ledger import compare as comparing
from environments.disclosure.ledger.compare import compare
from environments.disclosure.ledger.layers import layered
from environments.disclosure.ledger.model import CellName, LedgerTable, PersonSet

SMALLEST = 3
PEOPLE = 16
Sets = list[frozenset[int]]


def table(sets: Iterable[frozenset[int]], request: str, smallest: int = SMALLEST) -> LedgerTable:
    """A ledger's table of these sets."""
    named = [PersonSet.of(CellName(request, "t.csv", f"c{n}"), BitMap(one)) for n, one in enumerate(sets)]
    return LedgerTable.of(smallest, layered(named, smallest))


def unions(sets: Sets) -> Iterator[frozenset[int]]:
    """The people of every choice of sets that have nobody in common."""
    for chosen in chain.from_iterable(combinations(sets, n) for n in range(1, len(sets) + 1)):
        everybody = frozenset().union(*chosen)
        if sum(map(len, chosen)) == len(everybody):
            yield everybody


def told_by_force(new: Sets, earlier: Sets, smallest: int = SMALLEST) -> bool:
    """Does any union of new cells differ from any of earlier cells by some people, but too few?"""
    old = set(unions(earlier))
    return any(0 < len(one ^ other) < smallest for one in set(unions(new)) for other in old)


@st.composite
def partitions(draw: st.DrawFn) -> Sets:
    """Cells without anybody in common, each large enough to be shown; some people are in none."""
    cell_of = draw(st.lists(st.integers(0, 4), min_size=PEOPLE, max_size=PEOPLE))
    cells = [frozenset(who for who, cell in enumerate(cell_of) if cell == number) for number in range(1, 5)]
    return [one for one in cells if len(one) >= SMALLEST]


@st.composite
def near(draw: st.DrawFn, sets: Sets) -> Sets:
    """The same cells with a few people moved, cells joined or parted."""
    cell_of = {who: number for number, cell in enumerate(sets, 1) for who in cell}
    for who in draw(st.lists(st.integers(0, PEOPLE - 1), max_size=2)):
        cell_of[who] = draw(st.integers(0, 5))
    joined = draw(st.dictionaries(st.integers(1, 5), st.integers(1, 5), max_size=2))
    cells: dict[int, set[int]] = {}
    for who, number in cell_of.items():
        if number:
            cells.setdefault(joined.get(number, number), set()).add(who)
    return [frozenset(one) for one in cells.values() if len(one) >= SMALLEST]


pairs = partitions().flatmap(lambda one: st.tuples(st.just(one), st.one_of(near(one), partitions())))


@settings(max_examples=600)
@given(pairs, st.sampled_from([1 << 16, 6, 12]))
def test_it_finds_exactly_what_force_finds(pair: tuple[Sets, Sets], sample: int) -> None:
    """Of cells with nobody in common: a difference is found where some unions differ by too few, and nowhere else.

    Whatever share of the people the sample is that is looked at first.
    """
    new, earlier = pair
    with patch.multiple(comparing, SAMPLE=sample, FIRST=BitMap(range(sample))):
        found = compare(table(new, "new"), [table(earlier, "old")])
    assert bool(found) == told_by_force(new, earlier)


@settings(max_examples=300)
@given(pairs)
def test_what_it_names_does_differ_by_too_few(pair: tuple[Sets, Sets]) -> None:
    """The cells that a difference names, added up on either side, are nearly the same people."""
    new, earlier = pair
    for one in compare(table(new, "new"), [table(earlier, "old")]):
        here = frozenset().union(*(new[int(cell.cell[1:])] for cell in one.cells))
        there = frozenset().union(*(earlier[int(cell.cell[1:])] for cell in one.earlier))
        assert 0 < len(here ^ there) < SMALLEST


@settings(max_examples=300)
@given(pairs, st.integers(1, PEOPLE))
def test_people_in_two_releases_are_one_table_to_a_reader(pair: tuple[Sets, Sets], cut: int) -> None:
    """Earlier cells that came in two releases, each of different people, are laid side by side."""
    new, earlier = pair
    first = [one for one in earlier if min(one) < cut]
    second = [one for one in earlier if min(one) >= cut]
    together = compare(table(new, "new"), [table(first, "one"), table(second, "two")])
    assert bool(together) == told_by_force(new, earlier)


@settings(max_examples=400)
@given(pairs, st.lists(st.integers(0, 2), min_size=PEOPLE, max_size=PEOPLE), st.permutations(range(4)))
def test_four_releases_in_any_order(pair: tuple[Sets, Sets], into: list[int], order: list[int]) -> None:
    """One table against another that came in three releases of different people, entered in whatever order."""
    whole, parts = pair
    releases = [whole, *([one for one in parts if into[min(one)] == part] for part in range(3))]
    tables = [table(releases[number], f"r{number}") for number in order]
    found = any(compare(one, tables[:place]) for place, one in enumerate(tables))
    assert found == told_by_force(whole, parts)


@settings(max_examples=300)
@given(pairs, st.integers(0, 3), st.integers(0, 3))
def test_with_totals_no_difference_of_shown_cells_is_missed(
    pair: tuple[Sets, Sets], new_total: int, old_total: int
) -> None:
    """Totals above the cells, on either side: a total that is near to a union of the other table's cells is found."""
    new, earlier = pair
    totals = [frozenset().union(*sets[: 1 + count]) for sets, count in ((new, new_total), (earlier, old_total)) if sets]
    if len(totals) < 2:
        return
    found = compare(table([*new, totals[0]], "new"), [table([*earlier, totals[1]], "old")])
    assert bool(found) == told_by_force(new, earlier)
