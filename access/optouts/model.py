"""What is decided and kept about opt-outs? Flows, the cases of the rule, decisions, objections, certificates.

The national data opt-out is a person's wish that confidential information about them is used for their own care only;
it stands against the NHS number and outlives the person. Nobody is named here: an objection has an opaque id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class OptOutCase(StrEnum):
    """A legal basis or case that the rule on opt-outs knows; the strings are kept with decisions."""

    SECTION_251 = "section-251"
    INDIVIDUAL_CARE = "individual-care"
    EXPLICIT_CONSENT = "explicit-consent"
    ANONYMISED = "anonymised-before-disclosure"
    REQUIRED_BY_LAW = "required-by-law"
    PUBLIC_INTEREST = "public-interest"
    PUBLIC_HEALTH = "public-health"
    OFFICIAL_STATISTICS = "official-statistics"
    DISEASE_REGISTERS = "disease-registers"
    NAMED_PAYMENTS = "named-payments"
    NUMBER_MISSING = "nhs-number-missing"


@dataclass(frozen=True)
class OptOutRule:
    """One row of the rule: what it is about, and the evidence without which opt-outs apply all the same.

    form: a regular expression that the evidence must meet. numberless: exempts only people without an NHS number.
    """

    case: OptOutCase
    about: str
    evidence: str
    form: str = r"\S.*\S"
    numberless: bool = False


@dataclass(frozen=True)
class DataFlow:
    """A project version's use of one dataset toward one organisation that receives it."""

    project: str
    version: int
    dataset: str
    recipient: str


@dataclass(frozen=True)
class FlowDecision:
    """Somebody said of a flow under which case it falls, and on what evidence; kept with the flow."""

    id: str
    flow: DataFlow
    case: OptOutCase
    evidence: str | None
    by: str
    at: datetime


@dataclass(frozen=True)
class FlowStanding:
    """How a flow stands now: do opt-outs apply, also to people without a number, and by which decisions."""

    flow: DataFlow
    applies: bool
    numberless: bool
    decisions: tuple[str, ...]


class ObjectionState(StrEnum):
    """What became of an objection. While it is open it is heeded."""

    OPEN = "open"
    UPHELD = "upheld"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class ObjectionTarget:
    """To whose use somebody objects: a controller's, or a project's."""

    kind: str  # controller or project
    name: str


@dataclass(frozen=True)
class Objection:
    """One person's objection to one controller's or one project's use. Who they are, the linkage zone alone knows."""

    id: str
    target: ObjectionTarget
    wish: str  # as it was put forward, without a name
    state: ObjectionState
    by: str
    at: datetime
    considered: str | None = None  # the reasons considered, with the answer
    answered_by: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True)
class Cut:
    """What a recipient was given of a dataset: which days, and were opt-outs applied? None: open on that side.

    column: by which date the days were cut; None: by none that is known, as in certificates of before.
    """

    recipient: str
    dataset: str
    start: date | None
    end: date | None
    applied: bool
    column: str | None = None

    def overlaps(self, other: Cut) -> bool:
        """May a row, of the same dataset toward the same recipient, be in both? Days of different dates tell nothing.

        Who was admitted in one year and left in the next is in the cut of either year by the other column.
        """
        same = (self.recipient, self.dataset) == (other.recipient, other.dataset)
        if self.column is None or self.column != other.column:
            return same
        after = self.start is not None and other.end is not None and self.start > other.end
        before = self.end is not None and other.start is not None and self.end < other.start
        return same and not after and not before


class ListState(StrEnum):
    """How far the asking for a list has come."""

    ASKED = "asked"
    IN_FORCE = "in_force"
    FAILED = "failed"
    PURGED = "purged"


@dataclass(frozen=True)
class OptOutList:
    """What is known outside the linkage zone of one asking: counts and times, never a number. as_at: when it was asked.

    failure: the code of what was wrong with the answer.
    """

    id: str
    state: ListState
    as_at: datetime
    asked: int = 0
    bad: Mapping[str, int] = field(default_factory=dict)
    failure: str | None = None
    sentence: str | None = None


@dataclass(frozen=True)
class DisclosurePlan:
    """What must hold of a disclosure before it is made. stamp: of all that decided it; another stamp, another plan."""

    project: str
    version: int
    standings: tuple[FlowStanding, ...]
    objections: tuple[str, ...]
    using: OptOutList | None
    cuts: tuple[Cut, ...]
    stamp: str

    @property
    def applies(self) -> bool:
        """Do opt-outs apply to any flow of it? Then to the whole: the whole record of a person leaves."""
        return any(standing.applies for standing in self.standings)

    @property
    def numberless_stay(self) -> bool:
        """May people without an NHS number stay? Only where it was decided for every flow to which opt-outs apply."""
        return all(not one.numberless for one in self.standings if one.applies)


@dataclass(frozen=True)
class OptOutCertificate:
    """What was done about opt-outs in one disclosure: which list, of what time, how many before and after.

    people and rows (by table): before and after, raw: suppress before showing.
    """

    id: str
    kind: str  # scope or release
    subject: str  # the scope's build, or the release's request
    plan: DisclosurePlan
    people: tuple[int, int]
    rows: Mapping[str, tuple[int, int]]
    by: str
    at: datetime
