"""How is a share said, with its interval, so that it tells of no few people?

Wilson's 95 % interval (1927). Where between one and nine of the counted stand on either side, only the bound that nine
would give is said: the exact number is hidden as every small number is (audit/suppression.py). Share and interval are
those of the rounded counts: an interval's ends tell of how many it is, to the last one.
"""

from __future__ import annotations

from audit.suppression import SMALLEST_SHOWN, rounded
from linkage.specified.quality import wilson

HIDDEN = "hidden"


def percent(part: int, whole: int) -> str:
    """A share as `12.3 (11.8 to 12.9)`, in per cent; `hidden` when the whole is small."""
    if whole < SMALLEST_SHOWN:
        return HIDDEN
    few, nearly_all = 0 < part < SMALLEST_SHOWN, 0 < whole - part < SMALLEST_SHOWN
    part, whole = _rounded(part, whole)
    if few:
        return f"under {100 * wilson(SMALLEST_SHOWN - 1, whole)[1]:.2g}"
    if nearly_all:
        return f"over {_floor(100 * wilson(whole - SMALLEST_SHOWN + 1, whole)[0])}"
    low, high = (100 * bound for bound in wilson(part, whole))
    share = 100 * part / whole
    places = 3 if min(share, 100 - share) < 1 else 1
    return f"{share:.{places}f} ({low:.{places}f} to {high:.{places}f})"


def said(part: int, whole: int) -> float | None:
    """The share in per cent for a plot; None where it is hidden."""
    few = 0 < part < SMALLEST_SHOWN or 0 < whole - part < SMALLEST_SHOWN
    if few or whole < SMALLEST_SHOWN:
        return None
    part, whole = _rounded(part, whole)
    return 100 * part / whole


def bounds(part: int, whole: int) -> tuple[float, float, float] | None:
    """Share, lower and upper end of its interval in per cent, of the rounded counts; None where the share is hidden."""
    share = said(part, whole)
    if share is None:
        return None
    low, high = wilson(*_rounded(part, whole))
    return share, 100 * low, 100 * high


def _rounded(part: int, whole: int) -> tuple[int, int]:
    """Both to the nearest five; all stay all."""
    return (rounded(whole), rounded(whole)) if part == whole else (min(rounded(part), rounded(whole)), rounded(whole))


def _floor(value: float) -> str:
    return f"{int(value * 100) / 100:.2f}"
