"""What have people decided about pairs of records, and what else does a linkage run go by?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_PAIRS = 20_000_000
"""What is weighed in one run unless haven.toml says otherwise."""


@dataclass(frozen=True)
class PairDecision:
    """What a reviewer said of two records, named by their subjects: are they one person's?"""

    subject_a: str
    subject_b: str
    same: bool


@dataclass(frozen=True)
class RunPlan:
    """What a linkage run is to go by. model: the digest of one that the linkage zone keeps. decisions: oldest first."""

    model: str | None = None
    decisions: Sequence[PairDecision] = ()
    most_pairs: int = MOST_PAIRS
