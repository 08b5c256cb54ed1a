"""The process of one zone's account: `haven zone serve NAME`. It starts as that account, or not at all."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

from audit.clock import SystemClock
from infra.accounts.layout import (
    INTAKE,
    LINKAGE,
    ORCHESTRATOR,
    OTHERS_WRITE,
    PROCESSES,
    Accounts,
    AccountsError,
    is_roots_file,
)
from infra.accounts.roots import zone_keyring
from infra.accounts.signer import write_signer
from infra.engines import linkage_engine
from infra.settings import SETTINGS_FILE, Settings
from linkage.intake.at_the_door import IntakeAtTheDoor, agreed_contracts
from linkage.intake.signing import Senders
from linkage.references.door import LOAD, ReadHere, ReferencesAtTheDoor
from linkage.sealed.door import SealedDoor
from linkage.sealed.rounds import RoundsInTheZone
from linkage.separation.client import InTheirAccounts, ZonePlace
from linkage.separation.ports import Asker
from linkage.separation.processes import SERVED, in_own_zones
from linkage.separation.server import Do, ZoneServer, no_reviewers
from linkage.separation.verbs import VERBS
from linkage.zones import WorkFiles, ZonePlan, Zones

NOT_DUMPABLE = 4  # PR_SET_DUMPABLE: no debugger of the same account, no core, and /proc/PID is root's
PRIVATE = 0o077


def serve(settings: Settings, process: str) -> None:
    """Serve until SIGTERM. Raises AccountsError, KeyRingError."""
    if process not in PROCESSES:
        raise AccountsError("No zone has this name.", where=process, mend=f"There are: {', '.join(PROCESSES)}.")
    accounts = Accounts.installed(settings)
    _require_account(accounts, process)
    _require_roots_settings(settings)
    os.umask(PRIVATE)
    _close_to_debuggers()
    askers = {accounts.uid(ORCHESTRATOR): Asker.ORCHESTRATOR}
    if process != INTAKE:
        askers[accounts.uid(INTAKE)] = Asker.INTAKE
    do, reviewer = _doing(settings, accounts, process), accounts.reviewer if process == LINKAGE else no_reviewers
    with ZoneServer(settings.zone_socket(process), askers, do, reviewer) as server:
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        signal.signal(signal.SIGINT, lambda *_: server.stop())
        server.serve_forever(poll_interval=0.2)


def _close_to_debuggers() -> None:
    """Nobody of the same account looks into this process. Raises AccountsError where the kernel does not do it."""
    if ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0) != 0:
        raise AccountsError(
            "The kernel does not close this process to debuggers of its account.",
            where="prctl PR_SET_DUMPABLE",
            mend="Let it be called: look at the unit's SystemCallFilter, or at the container's filter of calls.",
        )


def zones_of_accounts(settings: Settings, accounts: Accounts, locks: Path) -> InTheirAccounts:
    """The zones' processes, for an account that may ask. locks: a folder of its own."""
    places = {name: place_of(settings, accounts, name) for name in SERVED}
    by_zone = {zone: places[process] for process, zones in SERVED.items() for zone in zones}
    return InTheirAccounts(by_zone, {name: verb.zone for name, verb in VERBS.items()}, locks)


def place_of(settings: Settings, accounts: Accounts, process: str) -> ZonePlace:
    """Where this process answers, and whose it must be."""
    return ZonePlace(settings.zone_socket(process), accounts.uid(process))


def _doing(settings: Settings, accounts: Accounts, process: str) -> Do:
    if process == INTAKE:
        _require_own(settings.intake_folder)
        plan = ZonePlan(Path(os.devnull), Path(os.devnull), settings.intake_folder, settings.real_data,
                        settings.duckdb_httpfs)  # fmt: skip
        zones = zones_of_accounts(settings, accounts, settings.intake_folder)
        folder = settings.agreed_contracts_folder
        senders = Senders(settings.controller_keys_folder, required=settings.real_data)
        _require_roots_folder(folder, "agreed contracts")
        _require_roots_folder(senders.folder, "controllers")
        _require_own(settings.zone_keys_folder(INTAKE))
        sealed = SealedDoor(zone_keyring(settings, INTAKE), rounds=RoundsInTheZone(zones), real_data=settings.real_data)
        intake = IntakeAtTheDoor(
            settings.intake_folder, zones, WorkFiles(plan), SystemClock(), agreed_contracts(folder), sealed, senders
        )
        references = ReferencesAtTheDoor(ReadHere(zones, test_range=not settings.real_data))
        return lambda verb, *told: (references if verb == LOAD else intake).do(verb, *told)
    own = settings.linkage_zone if process == "linkage" else settings.research_zone
    for folder in (own, settings.zone_keys_folder(process)):
        _require_own(folder)
    # Every place is the zone's own folder: of the other zone this process is told nothing.
    plan = ZonePlan(own, own, own, settings.real_data, settings.duckdb_httpfs)
    opened, listed = Zones(plan, zone_keyring(settings, process)), listed_recipients(settings.controller_keys_folder)
    if process == LINKAGE:
        write_signer(settings, opened.keyring)
    engine = linkage_engine(settings) if process == LINKAGE else None
    return in_own_zones(process, opened, most_pairs=settings.linkage.most_pairs, listed=listed, engine=engine)


def listed_recipients(folder: Path) -> Callable[[str], bool]:
    """Is this the public key of a controller that root has put there, as NAME.recipient? Looked up at each request."""

    def listed(recipient: str) -> bool:
        _require_roots_folder(folder, "controllers")
        files = [path for path in folder.glob("*.recipient") if is_roots_file(path)]
        return any(recipient in path.read_text(encoding="utf-8").split() for path in files)

    return listed


def _require_account(accounts: Accounts, process: str) -> None:
    if os.geteuid() != accounts.uid(process):
        raise AccountsError(
            f"The process of the {process} zone runs as the account '{accounts.names[process]}' only.",
            where=process,
            mend="As root: haven up",
        )


def _require_roots_settings(settings: Settings) -> None:
    """The settings name libraries that this process loads: only root may say which."""
    path = settings.home / SETTINGS_FILE
    if not is_roots_file(path):
        raise AccountsError(
            "The settings are not root's alone.", where=str(path), mend="As root: haven accounts install"
        )


def _require_roots_folder(folder: Path, of: str) -> None:
    """What it holds is told by root alone."""
    found = _looked_at(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & OTHERS_WRITE:
        raise AccountsError(
            f"The folder of {of} is not root's alone.", where=str(folder), mend="As root: haven accounts check"
        )


def _looked_at(folder: Path) -> os.stat_result:
    """Itself, and no link's target. Raises AccountsError where an older installation did not make it."""
    try:
        return folder.lstat()
    except FileNotFoundError:
        raise AccountsError(
            "A folder of the accounts is missing.", where=str(folder), mend="As root: haven accounts install"
        ) from None


def _require_own(folder: Path) -> None:
    """Only this account's own folder, closed to all others: anything else may have been put in its place."""
    found = _looked_at(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & PRIVATE:
        raise AccountsError(
            "A folder of this zone is not its account's alone.", where=str(folder), mend="As root: haven accounts check"
        )
