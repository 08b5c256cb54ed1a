"""What have people decided about pairs of records?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PairDecision:
    """What a reviewer said of two records, named by their subjects: are they one person's?"""

    subject_a: str
    subject_b: str
    same: bool
