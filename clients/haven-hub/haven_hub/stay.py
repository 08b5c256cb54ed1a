"""How long may a workspace stay open? Not when nobody has used it for a while, and never for longer than a working day.

When it was last used is what its own server tells the hub: kernels that work and a person who clicks count, a page
that stands open does not. A server could tell it untruly; the bound on the whole stay holds all the same. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from haven_hub.watch import TooMuch


@dataclass(frozen=True)
class Stay:
    """Since when it is open, and when it was last used (none: not yet)."""

    started: datetime
    used: datetime | None


@dataclass(frozen=True)
class StayBounds:
    """The longest without any use, and the longest of all; nought: no bound."""

    idle: timedelta
    longest: timedelta


def overstayed(stay: Stay, bounds: StayBounds, now: datetime) -> TooMuch | None:
    """Why a workspace is to be closed now, if it is."""
    if bounds.longest and now - stay.started > bounds.longest:
        return TooMuch(
            "workspace.long_open",
            f"This workspace was closed: it was open for more than {_hours(bounds.longest)}.",
            "Open it again when you need it; files in its home are kept.",
        )
    if bounds.idle and now - max(stay.started, stay.used or stay.started) > bounds.idle:
        return TooMuch(
            "workspace.idle",
            f"This workspace was closed: nobody used it for {_hours(bounds.idle)}.",
            "Open it again when you need it; files in its home are kept.",
        )
    return None


def _hours(span: timedelta) -> str:
    minutes = max(round(span.total_seconds() / 60), 1)
    if minutes == 1:
        return "a minute"
    return f"{minutes / 60:g} hours" if minutes % 60 == 0 and minutes > 60 else f"{minutes} minutes"
