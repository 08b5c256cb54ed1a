"""The linear programmes of secondary suppression: how far an attacker can be led astray, and what that teaches."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import highspy
import numpy as np

from environments.disclosure.errors import EngineFailed

if TYPE_CHECKING:
    from environments.disclosure.protect import Need, Quantity

ENOUGH = 1 - 1e-6  # of a need
SCALED = 1e4  # amounts are brought to this size: the solver's slack is absolute
SUPPORT = 1e-7


class Programme:
    """A HiGHS model that grows; solved again from where it stood."""

    def __init__(self) -> None:
        self.model = highspy.Highs()  # type: ignore[no-untyped-call]
        self.model.silent()
        self.model.setOptionValue("mip_rel_gap", 0.0)
        self.model.setOptionValue("mip_abs_gap", 1e-6)
        self.model.setOptionValue("random_seed", 1)

    def add_variable(self, low: float, high: float, cost: float = 0.0) -> None:
        """A further column."""
        self.model.addCol(cost, low, high, 0, np.array([], dtype=np.int32), np.array([], dtype=float))

    def add_row(self, terms: Mapping[int, float], low: float, high: float) -> None:
        """A further constraint."""
        self.model.addRow(low, high, len(terms), np.array(list(terms), dtype=np.int32), np.array(list(terms.values())))

    def whole(self, size: int) -> None:
        """From now on the first columns are whole."""
        every = np.arange(size, dtype=np.int32)
        self.model.changeColsIntegrality(size, every, np.full(size, int(highspy.HighsVarType.kInteger), dtype=np.uint8))

    def solve(self, seconds: float) -> list[float] | None:
        """The best values; None when time is over. Raises EngineFailed when there are none."""
        self.model.setOptionValue("time_limit", self.model.getRunTime() + seconds)
        self.model.run()
        status = self.model.getModelStatus()
        if status == highspy.HighsModelStatus.kTimeLimit:
            return None
        if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kModelEmpty):
            raise EngineFailed(
                "The cells to hide could not be chosen.", where=f"solver status {status.name}",
                mend="Use --method suppress-and-round, and tell the data team.",
            )  # fmt: skip
        return list(self.model.getSolution().col_value)

    def bound(self) -> float:
        """The least that any choice costs, as far as is proven."""
        info = self.model.getInfo()
        return float(info.mip_dual_bound if math.isfinite(info.mip_dual_bound) else info.objective_function_value)


@dataclass(frozen=True)
class Cut:
    """The hidden among these cells, weighed so, must come to the need; for `of`, only if that one is hidden."""

    weights: dict[int, float]
    need: float
    of: int | None


class Attacker:
    """One quantity's attacker: how far the sensitive cells can be from their true values while all totals hold."""

    def __init__(
        self, sums: Sequence[tuple[int, tuple[int, ...]]], quantity: Quantity, primary: Collection[int]
    ) -> None:
        self.primary = frozenset(primary)
        largest = max((abs(value) for value in quantity.values), default=1.0) or 1.0
        scale = max(largest / SCALED, 1e-12)
        self.needs: dict[int, Need] = {}
        for cell, need in quantity.needs.items():
            self.needs[cell] = need.times(1 / scale)
        most = max((max(n.below, n.above, n.width) for n in self.needs.values()), default=1.0)
        far = 2 * math.fsum(abs(value) for value in quantity.values) / scale + 10 * most
        values, lows = np.array(quantity.values) / scale, np.array(quantity.lows) / scale
        self.down = np.where(np.isfinite(lows), np.maximum(values - np.nan_to_num(lows, neginf=0.0), 0.0), far)
        self.up = np.full(len(values), far)
        self.size = len(values)
        self.sums = sums
        self.programme = Programme()
        for _ in range(self.size):
            self.programme.add_variable(0.0, 0.0)
        entries = []
        for row, (total, parts) in enumerate(sums):
            terms = {total: 1.0} | dict.fromkeys(parts, -1.0)
            self.programme.add_row(terms, 0.0, 0.0)
            entries += [(cell, row, weight) for cell, weight in terms.items()]
        cells, rows, weights = zip(*entries, strict=True) if entries else ((), (), ())
        self.incidence = np.array(cells, dtype=np.int64), np.array(rows, dtype=np.int64), np.array(weights, dtype=float)
        self.least = np.zeros(self.size)
        self.most = np.zeros(self.size)

    def by_need(self) -> list[int]:
        """The sensitive cells, the neediest first."""
        return sorted(self.needs, key=lambda cell: -max(self.needs[cell].above, self.needs[cell].width))

    def unprotected(self, hidden: Collection[int]) -> list[int]:
        """The cells with a need, of those hidden, that this choice does not protect."""
        self._allow(dict.fromkeys(hidden, 1.0))
        return [
            cell for cell in self.by_need() if (cell in self.primary or cell in hidden) and not self._protects(cell)
        ]

    def protects(self, hidden: Collection[int]) -> bool:
        """Does this choice protect every cell that it hides?"""
        self._allow(dict.fromkeys(hidden, 1.0))
        return all(self._protects(cell) for cell in self.needs if cell in self.primary or cell in hidden)

    def cuts(self, hidden: Mapping[int, float], ends: float) -> Iterator[Cut]:
        """A cut for every need that this choice, whole or in fractions, does not meet."""
        self._allow(hidden)
        for cell, need in self.needs.items():
            if time.monotonic() > ends:
                return
            share = 1.0 if cell in self.primary else hidden.get(cell, 0.0)
            if share > SUPPORT:
                yield from self._cuts_of(cell, need.times(share), need)

    def play(self, cell: int, weights: np.ndarray, hidden: frozenset[int]) -> frozenset[int]:
        """Further cells to hide, the cheapest along which this one can move as far as it needs."""
        found: frozenset[int] = frozenset()
        for moved in self._moves(self.needs[cell]):
            self._allow(dict.fromkeys((*hidden, *found), 1.0))
            if self._protects(cell):
                break
            found |= self._cheapest(cell, moved, weights, hidden | found)
        return found

    # inside

    def _moves(self, need: Need) -> list[float]:
        """By how much it is moved: as far up as is asked, and as far down."""
        return [one for one in (max(need.above, need.width), -need.below) if one]

    def _allow(self, hidden: Mapping[int, float]) -> None:
        """Hidden cells may move as far as a reader thinks possible, others stay."""
        share = np.zeros(self.size)
        for cell, part in hidden.items():
            share[cell] = min(1.0, part) if part > 1e-9 else 0.0  # a solver misses 0 and 1 by a little
        for cell in self.primary:
            share[cell] = 1.0
        every = np.arange(self.size, dtype=np.int32)
        self.programme.model.changeColsBounds(self.size, every, -self.down * share, self.up * share)
        self.least[:] = 0.0
        self.most[:] = 0.0

    def _protects(self, cell: int) -> bool:
        need = self.needs[cell]
        if self._is_met(cell, need):
            return True
        for direction in (-1.0, 1.0):
            self._extreme(cell, direction)
            if self._is_met(cell, need):
                return True
        return False

    def _is_met(self, cell: int, need: Need) -> bool:
        low, high = self.least[cell], self.most[cell]
        return bool(high >= need.above * ENOUGH and -low >= need.below * ENOUGH and high - low >= need.width * ENOUGH)

    def _cuts_of(self, cell: int, need: Need, whole: Need) -> Iterator[Cut]:
        """need: as far as the cell is hidden; whole: if it is."""
        if self._is_met(cell, need):
            return
        up, above = self._extreme(cell, -1.0)
        if up < need.above * ENOUGH:
            yield from self._cut(cell, above, whole.above)
        if self._is_met(cell, need):
            return
        down, below = self._extreme(cell, 1.0)
        if -down < need.below * ENOUGH:
            yield from self._cut(cell, below, whole.below)
        if up - down < need.width * ENOUGH:
            yield from self._cut(cell, above + below, whole.width)

    def _cut(self, cell: int, reach: np.ndarray, need: float) -> Iterator[Cut]:
        """What the primaries and the cell itself give already is taken off the need."""
        given = self.primary | {cell}
        left = need - float(reach[sorted(given)].sum())
        if left > need * (1 - ENOUGH):
            others = {int(one): float(reach[one]) for one in np.flatnonzero(reach > 0) if int(one) not in given}
            yield Cut(others, left, None if cell in self.primary else cell)

    def _extreme(self, cell: int, direction: float) -> tuple[float, np.ndarray]:
        """The end (least for 1.0, greatest for -1.0), and how far each cell, if hidden, lets it go at most."""
        model = self.programme.model
        model.changeColCost(cell, direction)
        model.run()
        if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            model.clearSolver()
            model.run()
        if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise EngineFailed("The attack on a hidden cell could not be finished.",
                               where=f"secondary suppression, {model.getModelStatus().name}",
                               mend="Use --method suppress-and-round, and tell the data team.")  # fmt: skip
        solution = model.getSolution()
        values, duals = np.array(solution.col_value), np.array(solution.row_dual)
        model.changeColCost(cell, 0.0)
        np.minimum(self.least, values, out=self.least)
        np.maximum(self.most, values, out=self.most)
        cells, rows, weights = self.incidence
        reduced = np.zeros(self.size)
        reduced[cell] = direction
        np.subtract.at(reduced, cells, weights * duals[rows])
        reach = np.where(reduced > 0, reduced * self.down, -reduced * self.up)
        reach[np.abs(reduced) < 1e-9] = 0.0
        return float(values[cell]), reach

    def _cheapest(self, cell: int, moved: float, weights: np.ndarray, hidden: frozenset[int]) -> frozenset[int]:
        """The cells along which `cell` moves by `moved`, by the cheapest flow; what is hidden costs nothing."""
        programme = Programme()
        price = np.where(np.isfinite(weights), weights, 0.0)
        price[list(hidden | self.primary)] = 0.0
        free = hidden | self.primary
        for one in range(self.size):
            may = one in free or math.isfinite(weights[one])
            programme.add_variable(0.0, self.up[one] if may else 0.0, float(price[one]) + 1e-9)
        for one in range(self.size):
            may = one in free or math.isfinite(weights[one])
            programme.add_variable(0.0, self.down[one] if may else 0.0, float(price[one]) + 1e-9)
        for total, parts in self.sums:
            terms = {total: 1.0} | dict.fromkeys(parts, -1.0)
            programme.add_row(terms | {self.size + one: -weight for one, weight in terms.items()}, 0.0, 0.0)
        programme.add_row({cell: 1.0, self.size + cell: -1.0}, moved, moved)
        values = np.array(programme.solve(math.inf))
        moving = np.flatnonzero(np.abs(values[: self.size] - values[self.size :]) > SUPPORT * abs(moved))
        return frozenset(int(one) for one in moving) - free
