"""Do the services of this home answer, each asked as those ask it who need it?"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from access.decisions import Decision
from access.identity.discovery import Discovery
from access.identity.errors import IssuerUnreachable
from access.identity.keys import read_keys
from access.identity.ports import Unanswered
from access.identity.strict import Unreadable, read_object
from audit.clock import SystemClock
from audit.errors import HavenError
from environments.gateway.listening import UNSEEN, by_unix_sockets_only, tcp_listeners
from infra.doctor.facts import ControlFacts, PageFacts
from infra.doctor.model import IDENTITY, SERVICES, Finding, doubtful, unseen
from infra.doctor.policies import running as policies
from infra.servers.catalogue import UnixConnection, gateway_service, healthy_url
from infra.servers.supervisor import read_state
from infra.settings import Settings

SECONDS = 10.0
PROOF = "/edge-proof/"  # clients/haven-hub, edge_proof.py
CLOSED = PROOF + "files/results.csv"
PURPOSES = {"gateway": "answers queries", "hub": "opens workspaces", "prefect": "runs flows"}
ON_A_PORT = ("hub", "issuer", "prefect")


def state_of(settings: Settings) -> dict[str, Any] | None:
    """What runs, by the supervisor's own record; None: nothing."""
    state = read_state(settings.run_folder)
    services: dict[str, Any] = state.get("services", {}) if state else {}  # type: ignore[assignment]
    return services or None


def services(settings: Settings) -> Iterator[Finding]:
    """Gateway, hub with its edge, Prefect."""
    state = state_of(settings)
    if state is None:
        yield policies.nothing_runs()
        return
    for name, purpose in PURPOSES.items():
        if name not in state:
            yield policies.not_started(name, "it was left out at the start")
            continue
        yield policies.answers(name, purpose, ok=_answers(settings, name, state[name]["address"]))
        if name == "gateway":
            yield policies.gateway_by_tcp(_by_tcp(int(state[name]["pid"])))
            yield policies.control(_control(settings))
        if name == "hub":
            yield policies.edge(_page(state[name]["address"]))
    for name in ON_A_PORT:
        if name in state:
            yield from _ports(name, int(state[name]["pid"]))


def identity(settings: Settings) -> Iterator[Finding]:
    """The issuer whose tokens count, and the realm."""
    state = state_of(settings)
    local = settings.identity.issuer is None
    address = settings.identity.issuer or ((state or {}).get("issuer") or {}).get("address")
    if address is None:
        why = "Nobody has a token for the gateway meanwhile; the command line believes --as, for synthetic data only."
        yield doubtful(IDENTITY, "local development issuer", "does not run", why, "Start the services: haven up")
    else:
        yield policies.issuer(str(address), _issuer_problem(settings, str(address)), local=local)
    yield from _realm(settings)


def _answers(settings: Settings, name: str, address: str) -> bool:
    if name == "gateway":
        return gateway_service(settings).ready()
    return healthy_url(address + {"hub": "/hub/api", "prefect": "/api/health"}[name])


def _by_tcp(process: int) -> Decision:
    try:
        return by_unix_sockets_only(tcp_listeners(process))
    except (OSError, ValueError):
        return UNSEEN


def _ports(name: str, process: int) -> Iterator[Finding]:
    try:
        yield policies.this_machine_only(name, tcp_listeners(process))
    except (OSError, ValueError):
        yield unseen(SERVICES, f"{name}'s ports", "Ask as the account that runs the haven, or as root.")


def _control(settings: Settings) -> ControlFacts:
    """As the hub asks whether a workspace may stay open."""
    connection = UnixConnection(settings.gateway_socket, timeout=SECONDS)
    try:
        token = (settings.home / "hub" / "tokens" / "hub.token").read_text(encoding="utf-8")
        body = json.dumps({"person": "nobody-whom-anybody-knows", "project": "no-project-that-is"})
        connection.request("POST", "/control/workspaces/standing", body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return ControlFacts(answer.status, said.get("refused", {}).get("code"))
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return ControlFacts(None)
    finally:
        connection.close()


def _page(address: str) -> PageFacts:
    place = urlsplit(address)
    try:
        status, headers = _got(place.hostname or "", place.port or 80, PROOF)
        return PageFacts(status, headers, _got(place.hostname or "", place.port or 80, CLOSED)[0])
    except (OSError, http.client.HTTPException):
        return PageFacts(None)


def _got(host: str, port: int, path: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, tuple(answer.getheaders())
    finally:
        connection.close()


def _issuer_problem(settings: Settings, address: str) -> str | None:
    from infra.logins.parts import network

    asks = network(settings)
    try:
        answer = asks.get(Discovery.ask(address, asks).keys)
        keys = read_keys(read_object(answer.body))
    except IssuerUnreachable:
        return "does not answer as it must, or its document names another issuer"
    except (Unanswered, Unreadable):
        return "its keys cannot be read"
    wanted = {"Ed25519"} if settings.identity.issuer is None else settings.identity.algorithms
    return None if any(key.algorithms & wanted for key in keys.values()) else "publishes no key that may sign"


def _realm(settings: Settings) -> Iterator[Finding]:
    """Compared where this haven keeps a realm: the server that the settings name, or the Keycloak of this home."""
    from infra.wiring.haven import Haven

    haven = Haven(settings, SystemClock())
    if settings.identity.server is None:
        if settings.identity.issuer is not None and settings.real_data:
            why = "Whether somebody changed who may log in is not known here."
            yield doubtful(IDENTITY, "realm", "not compared", why, "Name Keycloak as [identity] server.")
        if settings.real_data or not settings.identity_folder.exists() or haven.identity_server.address is None:
            return
    try:
        yield policies.realm([str(one) for one in haven.realm.drift()])
    except HavenError as error:
        yield policies.realm_unreachable(error.what, error.mend or "")
