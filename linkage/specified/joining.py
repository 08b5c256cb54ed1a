"""Which pairs become links? One to one between two files; within one file, clusters that no chain can stretch.

One to one: pairs from the heaviest down, each record at most once. Clusters: from the heaviest pair down, two clusters
become one only while all that is known between their members speaks for it in sum: each compared pair with its weight
(bounded, so that one pair cannot outvote the rest), each pair that blocking never let through with a small penalty.
That is greedy correlation clustering on the log-odds; a chain of lookalikes ends where its ends contradict.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np
import numpy.typing as npt
import polars as pl

from linkage.specified.mixture import Partners

Numbers = npt.NDArray[np.int64]
MOST_WEIGHT = 12.0
NOT_COMPARED = -1.0
ROUNDS = 10


def for_one_to_one(pairs: pl.DataFrame, left: int, right: int) -> pl.DataFrame:
    """The same pairs with the weight they have when each record has one partner at most.

    Where nearly every record has a partner, one that is left over speaks for the pair: the odds are divided by the
    shares of records without a partner on both sides, which follow from the links themselves (a few rounds). Whoever
    else either record could be with speaks against it, many unlikely ones together too.
    """
    partners = Partners(pairs["l"].to_numpy(), pairs["r"].to_numpy() - left, (left, right))
    kept = one_to_one(pairs.with_row_index("row"))["row"].to_numpy()
    odds = np.exp2(pairs["weight"].to_numpy().clip(-60, 60))
    linked = 0.0
    for _ in range(ROUNDS):
        likely = partners.likely(odds, linked)
        linked = float(likely[kept].sum())
    return pairs.with_columns(weight=pl.Series(np.log2(likely / (1 - likely).clip(2**-60))))


def one_to_one(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs (l, r, weight) that stay when each record may have one partner; heaviest first, ties by number."""
    ordered = pairs.sort(["weight", "l", "r"], descending=[True, False, False])
    left, right = ordered["l"].to_numpy(), ordered["r"].to_numpy()
    taken_l: set[int] = set()
    taken_r: set[int] = set()
    kept = []
    for place, (a, b) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        if a not in taken_l and b not in taken_r:
            taken_l.add(a)
            taken_r.add(b)
            kept.append(place)
    return ordered[kept]


def left_alone(before: pl.DataFrame, after: pl.DataFrame, threshold: float) -> int:
    """How many records had several partners by themselves (before: l, r, weight) and have none as one to one (after).

    Partners that fit equally well speak against each other: where many records are so, somebody stands twice.
    """
    fitting, linked = (pairs.filter(pl.col("weight") >= threshold) for pairs in (before, after))
    return sum(
        fitting.filter(pl.len().over(side) > 1).join(linked, on=side, how="anti")[side].n_unique()
        for side in ("l", "r")
    )


def clusters(pairs: pl.DataFrame, records: int, threshold: float) -> Numbers:
    """The cluster's number of each record. pairs: l, r, weight of every compared pair, below the threshold too."""
    weights = (pairs["weight"].to_numpy() - threshold).clip(-MOST_WEIGHT, MOST_WEIGHT)
    left, right = pairs["l"].to_numpy(), pairs["r"].to_numpy()
    component = components(left[weights >= 0], right[weights >= 0], records)
    inside = component[left] == component[right]
    return _contract(left[inside], right[inside], weights[inside], records)


def components(left: Numbers, right: Numbers, records: int) -> Numbers:
    """The lowest record that each record is connected with."""
    label = np.arange(records, dtype=np.int64)
    while True:
        lowest = np.minimum(label[left], label[right])
        before = label.copy()
        np.minimum.at(label, label[left], lowest)
        np.minimum.at(label, label[right], lowest)
        label = _roots(label)
        if np.array_equal(before, label):
            return label


def _contract(left: Numbers, right: Numbers, weights: npt.NDArray[np.float64], records: int) -> Numbers:
    """Join the two clusters with the most between them, again and again, while it is more than nothing."""
    between: dict[int, dict[int, tuple[float, int]]] = defaultdict(
        dict
    )  # the sum of weights, and how many were compared
    heap = []
    for a, b, weight in zip(left.tolist(), right.tolist(), weights.tolist(), strict=True):
        between[a][b] = between[b][a] = (weight, 1)
        if weight > 0:
            heap.append((-weight, a, b))
    heapq.heapify(heap)
    parent = np.arange(records, dtype=np.int64)
    size = dict.fromkeys(between, 1)
    while heap:
        known, a, b = heapq.heappop(heap)
        if b not in between.get(a, {}) or -known != _gain(between[a][b], size[a], size[b]):
            continue
        if len(between[a]) < len(between[b]):
            a, b = b, a
        parent[b] = a
        size[a] += size[b]
        del between[a][b]
        for other, (weight, compared) in between.pop(b).items():
            if other == a:
                continue
            del between[other][b]
            before = between[a].get(other, (0.0, 0))
            between[a][other] = between[other][a] = (before[0] + weight, before[1] + compared)
        for other, link in between[a].items():
            gain = _gain(link, size[a], size[other])
            if gain > 0:
                heapq.heappush(heap, (-gain, a, other))
    return _roots(parent)


def _gain(link: tuple[float, int], size_a: int, size_b: int) -> float:
    weight, compared = link
    return weight + NOT_COMPARED * (size_a * size_b - compared)


def _roots(parent: Numbers) -> Numbers:
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            return parent
        parent = above
