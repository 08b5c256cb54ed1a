"""For which purposes may a project use data, and what does each need? A controlled list; nothing else is a purpose.

Purposes of the 2013 review's accredited safe havens. Risk stratification names the provider of direct care
whom it serves; the review lets that provider re-identify, and this haven lets nobody (ADR 22): its rule leaves instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Purpose = Literal[
    "research",
    "risk-stratification",
    "population-health-management",
    "commissioning",
    "audit",
    "public-health",
]
LegalBasis = Literal[
    "section-251", "explicit-consent", "anonymised-before-disclosure", "legal-duty", "public-health-risk",
    "synthetic-data",
]  # fmt: skip


@dataclass(frozen=True)
class PurposeNeeds:
    """What a project of this purpose must bring."""

    title: str
    ethics: bool  # the reference of a research ethics committee's opinion
    provider: bool  # the provider of direct care whom the results serve
    bases: frozenset[LegalBasis]


ANY: frozenset[LegalBasis] = frozenset(
    {"section-251", "explicit-consent", "anonymised-before-disclosure", "legal-duty", "synthetic-data"}
)
PURPOSES: Mapping[Purpose, PurposeNeeds] = {
    "research": PurposeNeeds("research", True, False, ANY),
    "risk-stratification": PurposeNeeds(
        "finding who is at risk, for those who care for them", False, True, frozenset({"section-251", "synthetic-data"})
    ),
    "population-health-management": PurposeNeeds("planning care for a population", False, False, ANY),
    "commissioning": PurposeNeeds("deciding which services to buy", False, False, ANY),
    "audit": PurposeNeeds("comparing care with a standard", False, False, ANY),
    "public-health": PurposeNeeds("protecting the public's health", False, False, ANY | {"public-health-risk"}),
}


def needs_agreement(basis: LegalBasis) -> bool:
    """Are agreements, support and an impact assessment asked for? Synthetic records are nobody's."""
    return basis != "synthetic-data"
