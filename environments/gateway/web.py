"""What can be asked over HTTP? Tables, a query, why, how a query ended. Results are Arrow IPC streams.

Who asks is put into the request's state before these routes: by the door, or from a verified token. Nothing in a
header, an address or a body can change the person; only a token's holder names the project.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from access.decisions import Refused, RefusedError
from access.identity.strict import read_object
from audit.errors import HavenError
from environments.gateway.core import QueryCore
from environments.gateway.errors import QueryCut
from environments.gateway.frames import END_OF_STREAM
from environments.gateway.model import Asker

ARROW = "application/vnd.apache.arrow.stream"
LONGEST_BODY = 1024 * 1024
NOBODY_THERE = 499  # sent to nobody
NOBODY = Refused("door.nobody", "It is not known who asks.", "Ask from your workspace, or with `haven query`.")


def build_app(core: QueryCore, extra_routes: Iterable[BaseRoute] = ()) -> Starlette:
    """The query door's application; extra_routes: other doors of the same process."""
    desk = _Desk(core)
    return Starlette(
        routes=[
            Route("/v1/health", _health, methods=["GET"]),
            Route("/v1/tables", desk.tables, methods=["GET"]),
            Route("/v1/why", desk.why, methods=["GET"]),
            Route("/v1/query", desk.query, methods=["POST"]),
            Route("/v1/queries/{query}", desk.outcome, methods=["GET"]),
            *extra_routes,
        ],
        exception_handlers={
            RefusedError: _answer_refused,
            HavenError: _answer_error,
            Exception: _answer_fault,
        },
    )


class _Desk:
    """From the words of a request to a verb of the core, and back."""

    def __init__(self, core: QueryCore) -> None:
        self._core = core

    async def tables(self, request: Request) -> Response:
        tables = await self._core.tables(asker_of(request))
        return JSONResponse({"tables": [{"name": name, "columns": columns} for name, columns in tables.items()]})

    async def why(self, request: Request) -> Response:
        decision = await self._core.why(asker_of(request), request.query_params.get("action", "query"))
        if isinstance(decision, Refused):
            return JSONResponse(
                {"allowed": False, "code": decision.code, "reason": decision.reason, "mend": decision.mend}
            )
        return JSONResponse({"allowed": True, "code": None, "reason": None, "mend": None})

    async def query(self, request: Request) -> Response:
        asker = asker_of(request)
        sql, parameters = _asked(await _body(request))
        running = await self._core.start(asker, sql, parameters)
        parts = self._core.stream(running, sql, parameters)
        # What fails before the first batch is a plain answer, not a broken stream.
        if (first := await _unless_left(request, parts)) is None:
            return Response(status_code=NOBODY_THERE)
        return StreamingResponse(_from(first, parts), media_type=ARROW, headers={"Haven-Query": running.id})

    async def outcome(self, request: Request) -> Response:
        found = self._core.outcome(request.path_params["query"], asker_of(request))
        if found is None:
            return _refusal(Refused("query.unknown", "There is no such query of yours."), 404)
        return JSONResponse({"code": found.code, "reason": found.reason, "mend": found.mend})


def asker_of(request: Request) -> Asker:
    """The person and the project that the door or the token put into the request. Raises RefusedError."""
    person, project = getattr(request.state, "person", None), getattr(request.state, "project", None)
    if not person or not project:
        raise RefusedError(NOBODY)
    return Asker(person, project)


async def _unless_left(request: Request, parts: AsyncIterator[bytes]) -> bytes | None:
    """The first part; None where who asked has left meanwhile: nothing is computed for them."""

    async def first() -> bytes:
        return await anext(parts)

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    computing, leaving = asyncio.create_task(first()), asyncio.create_task(left())
    try:
        await asyncio.wait({computing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if computing.done():
            return computing.result()
    finally:
        for task in (computing, leaving):
            task.cancel()
        await asyncio.gather(computing, leaving, return_exceptions=True)
    return None


async def _from(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part
    yield END_OF_STREAM  # only here: what broke off has none


async def _body(request: Request) -> Any:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > LONGEST_BODY:
            raise RefusedError(Refused("query.body_too_long", f"A request may have {LONGEST_BODY:,} bytes."))
    try:
        return read_object(content)
    except ValueError:
        return None


def _asked(body: Any) -> tuple[str, Any]:
    """The statement and its parameters. Raises RefusedError for any other shape."""
    if not isinstance(body, dict) or not set(body) <= {"sql", "parameters"} or not isinstance(body.get("sql"), str):
        raise RefusedError(
            Refused("query.unreadable", "A query is JSON with `sql`, and `parameters` if there are any.")
        )
    parameters = body.get("parameters")
    values = parameters.values() if isinstance(parameters, dict) else parameters
    if parameters is not None and not isinstance(parameters, list | dict):
        raise RefusedError(Refused("query.parameters", "Parameters are a list or a mapping of names to values."))
    if any(value is not None and not isinstance(value, str | int | float | bool) for value in values or ()):
        raise RefusedError(Refused("query.parameters", "A parameter is a text, a number, true, false or null."))
    return body["sql"], parameters


async def _health(_: Request) -> Response:
    return JSONResponse({"answers": True})


async def _answer_refused(_: Request, error: Exception) -> Response:
    refused = error.refused if isinstance(error, RefusedError) else NOBODY
    return _refusal(refused, RefusedError.http_status)


async def _answer_error(_: Request, error: Exception) -> Response:
    if isinstance(error, QueryCut):
        return _refusal(Refused(error.rule, error.what, error.mend), error.http_status)
    if isinstance(error, HavenError):
        return _refusal(Refused(error.where or error.code, error.what, error.mend), error.http_status)
    return await _answer_fault(_, error)


async def _answer_fault(_: Request, error: Exception) -> Response:
    """Anything unforeseen: its type only; its text may quote a cell."""
    return _refusal(Refused("gateway.fault", f"The gateway failed with {type(error).__name__}.", "Tell the team."), 500)


def _refusal(refused: Refused, status: int) -> JSONResponse:
    content = {"refused": {"code": refused.code, "reason": refused.reason, "mend": refused.mend}}
    return JSONResponse(content, status_code=status)
