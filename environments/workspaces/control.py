"""Who may tell the gateway's process to open a door? The hub and this account's command line, each with its own token.

Routes under /control, mounted in the gateway process; the tokens stand in files that only this account reads.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from access.decisions import Refused, RefusedError
from access.identity.strict import read_object
from audit.errors import HavenError
from audit.events import EventName
from audit.model import Actor, Json, person, service
from audit.records import Records
from environments.workspaces.logins import HubLogins
from environments.workspaces.model import Workplace, WorkspaceRequest
from environments.workspaces.register import WorkspaceRegister
from environments.workspaces.sessions import Cell, FileChange, SessionEvidence, Used

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
HUB: Actor = service("hub")


@dataclass(frozen=True)
class ControlTokens:
    """Where the two tokens stand: the hub's, and the house's own (command line)."""

    folder: Path

    @property
    def hub(self) -> Path:
        return self.folder / "hub.token"

    @property
    def house(self) -> Path:
        return self.folder / "house.token"

    def make(self) -> None:
        """Write the tokens that are not there yet, each whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        for path in (self.hub, self.house):
            make_token(path)


def make_token(path: Path) -> None:
    """A fresh random token in a file for this account only; an existing one is kept, also in a race."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


Answer = Callable[[Any], Awaitable[dict[str, Json]]]
Words = Mapping[str, type]
TEXT, NUMBER = str, int
THE_WORKSPACE: dict[str, type] = {"person": TEXT, "project": TEXT}
FILE: dict[str, type] = {"change": TEXT, "path": TEXT, "digest": TEXT, "bytes": NUMBER}


@dataclass(frozen=True)
class Desk:
    """What the routes speak to. logins: None where people come by one-time codes."""

    register: WorkspaceRegister
    sessions: SessionEvidence
    logins: HubLogins | None = None


def control_routes(desk: Desk, tokens: ControlTokens) -> list[Route]:
    """The routes. `hub` ones open and close doors; `house` ones give codes and show what is open.

    Codes are not given where people log in at the identity provider: nobody then comes in without their second factor.
    """
    tokens.make()
    hub, house = tokens.hub.read_text(encoding="utf-8"), tokens.house.read_text(encoding="utf-8")
    at, route = _Desk(desk), partial(_route, desk.register.records)
    by_code = [
        route("login-codes", THE_WORKSPACE, (house,), at.issue_code),
        route("login-codes/redeem", {"code": TEXT}, (hub,), at.redeem_code),
    ]
    by_token = [
        route("logins/open", {"token": TEXT}, (hub,), at.log_in),
        route("logins/check", {"token": TEXT}, (hub,), at.check_login),
    ]
    used = dict.fromkeys((field.name for field in fields(Used)), NUMBER)
    return [
        *(by_code if desk.logins is None else by_token),
        route("workspaces/of", {"person": TEXT}, (hub,), at.workplaces),
        route("workspaces/conditions", THE_WORKSPACE, (hub, house), at.conditions),
        route("workspaces/open", THE_WORKSPACE | {"acknowledged": TEXT}, (hub,), at.open),
        route("workspaces/standing", THE_WORKSPACE, (hub,), at.standing),
        route("workspaces/cell", THE_WORKSPACE | dict.fromkeys(("kernel", "digest", "text"), TEXT), (hub,), at.cell),
        route("workspaces/file", THE_WORKSPACE | FILE, (hub,), at.file),
        route("workspaces/used", THE_WORKSPACE | used, (hub,), at.used),
        route("workspaces/close", THE_WORKSPACE | {"door": TEXT, "rule": TEXT}, (hub,), at.close),
        route("workspaces/list", {}, (house,), at.opened),
    ]


@dataclass(frozen=True)
class _Desk:
    """From the words of a request to a verb, and back."""

    desk: Desk

    async def issue_code(self, body: dict[str, str]) -> dict[str, Json]:
        code = await self.desk.register.issue_login_code(_request(body), by=person(body["person"]))
        return {"code": code}

    async def redeem_code(self, body: dict[str, str]) -> dict[str, Json]:
        request = await self.desk.register.redeem(body["code"])
        return {"person": request.person, "project": request.project}

    async def log_in(self, body: dict[str, str]) -> dict[str, Json]:
        return {"person": await self._logins.open(body["token"])}

    async def check_login(self, body: dict[str, str]) -> dict[str, Json]:
        return {"person": await self._logins.check(body["token"])}

    async def workplaces(self, body: dict[str, str]) -> dict[str, Json]:
        found = await self.desk.register.workplaces(body["person"])
        return {"workplaces": [_workplace(one) for one in found]}

    async def conditions(self, body: dict[str, str]) -> dict[str, Json]:
        conditions, ticket = await self.desk.register.show_conditions(_request(body), by=person(body["person"]))
        return {"conditions": list(conditions), "ticket": ticket}

    async def open(self, body: dict[str, str]) -> dict[str, Json]:
        by = person(body["person"])
        workspace = await self.desk.register.open(_request(body), acknowledged=body["acknowledged"], by=by)
        return {"door": str(workspace.door), "conditions": list(workspace.conditions)}

    async def cell(self, body: dict[str, str]) -> dict[str, Json]:
        await self.desk.sessions.cell(_request(body), Cell(body["kernel"], body["digest"], body["text"] or None))
        return {"noted": True}

    async def file(self, body: dict[str, Any]) -> dict[str, Json]:
        await self.desk.sessions.file(_request(body), FileChange(**{name: body[name] for name in FILE}))
        return {"noted": True}

    async def used(self, body: dict[str, Any]) -> dict[str, Json]:
        await self.desk.sessions.used(_request(body), Used(**{one.name: body[one.name] for one in fields(Used)}))
        return {"noted": True}

    async def standing(self, body: dict[str, str]) -> dict[str, Json]:
        (await self.desk.register.standing(_request(body))).require()
        return {"stands": True}

    async def close(self, body: dict[str, str]) -> dict[str, Json]:
        await self.desk.register.close(Path(body["door"]), by=HUB, rule=body["rule"])
        return {"closed": True}

    async def opened(self, _: dict[str, str]) -> dict[str, Json]:
        return {
            "workspaces": [
                {
                    "person": workspace.request.person,
                    "project": workspace.request.project,
                    "since": workspace.since.isoformat(),
                }
                for workspace in self.desk.register.opened()
            ]
        }

    @property
    def _logins(self) -> HubLogins:
        if self.desk.logins is None:
            raise RuntimeError("the routes of log-ins stand only where there are some")
        return self.desk.logins


def _workplace(one: Workplace) -> dict[str, Json]:
    why = f"{one.decision.reason} {one.decision.mend or ''}".strip() if isinstance(one.decision, Refused) else None
    return {"project": one.project, "title": one.title, "refused": why}


def _route(records: Records, path: str, words: Words, tokens: tuple[str, ...], answer: Answer) -> Route:
    """One route: the token first, then exactly these words, then the verb; errors as code and sentence."""

    async def endpoint(request: Request) -> JSONResponse:
        said = request.headers.get("authorization", "").encode()
        if not any(hmac.compare_digest(said, f"Bearer {token}".encode()) for token in tokens):
            await asyncio.to_thread(
                lambda: records.note(EventName.TOKEN_REFUSED, by=service("gateway"), rule="control.not_yours")
            )
            return _refusal(Refused("control.not_yours", "This route is not open to you."), 401)
        try:
            body = read_object(await request.body() or b"{}")
        except ValueError:
            body = None
        if body is None or {name: type(value) for name, value in body.items()} != dict(words):
            return _refusal(Refused("control.unreadable", f"This route takes exactly: {', '.join(words)}."), 422)
        try:
            return JSONResponse(await answer(body))
        except RefusedError as error:
            return _refusal(error.refused, 403)
        except HavenError as error:
            return _refusal(Refused(error.code, error.what, error.mend), error.http_status)

    return Route(f"/control/{path}", endpoint, methods=["POST"])


def _request(body: dict[str, str]) -> WorkspaceRequest:
    return WorkspaceRequest(body["person"], body["project"])


def _refusal(refused: Refused, status: int) -> JSONResponse:
    content = {"refused": {"code": refused.code, "reason": refused.reason, "mend": refused.mend}}
    return JSONResponse(content, status_code=status)
