"""What is done each day? The housekeeping of the approvals, with what the whole haven knows: deliveries, registers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from access.housekeeping.model import HouseworkDone
from access.housekeeping.service import Housekeeping
from access.optouts.store import list_in_force
from audit.model import Actor, service
from audit.progress import Progress, silent
from infra.registers.folder import locked
from infra.registers.publishing import Published, publish_register
from infra.retention import destroy_overdue

if TYPE_CHECKING:
    from access.realm.service import Synced
    from infra.wiring.haven import Haven

REGISTER, DESTROYED, PURGED = "register", "delivery-destroyed", "opt-out-list-purged"
CERTIFICATES = "opt-outs-purged"
"""The folder beside the records where certificates of purged lists lie; the log holds each of them too."""


def housekeeping(haven: Haven) -> Housekeeping:
    """The housekeeping of this haven's approvals."""
    return Housekeeping(haven.access)


def keep_records(haven: Haven, *, by: Actor) -> list[HouseworkDone]:
    """What time brings about and who must be told; empty when it was done before. One run at a time."""
    with locked(haven.settings.home / "records" / "housekeeping"):
        return housekeeping(haven).run(haven.access.retentions(), by=by)


def keep_retention(haven: Haven, progress: Progress = silent) -> list[HouseworkDone]:
    """Destroy what may not be kept longer, where its agreement lets the haven do so, and the old opt-outs; once."""
    gone = destroy_overdue(haven, progress=progress)
    done = [HouseworkDone(DESTROYED, one.held.name, f"was kept until {one.until}; certified") for one in gone]
    return [*done, *purge_optouts(haven, by=service("housekeeping"))]


def purge_optouts(haven: Haven, *, by: Actor) -> list[HouseworkDone]:
    """Purge a list of opt-outs that is older than it may be; its certificate stays with the records. Once."""
    with haven.records.read() as session:
        if list_in_force(session) is None:
            return []
    made = haven.opt_out_lists.purge_old(by=by)
    if made is None:
        return []
    statement = made["statement"]
    folder = haven.settings.home / "records" / CERTIFICATES
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{statement['id']}.json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return [HouseworkDone(PURGED, name, "was older than it may be; certified") for name in statement["lists"]]


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
