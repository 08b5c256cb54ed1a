"""Codes, doors and their records; the control routes in front of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine
from starlette.applications import Starlette

from access.decisions import Allowed, Decision, Refused, RefusedError
from audit.clock import FixedClock
from audit.errors import AuditUnavailable
from audit.events import EventName
from audit.model import AuditEvent, Receipt, person, service
from audit.records import Records
from environments.workspaces.control import ControlTokens, control_routes, make_token
from environments.workspaces.model import HOUSE_CONDITIONS, WorkspaceRequest
from environments.workspaces.register import WorkspaceRegister
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.workspaces import FakeApprovals

ASHA = WorkspaceRequest("asha", "diabetes")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class PaperDoors:
    """Doors that are only written down."""

    def __init__(self) -> None:
        self.standing: list[Path] = []

    async def open(self, person: str, project: str) -> Path:
        """Note it."""
        self.standing.append(Path(f"/doors/{len(self.standing)}-{person}-{project}"))
        return self.standing[-1]

    async def close(self, path: Path) -> None:
        """Strike it out."""
        self.standing.remove(path)


class Desk:
    """A register with everything around it in reach of a test."""

    def __init__(self, machine: Decision | None = None) -> None:
        self.log, self.clock, self.doors = MemoryAuditLog(), FixedClock(NOON), PaperDoors()
        self.approvals = FakeApprovals({("asha", "diabetes")})
        self.records = Records(create_engine("sqlite://"), self.log, self.clock)
        found = Allowed() if machine is None else machine
        self.register = WorkspaceRegister(self.records, self.approvals, self.doors, lambda: found)

    @property
    def names(self) -> list[EventName]:
        """What was recorded."""
        return [event.name for event in self.log.events]


async def test_a_code_is_good_once() -> None:
    """A redeemed code names its person and project, and is spent."""
    desk = Desk()
    code = await desk.register.issue_login_code(ASHA, by=person("asha"))
    assert await desk.register.redeem(code) == ASHA
    with pytest.raises(RefusedError) as caught:
        await desk.register.redeem(code)
    assert caught.value.refused.code == "workspace.code_unknown"


async def test_a_code_ends() -> None:
    """After its minutes a code is refused, and it is spent by the attempt."""
    desk = Desk()
    code = await desk.register.issue_login_code(ASHA, by=person("asha"))
    desk.clock.at = NOON + timedelta(minutes=5)
    with pytest.raises(RefusedError) as caught:
        await desk.register.redeem(code)
    assert caught.value.refused.code == "workspace.code_expired"


async def test_no_code_without_approval() -> None:
    """Who may not open the workspace gets no code; the refusal is recorded with its rule."""
    desk = Desk()
    with pytest.raises(RefusedError):
        await desk.register.issue_login_code(WorkspaceRequest("bo", "diabetes"), by=person("bo"))
    assert desk.names == [EventName.WORKSPACE_OPEN_REFUSED]
    assert desk.log.events[0].details["rule"] == "project.not_a_member"


async def test_opening_and_closing_are_recorded() -> None:
    """A door opens with the house's conditions, closes once, and both facts are in the log."""
    desk = Desk()
    workspace = await desk.register.open(ASHA, by=person("asha"))
    assert workspace.conditions == HOUSE_CONDITIONS
    assert desk.register.opened() == [workspace]
    await desk.register.close(workspace.door, by=service("hub"))
    await desk.register.close(workspace.door, by=service("hub"))
    assert desk.doors.standing == []
    assert desk.names == [EventName.WORKSPACE_OPENED, EventName.WORKSPACE_CLOSED]


async def test_the_log_says_which_rule_ended_a_workspace() -> None:
    """Closed by its person, none; closed because the approval has ended, the rule that says so."""
    desk = Desk()
    for ends in (False, True):
        workspace = await desk.register.open(ASHA, by=person("asha"))
        if ends:
            desk.approvals.approved.clear()
        await desk.register.close(workspace.door, by=service("hub"))
    closed = [event.details for event in desk.log.events if event.name is EventName.WORKSPACE_CLOSED]
    assert [details.get("rule") for details in closed] == [None, "project.not_a_member"]


