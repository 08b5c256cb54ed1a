"""What does the register tell of opt-outs? The one place where the register asks the part that applies them.

This haven applies no opt-outs yet, and the register says so. `opt_out_effect`, `opt_out_of_project` and
`certificate_of` are to be filled from access.optouts: how many were left out is shown suppressed, never beside an
exact number from which it could be worked out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.registers.model import OptOutEffect

if TYPE_CHECKING:
    from infra.wiring import Haven

NOT_APPLIED = "This haven does not apply the national data opt-out itself yet."


def opt_out_effect(haven: Haven) -> OptOutEffect:
    """How opt-outs were applied, over all disclosures."""
    return OptOutEffect(NOT_APPLIED)


def opt_out_of_project(haven: Haven, project: str) -> str | None:
    """Does the national data opt-out apply to this project's flows: `yes`, `no`, or None where nobody has decided."""
    return None


def certificate_of(haven: Haven, disclosed: str) -> str | None:
    """The reference of the opt-out certificate of a delivery, a scope's build or a release; None: there is none."""
    return None
