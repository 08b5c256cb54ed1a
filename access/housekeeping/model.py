"""What falls due in a haven, on which day, for whom?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
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
    K.EMERGENCY_REVIEW: (0,),
    K.AUTHORISER_END: (30, 0),
    K.RETENTION: (30, 0),
}
"""How many days before its day each is warned of; 0: on the day, or after it."""


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
        """The latest warning that is to be raised by today, in days before; None while it is early."""
        left = self.days_left(today)
        steps = [step for step in WARNED[self.kind] if left <= step]
        return min(steps) if steps else None


@dataclass(frozen=True)
class WaitingEmergency:
    """A break-glass that nobody has reviewed yet."""

    id: str
    person: str
    project: str
    ended: datetime


@dataclass(frozen=True)
class HouseworkDone:
    """One thing that housekeeping did: its kind, whom or what it concerned, and a sentence for people."""

    kind: str
    subject: str
    told: str
