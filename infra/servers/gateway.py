"""The gateway's process: the query door, the workspaces' doors, the airlock's door, and the hub's control routes.

Started by `haven up` as `python -m infra.servers.gateway --home DIR`; Unix sockets only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
from pathlib import Path

from access.decisions import Decision, Refused
from environments.airlock.web import routes as airlock_routes
from environments.gateway.brakes.policies import BrakePolicy, Counts, Sort
from environments.gateway.core import QueryCore
from environments.gateway.doors import Doors, TokenIdentity
from environments.gateway.enclosure import Enclosure
from environments.gateway.flight.identity import by_token
from environments.gateway.listening import may_open_doors
from environments.gateway.model import QueryLimits
from environments.gateway.serve import serve
from environments.gateway.web import build_app
from environments.gateway.workers import WorkerPool
from environments.workspaces.control import Desk, control_routes
from environments.workspaces.logins import HubLogins
from environments.workspaces.machine import may_run_here, sandbox_program, worker_filter
from environments.workspaces.register import WorkspaceRegister
from environments.workspaces.sessions import SessionEvidence
from infra.errors import DeploymentError
from infra.published import GatewayApprovals, scopes_of
from infra.settings import Settings
from infra.settings_tables import BrakeSettings
from infra.wiring.haven import Haven

PRIVATE = 0o077
NO_PROGRAM = Refused("workspace.no_sandbox", "There is no sandbox program.", "Run ./haven again: it makes the hub's.")


async def run(haven: Haven) -> None:
    """Serve until told to end."""
    haven.settle()
    settings = haven.settings
    scopes = scopes_of(haven)
    approvals = GatewayApprovals(haven.access, scopes)
    workers_folder = settings.run_folder / "w"
    doors_folder = settings.run_folder / "doors"
    for folder in (workers_folder, doors_folder, settings.run_folder / "l"):
        shutil.rmtree(folder, ignore_errors=True)  # of a gateway that was killed: nobody else uses them
        folder.mkdir(parents=True, mode=0o700)
    core = QueryCore(
        haven.records,
        approvals,
        scopes,
        WorkerPool(
            workers_folder,
            memory=settings.gateway.worker_memory,
            threads=settings.gateway.worker_threads,
            idle_seconds=settings.gateway.worker_idle_seconds,
            enclosure=enclosure_of(settings),
        ),
        haven.audit_log,
        QueryLimits(settings.gateway.row_limit, settings.gateway.byte_limit, settings.gateway.seconds),
        haven.evidence,
        brakes_of(settings.gateway.brakes),
    )
    app = build_app(core, airlock_routes(haven.airlock))
    doors = Doors(app, core, doors_folder)
    register = WorkspaceRegister(haven.records, approvals, doors, lambda: may_open_here(settings))
    logins = HubLogins(haven.records, haven.verifier, haven.access) if settings.identity.hub_by_openid else None
    desk = Desk(register, SessionEvidence(haven.records, haven.audit_log, approvals), logins)
    app.router.routes.extend(control_routes(desk, haven.control_tokens))
    house = TokenIdentity(app, haven.verifier, haven.records)
    await serve(house, settings.gateway_socket, core, doors, by_token(haven.verifier, haven.records))


def may_open_here(settings: Settings) -> Decision:
    """May a door open now? This process must be out of TCP's reach, and the machine must keep a workspace apart."""
    decision = may_open_doors()
    return decision and may_run_here(settings.environments_folder / "hub", settings.clients_folder / "haven-hub")


def enclosure_of(settings: Settings) -> Enclosure | None:
    """What keeps each worker apart; none where this machine cannot and nothing real is held. Raises DeploymentError."""
    hub, code = settings.environments_folder / "hub", settings.clients_folder / "haven-hub"
    decision, program, call_filter = may_run_here(hub, code), sandbox_program(hub), worker_filter(hub, code)
    if decision and program is not None and call_filter is not None:
        return Enclosure(program, code / "haven_hub" / "confine.py", call_filter)
    if settings.real_data:
        told = decision if isinstance(decision, Refused) else NO_PROGRAM
        raise DeploymentError(
            f"Workers cannot be kept apart on this machine: {told.reason}",
            where="haven doctor",
            mend=told.mend,
        )
    return None


def brakes_of(settings: BrakeSettings) -> BrakePolicy:
    """The policy that the settings say."""
    counts = {
        Sort.NARROW: settings.narrow, Sort.NEAR_PAIR: settings.near_pair, Sort.LOOK_UP: settings.look_up,
        Sort.AFTER_REFUSAL: settings.after_refusal,
        Sort.FAILED: settings.failed,
    }  # fmt: skip
    return BrakePolicy(
        people=settings.people,
        window_seconds=settings.window_seconds,
        delay_seconds=settings.delay_seconds,
        counts={sort: Counts(*bounds) for sort, bounds in counts.items()},
    )


def main() -> None:
    """Read the home from the arguments and run."""
    parser = argparse.ArgumentParser(description="The gateway of a haven; started by `haven up`.")
    parser.add_argument("--home", type=Path, required=True)
    os.umask(PRIVATE)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # one process holds the doors of all workspaces
    asyncio.run(run(Haven.at(parser.parse_args().home)))


if __name__ == "__main__":
    main()
