"""Codes, doors and their records; the control routes in front of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
from environments.workspaces.control import Desk as ControlDesk
from environments.workspaces.logins import HubLogins
from environments.workspaces.model import HOUSE_CONDITIONS, OpenWorkspace, WorkspaceRequest
from environments.workspaces.register import WorkspaceRegister
from environments.workspaces.sessions import Cell, FileChange, SessionEvidence
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
        self.sessions = SessionEvidence(self.records, self.log, self.approvals)

    async def open(self, request: WorkspaceRequest = ASHA) -> OpenWorkspace:
        """A workspace whose person was shown the conditions and acknowledged them."""
        _, ticket = await self.register.show_conditions(request, by=person(request.person))
        return await self.register.open(request, acknowledged=ticket, by=person(request.person))

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
    assert (desk.names[-1], desk.log.events[-1].details["rule"]) == ("token.refused", "workspace.code_unknown")


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
    workspace = await desk.open()
    assert workspace.conditions == (*HOUSE_CONDITIONS, *desk.approvals.asked)
    assert desk.register.opened() == [workspace]
    await desk.register.close(workspace.door, by=service("hub"))
    await desk.register.close(workspace.door, by=service("hub"))
    assert desk.doors.standing == []
    assert desk.names == [EventName.WORKSPACE_OPENED, EventName.WORKSPACE_CLOSED]


async def test_the_log_says_which_rule_ended_a_workspace() -> None:
    """Closed by its person, none; closed because the approval has ended, the rule that says so."""
    desk = Desk()
    for ends in (False, True):
        workspace = await desk.open()
        if ends:
            desk.approvals.approved.clear()
        await desk.register.close(workspace.door, by=service("hub"))
    closed = [event.details for event in desk.log.events if event.name is EventName.WORKSPACE_CLOSED]
    assert [details.get("rule") for details in closed] == [None, "project.not_a_member"]


async def test_no_door_without_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log refuses the entry, the door that was opened is closed again."""
    desk = Desk()
    _, ticket = await desk.register.show_conditions(ASHA, by=person("asha"))

    def refuse(_: list[AuditEvent]) -> list[Receipt]:
        raise AuditUnavailable("The log does not answer.")

    monkeypatch.setattr(desk.log, "append", refuse)
    with pytest.raises(AuditUnavailable):
        await desk.register.open(ASHA, acknowledged=ticket, by=person("asha"))
    assert desk.doors.standing == []
    assert desk.register.opened() == []


async def test_a_machine_without_namespaces_opens_nothing() -> None:
    """The machine's refusal comes first, with its reason."""
    desk = Desk(Refused("workspace.no_namespaces", "No namespaces."))
    with pytest.raises(RefusedError, match="No namespaces"):
        await desk.open()
    assert desk.doors.standing == []
    assert desk.names == [EventName.WORKSPACE_OPEN_REFUSED]


async def test_nothing_opens_without_the_acknowledgement() -> None:
    """Not without a ticket, with another person's or project's, with a spent or an old one; each is recorded."""
    desk = Desk()
    desk.approvals.approved |= {("asha", "asthma"), ("bo", "diabetes")}
    spent = (await desk.register.show_conditions(ASHA, by=person("asha")))[1]
    await desk.register.open(ASHA, acknowledged=spent, by=person("asha"))
    elsewhere = WorkspaceRequest("asha", "asthma")
    of_bo = WorkspaceRequest("bo", "diabetes")
    tickets = ["", "invented", spent]
    tickets += [(await desk.register.show_conditions(one, by=person("bo")))[1] for one in (elsewhere, of_bo)]
    old = (await desk.register.show_conditions(ASHA, by=person("asha")))[1]
    doors, before = len(desk.doors.standing), len(desk.log.events)
    for ticket in tickets:
        with pytest.raises(RefusedError) as caught:
            await desk.register.open(ASHA, acknowledged=ticket, by=person("asha"))
        assert caught.value.refused.code == "workspace.not_acknowledged"
    desk.clock.at = NOON + timedelta(minutes=30)
    with pytest.raises(RefusedError):
        await desk.register.open(ASHA, acknowledged=old, by=person("asha"))
    assert len(desk.doors.standing) == doors
    assert {event.details["rule"] for event in desk.log.events[before:]} == {"workspace.not_acknowledged"}