async def test_no_door_without_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log refuses the entry, the door that was opened is closed again."""
    desk = Desk()

    def refuse(_: list[AuditEvent]) -> list[Receipt]:
        raise AuditUnavailable("The log does not answer.")

    monkeypatch.setattr(desk.log, "append", refuse)
    with pytest.raises(AuditUnavailable):
        await desk.register.open(ASHA, by=person("asha"))
    assert desk.doors.standing == []
    assert desk.register.opened() == []


async def test_a_machine_without_namespaces_opens_nothing() -> None:
    """The machine's refusal comes first, with its reason."""
    desk = Desk(Refused("workspace.no_namespaces", "No namespaces."))
    with pytest.raises(RefusedError, match="No namespaces"):
        await desk.register.open(ASHA, by=person("asha"))
    assert desk.doors.standing == []
    assert desk.names == [EventName.WORKSPACE_OPEN_REFUSED]


class Caller:
    """Asks the control routes with one token."""

    def __init__(self, desk: Desk, folder: Path, token: str) -> None:
        tokens = ControlTokens(folder)
        self.app = Starlette(routes=control_routes(desk.register, tokens))
        known = {"hub": tokens.hub, "house": tokens.house}
        self.token = known[token].read_text() if token in known else token

    async def post(self, route: str, body: dict[str, str] | bytes) -> httpx.Response:
        """One request."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}".encode()}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://haven") as client:
            return await client.post(f"/control/{route}", content=content, headers=headers)


BODY = {"person": "asha", "project": "diabetes"}


@pytest.mark.parametrize("token", ["house", "", "wrong", "é"])
async def test_only_the_hub_opens_doors(tmp_path: Path, token: str) -> None:
    """The command line's token and any other are refused at the hub's routes."""
    desk = Desk()
    answer = await Caller(desk, tmp_path, token).post("workspaces/open", BODY)
    assert answer.status_code == 401
    assert desk.doors.standing == []


async def test_the_hub_gives_no_codes(tmp_path: Path) -> None:
    """The hub's token cannot make a log-in code for anybody."""
    assert (await Caller(Desk(), tmp_path, "hub").post("login-codes", BODY)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"person":"asha"}',
        b'{"person":"asha","project":1}',
        b'{"person":"a","project":"b","x":"y"}',
    ],
)
async def test_a_route_takes_exactly_its_words(tmp_path: Path, body: bytes) -> None:
    """Missing, unknown and mistyped words are refused before anything is asked."""
    desk = Desk()
    assert (await Caller(desk, tmp_path, "hub").post("workspaces/open", body)).status_code == 422
    assert desk.log.events == []


async def test_a_workspace_over_the_routes(tmp_path: Path) -> None:
    """Open, stand, refuse after the approval ends, close: as the hub asks it."""
    desk = Desk()
    hub, house = Caller(desk, tmp_path, "hub"), Caller(desk, tmp_path, "house")
    opened = (await hub.post("workspaces/open", BODY)).json()
    assert opened["conditions"] == list(HOUSE_CONDITIONS)
    assert (await hub.post("workspaces/standing", BODY)).json() == {"stands": True}
    assert (await house.post("workspaces/list", {})).json()["workspaces"][0]["person"] == "asha"
    desk.approvals.approved.clear()
    refused = await hub.post("workspaces/standing", BODY)
    assert refused.status_code == 403
    assert refused.json()["refused"]["code"] == "project.not_a_member"
    assert (await hub.post("workspaces/close", {**BODY, "door": opened["door"], "rule": ""})).json() == {"closed": True}
    assert desk.doors.standing == []


async def test_a_code_over_the_routes(tmp_path: Path) -> None:
    """The command line gets the code, the hub redeems it, the second time is refused."""
    desk = Desk()
    code = (await Caller(desk, tmp_path, "house").post("login-codes", BODY)).json()["code"]
    hub = Caller(desk, tmp_path, "hub")
    assert (await hub.post("login-codes/redeem", {"code": code})).json() == BODY
    assert (await hub.post("login-codes/redeem", {"code": code})).status_code == 403


def test_a_token_is_made_once_and_private(tmp_path: Path) -> None:
    """The file is readable by this account only, and a second making keeps the first."""
    path = tmp_path / "a.token"
    make_token(path)
    first = path.read_text()
    make_token(path)
    assert path.read_text() == first
    assert len(first) >= 40
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.token"]
