"""What falls due in a haven, on which day, for whom?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from access.support.policies import WARN_DAYS


class DueKind(StrEnum):
    """What can fall due."""

    SUPPORT_REVIEW = "support-review"
    SUPPORT_END = "support-end"
    AGREEMENT_REVIEW = "agreement-review"
    AGREEMENT_END = "agreement-end"
    IMPACT_ASSESSMENT = "impact-assessment"
    SECURITY_ASSESSMENT = "security-assessment"
    PROJECT_END = "project-end"
    RECERTIFICATION = "recertification"
    TRAINING = "training"
    ACKNOWLEDGEMENT = "acknowledgement"
    ACCREDITATION = "accreditation"
    DORMANT_ACCOUNT = "dormant-account"
    EMERGENCY_REVIEW = "emergency-review"
    AUTHORISER_END = "authoriser-end"
    RETENTION = "retention"


K = DueKind
REVIEWED_WITHIN = timedelta(days=3)
WARNED: Mapping[DueKind, tuple[int, ...]] = {
    K.SUPPORT_REVIEW: (*WARN_DAYS, 0),
    K.SUPPORT_END: (*WARN_DAYS, 0),
    K.AGREEMENT_REVIEW: (30, 0),
    K.AGREEMENT_END: (90, 30, 0),
    K.IMPACT_ASSESSMENT: (30, 0),
    K.SECURITY_ASSESSMENT: (30, 0),
    K.PROJECT_END: (30,),
    K.RECERTIFICATION: (14, 0),
    K.TRAINING: (30, 0),
    K.ACKNOWLEDGEMENT: (30, 0),
    K.ACCREDITATION: (30, 0),
    K.DORMANT_ACCOUNT: (14,),
    K.EMERGENCY_REVIEW: (REVIEWED_WITHIN.days, 0),  # told at once, and daily when it is overdue
    K.AUTHORISER_END: (30, 0),
    K.RETENTION: (30, 0),
}
"""How many days before its day each is warned of; 0: on the day, or after it."""
TOLD_DAILY = frozenset({K.EMERGENCY_REVIEW, K.RETENTION})
"""What is told again each day from its day on, until it is done: nobody's waiting makes these right."""


@dataclass(frozen=True)
class Due:
    """Something falls due: of what kind, whose, on which day; who must do what about it."""

    kind: DueKind
    subject: str
    on: date
    who: str
    what: str

    def days_left(self, today: date) -> int:
        """Days until then; below 0 when it is past."""
        return (self.on - today).days

    def step(self, today: date) -> int | None:
        """The latest warning that is to be raised by today, in days before; None while it is early.

        Below 0, the days since its day, where it is told again each day.
        """
        left = self.days_left(today)
        if left <= 0 and self.kind in TOLD_DAILY:
            return left
        steps = [step for step in WARNED[self.kind] if left <= step]
        return min(steps) if steps else None


@dataclass(frozen=True)
class WaitingEmergency:
    """A break-glass that nobody has reviewed yet: who was let in by whom, why, from when to when."""

    id: str
    person: str
    project: str
    ended: datetime
    starts: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class ClosedAccount:
    """An account that was closed because nobody used it."""

    person: str
    on: date
    why: str


@dataclass(frozen=True)
class RecoveredOffice:
    """An office that root gave back to the haven's own account for a while."""

    role: str
    at: datetime
    until: datetime
    reason: str


@dataclass(frozen=True)
class ResetLogin:
    """A log-in that was reset: whose, by whom, when, and why where a reason was said."""

    person: str
    by: str
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class HouseworkDone:
    """One thing that housekeeping did: its kind, whom or what it concerned, and a sentence for people."""

    kind: str
    subject: str
    told: str
