"""Make it so: system accounts, folders that are theirs, and a root key of its own for each zone. Root only; idempotent.

A home that holds data is moved over: the zones' keys stay what they were, wrapped under the new roots. Rows in
quarantine lose their content (it holds identifiers and payload); where they stood and why stays.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from access.keys import KeyRing, KeyRole
from access.keys.apart import set_apart
from access.keys.envelope import Envelope
from access.keys.files import erase
from access.keys.ports import RootKeys
from access.keys.ring import sealed_file
from infra.accounts.layout import KEPT_BY, LINKAGE, PARTS, Accounts, AccountsError, owned_folders
from infra.accounts.roots import zone_keyring, zone_root
from infra.database import open_database
from infra.keys import key_places
from infra.servers.supervisor import read_state
from infra.settings import LONGEST_SOCKET_FOLDER, SETTINGS_FILE, Settings
from linkage.matching.residual.door import asked_pair, remember
from linkage.matching.residual.shown import AskedPair
from linkage.matching.residual.store import decided_pairs
from linkage.zones import ZonePlan, Zones

Say = Callable[[str], None]
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
REPORTS = "reports"
NO_LOGIN = "/usr/sbin/nologin"


def install(settings: Settings, say: Say) -> Accounts:
    """Install the accounts on this home. Raises AccountsError, KeyRingError."""
    _require_possible(settings)
    accounts = Accounts.wanted(settings)
    for part in PARTS:
        _make_account(accounts.names[part], say)
    _make_group(settings.accounts.reviewers, say)
    for folder in owned_folders(settings):
        folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _part_keys(settings, say)
    _move_decisions(settings)
    _move_reports(settings)
    accounts.write(settings)
    hand_over(settings, accounts)
    say("Each zone has its account, its folder and its root key. Start its processes as root: haven up")
    return accounts


def hand_over(settings: Settings, accounts: Accounts) -> None:
    """Give every folder to its account, the inner ones first; what stands in no line is the orchestrator's."""
    named = {folder.path: folder for folder in owned_folders(settings)}
    # what lies in these is root's as well
    roots = {
        settings.zone_logs_folder,
        settings.agreed_contracts_folder,
        settings.controller_keys_folder,
        settings.reference_tables_folder,
    }
    for path in settings.home.iterdir():
        if path not in named and path != settings.accounts_file:
            _own(path, accounts.uid("orchestrator"), accounts.gid("orchestrator"), set(named))
    for folder in reversed(owned_folders(settings)):
        inside = "orchestrator" if folder.owner == "root" else folder.owner
        for path in folder.path.iterdir():
            if path not in named and path != settings.accounts_file and folder.path not in roots:
                _own(path, accounts.uid(inside), accounts.gid(inside), set(named))
        with _opened(folder.path) as opened:
            os.fchown(opened, accounts.uid(folder.owner), accounts.gid(folder.group))
            os.fchmod(opened, folder.mode)
    os.lchown(settings.accounts_file, 0, 0)
    _settings_are_roots(settings.home / SETTINGS_FILE)


def _settings_are_roots(toml: Path) -> None:
    """Made where there are none, as the orchestrator could make them. A link put in their place is not followed."""
    try:
        file = _opened_or_made(toml)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EEXIST, errno.ENXIO):
            raise
        raise _no_settings(toml) from None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise _no_settings(toml)
        os.fchown(file, 0, 0)
        os.fchmod(file, 0o644)
    finally:
        os.close(file)


