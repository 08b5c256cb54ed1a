"""What can a reader work out of the hidden cells? An attacker's linear programme over the totals, with HiGHS.

Each hidden cell's least and greatest possible value, given what every shown number may stand for. Only hidden cells
that totals tie together are solved together; counts are whole, so an end that the linear programme puts on a fraction
is asked for again among whole tables. Rule: rules/disclosure.md, secondary suppression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import highspy
import numpy as np

from environments.disclosure.errors import EngineFailed, TableUnfit

MOST_CELLS = 50_000
MOST_TARGETS = 10_000
FEW_TARGETS = 150  # up to so many, each cell's ends are worked out
FIRST_TABLES = 8
MOST_WORK = 4_000_000  # cells times programmes: about a minute
SLACK = 1e-6
LONGEST_WHOLE = 20.0  # seconds for one end among whole tables
LARGEST_SCALED = 1e4  # amounts are brought to this size: the solver's slack is absolute
DECIDED = frozenset(
    {
        highspy.HighsModelStatus.kOptimal,
        highspy.HighsModelStatus.kUnbounded,
        highspy.HighsModelStatus.kInfeasible,
    }
)


Range = tuple["float | None", "float | None"]
"""Least and greatest; None: without an end."""
Wide = Callable[[float, float], bool]


@dataclass(frozen=True)
class Sum:
    """A total and its parts, as numbers of cells: the cell `total` is the sum of the cells `parts`, less `excess`.

    overlapping: people may be in several parts, so that the total is at most their sum, and at least each of them.
    slack: by how much the shown numbers may miss, having been written with few decimals.
    """

    total: int
    parts: tuple[int, ...]
    excess: float = 0.0
    overlapping: bool = False
    slack: float = 0.0


def possible_values(
    ranges: Sequence[Range],
    sums: Sequence[Sum],
    targets: Iterable[int],
    wide: Wide | None = None,
    *,
    whole: bool = True,
) -> dict[int, Range] | None:
    """For each target that a total ties its least and greatest value; None when no table fits the totals at all.

    ranges: what is known of each cell by itself. wide: are these values so far apart that the ends need not be known?
    Then targets that turn out wide are left out of the answer where there are many. whole: counts, not amounts. Raises
    TableUnfit when the table is too large to be tried.
    """
    wanted = set(targets)
    if len(ranges) > MOST_CELLS or len(wanted) > MOST_TARGETS:
        raise _too_large()
    known = list(ranges)
    rows = _settle([row for one in sums for row in _rows(one)], known, whole)
    if rows is None:
        return None
    tied = {cell for one in sums for cell in (one.total, *one.parts)}
    found: dict[int, Range] = {cell: known[cell] for cell in wanted & tied}
    for cells, group in _components(rows):
        solved = _Programme(sorted(cells), known, group, whole).ends(sorted(wanted & cells), wide)
        if solved is None:
            return None
        found = {cell: ends for cell, ends in found.items() if cell not in cells} | solved
    return found


def _settle(rows: list[_Row], ranges: list[Range], whole: bool) -> list[_Row] | None:
    """The rows with at least two unknown cells, after every cell that one row alone tells was put into `ranges`.

    Done by subtraction, so that what a reader gets by subtraction comes out as it is. None: nothing fits.
    """
    while True:
        known = {cell: low for cell, (low, high) in enumerate(ranges) if low is not None and low == high}
        rows = [row.without(known) for row in rows]
        if any(not row.terms and not row.low - row.room() <= 0 <= row.high + row.room() for row in rows):
            return None
        singles = [row for row in rows if len(row.terms) == 1]
        rows = [row for row in rows if len(row.terms) > 1]
        for row in singles:
            (cell,) = row.terms
            ends = _tightened(ranges[cell], row, whole)
            if ends is None:
                return None
            ranges[cell] = ends
        if not singles:
            return rows


def _tightened(ends: Range, row: _Row, whole: bool) -> Range | None:
    """The range of the one cell of this row, by the row as well; None when they contradict each other."""
    ((_, weight),) = row.terms.items()
    low, high = sorted((row.low / weight, row.high / weight))
    if whole:
        low = math.ceil(low - SLACK) if math.isfinite(low) else low
        high = math.floor(high + SLACK) if math.isfinite(high) else high
    low = low if ends[0] is None else max(low, ends[0])
    high = high if ends[1] is None else min(high, ends[1])
    if low > high + (0.0 if whole else row.room()):
        return None
    low = min(low, high)
    return (low if math.isfinite(low) else None, high if math.isfinite(high) else None)


@dataclass(frozen=True)
class _Row:
    """low <= sum of the terms <= high, after what is known was taken out; `seen`: how large what was taken out is."""

    terms: dict[int, float]
    low: float
    high: float
    seen: float = 0.0

    def without(self, known: dict[int, float]) -> _Row:
        """The same with the known cells on the other side."""
        held = math.fsum(weight * known[cell] for cell, weight in self.terms.items() if cell in known)
        seen = max((abs(known[cell]) for cell in self.terms if cell in known), default=0.0)
        terms = {cell: weight for cell, weight in self.terms.items() if cell not in known}
        return _Row(terms, self.low - held, self.high - held, max(seen, self.seen))

    def room(self) -> float:
        """What binary fractions of large amounts may miss."""
        return SLACK * min(1.0, self.seen) + 1e-9 * self.seen


def _rows(one: Sum) -> list[_Row]:
    terms = {one.total: 1.0} | dict.fromkeys(one.parts, -1.0)
    if not one.overlapping:
        return [_Row(terms, -one.excess - one.slack, -one.excess + one.slack)]
    each = [_Row({one.total: 1.0, part: -1.0}, 0.0, math.inf) for part in one.parts]
    return [_Row(terms, -math.inf, 0.0), *each]


def _components(rows: Sequence[_Row]) -> list[tuple[set[int], list[_Row]]]:
    """The groups of hidden cells that totals tie together, each with its rows."""
    root: dict[int, int] = {}

    def find(cell: int) -> int:
        root.setdefault(cell, cell)
        while root[cell] != cell:
            root[cell] = root[root[cell]]
            cell = root[cell]
        return cell

    for row in rows:
        first, *others = row.terms
        find(first)
        for other in others:
            root[find(other)] = find(first)
    groups: dict[int, tuple[set[int], list[_Row]]] = {}
    for row in rows:
        cells, tied = groups.setdefault(find(next(iter(row.terms))), (set(), []))
        cells.update(row.terms)
        tied.append(row)
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

    def __init__(self, cells: list[int], ranges: Sequence[Range], rows: list[_Row], whole: bool) -> None:
        self._place = {cell: number for number, cell in enumerate(cells)}
        self._whole = whole
        self._model = highspy.Highs()  # type: ignore[no-untyped-call]
        self._model.silent()
        self._model.setOptionValue("allow_unbounded_or_infeasible", False)
        self._model.setOptionValue("mip_rel_gap", 0.0)
        self._model.setOptionValue("mip_abs_gap", 0.5)
        self._seen_low = [math.inf] * len(cells)
        self._seen_high = [-math.inf] * len(cells)
        self._scale = 1.0 if whole else _scale(ranges, cells, rows)
        for cell in cells:
            low, high = ranges[cell]
            self._model.addVar(self._bound(low, -1), self._bound(high, 1))
        for row in rows:
            columns = [self._place[cell] for cell in row.terms]
            low, high = self._bound(row.low, -1), self._bound(row.high, 1)
            self._model.addRow(low, high, len(columns), columns, list(row.terms.values()))

    def _bound(self, value: float | None, side: int) -> float:
        if value is None or math.isinf(value):
            return side * float(highspy.kHighsInf)
        return value / self._scale

    def ends(self, targets: list[int], wide: Wide | None) -> dict[int, Range] | None:
        """The ends of each target; where there are many, only of those that are not seen to be wide on the way."""
        if len(targets) <= FEW_TARGETS:
            wide = None
        if not self._look_around(targets if wide is not None else [], wide):
            return None
        open_ones = len(targets) if wide is None else sum(not self._is_wide(target, wide) for target in targets)
        if open_ones * len(self._place) > MOST_WORK:
            raise _too_large()
        found: dict[int, Range] = {}
        for target in targets:
            if wide is not None and self._is_wide(target, wide):
                continue
            low = self._extreme(self._place[target], 1.0)
            high = self._extreme(self._place[target], -1.0)
            if low is False or high is False:
                return None  # fractions fit the totals, whole numbers do not
            found[target] = (self._end(low, math.ceil, -SLACK), self._end(high, math.floor, SLACK))
        return found

    def _end(self, value: float | None, whole: Callable[[float], int], slack: float) -> float | None:
        if value is None:
            return None
        return whole(value + slack) if self._whole else value * self._scale

    def _look_around(self, targets: list[int], wide: Wide | None) -> bool:
        """Does any table fit? Some that do, far apart. Weights are fixed, so that a check can be repeated."""
        if wide is None:
            return self._run() is not False
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

    def _is_wide(self, target: int, wide: Wide) -> bool:
        low, high = self._seen_low[self._place[target]], self._seen_high[self._place[target]]
        return math.isfinite(low) and math.isfinite(high) and wide(low * self._scale, high * self._scale)

    def _extreme(self, column: int, direction: float) -> float | None | Literal[False]:
        """The least (1.0) or greatest (-1.0) value of one cell; None: without an end; False: no table fits."""
        self._model.changeColCost(column, direction)
        values = self._run()
        if self._whole and isinstance(values, list) and not _are_whole(values):
            values = self._run_whole()
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
        return self._answer(status)

    def _run_whole(self) -> list[float] | None | Literal[False]:
        """The same among tables of whole numbers."""
        size = len(self._place)
        every = list(range(size))
        self._model.changeColsIntegrality(size, every, _kinds(highspy.HighsVarType.kInteger, size))
        self._model.setOptionValue("time_limit", self._model.getRunTime() + LONGEST_WHOLE)
        self._model.run()
        answer_status = self._model.getModelStatus()
        try:
            if answer_status not in DECIDED:
                raise _too_large()
            return self._answer(answer_status)
        finally:
            self._model.setOptionValue("time_limit", math.inf)
            self._model.changeColsIntegrality(size, every, _kinds(highspy.HighsVarType.kContinuous, size))

    def _answer(self, status: highspy.HighsModelStatus) -> list[float] | None | Literal[False]:
        if status == highspy.HighsModelStatus.kOptimal:
            values = list(self._model.getSolution().col_value)
            if not self._whole or _are_whole(values):
                self._seen_low = list(map(min, self._seen_low, values))
                self._seen_high = list(map(max, self._seen_high, values))
            return values
        if status == highspy.HighsModelStatus.kUnbounded:
            return None
        if status == highspy.HighsModelStatus.kInfeasible:
            return False
        raise _unfinished(status.name)


def _kinds(kind: highspy.HighsVarType, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full(size, int(kind), dtype=np.uint8)


def _are_whole(values: Sequence[float]) -> bool:
    return all(abs(value - round(value)) < SLACK for value in values)


def _scale(ranges: Sequence[Range], cells: Sequence[int], rows: Sequence[_Row]) -> float:
    ends = [end for cell in cells for end in ranges[cell] if end is not None]
    sides = [side for row in rows for side in (row.low, row.high) if math.isfinite(side)]
    return max((abs(one) for one in (*ends, *sides)), default=0.0) / LARGEST_SCALED or 1.0
