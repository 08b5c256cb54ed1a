"""What can a reader work out of the hidden cells? An attacker's linear programme over the totals, with HiGHS.

Each hidden cell's least and greatest possible value, given what every shown number may stand for. Only cells tied
together by totals are solved together. Rule: rules/disclosure.md, secondary suppression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import highspy

from environments.disclosure.errors import EngineFailed, TableUnfit

MOST_CELLS = 20_000
MOST_TARGETS = 2_000
FEW_TARGETS = 150  # up to so many, each cell's ends are worked out
FIRST_TABLES = 8
MOST_WORK = 2_000_000  # cells times programmes: about half a minute
SLACK = 1e-6
DECIDED = frozenset(
    {
        highspy.HighsModelStatus.kOptimal,
        highspy.HighsModelStatus.kUnbounded,
        highspy.HighsModelStatus.kInfeasible,
    }
)


Range = tuple[int, "int | None"]


@dataclass(frozen=True)
class Sum:
    """A total and its parts, as numbers of cells: the cell `total` is the sum of the cells `parts`."""

    total: int
    parts: tuple[int, ...]


def possible_values(
    ranges: Sequence[Range], sums: Sequence[Sum], targets: Iterable[int], wide: Callable[[int, int], bool] | None = None
) -> dict[int, Range] | None:
    """For each target its least and greatest value; None when no table fits the totals at all.

    ranges: what is known of each cell by itself. wide: are these values so far apart that the ends need not be known?
    Then targets that turn out wide are left out of the answer where there are many. Raises TableUnfit when the table
    is too large to be tried.
    """
    wanted = set(targets)
    if len(ranges) > MOST_CELLS or len(wanted) > MOST_TARGETS:
        raise _too_large()
    found: dict[int, Range] = {}
    for cells, tied in _components(len(ranges), sums):
        inside = sorted(wanted & cells)
        if tied and inside:
            solved = _Programme(sorted(cells), ranges, tied).ends(inside, wide)
            if solved is None:
                return None
            found |= solved
    return found


def _components(size: int, sums: Sequence[Sum]) -> list[tuple[set[int], list[Sum]]]:
    """The groups of cells that totals tie together, each with its sums."""
    root = list(range(size))

    def find(cell: int) -> int:
        while root[cell] != cell:
            root[cell] = root[root[cell]]
            cell = root[cell]
        return cell

    for one in sums:
        for part in one.parts:
            root[find(part)] = find(one.total)
    groups: dict[int, tuple[set[int], list[Sum]]] = {}
    for one in sums:
        cells, tied = groups.setdefault(find(one.total), (set(), []))
        cells |= {one.total, *one.parts}
        tied.append(one)
    return list(groups.values())


def _too_large() -> TableUnfit:
    return TableUnfit(
        "The table has too many cells, or too many hidden ones, under its totals to be tried.",
        mend="Split it, make the categories coarser, or leave the totals out.",
    )


def _unfinished(status: str) -> EngineFailed:
    return EngineFailed(
        "The attack on the hidden cells could not be finished.",
        where=f"solver status {status}",
        mend="Ask for the check again; if it fails again, leave the totals out and tell the data team.",
    )


class _Programme:
    """The cells that totals tie together, as one linear programme that is solved again and again."""

    def __init__(self, cells: list[int], ranges: Sequence[Range], sums: list[Sum]) -> None:
        self._place = {cell: number for number, cell in enumerate(cells)}
        self._model = highspy.Highs()  # type: ignore[no-untyped-call]
        self._model.silent()
        self._model.setOptionValue("allow_unbounded_or_infeasible", False)
        self._seen_low = [math.inf] * len(cells)
        self._seen_high = [-math.inf] * len(cells)
        for cell in cells:
            low, high = ranges[cell]
            self._model.addVar(float(low), highspy.kHighsInf if high is None else float(high))
        for one in sums:
            columns = [self._place[one.total], *(self._place[part] for part in one.parts)]
            self._model.addRow(0.0, 0.0, len(columns), columns, [1.0] + [-1.0] * len(one.parts))

    def ends(self, targets: list[int], wide: Callable[[int, int], bool] | None) -> dict[int, Range] | None:
        """The ends of each target; where there are many, only of those that are not seen to be wide on the way."""
        if len(targets) <= FEW_TARGETS:
            wide = None
        if wide is not None and not self._look_around(targets, wide):
            return None
        open_ones = len(targets) if wide is None else sum(not self._is_wide(target, wide) for target in targets)
        if open_ones * len(self._place) > MOST_WORK:
            raise _too_large()
        found: dict[int, Range] = {}
        for target in targets:
            if wide is not None and self._is_wide(target, wide):
                continue
            low = self._extreme(self._place[target], 1.0)
            if low is False:
                return None
            high = self._extreme(self._place[target], -1.0)
            if low is None or high is False:  # counts are never below zero, and what fitted once fits again
                raise _unfinished("contradiction")
            found[target] = (math.ceil(low - SLACK), None if high is None else math.floor(high + SLACK))
        return found

    def _look_around(self, targets: list[int], wide: Callable[[int, int], bool]) -> bool:
        """Some tables that fit, far apart; False when none does. Weights are fixed, so that a check can be repeated."""
        columns = [self._place[target] for target in targets]
        for turn in range(FIRST_TABLES):
            for number, column in enumerate(columns):
                self._model.changeColCost(column, 1.0 if (number >> (turn // 2) & 1) == turn % 2 else -1.0)
            if self._run() is False:
                return False
            if turn % 2 and all(self._is_wide(target, wide) for target in targets):
                break
        for column in columns:
            self._model.changeColCost(column, 0.0)
        return True

    def _is_wide(self, target: int, wide: Callable[[int, int], bool]) -> bool:
        low, high = self._seen_low[self._place[target]], self._seen_high[self._place[target]]
        if not math.isfinite(low) or not math.isfinite(high):
            return False
        return wide(math.ceil(low - SLACK), math.floor(high + SLACK))

    def _extreme(self, column: int, direction: float) -> float | None | Literal[False]:
        """The least (1.0) or greatest (-1.0) value of one cell; None: without an end; False: no table fits."""
        self._model.changeColCost(column, direction)
        values = self._run()
        self._model.changeColCost(column, 0.0)
        return float(values[column]) if isinstance(values, list) else values

    def _run(self) -> list[float] | None | Literal[False]:
        """A table that fits and is best; None without an end, False when none fits. Raises EngineFailed."""
        self._model.run()
        status = self._model.getModelStatus()
        if status not in DECIDED:  # a warm start may lead the solver astray: once more from nothing
            self._model.clearSolver()
            self._model.run()
            status = self._model.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            values = list(self._model.getSolution().col_value)
            self._seen_low = list(map(min, self._seen_low, values))
            self._seen_high = list(map(max, self._seen_high, values))
            return values
        if status == highspy.HighsModelStatus.kUnbounded:
            return None
        if status == highspy.HighsModelStatus.kInfeasible:
            return False
        raise _unfinished(status.name)
