"""May this happen? A decision with its reason: `Allowed`, or `Refused` with a code and who can change it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from audit.errors import HavenError


class RefusedError(HavenError):
    """A policy said no. Carries the refusal, so that the person sees which rule and who can change it."""

    code: ClassVar[str] = "refused"
    exit_status = 77
    http_status = 403

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason, where=f"rule {refused.code}", mend=refused.mend)
        self.refused = refused


@dataclass(frozen=True)
class Allowed:
    """Yes."""

    def require(self) -> None:
        """Nothing to raise."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True)
class Refused:
    """No: `code` is stable (`project.not_live`), `reason` is a sentence, `mend` says who can change it and how."""

    code: str
    reason: str
    mend: str | None = None

    def require(self) -> None:
        """Raise this refusal."""
        raise RefusedError(self)

    def __bool__(self) -> bool:
        return False


Decision = Allowed | Refused


def as_sentence(words: str) -> str:
    """What a person wrote as a reason, with a full stop where it ends without one: the way to mend it follows."""
    return words if words.rstrip().endswith((".", "!", "?")) else f"{words.rstrip()}."


FURTHEST = timedelta(days=3653)
"""Ten years: what is said to hold for longer was typed wrongly, or lets nobody look again."""

PAPERS_FURTHEST = timedelta(days=7305)
"""Twenty years, for papers that two sign or that are reviewed: agreements, appointments, impact assessments."""


def may_last_until(day: date, today: date, furthest: timedelta = FURTHEST) -> Decision:
    """May somebody write down that something holds until this day, or begins on it? Not further ahead than this."""
    if day <= today + furthest:
        return Allowed()
    years = furthest.days // 365
    return Refused(
        "day.too_far", f"{day} lies more than {years} years ahead.", "Look at the year; give an earlier day."
    )
