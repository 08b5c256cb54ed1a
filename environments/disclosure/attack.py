"""What can a reader work out of the hidden cells? An attacker's linear programme over the totals, with HiGHS.

Each hidden cell's least and greatest possible value, given what every shown number may stand for. Only cells tied
together by totals are solved together. Rule: rules/disclosure.md, secondary suppression.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import highspy

from environments.disclosure.errors import EngineFailed, TableUnfit

MOST_CELLS = 20_000
MOST_TARGETS = 2_000
SLACK = 1e-6


@dataclass(frozen=True)
class Sum:
    """A total and its parts, as numbers of cells: the cell `total` is the sum of the cells `parts`."""

    total: int
    parts: tuple[int, ...]


def possible_values(
    ranges: Sequence[tuple[int, int | None]], sums: Sequence[Sum], targets: Iterable[int]
) -> dict[int, tuple[int, int | None]] | None:
    """For each target its least and greatest value; None when no table fits the totals at all.

    ranges: what is known of each cell by itself. Raises TableUnfit when the table is too large to be tried.
    """
    wanted = set(targets)
    if len(ranges) > MOST_CELLS or len(wanted) > MOST_TARGETS:
        raise TableUnfit(
            "The table has too many cells, or too many hidden ones, under its totals to be tried.",
            mend="Split it, or leave the totals out.",
        )
    found: dict[int, tuple[int, int | None]] = {}
    for cells, tied in _components(len(ranges), sums):
        inside = sorted(wanted & cells)
        if tied and inside:
            solved = _solve(sorted(cells), ranges, tied, inside)
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


def _solve(
    cells: list[int], ranges: Sequence[tuple[int, int | None]], sums: list[Sum], targets: list[int]
) -> dict[int, tuple[int, int | None]] | None:
    place = {cell: number for number, cell in enumerate(cells)}
    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.silent()
    for cell in cells:
        known = ranges[cell]
        model.addVar(float(known[0]), float(known[1]) if known[1] is not None else highspy.kHighsInf)
    for one in sums:
        columns = [place[one.total], *(place[part] for part in one.parts)]
        model.addRow(0.0, 0.0, len(columns), columns, [1.0] + [-1.0] * len(one.parts))
    found: dict[int, tuple[int, int | None]] = {}
    for target in targets:
        low = _extreme(model, place[target], 1.0)
        if low is None:
            return None
        high = _extreme(model, place[target], -1.0)
        found[target] = (math.ceil(low - SLACK), None if high is None else math.floor(high + SLACK))
    return found


def _extreme(model: highspy.Highs, column: int, direction: float) -> float | None:
    """The least (1.0) or greatest (-1.0) value of one cell; None: infeasible, or no upper end."""
    model.changeColCost(column, direction)
    model.run()
    status = model.getModelStatus()
    value = model.getSolution().col_value[column] if status == highspy.HighsModelStatus.kOptimal else None
    model.changeColCost(column, 0.0)
    if value is not None:
        return float(value)
    ends = {
        highspy.HighsModelStatus.kInfeasible,
        highspy.HighsModelStatus.kUnbounded,
        highspy.HighsModelStatus.kUnboundedOrInfeasible,
    }
    if status in ends:
        return None
    raise EngineFailed(
        "The attack on the hidden cells could not be finished.",
        where=f"solver status {status.name}",
        mend="Ask for the check again; if it fails again, leave the totals out and tell the data team.",
    )
