"""The control routes under invented requests: never a fault, always as described, and to whom the token is only."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
from access.decisions import Allowed
from audit.clock import SystemClock
from audit.records import Records
from environments.workspaces.control import ControlTokens, control_routes
from environments.workspaces.register import WorkspaceRegister
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.workspaces import FakeApprovals, FakeDoors, free_port, short_folder

DESCRIPTION = Path(environments.workspaces.__file__).parent / "control.openapi.yaml"
schema = schemathesis.openapi.from_path(DESCRIPTION)
ROUTES = sorted(yaml.safe_load(DESCRIPTION.read_text("utf-8"))["paths"].items())
ANSWERS = {
    "/control/login-codes": ({"person": "asha", "project": "diabetes"}, 200),
    "/control/login-codes/redeem": ({"code": "made-up"}, 403),
    "/control/workspaces/open": ({"person": "asha", "project": "diabetes"}, 200),
    "/control/workspaces/standing": ({"person": "asha", "project": "diabetes"}, 200),
    "/control/workspaces/close": ({"person": "asha", "project": "diabetes", "door": "/none"}, 200),
    "/control/workspaces/list": ({}, 200),
}


class Served:
    """The routes on a loopback port, with real doors and a person who is approved: Asha."""

    def __init__(self, folder: Path) -> None:
        self.tokens, self.doors = ControlTokens(folder / "control"), FakeDoors(folder / "doors")
        records = Records(create_engine("sqlite://"), MemoryAuditLog(), SystemClock())
        self.register = WorkspaceRegister(records, FakeApprovals({("asha", "diabetes")}), self.doors, Allowed)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def token(self, whose: str) -> dict[str, str]:
        """The header of the hub's or the house's own token."""
        place = {"hub": self.tokens.hub, "house": self.tokens.house}[whose]
        return {"Authorization": f"Bearer {place.read_text('utf-8')}"}

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Until the block ends."""
        app = Starlette(routes=control_routes(self.register, self.tokens), lifespan=self.doors.lifespan)
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
def served() -> Iterator[Served]:
    """For all tests here."""
    with short_folder() as folder:
        served = Served(folder)
        with served.standing():
            yield served


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_invented_request_is_answered_as_described(case: schemathesis.Case, served: Served) -> None:
    """Fit and unfit requests under the route's token: status, type and shape are the described ones.

    What is made up has the right shape and is refused all the same: that check is left out.
    """
    (whose,) = case.operation.definition.raw["security"][0]
    case.call_and_validate(base_url=served.url, headers=served.token(whose), excluded_checks=[positive_data_acceptance])


@pytest.mark.parametrize(("path", "described"), ROUTES, ids=[path for path, _ in ROUTES])
def test_a_route_is_open_to_its_own_token_only(
    path: str, described: dict[str, dict[str, object]], served: Served
) -> None:
    """The other token, none, and a made-up one are refused before the body is looked at; its own is answered."""
    ((own,),) = described["post"]["security"]
    body, status = ANSWERS[path]
    other = "house" if own == "hub" else "hub"
    for headers in (served.token(other), {}, {"Authorization": "Bearer made-up"}):
        answer = httpx.post(served.url + path, json=body, headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()["refused"]["code"]) == (401, "control.not_yours")
    assert httpx.post(served.url + path, json=body, headers=served.token(own), trust_env=False).status_code == status


def test_every_route_is_described(served: Served) -> None:
    """What is served is what is described, and nothing beside it."""
    assert {path for path, _ in ROUTES} == {one.path for one in control_routes(served.register, served.tokens)}
