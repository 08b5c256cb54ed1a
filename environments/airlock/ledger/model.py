"""Who stands behind a group of a query, as the release ledger knows people?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Marks = NDArray[np.uint64]


@dataclass(frozen=True)
class GroupMarks:
    """Everybody of a group, and the people of each figure in it, by ledger marks."""

    everybody: Marks = field(repr=False)
    figures: tuple[Marks, ...] = field(default=(), repr=False)
