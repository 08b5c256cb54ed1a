"""What does the register tell of opt-outs? The one place where the register asks the part that applies them.

How many were left out is shown suppressed, never beside an exact number from which it could be worked out: before is
rounded, left out is suppressed, after is not told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.suppression import shown_count
from infra.registers.model import OptOutEffect

if TYPE_CHECKING:
    from access.optouts.model import OptOutCertificate
    from infra.wiring.haven import Haven

APPLIED = (
    "Where the rule says so, the whole record of everybody who opted out is left out of a disclosure. Each disclosure"
    " has its certificate."
)


def opt_out_effect(haven: Haven) -> OptOutEffect:
    """How opt-outs were applied, over all disclosures."""
    told = sorted(haven.disclosures.certificates(), key=lambda one: (one.at, one.id))
    return OptOutEffect(APPLIED, tuple(_row(one) for one in told if one.plan.applies))


def opt_out_of_project(haven: Haven, project: str) -> str | None:
    """Does the national data opt-out apply to this project's flows: `yes`, `no`, or None where nothing was built."""
    found = haven.disclosures.certificates(project)
    if not found:
        return None
    newest = max(found, key=lambda one: (one.at, one.id))
    return "yes" if newest.plan.applies else "no"


def certificate_of(haven: Haven, disclosed: str) -> str | None:
    """The reference of the opt-out certificate of a scope's build or a release; None: there is none."""
    found = [one for one in haven.disclosures.certificates() if one.subject == disclosed]
    return max(found, key=lambda one: (one.at, one.id)).id if found else None


def _row(certificate: OptOutCertificate) -> tuple[str, str, str, str]:
    before, after = certificate.people
    return certificate.id, certificate.at.date().isoformat(), shown_count(before), shown_count(before - after)