def _opened_or_made(path: Path) -> int:
    """Never both at once: where a folder is sticky, the kernel may refuse even root to open another's file so."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def _no_settings(toml: Path) -> AccountsError:
    return AccountsError("The settings are a link, or no file.", where=str(toml), mend="Put the file itself there.")


def _require_possible(settings: Settings) -> None:
    if os.geteuid() != 0:
        raise AccountsError("Only root makes accounts.", mend="Run it as root: sudo haven accounts install --home DIR")
    if len(os.fsencode(settings.home / "run")) > LONGEST_SOCKET_FOLDER - len("/zones/research"):
        raise AccountsError(
            "The home's path is too long for the zones' sockets.", where=str(settings.home), mend="Use a shorter one."
        )
    for run in (settings.run_folder, settings.home / "run" / "zones"):
        if read_state(run) is not None:
            raise AccountsError("The services of this haven run.", where=str(run), mend="Stop them first: haven down")
    links = [folder.path for folder in owned_folders(settings) if folder.path.is_symlink()]
    if links:
        raise AccountsError(
            "A folder of the haven is a link.", where=str(links[0]), mend="Put the folder in its place."
        )


def _make_account(name: str, say: Say) -> None:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        done = subprocess.run([*command, "--shell", NO_LOGIN, name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise AccountsError(
                f"The account '{name}' could not be made.", where="useradd", mend=done.stderr.strip() or None
            ) from None
        say(f"Made the account {name}; nobody can log in to it.")


def _make_group(name: str, say: Say) -> None:
    """The reviewers' group: empty, until root puts people into it."""
    import grp

    try:
        grp.getgrnam(name)
    except KeyError:
        done = subprocess.run(["groupadd", "--system", name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise AccountsError(
                f"The group '{name}' could not be made.", where="groupadd", mend=done.stderr.strip() or None
            ) from None
        say(f"Made the group {name}. Who is in it sees doubtful pairs: gpasswd -a NAME {name}")


def _part_keys(settings: Settings, say: Say) -> None:
    """Each zone's role key under a root of its own; the common envelope loses it."""
    folder = settings.keys_folder
    places = key_places(settings.keys)
    root: RootKeys | None = places.get(settings.keys.root)
    shared = {"real_data": settings.real_data, "passphrase_file": settings.passphrase_file}
    KeyRing.open(folder, root=root, roles=(), **shared)  # type: ignore[arg-type]
    now = root or sealed_file(folder, real_data=settings.real_data, passphrase_file=settings.passphrase_file)
    envelope = Envelope.read(folder)
    if envelope is not None and KeyRole.LINKAGE in envelope.wrapped:
        ring = KeyRing.open(folder, root=root, roles=(KeyRole.LINKAGE,), **shared)  # type: ignore[arg-type]
        _move_quarantine(settings, ring)
    for zone, role in KEPT_BY.items():
        if set_apart(folder, now, settings.zone_keys_folder(zone), zone_root(settings, zone), [role]):
            say(f"The key of {zone} lies under a root of its own: {settings.zone_keys_folder(zone)}")


def _move_quarantine(settings: Settings, ring: KeyRing) -> None:
    """Where bad rows are and why goes to the linkage zone's folder; the rows themselves are erased."""
    old = settings.intake_folder / "quarantine.duckdb"
    if not old.exists():
        return
    parts = {"real_data": settings.real_data, "duckdb_httpfs": settings.duckdb_httpfs}
    here, there = settings.intake_folder, settings.linkage_zone
    before = Zones(ZonePlan(here, here, here, **parts), ring)  # type: ignore[arg-type]
    after = Zones(ZonePlan(there, there, there, **parts), ring)  # type: ignore[arg-type]
    with before.quarantine(read_only=True) as zone:
        kept = zone.sql("SELECT * REPLACE (NULL::TEXT AS content) FROM quarantine").to_arrow_table()
    with after.quarantine() as zone:
        zone.register("kept", kept)
        zone.execute("CREATE OR REPLACE TABLE quarantine AS FROM kept")
        zone.unregister("kept")
    erase(old)


def _move_decisions(settings: Settings) -> None:
    """What reviewers decided before the linkage zone had a door is put where that follows decisions; once for good."""
    own = settings.linkage_zone  # as in its own process: of the other zone nothing is told
    plan = ZonePlan(own, own, own, settings.real_data, settings.duckdb_httpfs)
    zones = Zones(plan, zone_keyring(settings, LINKAGE))
    if not zones.review_file.exists():
        with zones.review() as kept:
            remember(kept, _decided_before(settings))


def _decided_before(settings: Settings) -> list[tuple[AskedPair, bool]]:
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.orm import Session

    if settings.database is None and not (settings.home / "records" / "haven.db").exists():
        return []
    try:
        engine = open_database(settings)
        with Session(engine) as session:
            found = decided_pairs(session)
            made = [(asked_pair(one), bool(one.same)) for one in found]
        engine.dispose()
    except (SQLAlchemyError, OSError):
        raise AccountsError(
            "The records cannot be read: reviewers' decisions have to be put into the linkage zone.",
            where="database",
            mend="Let root connect as the haven does (HAVEN_DATABASE), and install again.",
        ) from None
    return made


def _move_reports(settings: Settings) -> None:
    """Delivery reports hold counts only; the orchestrator writes them."""
    old, new = settings.intake_folder / REPORTS, settings.delivery_reports_folder / REPORTS
    with _opened_within(settings.home, new.parent) as after:
        if not old.is_dir() or os.path.lexists(new):
            return
        with _opened(old.parent) as before:
            os.rename(REPORTS, REPORTS, src_dir_fd=before, dst_dir_fd=after)


def _own(path: Path, uid: int, gid: int, but: set[Path]) -> None:
    """Give this and all below it to an account; links are not followed, and folders of the table are left.

    Who owns the tree may change it meanwhile: each name is looked up in its folder as that was opened, never by path.
    """
    with _opened(path.parent) as parent:
        _own_at(parent, path, uid, gid, but)


def _own_at(parent: int, path: Path, uid: int, gid: int, but: set[Path]) -> None:
    """As `_own`. parent: the open folder in which `path` is a name."""
    try:
        if not stat.S_ISDIR(os.stat(path.name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.chown(path.name, uid, gid, dir_fd=parent, follow_symlinks=False)
            return
        folder = os.open(path.name, FOLDER, dir_fd=parent)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
            raise
        raise _changed(path) from None
    try:
        os.fchown(folder, uid, gid)
        for name in os.listdir(folder):  # noqa: PTH208 - of the open folder, not of a path
            if path / name not in but:
                _own_at(folder, path / name, uid, gid, but)
    finally:
        os.close(folder)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """This folder, itself and no link to one."""
    try:
        number = os.open(folder, FOLDER)
    except NotADirectoryError:
        raise _changed(folder) from None
    try:
        yield number
    finally:
        os.close(number)


@contextmanager
def _opened_within(home: Path, folder: Path) -> Iterator[int]:
    """This folder of the home, made where it is missing; no step to it is a link."""
    number = os.open(home, FOLDER)
    try:
        for name in folder.relative_to(home).parts:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=number)
            outer, number = number, os.open(name, FOLDER, dir_fd=number)
            os.close(outer)
        yield number
    except NotADirectoryError:
        raise _changed(folder) from None
    finally:
        os.close(number)


def _changed(path: Path) -> AccountsError:
    return AccountsError(
        "The home changes while it is given to its accounts.",
        where=str(path),
        mend="End what runs in it, and install again.",
    )
