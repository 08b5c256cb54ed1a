"""The control routes under invented requests: never a fault, always as described, and to whom the token is only."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy import create_engine
from starlette.applications import Starlette

import environments.workspaces
from access.decisions import Allowed, Decision
from audit.clock import SystemClock
from audit.records import Records
from environments.workspaces.control import ControlTokens, Desk, control_routes
from environments.workspaces.logins import HubLogins
from environments.workspaces.register import WorkspaceRegister
from environments.workspaces.sessions import SessionEvidence
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.tokens import TokenBench
from tests.fakes.workspaces import FakeApprovals, FakeDoors, free_port, short_folder

DESCRIPTION = Path(environments.workspaces.__file__).parent / "control.openapi.yaml"
schema = schemathesis.openapi.from_path(DESCRIPTION)
ROUTES = sorted(yaml.safe_load(DESCRIPTION.read_text("utf-8"))["paths"].items())
ANSWERS = {
    "/control/login-codes": ({"person": "asha", "project": "diabetes"}, 200),
    "/control/login-codes/redeem": ({"code": "made-up"}, 403),
    "/control/logins/open": ({"token": "made-up"}, 403),
    "/control/logins/check": ({"token": "made-up"}, 403),
    "/control/workspaces/of": ({"person": "asha"}, 200),
    "/control/workspaces/conditions": ({"person": "asha", "project": "diabetes"}, 200),
    "/control/workspaces/open": ({"person": "asha", "project": "diabetes", "acknowledged": "made-up"}, 403),
    "/control/workspaces/cell": (
        {"person": "asha", "project": "diabetes", "kernel": "k", "digest": "ab" * 32, "text": "1 + 1"}, 200),
    "/control/workspaces/file": (
        {"person": "asha", "project": "diabetes", "change": "PUT", "path": "a.csv", "digest": "ab" * 32,
         "bytes": 1}, 200),
    "/control/workspaces/used": (
        {"person": "asha", "project": "diabetes", "bytes_to_browser": 1, "bytes_from_browser": 1,
         "processor_seconds": 1, "most_memory": 1}, 200),
    "/control/workspaces/standing": ({"person": "asha", "project": "diabetes"}, 200),
    "/control/workspaces/close": ({"person": "asha", "project": "diabetes", "door": "/none", "rule": ""}, 200),
    "/control/workspaces/list": ({}, 200),
}  # fmt: skip


class Everybody:
    """The records of people, who may all log in."""

    def may_log_in(self, person: str) -> Decision:
        """Yes."""
        return Allowed()


class Served:
    """The routes on a loopback port, with real doors and a person who is approved: Asha.

    by_token: do people log in at an identity provider, not by codes?
    """

    def __init__(self, folder: Path, *, by_token: bool) -> None:
        self.tokens, self.doors = ControlTokens(folder / "control"), FakeDoors(folder / "doors")
        log, bench = MemoryAuditLog(), TokenBench()
        records, approvals = (
            Records(create_engine("sqlite://"), log, SystemClock()),
            FakeApprovals({("asha", "diabetes")}),
        )
        register = WorkspaceRegister(records, approvals, self.doors, Allowed)
        logins = HubLogins(records, bench.verifier, Everybody()) if by_token else None
        self.desk = Desk(register, SessionEvidence(records, log, approvals), logins)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def token(self, whose: str) -> dict[str, str]:
        """The header of the hub's or the house's own token."""
        place = {"hub": self.tokens.hub, "house": self.tokens.house}[whose]
        return {"Authorization": f"Bearer {place.read_text('utf-8')}"}

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Until the block ends."""
        app = Starlette(routes=control_routes(self.desk, self.tokens), lifespan=self.doors.lifespan)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="critical"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def served() -> Iterator[dict[bool, Served]]:
    """Both kinds: whether people log in by tokens."""
    with short_folder() as folder:
        found = {kind: Served(folder / str(kind), by_token=kind) for kind in (False, True)}
        with found[False].standing(), found[True].standing():
            yield found


def _at(path: str, served: dict[bool, Served]) -> Served:
    return served[path.startswith("/control/logins/")]


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_invented_request_is_answered_as_described(case: schemathesis.Case, served: dict[bool, Served]) -> None:
    """Fit and unfit requests under the route's token: status, type and shape are the described ones.

    What is made up has the right shape and is refused all the same: that check is left out.
    """
    at, (whose,) = _at(case.path, served), case.operation.definition.raw["security"][0]
    case.call_and_validate(base_url=at.url, headers=at.token(whose), excluded_checks=[positive_data_acceptance])


@pytest.mark.parametrize(("path", "described"), ROUTES, ids=[path for path, _ in ROUTES])
def test_a_route_is_open_to_its_own_tokens_only(
    path: str, described: dict[str, Any], served: dict[bool, Served]
) -> None:
    """Another's, none, and a made-up one are refused before the body is looked at; its own is answered."""
    at, (body, status) = _at(path, served), ANSWERS[path]
    own = {name for scheme in described["post"]["security"] for name in scheme}
    for headers in (*(at.token(other) for other in {"hub", "house"} - own), {}, {"Authorization": "Bearer made-up"}):
        answer = httpx.post(at.url + path, json=body, headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()["refused"]["code"]) == (401, "control.not_yours")
    for name in own:
        assert httpx.post(at.url + path, json=body, headers=at.token(name), trust_env=False).status_code == status


def test_every_route_is_described(served: dict[bool, Served]) -> None:
    """What is served, in either kind, is what is described, and nothing beside it."""
    found = {one.path for at in served.values() for one in control_routes(at.desk, at.tokens)}
    assert {path for path, _ in ROUTES} == found
