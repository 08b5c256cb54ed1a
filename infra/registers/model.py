"""What does the public register say? Organisations, purposes, dates and counts: never a person, never a row.

Attribute 4 of an accredited safe haven (a published register of flows and datasets), recommendations 7 and 19 of the
2013 review (how data are used and how to object; what was disclosed, to whom, why), Caldicott 7 (waiting, refusals).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from access.projects.waiting import Refusal, WaitingTime


class DisclosureKind(StrEnum):
    """What was disclosed: people's confidential data, data without identities, or tables about groups."""

    CONFIDENTIAL = "confidential"
    DE_IDENTIFIED = "de-identified"
    AGGREGATE = "aggregate"


@dataclass(frozen=True)
class LogPosition:
    """How far the audit log went when the register was made: its size, its root (hex), and the signed note itself."""

    size: int
    root: str
    note: str


@dataclass(frozen=True)
class AgreedTerm:
    """What one agreement says of one dataset."""

    agreement: str
    title: str
    notice: str
    retention_days: int
    destruction: str
    starts: date
    ends: date
    review_due: date
    in_force: bool


@dataclass(frozen=True)
class HeldDataset:
    """A dataset that the haven holds or is agreed to hold, its controller, and under which terms."""

    id: str
    controller: str
    notice: str
    tables: tuple[str, ...]
    terms: tuple[AgreedTerm, ...]


@dataclass(frozen=True)
class PublicFlow:
    """A flow that is agreed or supported: what may go from whom to whom, for which purposes, on which ground."""

    dataset: str
    discloser: str
    recipient: str
    purposes: tuple[str, ...]
    ground: str
    identifiers: tuple[str, ...]
    in_force: bool


@dataclass(frozen=True)
class ReceivedDelivery:
    """A flow that happened: a delivery that came in. rows: by table, suppressed and rounded."""

    dataset: str
    controller: str
    period_from: date | None
    period_to: date | None
    received_on: date
    state: str
    rows: tuple[tuple[str, str], ...]
    log_entry: int | None


@dataclass(frozen=True)
class Disclosure:
    """What was disclosed to whom, why, when. certificate: of the opt-outs that were applied, where there is one."""

    kind: DisclosureKind
    what: str
    recipient: str
    why: str
    on: date
    project: str | None
    certificate: str | None
    log_entry: int | None


@dataclass(frozen=True)
class HistoryEntry:
    """One step of a project's history, as the log has it."""

    on: date
    told: str
    log_entry: int


@dataclass(frozen=True)
class PublicDecision:
    """What an organisation, or the Caldicott Guardian, decided on the project. conditions: of an approval, in words."""

    by: str
    outcome: str
    on: date | None
    reason: str | None
    conditions: tuple[str, ...]


@dataclass(frozen=True)
class PublicUse:
    """What an application says for the register of data uses: articles of the UK GDPR, sector, summary, funders.

    organisation_code: of the organisation that answers for it, at the Organisation Data Service.
    """

    article6: str
    article9: str
    sector: str
    technical_summary: str
    frequency: str
    funders: tuple[str, ...]
    organisation_code: str | None


@dataclass(frozen=True)
class PublicProject:
    """A project that was submitted, as the public sees it: organisations, never people. begun: it has been live."""

    id: str
    version: int
    title: str
    lay_summary: str
    purpose: str
    purpose_title: str
    legal_basis: str
    support: str | None
    ethics: str | None
    organisation: str
    recipients: tuple[str, ...]
    datasets: tuple[tuple[str, tuple[str, ...]], ...]
    benefit: str | None
    data_use: PublicUse | None
    state: str
    rule: str
    submitted_on: date
    approved_on: date | None
    begun: date | None
    ends: date
    closed_on: date | None
    opt_out: str | None
    decisions: tuple[PublicDecision, ...]
    history: tuple[HistoryEntry, ...]


@dataclass(frozen=True)
class OptOutEffect:
    """How people's opt-outs were applied: a sentence, and each disclosure's certificate with suppressed counts."""

    told: str
    certificates: tuple[tuple[str, str, str, str], ...] = ()  # reference, day, records before, left out; suppressed


@dataclass(frozen=True)
class SanctionCounts:
    """How many people and organisations are barred today, and were ever; suppressed."""

    people_now: str
    organisations_now: str
    ever: str


@dataclass(frozen=True)
class PublicRegister:
    """The whole register as of a day."""

    as_of: date
    synthetic: bool
    datasets: tuple[HeldDataset, ...]
    flows: tuple[PublicFlow, ...]
    deliveries: tuple[ReceivedDelivery, ...]
    projects: tuple[PublicProject, ...]
    disclosures: tuple[Disclosure, ...]
    opt_outs: OptOutEffect
    waiting: tuple[WaitingTime, ...]
    refusals: tuple[Refusal, ...]
    sanctions: SanctionCounts
