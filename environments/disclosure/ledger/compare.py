"""Does a new table differ from earlier ones by too few people? Every union of cells against every union of cells.

Two layers make a graph: a cell of either is a node, the people whom two cells share are an edge, and who is in one
layer alone is on an edge to the outside. Any union of new cells beside any union of earlier cells is a part of this
graph, and the people by whom they differ are those on the edges that leave it. So one question answers for all unions:
is there a part that fewer people than the threshold, but some, part from the rest? (cuts.py)

Tables come in any order, and one table's people may be told by several: beside each earlier layer that shares people
with the new one are laid earlier layers of other people, first those that cover most of what it has left; and
beside the new one earlier layers of other people, first those that cover most of what the earlier side has beyond it.
So men and women in two releases are compared with everybody in a third, whichever of the three comes last. Exact for
the two sides that are laid so. What needs three layers that overlap, or others laid beside, is not looked for.
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
    """Where a new table differs from earlier ones by too few people; of every two sides the first that is found.

    As soon as there are MOST_TOLD differences, no more are looked for.
    """
    found = dict.fromkeys(islice(_differences(new, list(earlier)), MOST_TOLD))
    return list(found)


def _differences(new: LedgerTable, earlier: list[LedgerTable]) -> Iterator[LedgerDifference]:
    """By each number that is the smallest of an owner: tables of milder owners apart from those of stricter ones."""
    layers = [_Laid.of(sets, table.smallest) for table in earlier for sets in table.layers if sets]
    for smallest in sorted({max(new.smallest, layer.smallest) for layer in layers}):
        sides = _Sides([layer for layer in layers if layer.smallest <= smallest], smallest)
        for sets in new.layers:
            if sets:
                yield from sides.differences(_Laid.of(sets, new.smallest))


@dataclass
class _Laid:
    """Sets without anybody in common, and all their people. smallest: the strictest of the tables they come from."""

    sets: list[PersonSet]
    everybody: BitMap = field(repr=False)
    smallest: int

    @classmethod
    def of(cls, sets: Iterable[PersonSet], smallest: int) -> _Laid:
        """One layer of a table."""
        found = list(sets)
        return cls(found, BitMap.union(*(one.people for one in found)), smallest)

    @classmethod
    def beside(cls, layers: Iterable[_Laid]) -> _Laid:
        """Layers that have nobody in common, as one."""
        found = list(layers)
        if len(found) == 1:
            return found[0]
        everybody = BitMap.union(*(one.everybody for one in found))
        return cls([one for layer in found for one in layer.sets], everybody, max(one.smallest for one in found))

    @cached_property
    def sample(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The numbers of the people in the sample, and the place of the set that each is in."""
        sets = [one.people & FIRST for one in self.sets]
        return np.concatenate([numbers_of(one) for one in sets]), np.repeat(np.arange(len(sets)), [*map(len, sets)])


Places = tuple[int, ...]


class _Sides:
    """Which earlier layers are laid beside each other, and which beside a new one. smallest: of the strictest owner."""

    def __init__(self, layers: list[_Laid], smallest: int) -> None:
        self._layers = layers
        self._smallest = smallest
        self._size = 1 + max(layer.everybody.max() for layer in layers)
        self._earlier: dict[Places, _Laid] = {}

    def differences(self, new: _Laid) -> Iterator[LedgerDifference]:
        """Of a new layer alone, and with earlier layers beside it; each has a cell of the new one."""
        sharing = [n for n, one in enumerate(self._layers) if one.everybody.intersect(new.everybody)]
        others = sorted({*range(len(self._layers))}.difference(sharing))
        news: dict[Places, _New] = {}
        done: set[tuple[Places, Places]] = set()
        for seed in sharing:
            old = self._filled((seed,), self._layers[seed].everybody, new.everybody, sharing)
            pairs: list[tuple[Places, Places]] = [((), old)]
            if added := self._filled((), new.everybody, self._laid(old).everybody, others):
                wanted = BitMap.union(new.everybody, *(self._layers[n].everybody for n in added))
                free = [n for n in range(len(self._layers)) if n not in added]
                pairs.append((added, self._filled(old, self._laid(old).everybody, wanted, free)))
            for pair in pairs:
                strictest = max(new.smallest, *(self._layers[n].smallest for one in pair for n in one))
                if pair in done or strictest < self._smallest:  # of milder owners alone: done under their number
                    continue
                done.add(pair)
                if (here := news.get(pair[0])) is None:
                    side = _Laid.beside([new, *(self._layers[n] for n in pair[0])])
                    here = news[pair[0]] = _New(side, self._size, len(new.sets))
                if (one := here.difference(self._laid(pair[1]))) is not None:
                    yield one

    def _laid(self, places: Places) -> _Laid:
        if (found := self._earlier.get(places)) is None:
            found = self._earlier[places] = _Laid.beside(self._layers[n] for n in places)
        return found

    def _filled(self, places: Places, everybody: BitMap, wanted: BitMap, pool: Iterable[int]) -> Places:
        """These layers, and of the pool what has nobody in common with them; what covers most of what is wanted first.

        everybody: the people who are in already.
        """
        chosen, rest = list(places), wanted - everybody
        while rest:
            pool = [n for n in pool if self._layers[n].everybody.isdisjoint(everybody)]
            covers = {n: rest.intersection_cardinality(self._layers[n].everybody) for n in pool}
            best = max(covers, key=lambda n: (covers[n], -len(self._layers[n].everybody), -n), default=None)
            if best is None or not covers[best]:
                break
            chosen.append(best)
            everybody, rest = everybody | self._layers[best].everybody, rest - self._layers[best].everybody
        return tuple(sorted(chosen))


class _New:
    """A new layer and what is laid beside it, with the number of its set for each person.

    size: above every number of the earlier ones; own: how many sets, the first ones, are of the new layer.
    """

    def __init__(self, laid: _Laid, size: int, own: int) -> None:
        self._laid = laid
        self._own = own
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
        if min(part) >= self._own:  # of earlier tables alone
            return None
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
