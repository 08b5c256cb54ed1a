"""Which account owns which folder? One table: made by `install`, looked at by `check`, started from by systemd.

What lies above the zones' folders is root's, so that the orchestrator (the administrator's account) can put nothing
else in their place; it makes its own folders beside them (the sticky bit lets nobody rename another's).
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from access.keys import KeyRole
from infra.errors import DeploymentError
from infra.settings import Settings

ROOT = "root"
ORCHESTRATOR, LINKAGE, RESEARCH, INTAKE = "orchestrator", "linkage", "research", "intake"
PARTS = (ORCHESTRATOR, LINKAGE, RESEARCH, INTAKE)
PROCESSES = (LINKAGE, RESEARCH, INTAKE)
"""The parts that have a process of their own under `haven up` as root; the orchestrator starts its services itself."""
KEPT_BY = {LINKAGE: KeyRole.LINKAGE, RESEARCH: KeyRole.RESEARCH, INTAKE: KeyRole.INTAKE}
"""The parts whose role key lies under a root of their own; the intake's opens sealed deliveries, and no zone."""
COMMON_ROLES = tuple(role for role in KeyRole if role not in KEPT_BY.values())
"""What the orchestrator's account can derive."""
OTHERS_WRITE = 0o022
SEEN, PASSED, SHARED, READ, GROUP_READS, OWN = 0o1775, 0o711, 0o1771, 0o755, 0o750, 0o700


class AccountsError(DeploymentError):
    """The accounts are not as they must be, or this account may not do that."""

    code = "accounts.unfit"
    exit_status = 77


@dataclass(frozen=True)
class OwnedFolder:
    """One folder: whose it is, whose group it has, and its mode."""

    path: Path
    owner: str
    group: str
    mode: int


def owned_folders(settings: Settings) -> list[OwnedFolder]:
    """Every folder whose owner matters, outer ones first."""
    home, run = settings.home, settings.home / "run"
    return [
        OwnedFolder(home, ROOT, ORCHESTRATOR, SEEN),
        OwnedFolder(home / "zones", ROOT, ROOT, PASSED),
        OwnedFolder(settings.zone_logs_folder, ROOT, ROOT, OWN),
        OwnedFolder(settings.agreed_contracts_folder, ROOT, ROOT, READ),
        OwnedFolder(settings.controller_keys_folder, ROOT, ROOT, READ),
        OwnedFolder(settings.reference_tables_folder, ROOT, INTAKE, GROUP_READS),
        OwnedFolder(settings.linkage_zone, LINKAGE, LINKAGE, OWN),
        OwnedFolder(settings.research_zone, RESEARCH, RESEARCH, OWN),
        OwnedFolder(settings.intake_folder, INTAKE, INTAKE, OWN),
        OwnedFolder(settings.inbox_folder, INTAKE, INTAKE, OWN),
        OwnedFolder(settings.keys_folder, ROOT, ORCHESTRATOR, SHARED),
        *(OwnedFolder(settings.zone_keys_folder(zone), zone, zone, OWN) for zone in KEPT_BY),
        OwnedFolder(run, ROOT, ORCHESTRATOR, SHARED),
        OwnedFolder(run / "zones", ROOT, ROOT, PASSED),
        *(OwnedFolder(settings.zone_socket(part).parent, part, part, PASSED) for part in PROCESSES),
    ]


def is_roots_file(path: Path) -> bool:
    """Is it there, no link, and nobody's but root's to write?"""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == 0 and not found.st_mode & OTHERS_WRITE


@dataclass(frozen=True)
class Accounts:
    """The accounts of one haven, by part. reviewers: the group at the linkage zone's door; None: there is no door."""

    names: dict[str, str]
    reviewers: str | None = None

    @classmethod
    def wanted(cls, settings: Settings) -> Accounts:
        """As the settings name them."""
        return cls({part: str(getattr(settings.accounts, part)) for part in PARTS}, settings.accounts.reviewers)

    @classmethod
    def installed(cls, settings: Settings) -> Accounts:
        """As they were installed. Raises AccountsError: the file is missing, damaged, or not root's."""
        path = settings.accounts_file
        try:
            with path.open("rb") as file:
                owner, content = os.fstat(file.fileno()).st_uid, file.read()
            told = json.loads(content)
            names, reviewers = told["accounts"], told.get("reviewers")
            if owner != 0 or set(names) != set(PARTS):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise AccountsError(
                "The file of the installed accounts is missing, damaged, or not root's.",
                where=str(path),
                mend="Install them again, as root: haven accounts install",
            ) from None
        return cls({part: str(name) for part, name in names.items()}, reviewers and str(reviewers))

    def uid(self, part: str) -> int:
        """The account's number. Raises AccountsError."""
        return self._entry(part).pw_uid

    def gid(self, part: str) -> int:
        """The number of the account's own group. Raises AccountsError."""
        return self._entry(part).pw_gid

    def reviewer(self, uid: int) -> str | None:
        """The name of the account with this number, if it is a reviewer's: a member of the group, and none of ours.

        Who runs a part of the haven, and root, is no reviewer, whatever group they are in: the administrator's account
        never sees an identifier.
        """
        try:
            if self.reviewers is None or uid in {0, *(self.uid(part) for part in PARTS)}:
                return None
            found, group = pwd.getpwuid(uid), grp.getgrnam(self.reviewers)
            return found.pw_name if group.gr_gid in os.getgrouplist(found.pw_name, found.pw_gid) else None
        except (KeyError, AccountsError):
            return None

    def write(self, settings: Settings) -> None:
        """Keep them; readable to all, root's to write."""
        draft = settings.accounts_file.with_suffix(".part")
        draft.unlink(missing_ok=True)
        # whoever may write here could put a link in the draft's place
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "w") as file:
            json.dump({"version": 1, "accounts": self.names, "reviewers": self.reviewers}, file, indent=1)
            os.fchmod(file.fileno(), 0o644)
        draft.replace(settings.accounts_file)

    def _entry(self, part: str) -> pwd.struct_passwd:
        if part == ROOT:
            return pwd.getpwnam(ROOT)
        try:
            found = pwd.getpwnam(self.names[part])
        except KeyError:
            raise AccountsError(
                f"There is no account '{self.names.get(part, part)}'.",
                where=part,
                mend="As root: haven accounts install",
            ) from None
        if found.pw_uid == 0:
            raise AccountsError("No part of the haven may run as root.", where=part, mend="Name another account.")
        return found