async def test_the_log_says_which_conditions_were_acknowledged() -> None:
    """Other conditions of the project, another digest."""
    desk = Desk()
    await desk.open()
    desk.approvals.asked = ("council: no date of death is shown",)
    await desk.open()
    opened = [event for event in desk.log.events if event.name is EventName.WORKSPACE_OPENED]
    first, second = (event.details["acknowledged"] for event in opened)
    assert first != second


async def test_conditions_that_changed_are_shown_again() -> None:
    """A ticket of other conditions than those of now opens nothing."""
    desk = Desk()
    _, ticket = await desk.register.show_conditions(ASHA, by=person("asha"))
    desk.approvals.asked = ("council: no date of death is shown",)
    with pytest.raises(RefusedError) as caught:
        await desk.register.open(ASHA, acknowledged=ticket, by=person("asha"))
    assert caught.value.refused.code == "workspace.not_acknowledged"
    assert desk.doors.standing == []


async def test_a_door_that_nobody_waited_for_is_closed_by_the_next_opening() -> None:
    """The hub gave up on an answer that came late: opened again, one door stands, and the log tells of both."""
    desk = Desk()
    await desk.open()
    second = await desk.open()
    assert desk.doors.standing == [second.door]
    assert desk.names == [EventName.WORKSPACE_OPENED, EventName.WORKSPACE_CLOSED, EventName.WORKSPACE_OPENED]


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_cell_is_recorded_as_the_project_says(keeps: bool) -> None:
    """Its digest always; its text where the policy says so, and never in the entry itself."""
    desk = Desk()
    desk.approvals.keeps = keeps
    text = "haven.sql('select 1')"
    digest = hashlib.sha256(text.encode()).hexdigest()
    await desk.sessions.cell(ASHA, Cell("k1", digest, text))
    (event,) = desk.log.events
    assert (event.name, event.by, event.project) == (EventName.CELL_EXECUTED, person("asha"), "diabetes")
    assert event.details == {"kernel": "k1", "cell_digest": digest, "text_kept": keeps}
    assert desk.log.texts == ({digest: text} if keeps else {})


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_file_changed_from_the_browser_is_recorded(keeps: bool) -> None:
    """Digests and bytes always; the path, which may say something, as cells are kept."""
    desk = Desk()
    desk.approvals.keeps = keeps
    digest = hashlib.sha256(b"content").hexdigest()
    await desk.sessions.file(ASHA, FileChange("PUT", "notes/smith.ipynb", digest, 7))
    (event,) = desk.log.events
    path_digest = hashlib.sha256(b"notes/smith.ipynb").hexdigest()
    assert (event.name, event.by, event.project) == (EventName.FILE_CHANGED, person("asha"), "diabetes")
    assert event.details == {
        "change": "PUT", "path_digest": path_digest, "text_kept": keeps, "content_digest": digest, "bytes": 7,
    }  # fmt: skip
    assert desk.log.texts == ({path_digest: "notes/smith.ipynb"} if keeps else {})


