"""Who is a person of the haven, and what shows that they may work here?

Each piece of evidence has a date on which it stops to hold (National Data Guardian 3 and 4; Caldicott 5): nothing
is held by default, and what is missing is a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from access.organisations.model import Organisation, Sanction


class Role(StrEnum):
    """What a person does in the haven. A person may hold several; none is held by default."""

    DATA_ENGINEER = "data_engineer"
    RESEARCHER = "researcher"
    OUTPUT_CHECKER = "output_checker"
    CONTROLLER_DELEGATE = "controller_delegate"
    AUDITOR = "auditor"
    COMMISSIONER = "commissioner"
    LINKAGE_REVIEWER = "linkage_reviewer"
    ADMINISTRATOR = "administrator"
    CALDICOTT_GUARDIAN = "caldicott_guardian"
    GOVERNANCE_LEAD = "governance_lead"
    ANONYMISATION_AUTHORISER = "anonymisation_authoriser"


class ProofingKind(StrEnum):
    """How somebody's identity was proved; the document's number is not kept."""

    PASSPORT_IN_PERSON = "passport-in-person"
    DRIVING_LICENCE_IN_PERSON = "driving-licence-in-person"
    NHS_SMARTCARD = "nhs-smartcard"
    DIGITAL_IDENTITY = "digital-identity"  # a certified provider, medium confidence or better (GPG 45)
    EMPLOYER_VOUCHED = "employer-vouched"  # by the employer's own check before employment


class TrainingKind(StrEnum):
    """What people are trained in, each with a test."""

    INFORMATION_GOVERNANCE = "information-governance"
    SAFE_RESEARCHER = "safe-researcher"
    OUTPUT_CHECKING = "output-checking"


PASS_MARK = 80  # per cent of the test
YEAR = timedelta(days=365)

TRAINING_HOLDS: Mapping[TrainingKind, timedelta] = {
    TrainingKind.INFORMATION_GOVERNANCE: YEAR,  # National Data Guardian 3: annual
    TrainingKind.SAFE_RESEARCHER: 5 * YEAR,  # as accreditation under the Digital Economy Act
    TrainingKind.OUTPUT_CHECKING: 2 * YEAR,
}
TRAINING_NEEDED: Mapping[TrainingKind, frozenset[Role]] = {
    TrainingKind.INFORMATION_GOVERNANCE: frozenset(Role),
    TrainingKind.SAFE_RESEARCHER: frozenset({Role.RESEARCHER}),
    TrainingKind.OUTPUT_CHECKING: frozenset({Role.OUTPUT_CHECKER}),
}
ACCREDITED_ROLES = frozenset({Role.RESEARCHER})
ACKNOWLEDGEMENT_HOLDS = YEAR


@dataclass(frozen=True)
class Proofing:
    """That somebody's identity was proved: how, by whom, when."""

    kind: ProofingKind
    by: str
    on: date


@dataclass(frozen=True)
class Training:
    """A training whose test was taken: the score in per cent, and the last day on which it holds."""

    kind: TrainingKind
    passed_on: date
    score: int
    ends: date


@dataclass(frozen=True)
class Accreditation:
    """That a scheme has accredited a researcher, under which number, until when."""

    scheme: str
    number: str
    ends: date


@dataclass(frozen=True)
class Evidence:
    """All that shows that a person may work here; every part is missing until it is recorded."""

    proofing: Proofing | None = None
    trainings: tuple[Training, ...] = ()
    accreditation: Accreditation | None = None
    acknowledged_on: date | None = None  # their duty of confidence, and the conditions of working here

    def training(self, kind: TrainingKind) -> Training | None:
        """The training of this kind, if there is one."""
        return next((one for one in self.trainings if one.kind is kind), None)


@dataclass(frozen=True)
class Person:
    """An approved person: who they are, for whom they work, what they do, and the evidence that they may.

    employer, sanctions and anew_at are filled in from the records when a person is read; who registers somebody
    leaves them. anew_at: when they last came to another employer, or were let in after their account was closed.
    """

    id: str
    name: str
    organisation: str
    roles: frozenset[Role]
    evidence: Evidence = Evidence()
    suspended: bool = False
    closed_on: date | None = None  # left, or dormant
    last_seen: date | None = None
    employer: Organisation | None = None
    sanctions: tuple[Sanction, ...] = field(default=())
    anew_at: datetime | None = None
