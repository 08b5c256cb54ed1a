"""The local development issuer's process: OpenID Connect on loopback, for synthetic data only.

Started by `haven up`, where no identity provider is set, as `python -m infra.servers.issuer --home DIR --port N`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn

from access.identity.local.logins import LocalLogins
from access.identity.local.web import build_issuer_app
from environments.gateway.model import AUDIENCE
from infra.logins.parts import ended_sessions, local_issuer
from infra.servers.ports import LOOPBACK
from infra.wiring.haven import Haven

PRIVATE = 0o077


def run(haven: Haven, port: int) -> None:
    """Serve until told to end. Raises IssuerRefused where real data are."""
    issuer = local_issuer(haven.settings, haven.keyring, haven.clock, f"http://{LOOPBACK}:{port}")
    logins = LocalLogins(
        issuer,
        haven.access,
        haven.records,
        audience=AUDIENCE,
        clients=haven.settings.identity.clients,
        end=ended_sessions(haven.settings, haven.clock).add,
    )
    uvicorn.run(
        build_issuer_app(logins),
        host=LOOPBACK,
        port=port,
        log_config=None,
        log_level="critical",
        access_log=False,  # an address may carry a code
        lifespan="off",
        server_header=False,
    )


def main() -> None:
    """Read the home from the arguments and run."""
    parser = argparse.ArgumentParser(description="The local issuer of a haven; started by `haven up`.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    os.umask(PRIVATE)
    told = parser.parse_args()
    run(Haven.at(told.home), told.port)


if __name__ == "__main__":
    main()