@pytest.mark.parametrize("asked", ["machine", "approvals"])
async def test_what_cannot_be_found_out_opens_nothing(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """When the machine or the approval records cannot be asked, no code is given and no door opens; it is recorded."""
    desk = Desk()

    def fail(*_: object) -> Decision:
        raise ValueError("a library's own text, which may quote a row")

    if asked == "machine":
        monkeypatch.setattr(desk.register, "machine", fail)
    else:
        monkeypatch.setattr(desk.approvals, "may_open_workspace", fail)
    for verb in (desk.open, lambda: desk.register.issue_login_code(ASHA, by=person("asha"))):
        with pytest.raises(RefusedError) as caught:
            await verb()
        assert caught.value.refused.code == "workspace.not_known"
        assert "row" not in str(caught.value)
    assert desk.doors.standing == []
    assert [event.details["rule"] for event in desk.log.events] == ["workspace.not_known"] * 2


class Caller:
    """Asks the control routes with one token."""

    def __init__(self, desk: Desk, folder: Path, token: str) -> None:
        tokens = ControlTokens(folder)
        self.app = Starlette(routes=control_routes(ControlDesk(desk.register, desk.sessions), tokens))
        known = {"hub": tokens.hub, "house": tokens.house}
        self.token = known[token].read_text() if token in known else token

    async def post(self, route: str, body: Mapping[str, str | int] | bytes) -> httpx.Response:
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
        b'{"person":"a","project":"b","acknowledged":1}',
        b'{"person":"a","project":"b","acknowledged":"","x":"y"}',
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
    shown = (await hub.post("workspaces/conditions", BODY)).json()
    opened = (await hub.post("workspaces/open", BODY | {"acknowledged": shown["ticket"]})).json()
    assert opened["conditions"] == shown["conditions"] == [*HOUSE_CONDITIONS, *desk.approvals.asked]
    assert (await hub.post("workspaces/standing", BODY)).json() == {"stands": True}
    assert (await house.post("workspaces/list", {})).json()["workspaces"][0]["person"] == "asha"
    desk.approvals.approved.clear()
    refused = await hub.post("workspaces/standing", BODY)
    assert refused.status_code == 403
    assert refused.json()["refused"]["code"] == "project.not_a_member"
    assert (await hub.post("workspaces/close", {**BODY, "door": opened["door"], "rule": ""})).json() == {"closed": True}
    assert desk.doors.standing == []


async def test_a_session_over_the_routes(tmp_path: Path) -> None:
    """What was used is numbers, not texts of them; the person's projects are told with what keeps them closed."""
    desk = Desk()
    hub = Caller(desk, tmp_path, "hub")
    used = {"bytes_to_browser": 5, "bytes_from_browser": 4, "processor_seconds": 3, "most_memory": 2}
    assert (await hub.post("workspaces/used", BODY | used)).json() == {"noted": True}
    assert desk.log.events[-1].details == used
    assert (await hub.post("workspaces/used", BODY | used | {"most_memory": True})).status_code == 422
    told = (await hub.post("workspaces/of", {"person": "asha"})).json()["workplaces"]
    assert told == [{"project": "diabetes", "title": "What diabetes is for", "refused": None}]


async def test_codes_are_not_given_where_people_log_in(tmp_path: Path) -> None:
    """With an identity provider the routes of codes are not there, and those of tokens are."""
    desk, tokens = Desk(), ControlTokens(tmp_path)
    logins = HubLogins(desk.records, None, None)  # type: ignore[arg-type]
    with_codes = {route.path for route in control_routes(ControlDesk(desk.register, desk.sessions), tokens)}
    with_tokens = {route.path for route in control_routes(ControlDesk(desk.register, desk.sessions, logins), tokens)}
    assert with_codes - with_tokens == {"/control/login-codes", "/control/login-codes/redeem"}
    assert with_tokens - with_codes == {"/control/logins/open", "/control/logins/check"}


async def test_a_code_over_the_routes(tmp_path: Path) -> None:
    """The command line gets the code, the hub redeems it, the second time is refused."""
    desk = Desk()
    code = (await Caller(desk, tmp_path, "house").post("login-codes", BODY)).json()["code"]
    hub = Caller(desk, tmp_path, "hub")
    assert (await hub.post("login-codes/redeem", {"code": code})).json() == BODY
    assert (await hub.post("login-codes/redeem", {"code": code})).status_code == 403


async def test_a_route_that_is_not_the_callers_is_refused_and_recorded(tmp_path: Path) -> None:
    """The command line's token opens no door: that is the hub's alone."""
    desk = Desk()
    answer = await Caller(desk, tmp_path, "house").post("workspaces/open", BODY | {"acknowledged": "x"})
    assert (answer.status_code, answer.json()["refused"]["code"]) == (401, "control.not_yours")
    assert (desk.names, desk.log.events[-1].details["rule"]) == (["token.refused"], "control.not_yours")


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
