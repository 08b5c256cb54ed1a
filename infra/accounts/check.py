"""Is each folder its account's, and each key where it must be? Every deviation, with how to mend it."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from access.keys.envelope import Envelope
from access.keys.errors import KeyRingError
from infra.accounts.layout import KEPT_BY, PARTS, Accounts, AccountsError, OwnedFolder, owned_folders
from infra.settings import SETTINGS_FILE, Settings

OTHERS_WRITE = 0o022
ONE_ACCOUNT = (
    "One account runs both zones here: their folders and keys are apart, and that account can open both."
    " Real separation needs the installed accounts: haven accounts install"
)


@dataclass(frozen=True)
class Looked:
    """One thing that was looked at. found: as it is; amiss: what is wrong, or nothing; mend: the command."""

    what: str
    found: str
    amiss: str | None = None
    mend: str | None = None


def look(settings: Settings) -> list[Looked]:
    """Accounts, folders and keys of this home, as far as this account can see them."""
    if not settings.separated:
        return [Looked("accounts", "none are installed", ONE_ACCOUNT)]
    accounts = Accounts.installed(settings)
    return [
        *(_account(accounts, part) for part in PARTS),
        *(_folder(accounts, folder) for folder in owned_folders(settings)),
        *_keys(settings),
        _settings(settings),
        *(_program(path.resolve()) for path in _programs(settings) if path.exists()),
    ]


def _account(accounts: Accounts, part: str) -> Looked:
    name = accounts.names[part]
    try:
        return Looked(f"account of the {part}", f"{name} ({accounts.uid(part)})")
    except AccountsError as error:
        return Looked(f"account of the {part}", name, error.what, error.mend)


def _folder(accounts: Accounts, folder: OwnedFolder) -> Looked:
    try:
        found = folder.path.lstat()
        wanted = (accounts.uid(folder.owner), accounts.gid(folder.group), folder.mode)
    except (OSError, AccountsError) as error:
        return Looked(str(folder.path), "cannot be looked at", str(error), "haven accounts install")
    mode = stat.S_IMODE(found.st_mode)
    said = f"{_name(found.st_uid)}:{_group(found.st_gid)} {mode:04o}"
    if not stat.S_ISDIR(found.st_mode):
        return Looked(str(folder.path), said, "is no folder", "Remove it; then: haven accounts install")
    if (found.st_uid, found.st_gid) != wanted[:2]:
        owner = f"{_name(wanted[0])}:{_group(wanted[1])}"
        return Looked(str(folder.path), said, f"must be {owner}'s", f"chown {owner} {folder.path}")
    if mode != folder.mode:
        return Looked(
            str(folder.path), said, f"must have mode {folder.mode:04o}", f"chmod {folder.mode:04o} {folder.path}"
        )
    return Looked(str(folder.path), said)


def _keys(settings: Settings) -> list[Looked]:
    """The common envelope must not hold a zone's key; each zone's own holds it alone. Wrapped keys are not opened."""
    looked = []
    for place, folder in [("common", settings.keys_folder), *((z, settings.zone_keys_folder(z)) for z in KEPT_BY)]:
        try:
            envelope = Envelope.read(folder)
        except KeyRingError:
            continue  # another account's: that it cannot be read here is right
        held = {role for role in KEPT_BY.values() if envelope is not None and role in envelope.wrapped}
        wanted = set() if place == "common" else {KEPT_BY[place]}
        roles = ", ".join(sorted(envelope.wrapped)) if envelope else "none"
        amiss = None if held == wanted else "holds the wrong zone's key, or lacks its own"
        looked.append(Looked(f"{place} keys", roles, amiss, amiss and "haven accounts install"))
    return looked


def _settings(settings: Settings) -> Looked:
    path = settings.home / SETTINGS_FILE
    found = path.lstat() if os.path.lexists(path) else None
    roots = found is not None and stat.S_ISREG(found.st_mode) and found.st_uid == 0 and not found.st_mode & OTHERS_WRITE
    said = f"{_name(found.st_uid)} {stat.S_IMODE(found.st_mode):04o}" if found else "missing"
    amiss = None if roots else "must be root's alone: the zones' processes load what it names"
    return Looked(str(path), said, amiss, amiss and "haven accounts install")


def _programs(settings: Settings) -> tuple[Path, ...]:
    return Path(sys.executable), Path(__file__), settings.environments_folder / "hub" / "bin" / "python"


def _program(path: Path) -> Looked:
    """Can every account run the haven's programs, and only root change them? Nothing secret lies in them."""
    for place in (path, *path.parents):
        found = place.stat()
        writable = found.st_mode & OTHERS_WRITE and not found.st_mode & stat.S_ISVTX
        if place.is_dir() and not found.st_mode & stat.S_IXOTH:
            mend = "Install the haven where all accounts can read, as under /opt"
            return Looked(f"program {path.name}", str(path), f"{place} is closed to the accounts", mend)
        if found.st_uid != 0 or writable:
            amiss = f"others than root can change {place}, and with it what every account runs"
            return Looked(f"program {path.name}", str(path), amiss, f"chown root {place}; chmod go-w {place}")
    return Looked(f"program {path.name}", str(path))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
