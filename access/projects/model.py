"""What is a version of a project, and what was decided about it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from access.decisions import Refused
from access.projects.narrowing import NO_NARROWING, Narrowing


class Outcome(StrEnum):
    """What somebody who is asked decides."""

    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True)
class Approval:
    """One controller's decision on its own part of one version of a project, with what it narrows.

    outcome: an approval may be withdrawn later; a refusal stands, and a new version is asked anew.
    """

    controller: str
    by: str
    at: datetime
    withdrawn: bool = False
    reason: str | None = None
    outcome: Outcome = Outcome.APPROVED
    narrowing: Narrowing = NO_NARROWING
    withdrawn_at: datetime | None = None

    @property
    def in_force(self) -> bool:
        """Was it given, and not taken back?"""
        return self.outcome is Outcome.APPROVED and not self.withdrawn


@dataclass(frozen=True)
class Endorsement:
    """The Caldicott Guardian's decision on one version, with the answers of the release test."""

    by: str
    at: datetime
    outcome: Outcome
    reason: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    withdrawn: bool = False
    withdrawn_at: datetime | None = None

    @property
    def in_force(self) -> bool:
        """Was it an approval, and not taken back?"""
        return self.outcome is Outcome.APPROVED and not self.withdrawn


@dataclass(frozen=True)
class Suspension:
    """A project is stopped until somebody lifts it."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class ProjectVersion:
    """A version of a project: the parts that decide in which state it is.

    lapsed: what else must be in force and is not (agreements, support, assessments, the lead), each as a refusal.
    insiders: whoever has or had to do with any version of the project; they decide on none.
    """

    project: str
    version: int
    title: str
    applicant: str
    people: frozenset[str]
    controllers: frozenset[str]
    ends: date
    closed: bool = False
    closed_at: datetime | None = None
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    lead: str | None = None
    submitted_at: datetime | None = None
    went_live_at: datetime | None = None
    recertified_at: datetime | None = None
    endorsement: Endorsement | None = None
    suspension: Suspension | None = None
    lapsed: tuple[Refused, ...] = ()
    insiders: frozenset[str] = frozenset()  # of any version: people, leads, applicants; also who was not kept

    @property
    def decisions(self) -> list[Approval | Endorsement]:
        """What the controllers and the Guardian have decided, also where it was taken back."""
        return [*self.approvals.values(), *([self.endorsement] if self.endorsement else [])]

    @property
    def closed_on(self) -> date | None:
        """The day on which somebody closed the project; None also of one that was closed before it was kept."""
        return self.closed_at and self.closed_at.date()

    @property
    def recertified_on(self) -> date | None:
        """The day on which the lead last said who needs access."""
        return self.recertified_at and self.recertified_at.date()

    @property
    def last_day(self) -> date:
        """The earliest of the end asked for and the ends that controllers set; taking an approval back moves none."""
        limits = [one.narrowing.ends for one in self.approvals.values() if one.narrowing.ends]
        return min([self.ends, *limits])
