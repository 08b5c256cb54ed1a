"""What does the Confidentiality Advisory Group support? Section 251 of the NHS Act 2006, as data.

Held under its CAG reference: the regulation (2002, number 1438), the flows named in it, its conditions and its dates.
A flow that is not named is not supported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Regulation(StrEnum):
    """Under which regulation of the Control of Patient Information Regulations the support is given."""

    CANCER_REGISTRIES = "regulation-2"
    PUBLIC_HEALTH = "regulation-3"
    MEDICAL_PURPOSES = "regulation-5"


@dataclass(frozen=True)
class NamedFlow:
    """One flow that the support names: who gives what to whom, with which identifiers, for which purpose."""

    dataset: str
    discloser: str
    recipient: str
    identifiers: tuple[str, ...]
    purpose: str


@dataclass(frozen=True)
class Support:
    """One support: in force from its start to its end, and while its annual review is not overdue."""

    reference: str  # 24/CAG/0012
    title: str
    regulation: Regulation
    activity: str
    flows: tuple[NamedFlow, ...]
    conditions: tuple[str, ...]
    starts: date
    review_due: date
    ends: date
    opt_out_exemption: str | None = None  # the letter or minute that exempts it from the national data opt-out
    withdrawn_on: date | None = None

    def names(self, dataset: str, discloser: str, recipient: str, purpose: str) -> bool:
        """Does it name this flow?"""
        asked = (dataset, discloser, recipient, purpose)
        return any((one.dataset, one.discloser, one.recipient, one.purpose) == asked for one in self.flows)
