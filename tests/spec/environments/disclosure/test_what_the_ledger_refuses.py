"""Tables that differ by too few people: what the release ledger finds, and what it lets pass."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from environments.disclosure.ledger import compare as comparing
from environments.disclosure.ledger.compare import compare
from environments.disclosure.ledger.layers import layered
from environments.disclosure.ledger.model import CellName, LedgerTable, PersonSet
from environments.disclosure.ledger.within import within
from environments.disclosure.model import Cell, CellStatus, TableContext

SMALLEST = 10
Cells = dict[str, range | set[int]]
Whole = NDArray[np.int64]


def table(request: str, cells: Cells, smallest: int = SMALLEST) -> LedgerTable:
    """A table of these cells, as the ledger lays it."""
    sets = [PersonSet.of(CellName(request, "t.csv", name), BitMap(people)) for name, people in cells.items()]
    return LedgerTable.of(smallest, layered(sets, smallest))


def found(new: Cells, *earlier: Cells, smallest: int = SMALLEST) -> list[tuple[list[str], list[str]]]:
    """The cells that differ by too few: of the new table, and of the earlier ones."""
    tables = [table(f"r{number}", cells) for number, cells in enumerate(earlier)]
    return [
        ([cell.cell for cell in one.cells], [cell.cell for cell in one.earlier])
        for one in compare(table("new", new, smallest), tables)
    ]


def test_one_person_less() -> None:
    """The same group without one person: who has both tables knows that person's answer."""
    assert found({"ill": range(99)}, {"ill": range(100)}) == [(["ill"], ["ill"])]
    assert found({"ill": range(101)}, {"ill": range(100)}) == [(["ill"], ["ill"])]


@pytest.mark.parametrize(("few", "told"), [(0, False), (1, True), (9, True), (10, False)])
def test_from_which_number_on_people_are_enough(few: int, told: bool) -> None:
    """The same people are no difference; fewer than the owner lets be shown are too few; so many are enough."""
    assert bool(found({"all": range(100 + few)}, {"all": range(100)})) is told


def test_the_stricter_owner_counts() -> None:
    """Of the new table's owners and of the earlier one's."""
    assert found({"all": range(105)}, {"all": range(100)}, smallest=5)
    assert found({"all": range(112)}, {"all": range(100)}, smallest=15)


def test_other_people_are_no_difference() -> None:
    """Tables about others, and tables that cross, tell of no group that is small."""
    assert found({"all": range(100)}, {"all": range(200, 301)}) == []
    crossed: Cells = {f"c{n}": set(range(n, 1000, 7)) for n in range(7)}
    assert found(crossed, {f"d{n}": set(range(n, 1000, 5)) for n in range(5)}) == []


def test_a_total_against_the_sum_of_earlier_cells() -> None:
    """No single cell is near; the cells of the earlier table together are."""
    parts: Cells = {"0-39": range(0, 40), "40-69": range(40, 70), "70+": range(70, 95)}
    assert found({"everybody": range(100)}, parts) == [(["everybody"], ["70+", "40-69", "0-39"])]
    assert found({"0-69": range(72), "70+": range(72, 95)}, parts) != []


def test_cells_on_both_sides_that_make_a_margin() -> None:
    """Two new cells against two earlier ones, of which none is near another."""
    new: Cells = {"a": range(0, 50), "b": range(50, 100), "c": range(200, 300)}
    earlier: Cells = {"x": set(range(0, 100, 2)), "y": set(range(1, 100, 2)) - {99}, "z": range(200, 300)}
    assert found(new, earlier) == [(["a", "b"], ["y", "x"])]


def test_two_earlier_releases_about_different_people() -> None:
    """Women in one release, men in another: a third about everybody but three."""
    women, men = {"women": range(0, 50)}, {"men": range(50, 103)}
    assert found({"people": range(100)}, women, men) == [(["people"], ["women", "men"])]


def test_what_a_hidden_cell_hides() -> None:
    """An earlier table hid twenty people beside three; a new one shows the twenty: the three are told."""
    earlier: Cells = {"everybody": range(100), "0-39": range(0, 77)}
    assert found({"40-79": range(77, 97)}, earlier) == [(["40-79"], ["everybody beyond the cells below it"])]
    assert found({"40+": range(77, 100)}, earlier) == []


