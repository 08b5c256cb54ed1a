"""What does the doctor say of one thing? How it stands, how it was found; where not all is well, why and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PROGRAMS, MACHINE, HOME, ACCOUNTS = "Programs", "Machine", "Home", "Accounts"
KEYS, RECORDS, LOG, SERVICES, IDENTITY = "Keys", "Records", "Audit log", "Services", "Identity"
UP = "Start the services: haven up"
SHOWN = 5


class Standing(StrEnum):
    """How one thing stands."""

    HOLDS = "holds"
    DOUBTFUL = "doubtful"  # works, or cannot be known; somebody should look
    WRONG = "wrong"
    UNSEEN = "unseen"  # this account may not look at it


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. area: under which heading. why: what it means where it does not hold."""

    area: str
    what: str
    standing: Standing
    found: str
    why: str = ""
    mend: str = ""


def holds(area: str, what: str, found: str) -> Finding:
    """All is well with it."""
    return Finding(area, what, Standing.HOLDS, found)


def doubtful(area: str, what: str, found: str, why: str, mend: str) -> Finding:
    """It is for somebody to look at."""
    return Finding(area, what, Standing.DOUBTFUL, found, why, mend)


def wrong(area: str, what: str, found: str, why: str, mend: str) -> Finding:
    """It must be mended."""
    return Finding(area, what, Standing.WRONG, found, why, mend)


def unseen(area: str, what: str, mend: str) -> Finding:
    """Another account can look."""
    why = "This account may not look at it, so that nothing is known of it."
    return Finding(area, what, Standing.UNSEEN, "not seen from this account", why, mend)


def some(texts: Sequence[str]) -> str:
    """The first of them, and how many more."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
