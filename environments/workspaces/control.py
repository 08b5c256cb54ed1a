"""Who may tell the gateway's process to open a door? The hub and this account's command line, each with its own token.

Routes under /control, mounted in the gateway process; the tokens stand in files that only this account reads.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from access.decisions import Refused, RefusedError
from access.identity.strict import read_object
from audit.errors import HavenError
from audit.model import Actor, Json, person, service
from environments.workspaces.model import WorkspaceRequest
from environments.workspaces.register import WorkspaceRegister

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


Answer = Callable[[dict[str, str]], Awaitable[dict[str, Json]]]


def control_routes(register: WorkspaceRegister, tokens: ControlTokens) -> list[Route]:
    """The routes. `hub` ones open and close doors; `house` ones give codes and show what is open."""
    tokens.make()
    hub, house = tokens.hub.read_text(encoding="utf-8"), tokens.house.read_text(encoding="utf-8")
    desk = _Desk(register)
    return [
        _route("login-codes", ("person", "project"), house, desk.issue_code),
        _route("login-codes/redeem", ("code",), hub, desk.redeem_code),
        _route("workspaces/open", ("person", "project"), hub, desk.open),
        _route("workspaces/standing", ("person", "project"), hub, desk.standing),
        _route("workspaces/close", ("person", "project", "door", "rule"), hub, desk.close),
        _route("workspaces/list", (), house, desk.opened),
    ]


@dataclass(frozen=True)
class _Desk:
    """From the words of a request to a verb of the register, and back."""

    register: WorkspaceRegister

    async def issue_code(self, body: dict[str, str]) -> dict[str, Json]:
        code = await self.register.issue_login_code(_request(body), by=person(body["person"]))
        return {"code": code}

    async def redeem_code(self, body: dict[str, str]) -> dict[str, Json]:
        request = await self.register.redeem(body["code"])
        return {"person": request.person, "project": request.project}

    async def open(self, body: dict[str, str]) -> dict[str, Json]:
        workspace = await self.register.open(_request(body), by=person(body["person"]))
        return {"door": str(workspace.door), "conditions": list(workspace.conditions)}

    async def standing(self, body: dict[str, str]) -> dict[str, Json]:
        (await self.register.standing(_request(body))).require()
        return {"stands": True}

    async def close(self, body: dict[str, str]) -> dict[str, Json]:
        await self.register.close(Path(body["door"]), by=HUB, rule=body["rule"])
        return {"closed": True}

    async def opened(self, _: dict[str, str]) -> dict[str, Json]:
        return {
            "workspaces": [
                {
                    "person": workspace.request.person,
                    "project": workspace.request.project,
                    "since": workspace.since.isoformat(),
                }
                for workspace in self.register.opened()
            ]
        }


def _route(path: str, names: tuple[str, ...], token: str, answer: Answer) -> Route:
    """One route: the token first, then exactly these words, then the verb; errors as code and sentence."""

    async def endpoint(request: Request) -> JSONResponse:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()):
            return _refusal(Refused("control.not_yours", "This route is not open to you."), 401)
        try:
            body = read_object(await request.body() or b"{}")
        except ValueError:
            body = None
        if body is None or set(body) != set(names) or not all(map(_is_text, body.values())):
            return _refusal(Refused("control.unreadable", f"This route takes exactly: {', '.join(names)}."), 422)
        try:
            return JSONResponse(await answer(body))
        except RefusedError as error:
            return _refusal(error.refused, 403)
        except HavenError as error:
            return _refusal(Refused(error.code, error.what, error.mend), error.http_status)

    return Route(f"/control/{path}", endpoint, methods=["POST"])


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _request(body: dict[str, str]) -> WorkspaceRequest:
    return WorkspaceRequest(body["person"], body["project"])


def _refusal(refused: Refused, status: int) -> JSONResponse:
    content = {"refused": {"code": refused.code, "reason": refused.reason, "mend": refused.mend}}
    return JSONResponse(content, status_code=status)
