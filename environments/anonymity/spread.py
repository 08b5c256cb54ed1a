"""How are a sensitive column's values spread over the classes? The measures of diversity and of closeness, by class.

Shapes: every array of a Spread has one entry per class and value that occur together, sorted by class, then by value;
each result has one entry per class. Definitions and sources: model.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Spread:
    """classes: 0 up without a gap; values: their rank from 0 up; counts: people or rows, none of them 0.

    null: the rank of the null, if there is one.
    """

    classes: Ints
    values: Ints
    counts: Ints
    null: int | None = None

    @property
    def starts(self) -> Ints:
        """Where each class begins."""
        return np.flatnonzero(np.diff(self.classes, prepend=-1))

    @property
    def totals(self) -> Ints:
        """The sum of each class."""
        return np.add.reduceat(self.counts, self.starts)


def gathered(classes: Ints, values: Ints, counts: Ints, null: int | None = None) -> Spread:
    """A spread from entries in any order, the same class and value perhaps several times."""
    width = int(values.max(initial=0)) + 1
    keys, places = np.unique(classes * width + values, return_inverse=True)
    summed = np.bincount(places, weights=counts, minlength=len(keys)).astype(np.int64)
    return Spread(keys // width, keys % width, summed, null)


def without_nulls(spread: Spread) -> Spread:
    """Nulls that may be any value give no diversity: each class's are counted with its commonest value.

    This is the reading with the least distinct values, the least entropy and the greatest first count.
    """
    if spread.null is None:
        return spread
    is_null = spread.values == spread.null
    other = np.where(is_null, 0, spread.counts)
    starts, size = spread.starts, np.diff(np.append(spread.starts, len(other)))
    commonest = other == np.repeat(np.maximum.reduceat(other, starts), size)
    first = np.flatnonzero(commonest)[np.unique(spread.classes[commonest], return_index=True)[1]]
    counts = other.copy()
    counts[first] += np.add.reduceat(np.where(is_null, spread.counts, 0), starts)
    kept = counts > 0
    return Spread(spread.classes[kept], spread.values[kept], counts[kept])


def distinct(spread: Spread) -> Ints:
    """How many values each class has."""
    return np.diff(np.append(spread.starts, len(spread.values)))


def entropies(spread: Spread) -> Floats:
    """exp of each class's entropy: how many equally common values would be as diverse."""
    totals = spread.totals
    weighted = np.add.reduceat(spread.counts * np.log(spread.counts), spread.starts)
    return np.asarray(np.maximum(1, np.exp(np.log(totals) - weighted / totals)), dtype=np.float64)


def tails(spread: Spread, smallest: int) -> Floats:
    """r1 / (rl + ... + rm) of each class for l = smallest; infinite where it has fewer values."""
    order = np.lexsort((-spread.counts, spread.classes))
    counts, starts = spread.counts[order], spread.starts
    place = np.arange(len(counts)) - np.repeat(starts, distinct(spread))
    rest = np.add.reduceat(np.where(place >= smallest - 1, counts, 0), starts)
    with np.errstate(divide="ignore"):
        return np.asarray(counts[starts] / rest, dtype=np.float64)


def commonest(spread: Spread) -> Ints:
    """The count of each class's commonest value."""
    return np.asarray(np.maximum.reduceat(spread.counts, spread.starts))


def equal_distances(spread: Spread, whole: Ints) -> Floats:
    """Earth mover's distance of each class to the whole where all values are equally far: half the sum of differences.

    whole: how often each value occurs in the whole table.
    """
    share = whole / whole.sum()
    own = spread.counts / np.repeat(spread.totals, distinct(spread))
    there = share[spread.values]
    missed = 1 - np.add.reduceat(there, spread.starts)  # what the class has not at all
    return np.asarray(np.maximum(0, (np.add.reduceat(np.abs(own - there), spread.starts) + missed) / 2))


def ordered_distances(spread: Spread, whole: Ints) -> Floats:
    """Earth mover's distance of each class to the whole along the values' order: mean of the cumulated differences.

    whole: how often each value occurs in the whole table. Between two values that a class has, its cumulated share
    stands still while the whole's grows: so the sum of differences there comes from prefix sums, split where the whole
    overtakes, and the cost does not depend on how many values there are.
    """
    if len(whole) < 2:
        return np.zeros(len(spread.starts))
    cumulated = np.cumsum(whole) / whole.sum()
    prefix = np.concatenate([[0.0], np.cumsum(cumulated)])  # prefix[i]: of the ranks below i
    summed = np.cumsum(spread.counts)
    before = np.repeat(summed[spread.starts] - spread.counts[spread.starts], distinct(spread))
    own = (summed - before) / np.repeat(spread.totals, distinct(spread))
    last = np.append(spread.starts[1:], len(own)) - 1
    ends = np.append(spread.values[1:], 0)
    ends[last] = len(whole)
    turns = np.clip(np.searchsorted(cumulated, own, side="right"), spread.values, ends)
    above = own * (turns - spread.values) - (prefix[turns] - prefix[spread.values])
    below = (prefix[ends] - prefix[turns]) - own * (ends - turns)
    found = prefix[spread.values[spread.starts]] + np.add.reduceat(above + below, spread.starts)
    return np.asarray(np.maximum(0, found / (len(whole) - 1)))