def test_what_a_table_tells_by_itself_is_not_told_again() -> None:
    """The three hidden people that an earlier table's total leaves over were judged with that table."""
    earlier: Cells = {"everybody": range(100), "0-39": range(0, 50), "40-79": range(50, 97)}
    new: Cells = {"everybody": range(100), "north": set(range(0, 100, 2)), "south": set(range(1, 100, 2))}
    assert found(new, earlier) == []
    assert found(earlier, new) == []


def test_the_same_table_again() -> None:
    """For another recipient, by another project: nothing new is told."""
    cells: Cells = {"everybody": range(100), "a": range(40), "b": range(40, 97)}
    assert found(cells, cells) == []


def test_nobody_is_no_set() -> None:
    """Zeros, empty tables, an empty ledger."""
    assert found({"none": set(), "all": range(50)}, {"none": set()}) == []
    assert found({}, {"all": range(50)}) == []
    assert found({"all": range(50)}) == []


def test_one_answer_for_all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a sample is looked at first, what is found is the same."""
    rng = np.random.default_rng(3)
    age, place, other = (rng.integers(0, size, 3000) for size in (6, 4, 5))
    few = np.arange(3000) % 997 == 0

    def cells(one: Whole, two: Whole, which: NDArray[np.bool_]) -> Cells:
        return {
            f"{a},{b}": set(np.flatnonzero((one == a) & (two == b) & which).tolist())
            for a in range(one.max() + 1)
            for b in range(two.max() + 1)
        }

    everybody = np.ones(3000, dtype=bool)
    earlier = [cells(age, place, everybody), cells(age // 2, other, everybody)]
    for which, told in ((everybody, False), (~few, True)):
        results = []
        for size in (1 << 16, 500):
            monkeypatch.setattr(comparing, "SAMPLE", size)
            monkeypatch.setattr(comparing, "FIRST", BitMap(range(size)))
            results.append(found(cells(age, place, which), *earlier))
        assert results[0] == results[1]
        assert bool(results[0]) is told


EVERYBODY: Cells = {"people": range(100)}
WOMEN: Cells = {"women": range(50)}
MEN: Cells = {"men": range(50, 103)}


@pytest.mark.parametrize("order", [*permutations([EVERYBODY, WOMEN, MEN])])
def test_three_releases_in_any_order(order: tuple[Cells, ...]) -> None:
    """Whichever of everybody, women and men comes last, it is the one that tells of three."""
    *earlier, last = order
    assert found(last, *earlier)


def test_a_release_that_fills_the_place() -> None:
    """A table of others that shares one woman does not keep the women from being laid beside the men."""
    filler: Cells = {"filler": {49, *range(500, 600)}}
    for earlier in permutations([MEN, filler, WOMEN]):
        assert found(EVERYBODY, *earlier)
    for earlier in permutations([EVERYBODY, filler, MEN]):
        assert found(WOMEN, *earlier)


def test_small_is_a_cell_by_the_rules_of_its_own_table() -> None:
    """Of two owners who show seven, one person more is told, whatever else a stricter owner let out."""
    five = [LedgerTable.of(5, table("r0", {"ill": range(7)}, 5).layers), table("r1", {"others": range(50, 90)})]
    assert compare(table("new", {"ill": range(8)}, 5), five)
    assert compare(table("new", {"ill": range(7)}, 5), five) == []
    assert compare(table("new", {"ill": range(12)}, 5), five) == []


def test_what_is_near_among_earlier_ones_alone_is_not_laid_to_a_new_one() -> None:
    """A new table that shares people with neither side of it is not refused for it."""
    assert found({"other": range(200, 250)}, EVERYBODY, {"people": range(99)}) == []
    assert found({"part": range(40)}, EVERYBODY, {"people": range(99)}) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [({}, True), ({"total_codes": ("Adults",)}, False), ({"total_codes": ("Adults",), "overlapping": ("age",)}, True)],
)
def test_a_total_and_its_parts_are_judged_by_the_check(said: dict[str, Any], told: bool) -> None:
    """What is hidden below a total was judged with the counts; where nothing says it is a total, it was not."""
    people = {"0-39": range(50), "40-79": range(50, 97), "Adults": range(100)}
    cells = [Cell({"age": code}, "people", "*", CellStatus.OK) for code in people]
    sets = [PersonSet.of(CellName("new", "t.csv", cell.name), BitMap(people[cell.categories["age"]])) for cell in cells]
    found = within(sets, cells, TableContext(count_column="people", **said), SMALLEST)
    assert bool(found) is told
