"""Make it so: codes, conditions shown and acknowledged, doors opened and closed, each opening and refusal in the log.

Lives in the gateway's process, because the doors do. Nothing is kept across a restart: when the gateway ends, its
doors end, and a person asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from access.decisions import Decision, Refused
from audit.events import EventName
from audit.model import Actor, person, service
from audit.records import Records
from environments.workspaces.model import (
    HOUSE_CONDITIONS,
    LoginCode,
    OpenWorkspace,
    ShownConditions,
    Workplace,
    WorkspaceRequest,
)
from environments.workspaces.policies import may_redeem, may_start
from environments.workspaces.ports import Approvals, Doors

MINUTES_OF_A_CODE = 5
MINUTES_TO_READ = 30  # the conditions, before they are shown again
NOT_KNOWN = Refused(
    "workspace.not_known",
    "It could not be found out whether this workspace may open, so it was not opened.",
    "`haven doctor` says what does not answer.",
)


class WorkspaceRegister:
    """Which workspaces are open, and who may open one."""

    def __init__(self, records: Records, approvals: Approvals, doors: Doors, machine: Callable[[], Decision]) -> None:
        self.records = records
        self.approvals = approvals
        self.doors = doors
        self.machine = machine
        self._codes: dict[str, LoginCode] = {}
        self._shown: dict[str, ShownConditions] = {}
        self._open: dict[Path, OpenWorkspace] = {}

    async def issue_login_code(self, request: WorkspaceRequest, *, by: Actor) -> str:
        """A one-time code for the person of the request. Raises RefusedError with the reason, which is recorded."""
        await self._require(request, by=by)
        now = self.records.clock.now()
        self._codes = {digest: code for digest, code in self._codes.items() if now < code.ends}
        secret = secrets.token_urlsafe(24)
        self._codes[_digest(secret)] = LoginCode(request, now + timedelta(minutes=MINUTES_OF_A_CODE))
        return secret

    async def redeem(self, secret: str) -> WorkspaceRequest:
        """Whose code this is; it is spent thereby. Raises RefusedError, which is recorded."""
        code = self._codes.pop(_digest(secret), None)
        decision = may_redeem(code, self.records.clock.now())
        if isinstance(decision, Refused):
            rule = decision.code
            await asyncio.to_thread(lambda: self.records.note(EventName.TOKEN_REFUSED, by=service("hub"), rule=rule))
        decision.require()
        if code is None:
            raise RuntimeError("a code that may be redeemed is known")
        return code.request

    async def show_conditions(self, request: WorkspaceRequest, *, by: Actor) -> tuple[tuple[str, ...], str]:
        """The house's and the project's conditions, and the ticket that acknowledges them, good for one session.

        Raises RefusedError with the reason why the workspace may not be opened, which is recorded.
        """
        await self._require_yes(await self._stands(request), request, by=by)
        conditions = await self._conditions(request.project)
        now = self.records.clock.now()
        self._shown = {digest: shown for digest, shown in self._shown.items() if now < shown.ends}
        ticket = secrets.token_urlsafe(24)
        self._shown[_digest(ticket)] = ShownConditions(request, conditions, now + timedelta(minutes=MINUTES_TO_READ))
        return conditions, ticket

    async def _conditions(self, project: str) -> tuple[str, ...]:
        return (*HOUSE_CONDITIONS, *await asyncio.to_thread(self.approvals.conditions, project))

    async def workplaces(self, name: str) -> list[Workplace]:
        """The projects that this person is of, and which of them they may open now."""
        return await asyncio.to_thread(self.approvals.workplaces, name)

    async def open(self, request: WorkspaceRequest, *, acknowledged: str, by: Actor) -> OpenWorkspace:
        """Open the gateway's door for a workspace; acknowledged: the ticket of the conditions, spent thereby.

        Raises RefusedError; the opening or the refusal is recorded, with a digest of the conditions.
        """
        await self._require(request, by=by)
        shown = self._shown.pop(_digest(acknowledged), None)
        conditions = await self._conditions(request.project)
        await self._require_yes(may_start(shown, request, conditions, self.records.clock.now()), request, by=by)
        for left in [one.door for one in self._open.values() if one.request == request]:
            await self.close(left, by=by)  # of an opening whose answer the hub did not wait for
        door = await self.doors.open(request.person, request.project)
        try:
            await self._note(EventName.WORKSPACE_OPENED, request, by=by, acknowledged=_digest("\n".join(conditions)))
        except BaseException:
            await self.doors.close(door)
            raise
        workspace = OpenWorkspace(request, door, conditions, self.records.clock.now())
        self._open[door] = workspace
        return workspace

    async def close(self, door: Path, *, by: Actor, rule: str = "") -> None:
        """Close a workspace's door and cut what runs through it. A door that is not open is left alone.

        rule: by which of the hub's own rules the workspace was stopped (its quota), if by one.
        """
        workspace = self._open.pop(door, None)
        if workspace is None:
            return
        await self.doors.close(door)
        decision = await self.standing(workspace.request)
        if isinstance(decision, Refused):
            rule = decision.code  # the records ended it
        ended = {"rule": rule} if rule else {}
        await self._note(EventName.WORKSPACE_CLOSED, workspace.request, by=by, **ended)

    async def standing(self, request: WorkspaceRequest) -> Decision:
        """May this workspace stay open? Asked every second; not recorded, only an end is."""
        return await asyncio.to_thread(self.approvals.may_open_workspace, request.person, request.project)

    def opened(self) -> list[OpenWorkspace]:
        """The workspaces whose doors are open, the oldest first."""
        return sorted(self._open.values(), key=lambda workspace: workspace.since)

    async def _require(self, request: WorkspaceRequest, *, by: Actor) -> None:
        await self._require_yes(await self._may_open(request), request, by=by)

    async def _require_yes(self, decision: Decision, request: WorkspaceRequest, *, by: Actor) -> None:
        if isinstance(decision, Refused):
            await self._note(EventName.WORKSPACE_OPEN_REFUSED, request, by=by, rule=decision.code)
        decision.require()

    async def _may_open(self, request: WorkspaceRequest) -> Decision:
        try:
            decision = await asyncio.to_thread(self.machine)
        except Exception:  # noqa: BLE001 - whatever fails: what is not known to be allowed is refused, and recorded
            return NOT_KNOWN
        return await self._stands(request) if decision else decision

    async def _stands(self, request: WorkspaceRequest) -> Decision:
        try:
            return await self.standing(request)
        except Exception:  # noqa: BLE001 - as above
            return NOT_KNOWN

    async def _note(self, name: EventName, request: WorkspaceRequest, *, by: Actor, **details: str) -> None:
        await asyncio.to_thread(
            lambda: self.records.note(name, by=by, project=request.project, person=person(request.person), **details)
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
