"""The gateway's process: the query door, the workspaces' doors, the airlock's door, and the hub's control routes.

Started by `haven up` as `python -m infra.servers.gateway --home DIR`; Unix sockets only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
from pathlib import Path

from environments.airlock.web import routes as airlock_routes
from environments.gateway.core import QueryCore
from environments.gateway.doors import Doors, TokenIdentity
from environments.gateway.flight.identity import by_token
from environments.gateway.model import QueryLimits
from environments.gateway.serve import serve
from environments.gateway.web import build_app
from environments.gateway.workers import WorkerPool
from environments.workspaces.control import control_routes
from environments.workspaces.machine import user_namespaces_available
from environments.workspaces.register import WorkspaceRegister
from infra.published import GatewayApprovals, GatewayScopes
from infra.wiring.haven import Haven

PRIVATE = 0o077


async def run(haven: Haven) -> None:
    """Serve until told to end."""
    haven.settle()
    settings = haven.settings
    approvals = GatewayApprovals(haven.access)
    workers_folder = settings.run_folder / "w"
    doors_folder = settings.run_folder / "doors"
    for folder in (workers_folder, doors_folder):
        shutil.rmtree(folder, ignore_errors=True)  # of a gateway that was killed: nobody else uses them
        folder.mkdir(parents=True, mode=0o700)
    core = QueryCore(
        haven.records,
        approvals,
        GatewayScopes(haven.access, haven.records, haven.keyring, settings.scopes_folder, haven.disclosures),
        WorkerPool(
            workers_folder,
            memory=settings.gateway.worker_memory,
            threads=settings.gateway.worker_threads,
            idle_seconds=settings.gateway.worker_idle_seconds,
        ),
        haven.audit_log,
        QueryLimits(settings.gateway.row_limit, settings.gateway.byte_limit, settings.gateway.seconds),
    )
    app = build_app(core, airlock_routes(haven.airlock))
    doors = Doors(app, core, doors_folder)
    register = WorkspaceRegister(
        haven.records, approvals, doors, lambda: user_namespaces_available(settings.environments_folder / "hub")
    )
    app.router.routes.extend(control_routes(register, haven.control_tokens))
    house = TokenIdentity(app, haven.verifier, haven.records)
    await serve(house, settings.gateway_socket, core, doors, by_token(haven.verifier, haven.records))


def main() -> None:
    """Read the home from the arguments and run."""
    parser = argparse.ArgumentParser(description="The gateway of a haven; started by `haven up`.")
    parser.add_argument("--home", type=Path, required=True)
    os.umask(PRIVATE)
    asyncio.run(run(Haven.at(parser.parse_args().home)))


if __name__ == "__main__":
    main()
