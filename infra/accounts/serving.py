"""The process of one zone's account: `haven zone serve NAME`. It starts as that account, or not at all."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
from pathlib import Path

from audit.clock import SystemClock
from infra.accounts.layout import INTAKE, ORCHESTRATOR, PROCESSES, Accounts, AccountsError
from infra.accounts.roots import zone_keyring
from infra.settings import SETTINGS_FILE, Settings
from linkage.intake.at_the_door import IntakeAtTheDoor, agreed_contracts
from linkage.intake.signing import Senders
from linkage.separation.client import InTheirAccounts, ZonePlace
from linkage.separation.ports import Asker
from linkage.separation.processes import SERVED, in_own_zones
from linkage.separation.server import Do, ZoneServer
from linkage.separation.verbs import VERBS
from linkage.zones import WorkFiles, ZonePlan, Zones

NOT_DUMPABLE = 4  # PR_SET_DUMPABLE: no debugger of the same account, no core, and /proc/PID is root's
PRIVATE = 0o077
OTHERS_WRITE = 0o022


def serve(settings: Settings, process: str) -> None:
    """Serve until SIGTERM. Raises AccountsError, KeyRingError."""
    if process not in PROCESSES:
        raise AccountsError("No zone has this name.", where=process, mend=f"There are: {', '.join(PROCESSES)}.")
    accounts = Accounts.installed(settings)
    _require_account(accounts, process)
    _require_roots_settings(settings)
    os.umask(PRIVATE)
    ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    askers = {accounts.uid(ORCHESTRATOR): Asker.ORCHESTRATOR}
    if process != INTAKE:
        askers[accounts.uid(INTAKE)] = Asker.INTAKE
    with ZoneServer(settings.zone_socket(process), askers, _doing(settings, accounts, process)) as server:
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        signal.signal(signal.SIGINT, lambda *_: server.stop())
        server.serve_forever(poll_interval=0.2)


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
        for place, what in ((folder, "agreed contracts"), (senders.folder, "the controllers' keys")):
            if os.path.lexists(place) and place.lstat().st_uid != 0:  # what is above it is root's: nobody else makes it
                raise AccountsError(f"The folder of {what} is not root's.", where=str(place))
        return IntakeAtTheDoor(
            settings.intake_folder, zones, WorkFiles(plan), SystemClock(), agreed_contracts(folder), senders
        ).do
    own = settings.linkage_zone if process == "linkage" else settings.research_zone
    for folder in (own, settings.zone_keys_folder(process)):
        _require_own(folder)
    # Every place is the zone's own folder: of the other zone this process is told nothing.
    plan = ZonePlan(own, own, own, settings.real_data, settings.duckdb_httpfs)
    return in_own_zones(process, Zones(plan, zone_keyring(settings, process)))


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
    found = path.lstat() if os.path.lexists(path) else None
    if found is None or not stat.S_ISREG(found.st_mode) or found.st_uid != 0 or found.st_mode & OTHERS_WRITE:
        raise AccountsError(
            "The settings are not root's alone.", where=str(path), mend="As root: haven accounts install"
        )


def _require_own(folder: Path) -> None:
    """Only this account's own folder, closed to all others: anything else may have been put in its place."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & PRIVATE:
        raise AccountsError(
            "A folder of this zone is not its account's alone.", where=str(folder), mend="As root: haven accounts check"
        )
