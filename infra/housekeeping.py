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
    from access.realm.service import Synced
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


def keeps_identity(haven: Haven) -> bool:
    """Is there a Keycloak that this haven keeps: the server of the settings, or the one of this home while it runs?"""
    settings = haven.settings
    if settings.identity.server is not None:
        return True
    return not settings.real_data and haven.identity_server.is_running()


def keep_identity(haven: Haven, *, by: Actor) -> tuple[int, Synced]:
    """In how many places the realm has drifted, which is in the log and mended by a person; and the sync of log-ins.

    It closes and changes log-ins and makes none: a new one comes with a one-time password, which an administrator hands
    over. Raises RealmUnreachable; RealmNotRepaired after all the rest of the sync was done.
    """
    drifted = len(haven.identity.check(by=by))
    return drifted, haven.identity.sync(by=by)


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
