"""Does a new table differ from earlier ones by too few people? Every union of cells against every union of cells.

Two layers make a graph: a cell of either is a node, the people whom two cells share are an edge, and who is in one
layer alone is on an edge to the outside. Any union of new cells beside any union of earlier cells is a part of this
graph, and the people by whom they differ are those on the edges that leave it. So one question answers for all unions:
is there a part that fewer people than the threshold, but some, part from the rest? (cuts.py)

Earlier layers that have nobody in common are laid side by side, whatever tables they come from: men and women in two
releases against everybody in a third. Exact for every two layers; what needs three that overlap is not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import islice
from operator import xor

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from environments.disclosure.ledger.cuts import Graph, Near
from environments.disclosure.ledger.model import LedgerDifference, LedgerTable, PersonSet, numbers_of

SAMPLE = 1 << 16
"""People looked at first. Numbers are given by chance, so that these are a sample; what they show is a lower bound."""
FIRST = BitMap(range(SAMPLE))
MOST_TOLD = 10


def compare(new: LedgerTable, earlier: Iterable[LedgerTable]) -> list[LedgerDifference]:
    """Where a new table differs from earlier ones by too few people; of every two layers the first that is found.

    As soon as there are MOST_TOLD differences, no more are looked for.
    """
    beside = _side_by_side(earlier)
    size = 1 + max((layer.everybody.max() for layer in beside), default=0)
    return list(islice(_differences(new, beside, size), MOST_TOLD))


def _differences(new: LedgerTable, beside: list[_Laid], size: int) -> Iterator[LedgerDifference]:
    for sets in new.layers:
        if sets:
            laid = _New(_Laid(list(sets), BitMap.union(*(one.people for one in sets)), new.smallest), size)
            yield from (one for layer in beside if (one := laid.difference(layer)) is not None)


@dataclass
class _Laid:
    """Sets without anybody in common, and all their people. smallest: the strictest of the tables they come from."""

    sets: list[PersonSet]
    everybody: BitMap = field(repr=False)
    smallest: int

    @cached_property
    def sample(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The numbers of the people in the sample, and the place of the set that each is in."""
        sets = [one.people & FIRST for one in self.sets]
        return np.concatenate([numbers_of(one) for one in sets]), np.repeat(np.arange(len(sets)), [*map(len, sets)])


def _side_by_side(tables: Iterable[LedgerTable]) -> list[_Laid]:
    laid: list[_Laid] = []
    for table in tables:
        taken: set[int] = set()  # a table's own layers stay apart
        for sets in table.layers:
            if not sets:
                continue
            everybody = BitMap.union(*(one.people for one in sets))
            place = next(
                (n for n, one in enumerate(laid) if n not in taken and one.everybody.isdisjoint(everybody)), None
            )
            if place is None:
                place = len(laid)
                laid.append(_Laid([], BitMap(), 0))
            taken.add(place)
            laid[place].sets += sets
            laid[place].everybody |= everybody
            laid[place].smallest = max(laid[place].smallest, table.smallest)
    return laid


