"""Which further cells must be hidden, so that none of the sensitive ones can be worked out? The cheapest, with HiGHS.

The exact way is that of Fischetti and Salazar (2000): a programme of what to hide, which an attacker's linear
programmes teach, cut by cut, what protects; it ends with the optimum and its proof. Where that takes too long, the
heuristic of Kelly and others: each sensitive cell in turn is given its play along the cheapest cells, and what turned
out not to be needed is shown again. Counts and amounts of one table are protected together: a cell is hidden for both.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from environments.disclosure.errors import EngineFailed
from environments.disclosure.programmes import Attacker, Cut, Programme

MOST_EXACT = 2_000  # cells that may be hidden
LONGEST_EXACT = 60.0  # seconds
LONGEST_CLEANING = 60.0
FRACTIONAL_ROUNDS = 25


@dataclass(frozen=True)
class Need:
    """How far around its true value a hidden cell must stay possible: below, above, and from end to end."""

    below: float = 0.0
    above: float = 0.0
    width: float = 0.0

    def times(self, factor: float) -> Need:
        """The same in another unit."""
        return Need(self.below * factor, self.above * factor, self.width * factor)


@dataclass(frozen=True)
class Quantity:
    """What is shown in each cell, counts or amounts; lows: the least a reader thinks possible of each if hidden.

    needs: of each sensitive cell, and of others that must be protected if they are hidden.
    """

    values: tuple[float, ...]
    lows: tuple[float, ...]
    needs: dict[int, Need]


@dataclass(frozen=True)
class Hiding:
    """The task. sums: a total's number and its parts'. weights: what hiding each costs; None: it must be shown."""

    weights: tuple[float | None, ...]
    primary: frozenset[int]
    sums: tuple[tuple[int, tuple[int, ...]], ...]
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True)
class Hidden:
    """Which cells are hidden besides the sensitive ones; cost is theirs, bound the least any choice costs.

    unprotected: sensitive cells that no choice protects: all that may be hidden is, then.
    """

    secondary: frozenset[int]
    cost: float
    bound: float | None
    proven: bool
    method: str
    unprotected: frozenset[int] = frozenset()


def choose(task: Hiding, whole_enough: Callable[[frozenset[int]], bool], *, seconds: float = LONGEST_EXACT) -> Hidden:
    """The cells to hide. whole_enough: does this choice also protect among whole numbers? Raises EngineFailed."""
    attackers = [Attacker(task.sums, one, task.primary) for one in task.quantities]
    everything = frozenset(cell for cell, weight in enumerate(task.weights) if weight is not None) - task.primary
    while lost := frozenset(cell for one in attackers for cell in one.unprotected(everything)):
        if lost & task.primary:
            return Hidden(everything, _cost(task, everything), None, False, "none", lost & task.primary)
        everything -= lost  # nothing protects them if they are hidden: they are shown
    if len(everything) <= MOST_EXACT:
        found = _Exact(task, attackers, everything, whole_enough, seconds).solve()
        if found.proven:
            return found
        bound = found.bound
    else:
        bound = None
    secondary = _heuristic(task, attackers, everything, whole_enough)
    return Hidden(secondary, _cost(task, secondary), bound, False, "heuristic")


def _cost(task: Hiding, cells: Iterable[int]) -> float:
    return math.fsum(task.weights[cell] or 0.0 for cell in cells)


class _Exact:
    """What to hide, taught by the attackers until they find nothing."""

    def __init__(
        self, task: Hiding, attackers: Sequence[Attacker], everything: frozenset[int],
        whole_enough: Callable[[frozenset[int]], bool], seconds: float,
    ) -> None:  # fmt: skip
        self.task = task
        self.attackers = attackers
        self.cells = sorted(everything)
        self.column = {cell: place for place, cell in enumerate(self.cells)}
        self.whole_enough = whole_enough
        self.ends = time.monotonic() + seconds
        self.model = Programme()
        for cell in self.cells:
            self.model.add_variable(0.0, 1.0, task.weights[cell] or 0.0)
        self._no_cell_alone()

    def solve(self) -> Hidden:
        """The optimum; or, when the time is over, how much it costs at least."""
        bound = 0.0
        for _ in range(FRACTIONAL_ROUNDS):
            hidden = self._solved()
            if hidden is None or not self._learn(hidden):
                break
        self.model.whole(len(self.cells))
        while (hidden := self._solved()) is not None:
            bound = self.model.bound()
            secondary = frozenset(cell for cell in self.cells if hidden[cell] > 0.5)
            if self._learn({cell: float(cell in secondary) for cell in self.cells}):
                continue
            if self.whole_enough(secondary):
                return Hidden(secondary, _cost(self.task, secondary), bound, True, "exact")
            self._more_than(secondary)
        return Hidden(frozenset(), 0.0, bound, False, "exact")

    def _solved(self) -> dict[int, float] | None:
        """What to hide as far as learnt; None when the time is over."""
        left = self.ends - time.monotonic()
        values = self.model.solve(left) if left > 0 else None
        return None if values is None else dict(zip(self.cells, values, strict=True))

    def _learn(self, hidden: dict[int, float]) -> bool:
        """Add every cut that this choice violates; were there any?"""
        cuts = [cut for one in self.attackers for cut in one.cuts(hidden, self.ends)]
        for cut in cuts:
            self._add(cut)
        return bool(cuts)

    def _add(self, cut: Cut) -> None:
        """Enough of these cells must be hidden; no coefficient is worth more than all that is needed."""
        terms = {
            self.column[cell]: min(weight / cut.need, 1.0)
            for cell, weight in cut.weights.items()
            if cell in self.column
        }
        terms = {place: weight for place, weight in terms.items() if weight > 1e-7}
        if cut.of is None:
            self.model.add_row(terms, 1.0 - 1e-7, math.inf)
        else:
            self.model.add_row(terms | {self.column[cut.of]: -1.0}, 0.0, math.inf)

    def _more_than(self, secondary: frozenset[int]) -> None:
        """What does not protect, does not protect with fewer hidden either: at least one more."""
        self.model.add_row({self.column[cell]: 1.0 for cell in self.cells if cell not in secondary}, 1.0, math.inf)

    def _no_cell_alone(self) -> None:
        """A cell that is hidden alone in a line is worked out at once: it might as well be shown."""
        for total, parts in self.task.sums:
            line = (total, *parts)
            if any(cell in self.task.primary for cell in line):
                alone = [cell for cell in line if cell in self.task.primary]
                if len(alone) == 1:
                    self.model.add_row({self.column[c]: 1.0 for c in line if c in self.column}, 1.0, math.inf)
                continue
            free = [cell for cell in line if cell in self.column]
            for cell in free:
                others = {self.column[one]: 1.0 for one in free if one != cell}
                self.model.add_row({self.column[cell]: -1.0, **others}, 0.0, math.inf)


def _heuristic(
    task: Hiding, attackers: Sequence[Attacker], everything: frozenset[int],
    whole_enough: Callable[[frozenset[int]], bool],
) -> frozenset[int]:  # fmt: skip
    """Each sensitive cell is given its play along the cheapest cells; then what is not needed is shown again."""
    weights = np.array([math.inf if weight is None else max(weight, 1e-6) for weight in task.weights])
    secondary: frozenset[int] = frozenset()
    shown = frozenset(range(len(weights))) - everything - task.primary
    weights[list(shown)] = math.inf
    before = None
    while before != secondary:  # what is hidden for one may have a need of its own
        before = secondary
        for one in attackers:
            for cell in one.by_need():
                if cell in task.primary or cell in secondary:
                    secondary |= one.play(cell, weights, secondary)
    kept = _cleaned(secondary, weights, attackers)
    for choice in (kept, secondary, everything):
        if whole_enough(choice):
            return choice
    raise EngineFailed(
        "No choice of hidden cells protects the sensitive ones among whole numbers.",
        where="secondary suppression",
        mend="Make the categories coarser, or leave totals out.",
    )


def _cleaned(secondary: frozenset[int], weights: np.ndarray, attackers: Sequence[Attacker]) -> frozenset[int]:
    """Without the cells that turn out not to be needed, the dearest looked at first."""
    ends = time.monotonic() + LONGEST_CLEANING
    for cell in sorted(secondary, key=lambda one: -weights[one]):
        if time.monotonic() > ends:
            break
        if all(one.protects(secondary - {cell}) for one in attackers):
            secondary -= {cell}
    return secondary
