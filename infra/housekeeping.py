"""What is done each day? The housekeeping of the approvals, with what the whole haven knows: deliveries, registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.housekeeping.model import HouseworkDone
from access.housekeeping.service import Housekeeping
from audit.model import Actor
from infra.registers.folder import locked
from infra.registers.publishing import Published, publish_register
from infra.retention import retentions

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

REGISTER = "register"


def housekeeping(haven: Haven) -> Housekeeping:
    """The housekeeping of this haven's approvals."""
    return Housekeeping(haven.access)


def keep_records(haven: Haven, *, by: Actor) -> list[HouseworkDone]:
    """What time brings about and who must be told; empty when it was done before. One run at a time."""
    with locked(haven.settings.home / "records" / "housekeeping"):
        return housekeeping(haven).run(retentions(haven), by=by)


def keep_register(haven: Haven, *, by: Actor) -> Published:
    """The public register as of today."""
    return publish_register(haven, by=by)


def keep_house(haven: Haven, *, by: Actor) -> list[HouseworkDone]:
    """Both, in their order: the register tells of what the first brought about."""
    done = keep_records(haven, by=by)
    made = keep_register(haven, by=by)
    if not made.unchanged:
        done.append(HouseworkDone(REGISTER, "register", f"{len(made.files)} files written"))
    return done