class _New:
    """A new layer, with the number of its set for each person. size: above every number of the earlier ones."""

    def __init__(self, laid: _Laid, size: int) -> None:
        self._laid = laid
        self._sizes = np.array([len(one.people) for one in laid.sets], dtype=np.int64)
        self._set_of: NDArray[np.int32] = np.zeros(max(size, 1 + laid.everybody.max()), dtype=np.int32)
        for number, one in enumerate(laid.sets, 1):
            self._set_of[numbers_of(one.people)] = number

    def difference(self, earlier: _Laid) -> LedgerDifference | None:
        """Of these two layers; None where every union of cells is the same as another, or differs by enough."""
        shared = self._laid.everybody.intersection_cardinality(earlier.everybody)
        if not shared:
            return None
        enough = max(self._laid.smallest, earlier.smallest)
        apart = len(self._laid.everybody) + len(earlier.everybody) - 2 * shared
        if len(self._set_of) > SAMPLE and self._surely_none(earlier, enough, apart):
            return None
        return self._looked_for(earlier, enough)

    def _surely_none(self, earlier: _Laid, enough: int, apart: int) -> bool:
        """Does a sample show already that no cell can be parted from another, but those that count the same people?"""
        small = self._small(earlier, enough)
        if 0 < apart < enough * (1 + len(small)):
            return False
        graph = self._graph(earlier, self._shared_in_sample(earlier))
        parts = graph.inseparable(enough)
        if sum(not nodes <= small for nodes in parts if graph.drawn.size - 1 not in nodes) <= 1:
            return True
        return apart == 0 and all(self._same(earlier, nodes) for nodes in parts)

    def _same(self, earlier: _Laid, nodes: set[int]) -> bool:
        """Are the new cells among these the same people as the earlier ones?"""
        new = len(self._laid.sets)
        here = [self._laid.sets[node] for node in nodes if node < new]
        there = [earlier.sets[node - new] for node in nodes if new <= node < new + len(earlier.sets)]
        return _together(here) == _together(there)

    def _looked_for(self, earlier: _Laid, enough: int) -> LedgerDifference | None:
        width = len(self._laid.sets) + 1
        shared = np.array(
            [np.bincount(self._set_of[numbers_of(one.people)], minlength=width)[1:] for one in earlier.sets]
        )
        sizes = np.array([len(one.people) for one in earlier.sets], dtype=np.int64)
        alone = (shared, self._sizes - shared.sum(axis=0), sizes - shared.sum(axis=1))
        graph = self._graph(earlier, *alone)
        part = graph.small_part(enough, self._small(earlier, enough))
        if part is None:
            return None
        outside = graph.drawn.size - 1
        if outside in part:  # then the cells are those on the other side
            whole = self._graph(earlier, *alone).near()
            part = set(_reached(whole, outside)) - part
        return LedgerDifference(
            tuple(one.cell for node, one in enumerate(self._laid.sets) if node in part),
            tuple(one.cell for node, one in enumerate(earlier.sets, len(self._laid.sets)) if node in part),
        )

    def _shared_in_sample(self, earlier: _Laid) -> NDArray[np.int64]:
        """How many people of the sample each earlier set (row) shares with each new one (column)."""
        numbers, places = earlier.sample
        width = len(self._laid.sets) + 1
        cells = places * width + self._set_of[numbers]
        return np.bincount(cells, minlength=len(earlier.sets) * width).reshape(-1, width)[:, 1:]

    def _graph(
        self,
        earlier: _Laid,
        shared: NDArray[np.int64],
        new_alone: NDArray[np.int64] | None = None,
        earlier_alone: NDArray[np.int64] | None = None,
    ) -> Graph:
        """New sets first, then the earlier ones, then the outside."""
        new, old = len(self._laid.sets), len(earlier.sets)
        whole = np.zeros((old + 1, new + 1), dtype=np.int64)
        whole[:old, :new] = shared
        if new_alone is not None and earlier_alone is not None:
            whole[old, :new], whole[:old, new] = new_alone, earlier_alone
        rows, columns = whole.nonzero()
        return Graph(new + old + 1, np.where(columns == new, new + old, columns), rows + new, whole[rows, columns])

    def _small(self, earlier: _Laid, enough: int) -> frozenset[int]:
        """Nodes of few people: a small set that is shown or told by its own table is known already."""
        sets = [*self._laid.sets, *earlier.sets]
        return frozenset(node for node, one in enumerate(sets) if len(one.people) < enough)


def _reached(near: Near, start: int) -> Iterator[int]:
    """Whatever is connected with it."""
    ahead, seen = [start], {start}
    while ahead:
        node = ahead.pop()
        yield node
        new = near[node].keys() - seen
        seen |= new
        ahead += new


def _together(sets: Iterable[PersonSet]) -> int:
    """The digest of the union of sets without anybody in common."""
    return reduce(xor, (one.digest for one in sets), 0)
