"""How right is the linkage? Precision, recall and F1 of pairs with 95 % intervals, and the curve over thresholds.

Precision and recall: Wilson's interval (1927) for a share. F1 follows from one share, that of right pairs among
all that are found or true, and so does its interval, which is no point where every pair is right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import polars as pl

Z95 = 1.959964
CURVE = tuple(range(-10, 31))


@dataclass(frozen=True)
class Counts:
    """Pairs: true ones, found ones, and both."""

    true: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """Share of found pairs that are true; 1 when none was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of true pairs that were found; 1 when there are none."""
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.right / (self.found + self.true) if self.found + self.true else 1.0

    def as_dict(self) -> dict[str, Any]:
        """The three figures with their intervals, and the counts."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "precision_95": wilson(self.right, self.found),
            "recall_95": wilson(self.right, self.true),
            "f1_95": self.f1_interval(),
            "true_pairs": self.true,
            "found_pairs": self.found,
            "right_pairs": self.right,
            "wrong_pairs": self.found - self.right,
            "missed_pairs": self.true - self.right,
        }

    def f1_interval(self) -> tuple[float, float]:
        """Wilson's, of the share of right pairs among all that are found or true (J): F1 is 2 J / (1 + J)."""
        low, high = wilson(self.right, self.found + self.true - self.right)
        return (2 * low / (1 + low), 2 * high / (1 + high))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval, 95 %."""
    if not trials:
        return (0.0, 1.0)
    share, z2 = successes / trials, Z95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return (max(0.0, middle - half), min(1.0, middle + half))


def curve(scored: pl.DataFrame, true_pairs: int) -> list[dict[str, float]]:
    """For each threshold: what the pairs (weight, true) from it on up would give."""
    weights, right = scored["weight"].to_numpy(), scored["true"].to_numpy()
    points = []
    for threshold in CURVE:
        above = weights >= threshold
        counts = Counts(true_pairs, int(above.sum()), int(right[above].sum()))
        points.append(
            {
                "threshold": float(threshold),
                "precision": counts.precision,
                "recall": counts.recall,
                "f1": counts.f1,
                "found_pairs": counts.found,
            }
        )
    return points
