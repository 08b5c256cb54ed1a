"""Whose are the folders of a haven? Private to its account; where accounts are installed, root's and each one's own.

Raises SettingsError before anything is opened.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from infra.settings import Settings, SettingsError

PRIVATE = 0o700


def require_own(folder: Path) -> None:
    """The folder of sockets may lie where others can write: only this account's own will do, open to nobody else.

    Raises SettingsError for a link, or for another account's folder.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SettingsError(
            "The folder for the services' sockets belongs to another account, or is a link.",
            where=str(folder),
            mend="Remove it, or use a home with a shorter path, so that the sockets lie inside it.",
        )
    folder.chmod(PRIVATE)


def require_orchestrator(settings: Settings) -> None:
    """Where accounts are installed, everything but the zones runs as the orchestrator's; root would leave its files."""
    from infra.accounts.layout import ORCHESTRATOR, Accounts

    accounts = Accounts.installed(settings)
    if os.geteuid() != accounts.uid(ORCHESTRATOR):
        name = accounts.names[ORCHESTRATOR]
        raise SettingsError(
            f"This haven's commands run as the account '{name}'.",
            where=str(settings.home),
            mend=f"sudo -u {name} haven ... ; as root only: haven up, down, accounts",
        )


def require_roots(folder: Path) -> None:
    """Where accounts are installed, the folder of sockets is root's, and each account has its own place in it."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
        raise SettingsError(
            "The folder for the services' sockets is not root's.",
            where=str(folder),
            mend="As root: haven accounts install",
        )
