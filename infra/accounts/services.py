"""Which services does root start, each under its account? The zones' processes; then the orchestrator's own."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.accounts.layout import ORCHESTRATOR, PROCESSES, Accounts
from infra.servers.catalogue import answers
from infra.servers.model import Account, Service
from infra.servers.supervisor import service_address
from infra.settings import Settings


def account_services(settings: Settings, *, orchestrator: bool = True) -> list[Service]:
    """The services of the installed accounts, in the order of start. Raises AccountsError."""
    accounts = Accounts.installed(settings)
    zones = [_zone_service(settings, accounts, process) for process in PROCESSES]
    return [*zones, _orchestrator_service(settings, accounts)] if orchestrator else zones


def zone_command(home: Path, process: str) -> tuple[str, ...]:
    """What starts a zone's process."""
    return (sys.executable, "-P", "-m", "infra.cli", "zone", "serve", process, "--home", str(home))


def _zone_service(settings: Settings, accounts: Accounts, process: str) -> Service:
    path = settings.zone_socket(process)
    return Service(
        name=process,
        purpose=f"does what is done in the {process} zone",
        command=zone_command(settings.home, process),
        ready=lambda: answers(path),
        address=f"unix:{path}",
        account=_account(settings, accounts, process),
    )


def _orchestrator_service(settings: Settings, accounts: Accounts) -> Service:
    """`haven up` once more, as the orchestrator's account: log, gateway, hub, Prefect."""
    return Service(
        name=ORCHESTRATOR,
        purpose="runs log, gateway, hub and Prefect",
        command=(sys.executable, "-P", "-m", "infra.cli", "up", "--home", str(settings.home)),
        ready=lambda: service_address(settings.run_folder, "prefect") is not None,
        address=f"account {accounts.names[ORCHESTRATOR]}",
        seconds_to_start=420.0,
        opens_records=True,
        account=_account(settings, accounts, ORCHESTRATOR),
    )


def _account(settings: Settings, accounts: Accounts, part: str) -> Account:
    return Account(accounts.uid(part), accounts.gid(part), settings.home)
