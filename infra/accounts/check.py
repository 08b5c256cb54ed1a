"""Is each folder its account's, and each key where it must be? Every deviation, with how to mend it.

What the account that asks cannot see is told as such: only root sees all.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from access.keys.envelope import ROLES_FILE, Envelope
from access.keys.errors import KeyRingError
from infra.accounts.layout import (
    KEPT_BY,
    ORCHESTRATOR,
    OTHERS_WRITE,
    PARTS,
    ROOT,
    Accounts,
    AccountsError,
    OwnedFolder,
    is_roots_file,
    owned_folders,
)
from infra.accounts.roots import passphrase_file
from infra.settings import SETTINGS_FILE, Settings

ALL_BUT_OWNER = 0o077
PASSPHRASE = "passphrase"  # noqa: S105 - the name of a file
ONE_ACCOUNT = (
    "One account runs both zones here: their folders and keys are apart, and that account can open both."
    " Real separation needs the installed accounts: haven accounts install"
)


@dataclass(frozen=True)
class Looked:
    """One thing that was looked at. found: as it is; amiss: what is wrong, or nothing; mend: the command.

    seen: else this account may not look at it, and nothing is known of it.
    """

    what: str
    found: str
    amiss: str | None = None
    mend: str | None = None
    seen: bool = True


def _unseen(what: str) -> Looked:
    return Looked(what, "not seen from this account", mend="As root: haven accounts check", seen=False)


def look(settings: Settings) -> list[Looked]:
    """Accounts, folders and keys of this home, as far as this account can see them."""
    if not settings.separated:
        return [Looked("accounts", "none are installed", ONE_ACCOUNT)]
    accounts = Accounts.installed(settings)
    return [
        *(_account(accounts, part) for part in PARTS),
        _reviewers(accounts),
        *(_folder(accounts, folder) for folder in owned_folders(settings)),
        *_keys(settings),
        *_passphrases(settings, accounts),
        _settings(settings),
        *_recipients(settings),
        *(_program(path.resolve()) for path in _programs(settings) if _hidden(path) or path.exists()),
        *(_library(path) for path in _library_folders() if _hidden(path) or path.is_dir()),
    ]


def _account(accounts: Accounts, part: str) -> Looked:
    name = accounts.names[part]
    try:
        return Looked(f"account of the {part}", f"{name} ({accounts.uid(part)})")
    except AccountsError as error:
        return Looked(f"account of the {part}", name, error.what, error.mend)


def _reviewers(accounts: Accounts) -> Looked:
    """The reviewers' group is there, and no account of the haven's is in it: those never see an identifier."""
    name = accounts.reviewers
    if name is None:
        return Looked("group of the reviewers", "none", "reviewers have no door", "haven accounts install")
    try:
        group = grp.getgrnam(name)
    except KeyError:
        return Looked("group of the reviewers", name, "is no group", "haven accounts install")
    ours = [one for one in (ROOT, *accounts.names.values()) if one in group.gr_mem or _group_of(one) == group.gr_gid]
    amiss = f"{ours[0]} runs the haven and may not be in it" if ours else None
    found = f"{name} ({', '.join(sorted(group.gr_mem)) or 'nobody'})"
    return Looked("group of the reviewers", found, amiss, amiss and f"gpasswd -d {ours[0]} {name}")


def _group_of(account: str) -> int | None:
    try:
        return pwd.getpwnam(account).pw_gid
    except KeyError:
        return None


def _folder(accounts: Accounts, folder: OwnedFolder) -> Looked:
    try:
        found = folder.path.lstat()
        wanted = (accounts.uid(folder.owner), accounts.gid(folder.group), folder.mode)
    except PermissionError:
        return _unseen(str(folder.path))
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
        except KeyRingError as error:
            if _closed(folder / ROLES_FILE):  # another account's: that it cannot be read here is right
                looked.append(_unseen(f"{place} keys"))
                continue
            looked.append(Looked(f"{place} keys", "cannot be read", error.what, error.mend))
            continue
        held = {role for role in KEPT_BY.values() if envelope is not None and role in envelope.wrapped}
        wanted = set() if place == "common" else {KEPT_BY[place]}
        roles = ", ".join(sorted(envelope.wrapped)) if envelope else "none"
        amiss = None if held == wanted else "holds the wrong zone's key, or lacks its own"
        looked.append(Looked(f"{place} keys", roles, amiss, amiss and "haven accounts install"))
    return looked


def _closed(path: Path) -> bool:
    """May this account not read it?"""
    try:
        path.open("rb").close()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _hidden(path: Path) -> bool:
    """Is it, where it is there at all, in a folder that this account may not look into?"""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _passphrases(settings: Settings, accounts: Accounts) -> list[Looked]:
    """Each passphrase's file is its account's alone; those that are not there are left out."""
    common = settings.passphrase_file or settings.keys_folder / PASSPHRASE
    files = [(ORCHESTRATOR, common)]
    files += [(z, passphrase_file(settings, z) or settings.zone_keys_folder(z) / PASSPHRASE) for z in KEPT_BY]
    looked = []
    for part, path in files:
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        except OSError:
            looked.append(_unseen(f"passphrase {path}"))
            continue
        said = f"{_name(found.st_uid)} {stat.S_IMODE(found.st_mode):04o}"
        fit = stat.S_ISREG(found.st_mode) and found.st_uid == accounts.uid(part) and not found.st_mode & ALL_BUT_OWNER
        amiss = None if fit else f"must be a file of {accounts.names[part]}'s alone"
        mend = None if fit else f"chown {accounts.names[part]} {path}; chmod 0600 {path}"
        looked.append(Looked(f"passphrase {path}", said, amiss, mend))
    return looked


def _settings(settings: Settings) -> Looked:
    path = settings.home / SETTINGS_FILE
    found = path.lstat() if os.path.lexists(path) else None
    said = f"{_name(found.st_uid)} {stat.S_IMODE(found.st_mode):04o}" if found else "missing"
    amiss = None if is_roots_file(path) else "must be root's alone: the zones' processes load what it names"
    return Looked(str(path), said, amiss, amiss and "haven accounts install")


def _recipients(settings: Settings) -> list[Looked]:
    """The controllers for whom keys of rounds may be sealed: whoever writes such a file takes a key."""
    looked = []
    for path in sorted(settings.controller_keys_folder.glob("*.recipient")):
        amiss = None if is_roots_file(path) else "is not root's alone, and not heeded"
        mend = amiss and f"Look at what it says; then: chown root {path}; chmod 0644 {path}"
        looked.append(Looked(f"recipient {path.stem}", str(path), amiss, mend))
    return looked


def _programs(settings: Settings) -> tuple[Path, ...]:
    """What the accounts' processes run and load: interpreters, the haven, and the libraries that the settings name."""
    accounts = settings.accounts
    tokens = [
        keys.pkcs11 for keys in (settings.keys, accounts.linkage_keys, accounts.research_keys, accounts.intake_keys)
    ]
    named = [settings.duckdb_httpfs, *(token.module for token in tokens if token is not None)]
    own = Path(sys.executable), Path(__file__), settings.environments_folder / "hub" / "bin" / "python"
    return *own, *(path for path in dict.fromkeys(named) if path is not None)


def _library_folders() -> list[Path]:
    """Where Python loads from."""
    return sorted({Path(one).resolve() for one in sys.path if one})


def _program(path: Path) -> Looked:
    """Can every account run the haven's programs, and only root change them? Nothing secret lies in them."""
    if _hidden(path):
        return _unseen(f"program {path}")
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


def _library(folder: Path) -> Looked:
    """Can only root change what Python loads from here? The folder, those above it, and all below it."""
    looked = _program(folder)
    if looked.amiss or not looked.seen:
        return looked
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*folders, *files):
            found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - tens of thousands of files
            if found.st_uid != 0 or (found.st_mode & OTHERS_WRITE and not stat.S_ISLNK(found.st_mode)):
                amiss = f"others than root can change {place}/{name}, which every account may load"
                return Looked(
                    f"program {folder.name}", str(folder), amiss, f"chown -R root {folder}; chmod -R go-w {folder}"
                )
    return _unseen(f"program {closed[0].filename}") if closed else looked


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
