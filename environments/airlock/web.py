"""How does a person in a workspace reach the airlock? Three routes, mounted by the gateway, which says who asks.

`request.state.person` and `request.state.project` come from the door or the token, never from the body; without them
nothing is answered. A project's requests are shown to those who may submit for it or check it now.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from access.decisions import Refused, RefusedError
from access.identity.strict import read_object
from audit.errors import HavenError
from audit.model import Actor, Json, person
from environments.airlock.errors import FileUnfit, UnknownRequest
from environments.airlock.model import ReleaseFile, ReleaseRequest
from environments.airlock.service import Airlock
from environments.disclosure.tables import MOST_BYTES

SUBMISSION_KEYS = {"files", "context"}
FILE_KEYS = {"name", "content_base64"}
OPTIONAL_KEYS = {"project", "request"}  # project: a client outside a workspace names it; it must be the token's
MOST_BODY = 2 * MOST_BYTES
MOST_VALUES = 100_000  # in a body: more would take the engine of Python for itself while they are read
SECONDS_TO_SEND = 60.0
MOST_AT_ONCE = 4  # projects; each may name people for minutes, in threads that nothing else needs
BUSY = Refused("release.busy", "Another submission of this project is being looked at; try again.", "Wait a little.")
T = TypeVar("T")


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
        "files": [_file_data(one) for one in request.files],
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


def _file_data(file: ReleaseFile) -> dict[str, Json]:
    """inspection: what was found in the file; nothing of it quotes it."""
    inspection = None if file.inspection is None else file.inspection.as_data()
    return {"name": file.name, "sha256": file.sha256, "bytes": file.size, "inspection": inspection}


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
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "airlock")
        self._submitting: set[str] = set()

    async def releases(self, request: Request, by: Actor, project: str) -> dict[str, Json]:
        """What the project has, or one more."""
        verb = self.submit if request.method == "POST" else self.listed
        return await verb(request, by, project)

    async def submit(self, request: Request, by: Actor, project: str) -> dict[str, Json]:
        if project in self._submitting:
            await asyncio.to_thread(lambda: self._airlock.refuse(BUSY, project, by=by))
        self._submitting.add(project)
        try:
            content = await _body(request)
            looking = self._in_own_thread(lambda: self._submitted(content, by, project))
        except BaseException:
            self._submitting.discard(project)
            raise

        def done(looked: asyncio.Future[ReleaseRequest]) -> None:
            self._submitting.discard(project)
            looked.cancelled() or looked.exception()  # taken: where its author has left nobody else does

        looking.add_done_callback(done)
        return as_data(await asyncio.shield(looking))

    def _submitted(self, content: bytes, by: Actor, project: str) -> ReleaseRequest:
        body = _read(content)
        if body.get("project", project) != project:
            self._airlock.refuse(
                Refused("release.other_project", "This token is for another project.", None), project, by=by
            )
        files, context = _decoded(body["files"]), body["context"]
        if not isinstance(context, dict):
            raise _unreadable("context is a mapping")
        going_on = body.get("request")
        if going_on is not None and not isinstance(going_on, str):
            raise _unreadable("request is the number of a returned request")
        return self._airlock.submit_set(project, files, context, by=by, request_id=going_on)

    def _in_own_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

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


async def _body(request: Request) -> bytes:
    content = bytearray()
    try:
        async with asyncio.timeout(SECONDS_TO_SEND):
            async for part in request.stream():
                content += part
                if len(content) > MOST_BODY:
                    raise FileUnfit("The submission is too large.", mend="Submit fewer or smaller files at a time.")
    except TimeoutError:
        raise FileUnfit("The submission took too long to send.", mend="Submit it again.") from None
    return bytes(content)


def _read(content: bytes) -> dict[str, Any]:
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        raise _unreadable(f"it may hold {MOST_VALUES:,} values")
    try:
        body = read_object(content)
    except ValueError:
        raise _unreadable("the body is JSON") from None
    if not SUBMISSION_KEYS <= set(body) <= SUBMISSION_KEYS | OPTIONAL_KEYS:
        raise _unreadable(f"the keys are {', '.join(sorted(SUBMISSION_KEYS))}")
    return body


def _decoded(files: object) -> list[tuple[str, bytes]]:
    try:
        if not isinstance(files, list) or not all(set(one) == FILE_KEYS for one in files):
            raise TypeError
        if not all(isinstance(value, str) for one in files for value in one.values()):
            raise TypeError
        return [(one["name"], base64.b64decode(one["content_base64"], validate=True)) for one in files]
    except (binascii.Error, ValueError, TypeError, AttributeError):
        raise _unreadable("files is a list of name and content_base64, both texts") from None


def _unreadable(what: str) -> FileUnfit:
    return FileUnfit(f"The submission cannot be read: {what}.", mend="Use haven.submit(table, name=..., context=...).")


def _refusal(refused: Refused, status: int) -> JSONResponse:
    content = {"refused": {"code": refused.code, "reason": refused.reason, "mend": refused.mend}}
    return JSONResponse(content, status_code=status)
