"""How far apart were two files taken, where they tell ages? Without labels: from pairs of records of one name.

Among pairs that agree on their names many are one person's, and of those one difference is far more frequent than
chance has it: between two ages the years that passed, between an age and a year of birth the year of the age.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from linkage.specified.age_values import years_of_birth
from linkage.specified.specification import Column
from linkage.specified.vocabulary import NAMES
from linkage.specified.written import written

SAME_NAMED = 20  # at most so many records of one name are held against each other
SOME_YEAR = 2000  # where only the difference of two years is known
FEWEST = 10  # pairs above chance
TIMES_CHANCE = 1.3
YEAR = r"\d{4}"


def years_taken(
    frames: Sequence[pl.DataFrame], names: Sequence[Column], headings: tuple[str, str], ages: tuple[bool, bool]
) -> dict[str, int] | None:
    """By side that tells ages: the year they were taken, or some years with the right difference; None: not known.

    Two files' ages of which it is not known how far apart they were told are no evidence: ten years would speak
    against each true pair.

    frames: two. names: columns by which the same names are found. headings: of the age or the year of birth in each.
    """
    apart = _difference(frames, names, headings, ages)
    if apart is None:
        return None
    if all(ages):
        return {"left": SOME_YEAR, "right": SOME_YEAR - apart}
    return {"left": apart} if ages[0] else {"right": -apart}


def _difference(
    frames: Sequence[pl.DataFrame], names: Sequence[Column], headings: tuple[str, str], ages: tuple[bool, bool]
) -> int | None:
    """The year of birth in the right file less that in the left, an age standing as a year below nought."""
    keys = [column for column in names if column.means in NAMES]
    if not keys:
        return None
    sides = []
    for place, (frame, heading, is_age) in enumerate(zip(frames, headings, ages, strict=True)):
        born = years_of_birth(frame[heading], 0).cast(pl.Int64) if is_age else _born_in(frame[heading])
        known = written(frame, keys, right=place == 1).select(column.name for column in keys)
        known = known.with_columns(born=born).drop_nulls()
        sides.append(known.filter(pl.len().over([column.name for column in keys]) <= SAME_NAMED))
    pairs = sides[0].join(sides[1], on=[column.name for column in keys], suffix="_right")
    return _mode(pairs["born"].to_numpy(), pairs["born_right"].to_numpy())


def _born_in(years: pl.Series) -> pl.Series:
    return years.str.extract(YEAR, 0).cast(pl.Int64)


def _mode(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> int | None:
    """The difference most above chance; neighbours count half, for who had no birthday yet is a year younger."""
    if not len(left):
        return None
    l0, r0 = int(left.min()), int(right.min())
    ones, others = np.bincount(left - l0).astype(np.float64), np.bincount(right - r0).astype(np.float64)
    by_chance = np.convolve(others, ones[::-1]) / len(left)
    seen = np.bincount(right - r0 - (left - l0) + len(ones) - 1, minlength=len(by_chance)).astype(np.float64)
    weights = np.array([0.5, 1.0, 0.5])
    more = np.convolve(seen - by_chance, weights, mode="same")
    best = int(more.argmax())
    near = slice(max(best - 1, 0), best + 2)
    if more[best] < FEWEST or seen[near].sum() < TIMES_CHANCE * by_chance[near].sum():
        return None
    return best - (len(ones) - 1) + r0 - l0
