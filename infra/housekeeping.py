"""What is done each day? The housekeeping of the approvals, with what the whole haven knows: deliveries, registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.housekeeping.model import HouseworkDone
from access.housekeeping.service import Housekeeping
from audit.model import Actor
from audit.progress import Progress, silent
from infra.registers.folder import locked
from infra.registers.publishing import Published, publish_register
from infra.retention import destroy_overdue

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

REGISTER, DESTROYED = "register", "delivery-destroyed"


def housekeeping(haven: Haven) -> Housekeeping:
    """The housekeeping of this haven's approvals."""
    return Housekeeping(haven.access)


def keep_records(haven: Haven, *, by: Actor) -> list[HouseworkDone]:
    """What time brings about and who must be told; empty when it was done before. One run at a time."""
    with locked(haven.settings.home / "records" / "housekeeping"):
        return housekeeping(haven).run(haven.access.retentions(), by=by)


def keep_retention(haven: Haven, progress: Progress = silent) -> list[HouseworkDone]:
    """Destroy what may not be kept longer, where its agreement lets the haven do so; once."""
    gone = destroy_overdue(haven, progress=progress)
    return [HouseworkDone(DESTROYED, one.held.name, f"was kept until {one.until}; certified") for one in gone]


def keep_register(haven: Haven, *, by: Actor) -> Published:
    """The public register as of today."""
    return publish_register(haven, by=by)


def keep_house(haven: Haven, *, by: Actor) -> list[HouseworkDone]:
    """All, in their order: what was destroyed is no reminder, and the register tells of what both brought about."""
    done = [*keep_retention(haven), *keep_records(haven, by=by)]
    made = keep_register(haven, by=by)
    if not made.unchanged:
        done.append(HouseworkDone(REGISTER, "register", f"{len(made.files)} files written"))
    return done
