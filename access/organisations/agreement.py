"""What do two organisations agree about data? One standard template (recommendation 20), checked, and printed to sign.

An agreement says who gives which datasets to whom, for which purposes, on which legal basis, until when, for how long
they are kept and how they are destroyed. A project is held against it each time somebody asks.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer, model_validator

from access.projects.narrowing import Name, Part, Sentence
from access.projects.purposes import LegalBasis, Purpose

Body = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,59}$")]
AgreementId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,59}$")]
Link = Annotated[str, StringConstraints(pattern=r"^https://[^\s\"<>]{4,380}$")]


class Destroyer(StrEnum):
    """Who destroys a delivery when its time is over."""

    GOVERNANCE_LEAD = "governance-lead"
    HOUSEKEEPING = "housekeeping"  # the haven itself, on the day after


class AgreedDataset(Part):
    """One dataset: its fair-processing notice, how long it is kept, and who destroys it then."""

    notice: Link
    retention_days: int = Field(gt=0, le=36500)
    destruction: Sentence
    destroyed_by: Destroyer = Destroyer.GOVERNANCE_LEAD

    @model_serializer(mode="wrap")
    def _as_signed(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As the paper says it: papers of before this could be agreed stay the same text, with the same digest."""
        said: dict[str, Any] = handler(self)
        if self.destroyed_by is Destroyer.GOVERNANCE_LEAD:
            said.pop("destroyed_by", None)
        return said


class Signature(Part):
    """Who signed for a party, in which office, when."""

    name: Sentence | Annotated[str, StringConstraints(min_length=3, max_length=120)]
    office: Annotated[str, StringConstraints(min_length=3, max_length=120)]
    on: date


class Agreement(Part):
    """A data sharing agreement between a controller and whoever holds the data for it or receives them."""

    id: AgreementId
    title: Sentence
    discloser: Body
    recipient: Body
    recipient_acts_as: Annotated[str, StringConstraints(pattern=r"^(processor|controller|joint-controller)$")]
    purposes: list[Purpose] = Field(min_length=1)
    legal_bases: list[LegalBasis] = Field(min_length=1)
    datasets: dict[Name, AgreedDataset] = Field(min_length=1)
    starts: date
    ends: date
    review_due: date
    breach_notice_hours: int = Field(gt=0, le=72)  # a personal data breach is reportable within 72 hours
    onward_sharing: Sentence
    audit_rights: Sentence
    signatures: dict[Body, Signature] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_together(self) -> Agreement:
        if self.starts >= self.ends:
            raise ValueError("starts must lie before ends")
        if self.discloser == self.recipient:
            raise ValueError("discloser and recipient must be two organisations")
        if strangers := set(self.signatures) - {self.discloser, self.recipient}:
            raise ValueError(f"signatures: {', '.join(sorted(strangers))} is no party")
        return self

    @property
    def unsigned(self) -> list[str]:
        """The parties that have not signed."""
        return [party for party in (self.discloser, self.recipient) if party not in self.signatures]

    @property
    def text(self) -> dict[str, Any]:
        """What the parties sign: everything but the signatures."""
        return self.model_dump(exclude={"signatures"})

    def covers(self, dataset: str, purpose: str, basis: str) -> bool:
        """Is this use of the dataset agreed?"""
        return dataset in self.datasets and purpose in self.purposes and basis in self.legal_bases


TEMPLATE = """\
# A data sharing agreement. `haven agreement check FILE` says what is missing, `haven agreement print FILE OUT` makes
# the page to sign.
id: gp-2026
title: GP records for linkage inside the haven
discloser: gp                   # the controller
recipient: haven                # who holds the data
recipient_acts_as: processor    # processor, controller or joint-controller
purposes: [research]
legal_bases: [section-251]
datasets:
  gp:
    notice: https://gp.example/how-we-use-your-data
    retention_days: 1825
    destruction: Keys are destroyed and the files removed; a certificate is sent within 30 days.
    # destroyed_by: housekeeping    # the haven destroys it the day after; without this, a governance lead has to
starts: 2026-01-01
ends: 2030-12-31
review_due: 2028-01-01
breach_notice_hours: 24
onward_sharing: None but linked anonymised outputs that pass disclosure control.
audit_rights: The controller may audit once a year, and reads the audit log at any time.
signatures:
  gp: {name: Dr A Example, office: Senior partner, on: 2025-12-10}
  haven: {name: B Example, office: Senior information risk owner, on: 2025-12-12}
"""
