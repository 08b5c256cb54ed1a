"""Can sets of a graph be parted along few people? Whether any part differs from the rest by less than a threshold.

A node is a cell, an edge the people whom two cells share. What cannot be parted is drawn together: nodes that share
enough people at once, then those between whom every parting costs enough, found by scanning in maximum adjacency order
(Nagamochi and Ibaraki 1992). What cannot be drawn together any more is a part with too few people on its edges.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Near = dict[int, dict[int, int]]
HUBS = 4  # nodes with which others are tried
LEAST_FOR_HUBS, MOST_FOR_HUBS = 8, 1_500  # nodes; fewer are scanned at once, of more the table would be too large


class Graph:
    """Nodes 0 to size-1 and undirected edges with weights above 0."""

    def __init__(self, size: int, left: Ints, right: Ints, weights: Ints) -> None:
        self.drawn: Ints = np.arange(size)  # of each node, the node with which it was drawn together
        self._left, self._right, self._weights = left, right, weights

    def draw_together(self, enough: int) -> None:
        """Draw together what shares enough people, until nothing does."""
        while self._heavy_together(enough) or self._by_common_neighbours(enough):
            pass

    def _heavy_together(self, enough: int) -> bool:
        heavy = self._weights >= enough
        if heavy.any():
            self._redraw(_smallest_of_each(self.drawn.size, self._left[heavy], self._right[heavy]))
        return bool(heavy.any())

    def _by_common_neighbours(self, enough: int) -> bool:
        """Whoever shares enough neighbours, by the smaller of both weights, with the node of most people."""
        nodes, places = np.unique(np.concatenate([self._left, self._right]), return_inverse=True)
        left, right = places[: self._left.size], places[self._left.size :]
        if nodes.size < LEAST_FOR_HUBS or nodes.size > MOST_FOR_HUBS:
            return False
        near = np.zeros((nodes.size, nodes.size), dtype=np.int64)
        near[left, right] = near[right, left] = self._weights
        for hub in np.argsort(near.sum(axis=1))[: -1 - HUBS : -1].tolist():
            with_hub = np.minimum(near, near[hub]).sum(axis=1) + near[hub] >= enough
            with_hub[hub] = False
            if with_hub.any():
                others = nodes[with_hub]
                self._redraw(_smallest_of_each(self.drawn.size, np.full(others.size, nodes[hub]), others))
                return True
        return False

    def _redraw(self, ends: Ints) -> None:
        """Edges between what is left; parallel ones become one."""
        self.drawn = ends[self.drawn]
        left, right = ends[self._left], ends[self._right]
        low, high = np.minimum(left, right), np.maximum(left, right)
        between = low != high
        size = self.drawn.size
        pairs, place = np.unique(low[between] * size + high[between], return_inverse=True)
        self._left, self._right = pairs // size, pairs % size
        self._weights = np.bincount(place, self._weights[between], pairs.size).astype(np.int64)

    def small_part(self, enough: int, small: Collection[int]) -> set[int] | None:
        """Nodes that are parted from the rest by people, but by fewer than enough; None where there are none such.

        small: nodes that are few people themselves. What parts only them from the rest is known: it is not found.
        """
        self.draw_together(enough)
        return _Parting(self, enough, small).found()

    def inseparable(self, enough: int) -> list[set[int]]:
        """Nodes that nothing less than enough people parts. Of weights that are too small: at least those."""
        self.draw_together(enough)
        return _Parting(self, enough, ()).together()

    def members(self) -> dict[int, set[int]]:
        """The nodes drawn together, by the one that stands for them."""
        found: dict[int, set[int]] = {}
        for node, stands in enumerate(self.drawn.tolist()):
            found.setdefault(stands, set()).add(node)
        return found

    def near(self) -> Near:
        """The edges that are left, from both ends."""
        near: Near = {}
        for left, right, weight in zip(self._left.tolist(), self._right.tolist(), self._weights.tolist(), strict=True):
            near.setdefault(left, {})[right] = weight
            near.setdefault(right, {})[left] = weight
        return near


class _Parting:
    """The small graph that is left, drawn together further."""

    def __init__(self, graph: Graph, enough: int, small: Collection[int]) -> None:
        self._near, self._members, self._enough = graph.near(), graph.members(), enough
        self._small = {stands for stands, nodes in self._members.items() if nodes <= set(small)}

    def found(self) -> set[int] | None:
        """The first part that is too small a difference."""
        self._join_small()
        while any(self._near.values()):
            few = [node for node, near in self._near.items() if near and sum(near.values()) < self._enough]
            if few:
                return min((self._members[node] for node in few), key=len)
            self._scan()
        return None

    def together(self) -> list[set[int]]:
        """What the scans draw together, though a part were too small a difference."""
        while self._scan():
            pass
        return list(self._members.values())

    def _join_small(self) -> None:
        """A set that is few people is no part of its own: it goes with that which it shares most people with."""
        while (node := next((one for one in sorted(self._small) if self._near.get(one)), None)) is not None:
            near = self._near[node]
            self._join(max(near, key=lambda other: (near[other], other)), node)

    def _scan(self) -> bool:
        """One scan of each connected piece; where no part is too small, at least its last two nodes are drawn together.

        Was anything?
        """
        together: list[tuple[int, int]] = []
        reached: dict[int, int] = {}
        done: set[int] = set()
        for start in self._near:
            queue = [(0, start)]
            while queue:
                _, node = heapq.heappop(queue)
                if node in done:
                    continue
                done.add(node)
                for other, weight in self._near[node].items():
                    if other not in done:
                        reached[other] = reached.get(other, 0) + weight
                        heapq.heappush(queue, (-reached[other], other))
                        if reached[other] >= self._enough:
                            together.append((node, other))
        stands: dict[int, int] = {}
        for one, other in together:
            kept, gone = _stands(stands, one), _stands(stands, other)
            if kept != gone:
                stands[gone] = kept
                self._join(kept, gone)
        return bool(stands)

    def _join(self, kept: int, gone: int) -> None:
        self._members[kept] |= self._members.pop(gone)
        if gone in self._small:
            self._small.discard(gone)
        else:
            self._small.discard(kept)
        near = self._near.pop(gone)
        for other, weight in near.items():
            del self._near[other][gone]
            if other != kept:
                self._near[kept][other] = self._near[kept].get(other, 0) + weight
                self._near[other][kept] = self._near[kept][other]


def _stands(stands: dict[int, int], node: int) -> int:
    while node in stands:
        node = stands[node]
    return node


def _smallest_of_each(size: int, left: Ints, right: Ints) -> Ints:
    """Of each node the smallest that it is connected with by these edges."""
    ends: NDArray[Any] = np.arange(size)
    while True:
        low = np.minimum(ends[left], ends[right])
        if (low == ends[left]).all() and (low == ends[right]).all():
            return ends
        np.minimum.at(ends, ends[left], low)
        np.minimum.at(ends, ends[right], low)
        ends = ends[ends]
