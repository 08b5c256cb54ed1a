"""How is a support written down? One YAML file, as the letter says; an unknown key is an error with its line."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from access.projects.narrowing import Name, Part, Sentence
from access.projects.purposes import Purpose
from access.support.model import NamedFlow, Regulation, Support

CagReference = Annotated[str, StringConstraints(pattern=r"^\d{2}/CAG/\d{4}$")]
Body = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,59}$")]


class FlowPart(Part):
    """One flow that the letter names."""

    dataset: Name
    discloser: Body = Field(alias="from")
    recipient: Body = Field(alias="to")
    identifiers: list[Sentence | Name] = Field(min_length=1)
    purpose: Purpose


class SupportFile(Part):
    """A support as its letter says."""

    reference: CagReference
    title: Sentence
    regulation: Regulation
    activity: Sentence
    flows: list[FlowPart] = Field(min_length=1)
    conditions: list[Sentence] = Field(default_factory=list)
    starts: date
    review_due: date
    ends: date
    opt_out_exemption: Sentence | None = None

    @model_validator(mode="after")
    def _dates_in_order(self) -> SupportFile:
        if not self.starts < self.review_due <= self.ends:
            raise ValueError("starts, review_due and ends must follow one another")
        return self

    def as_support(self) -> Support:
        """The same as the rules use it."""
        flows = tuple(
            NamedFlow(one.dataset, one.discloser, one.recipient, tuple(one.identifiers), one.purpose)
            for one in self.flows
        )
        return Support(
            reference=self.reference,
            title=self.title,
            regulation=self.regulation,
            activity=self.activity,
            flows=flows,
            conditions=tuple(self.conditions),
            starts=self.starts,
            review_due=self.review_due,
            ends=self.ends,
            opt_out_exemption=self.opt_out_exemption,
        )


TEMPLATE = """\
# A support of the Confidentiality Advisory Group, as its letter says. Nothing that is not named here may flow.
reference: 26/CAG/0001
title: What is supported, in a line
regulation: regulation-5        # 2: cancer registries, 3: public health, 5: medical purposes
activity: What is done with confidential patient information, as the letter has it
flows:
  # identifiers: all that the dataset's contract carries, as the letter names them; a delivery with others is refused
  - dataset: gp
    from: gp
    to: haven
    identifiers: [nhs_number, surname, forenames, sex, date_of_birth, postcode]
    purpose: research
conditions:
  - Patient notification is reviewed before the first annual review.
starts: 2026-01-01
review_due: 2027-01-01          # the annual review; warned 90, 60 and 30 days before
ends: 2030-12-31
# opt_out_exemption: The letter or minutes that expressly exempt it, with their reference. Without it opt-outs apply.
"""
