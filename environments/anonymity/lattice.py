"""Which of all generalisations loses least and is anonymous enough? An exact search over the lattice of levels.

A node names one level for each quasi-identifier (full-domain generalisation, Samarati 2001). What a node loses before
any row is left out is a sum over the columns, known without counting: nodes are taken in that order, and the search
ends when the next would lose as much as the best that was found. A coarser node joins classes, so that fewer rows fall
below k or l (El Emam and others 2009): a node that leaves too many out rules out all finer ones, and a search by halves
up a path finds such nodes soon. For t that holds only where no row may be left out; else t rules out the node alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from environments.anonymity.spread import Bools, Floats, Ints

MOST_NODES = 2_000_000


@dataclass(frozen=True)
class Outcome:
    """What came of one node: what it loses (None: it does not do), and whether every finer node fails too."""

    loss: float | None
    rules_out_finer: bool


@dataclass(frozen=True)
class Found:
    """The best node with its loss, and how many of the lattice's nodes were counted."""

    levels: tuple[int, ...]
    loss: float
    counted: int
    nodes: int


def least_loss(bounds: list[Floats], judge: Callable[[tuple[int, ...]], Outcome]) -> Found | None:
    """The node that loses least, or None where no node does.

    bounds: for each column, what each of its levels loses at least, from the finest; they never fall. A node loses
    their sum or more. judge: counts one node; it must rule finer nodes out wherever going up a path only ever mends.
    """
    return _Search(bounds, judge).result()


class _Search:
    """One search. open: nodes of which nothing is known; fits: nodes that were counted and do."""

    def __init__(self, bounds: list[Floats], judge: Callable[[tuple[int, ...]], Outcome]) -> None:
        self._judge = judge
        self._bounds = bounds
        heights = [len(one) for one in bounds]
        self.nodes = np.stack([axis.ravel() for axis in np.indices(heights)], axis=1).astype(np.int64)
        self.least: Floats = np.sum([one[self.nodes[:, place]] for place, one in enumerate(bounds)], axis=0)
        self.open: Bools = np.ones(len(self.nodes), dtype=bool)
        self.fits: Bools = np.zeros(len(self.nodes), dtype=bool)
        self._strides: Ints = np.cumprod([1, *heights[:0:-1]])[::-1]
        self._best: tuple[float, int] | None = None
        self._counted = 0

    def result(self) -> Found | None:
        """The nodes in the order of what they lose at least, each with what it rules out."""
        for node in np.argsort(self.least, kind="stable").tolist():
            if self._best is not None and self.least[node] >= self._best[0]:
                break
            if self.open[node]:
                self._up_from(node)
        if self._best is None:
            return None
        loss, best = self._best
        return Found(tuple(self.nodes[best].tolist()), loss, self._counted, len(self.nodes))

    def _up_from(self, node: int) -> None:
        """Find by halves where on a path to the top nodes begin to do; then nothing of the node is left unknown."""
        path = self._path(node)
        low, high = 0, len(path) - 1
        while low <= high:
            middle = (low + high) // 2
            if self._does(path[middle]):
                high = middle - 1
            else:
                low = middle + 1
        self._does(node)  # where what failed above it has not ruled it out

    def _does(self, node: int) -> bool:
        if self.open[node]:
            outcome = self._judge(tuple(self.nodes[node].tolist()))
            self._counted += 1
            self.open[node] = False
            self.fits[node] = outcome.loss is not None
            if outcome.rules_out_finer:
                self.open &= ~np.all(self.nodes <= self.nodes[node], axis=1)
            if outcome.loss is not None and (self._best is None or outcome.loss < self._best[0]):
                self._best = (outcome.loss, node)
        return bool(self.fits[node])

    def _path(self, node: int) -> list[int]:
        """From the node up, each step the one that loses least more, while it may lose less than the best."""
        path, levels = [node], self.nodes[node].copy()
        while True:
            steps = [
                (one[levels[place] + 1] - one[levels[place]], place)
                for place, one in enumerate(self._bounds)
                if levels[place] + 1 < len(one)
            ]
            if not steps:
                return path
            levels[min(steps)[1]] += 1
            above = int(levels @ self._strides)
            if self._best is not None and self.least[above] >= self._best[0]:
                return path
            path.append(above)
