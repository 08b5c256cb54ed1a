"""How does a person in a workspace reach the airlock? Three routes, mounted by the gateway, which says who asks.

`request.state.person` and `request.state.project` come from the door or the token, never from the body; without them
nothing is answered. A project's requests are shown to those who may submit for it or check it now.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from access.decisions import Refused, RefusedError
from access.identity.strict import read_object
from audit.errors import HavenError
from audit.model import Actor, Json, person
from environments.airlock.errors import UnknownRequest
from environments.airlock.model import ReleaseRequest
from environments.airlock.service import Airlock
from environments.disclosure.errors import TableUnfit
from environments.disclosure.tables import MOST_BYTES

SUBMISSION_KEYS = {"name", "table_base64", "context"}
OPTIONAL_KEYS = {"project", "request"}  # project: a client outside a workspace names it; it must be the token's
MOST_BODY = 2 * MOST_BYTES


def as_data(request: ReleaseRequest) -> dict[str, Json]:
    """A request for a program: no counts, and only the verdicts that the viewer may see."""
    return {
        "id": request.id,
        "project": request.project,
        "state": request.state.value,
        "whose_turn": request.whose_turn,
        "gate": request.gate.value,
        "recipient": request.recipient,
        "author": request.author,
        "round": request.round,
        "profile": request.profile,
        "scope_version": request.scope_version,
        "held": request.held,
        "created": request.created.isoformat(),
        "moved": request.moved.isoformat(),
        "problems": [*request.problems],
        "files": [{"name": one.name, "sha256": one.sha256, "bytes": one.size} for one in request.files],
        "verdicts": [
            {"round": v.round, "by": v.by, "controller": v.controller, "approve": v.approve, "comment": v.comment}
            for v in request.every_verdict
        ],
        "moves": [
            {"to": move.after.value, "by": move.by, "at": move.at.isoformat(), "reason": move.reason}
            for move in request.moves
        ],
        "recipients_told": [
            {"name": one.name, "acknowledged": one.acknowledged.isoformat() if one.acknowledged else None}
            for one in request.recipients
        ],
    }


def routes(airlock: Airlock) -> list[Route]:
    """POST and GET /v1/releases, GET /v1/releases/{id}."""
    desk = _Desk(airlock)
    return [
        Route("/v1/releases", _answering(desk.releases), methods=["GET", "POST"]),
        Route("/v1/releases/{id}", _answering(desk.shown), methods=["GET"]),
    ]


class _Desk:
    """From a request to a verb, and back."""

    def __init__(self, airlock: Airlock) -> None:
        self._airlock = airlock

    async def releases(self, request: Request, by: Actor, project: str) -> dict[str, Json]:
        """What the project has, or one more."""
        verb = self.submit if request.method == "POST" else self.listed
        return await verb(request, by, project)

    async def submit(self, request: Request, by: Actor, project: str) -> dict[str, Json]:
        body = await _body(request)
        if body.get("project", project) != project:
            other = Refused("release.other_project", "This token is for another project.", None)
            await asyncio.to_thread(lambda: self._airlock.refuse(other, project, by=by))
        table, context = _decoded(body["table_base64"]), body["context"]
        if not isinstance(body["name"], str) or not isinstance(context, dict):
            raise _unreadable("name is a text and context a mapping")
        going_on = body.get("request")
        if going_on is not None and not isinstance(going_on, str):
            raise _unreadable("request is the number of a returned request")
        done = await asyncio.to_thread(
            lambda: self._airlock.submit(project, body["name"], table, context, by=by, request_id=going_on)
        )
        return as_data(done)

    async def listed(self, _: Request, by: Actor, project: str) -> dict[str, Json]:
        await asyncio.to_thread(lambda: self._airlock.require_look(project, by=by))
        found = await asyncio.to_thread(lambda: self._airlock.list(project, viewer=by))
        return {"requests": [as_data(one) for one in found]}

    async def shown(self, request: Request, by: Actor, project: str) -> dict[str, Json]:
        await asyncio.to_thread(lambda: self._airlock.require_look(project, by=by))
        found = await asyncio.to_thread(lambda: self._airlock.get(request.path_params["id"], viewer=by))
        if found.project != project:
            raise UnknownRequest("There is no request of this number in your project.")
        return as_data(found)


Answer = Callable[[Request, Actor, str], Awaitable[dict[str, Json]]]


def _answering(answer: Answer) -> Callable[[Request], Awaitable[JSONResponse]]:
    """Who asks comes first; an error becomes its code and sentence, never a traceback."""

    async def endpoint(request: Request) -> JSONResponse:
        name = getattr(request.state, "person", None)
        project = getattr(request.state, "project", None)
        if not name or not project:
            return _refusal(Refused("release.nobody", "Nobody is named by this door or token.", None), 401)
        try:
            return JSONResponse(await answer(request, person(name), project))
        except RefusedError as error:
            return _refusal(error.refused, 403)
        except HavenError as error:
            return _refusal(Refused(error.code, error.what, error.mend), error.http_status)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BODY:
            raise TableUnfit("The submission is too large.", mend="A table of counts is small: submit that.")
    try:
        body = read_object(bytes(content))
    except ValueError:
        raise _unreadable("the body is JSON") from None
    if not SUBMISSION_KEYS <= set(body) <= SUBMISSION_KEYS | OPTIONAL_KEYS:
        raise _unreadable(f"the keys are {', '.join(sorted(SUBMISSION_KEYS))}")
    return body


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable("table_base64 is the CSV in base64") from None


def _unreadable(what: str) -> TableUnfit:
    return TableUnfit(f"The submission cannot be read: {what}.", mend="Use haven.submit(table, name=..., context=...).")


def _refusal(refused: Refused, status: int) -> JSONResponse:
    content = {"refused": {"code": refused.code, "reason": refused.reason, "mend": refused.mend}}
    return JSONResponse(content, status_code=status)
