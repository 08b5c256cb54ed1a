"""How is a share said, with its interval, so that it tells of no few people?

Wilson's 95 % interval (1927). Where between one and nine of the counted stand on either side, only the bound that nine
would give is said: the exact number is hidden as every small number is (audit/suppression.py).
"""

from __future__ import annotations

from audit.suppression import SMALLEST_SHOWN
from linkage.specified.quality import wilson

HIDDEN = "hidden"


def percent(part: int, whole: int) -> str:
    """A share as `12.3 (11.8 to 12.9)`, in per cent; `hidden` when the whole is small."""
    if whole < SMALLEST_SHOWN:
        return HIDDEN
    if 0 < part < SMALLEST_SHOWN:
        return f"under {100 * wilson(SMALLEST_SHOWN - 1, whole)[1]:.2g}"
    if 0 < whole - part < SMALLEST_SHOWN:
        return f"over {_floor(100 * wilson(whole - SMALLEST_SHOWN + 1, whole)[0])}"
    low, high = (100 * bound for bound in wilson(part, whole))
    share = 100 * part / whole
    places = 3 if min(share, 100 - share) < 1 else 1
    return f"{share:.{places}f} ({low:.{places}f} to {high:.{places}f})"


def said(part: int, whole: int) -> float | None:
    """The share in per cent for a plot; None where it is hidden."""
    few = 0 < part < SMALLEST_SHOWN or 0 < whole - part < SMALLEST_SHOWN
    return None if few or whole < SMALLEST_SHOWN else 100 * part / whole


def _floor(value: float) -> str:
    return f"{int(value * 100) / 100:.2f}"
