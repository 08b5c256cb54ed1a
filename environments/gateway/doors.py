"""Through which socket does a question come? The socket itself says who asks: nothing secret is in a workspace.

One door per open workspace, in a folder of its own: a Unix socket for HTTP, and one for Flight SQL. What comes through
it is the door's person and project, whatever its headers say. The house's own sockets ask for a token instead. Closing
a door cuts what runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from access.decisions import Refused
from access.identity.errors import TokenRefused
from access.identity.tokens import Verifier
from audit.events import EventName
from audit.model import Actor, person, service
from audit.records import Records
from environments.gateway.core import QueryCore
from environments.gateway.flight.identity import at_the_door
from environments.gateway.flight.server import FlightDoor
from environments.gateway.model import AUDIENCE, Asker

PRIVATE = 0o700
MOST_CONNECTIONS = 64  # at one socket
OPEN_TO_ALL = ("/v1/health",)
CLOSED = Refused("door.closed", "The workspace was closed.", "Open it again.")


@dataclass(frozen=True)
class DoorIdentity:
    """Puts the door's person and project into every request; the routes behind control are not there."""

    app: ASGIApp
    asker: Asker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        if not scope["path"].startswith("/v1/"):
            await _refuse(Refused("door.no_such_route", "There is no such route."), 404, scope, receive, send)
            return
        scope["state"] = {"person": self.asker.person, "project": self.asker.project}
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class TokenIdentity:
    """Puts the token's person, and the project that they name, into every request under /v1."""

    app: ASGIApp
    verifier: Verifier
    records: Records

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/") and scope["path"] not in OPEN_TO_ALL:
            try:
                claims = await asyncio.to_thread(self.verifier.verify, _bearer(scope), AUDIENCE)
            except TokenRefused as error:
                await asyncio.to_thread(self._note, EventName.TOKEN_REFUSED, service("gateway"), error.rule)
                await _refuse(Refused(error.code, error.what, error.mend), 401, scope, receive, send)
                return
            named = parse_qs(scope["query_string"].decode("latin-1")).get("project", [])
            if len(named) != 1:  # the routes refuse it, whichever is asked
                await asyncio.to_thread(self._note, EventName.QUERY_REFUSED, person(claims.person), "door.no_project")
            scope["state"] = {"person": claims.person, "project": named[0] if len(named) == 1 else None}
        await self.app(scope, receive, send)

    def _note(self, name: EventName, by: Actor, rule: str) -> None:
        self.records.note(name, by=by, rule=rule)


def _bearer(scope: Scope) -> str:
    """The one token of a request; with two there is none (which of them would count?)."""
    said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    kind, _, token = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    return token if kind == "Bearer" else ""


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


class _Bounded(H11Protocol):
    """A connection, unless there are too many at this socket: what one workspace holds open leaves room for others."""

    turned_away = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counted, or closed at once."""
        if len(self.connections) >= MOST_CONNECTIONS:
            self.turned_away = True
            transport.abort()
            return
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to end of one that was turned away."""
        if not self.turned_away:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Nothing is read of one that was turned away."""
        if not self.turned_away:
            super().data_received(data)


class SocketServer:
    """An application served at one Unix socket, in the loop of whoever opens it."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        config = uvicorn.Config(
            app, uds=str(path), log_config=None, log_level="critical", access_log=False, lifespan="off", http=_Bounded
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Serve; returns when the socket answers."""
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._task.done():
                await self._task
                return
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Stop serving and cut what is under way."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._task is not None:
            await self._task


@dataclass(frozen=True)
class OpenDoor:
    """One workspace's door: who stands at it, and its two sockets."""

    asker: Asker
    http: SocketServer
    flight: FlightDoor


def flight_beside(path: Path) -> Path:
    """Where the Flight SQL socket of a door stands, given its HTTP socket."""
    return path.with_name("flight.sock")


class Doors:
    """The open doors. Implements the port that workspaces ask (environments.workspaces.ports.Doors)."""

    def __init__(self, app: ASGIApp, core: QueryCore, folder: Path) -> None:
        self._app = app
        self._core = core
        self._folder = folder
        self._open: dict[Path, OpenDoor] = {}

    async def open(self, person: str, project: str) -> Path:
        """A new door for this person and project; the path of its HTTP socket, with Flight SQL's beside it."""
        asker = Asker(person, project)
        path = self._folder / secrets.token_hex(6) / "gateway.sock"
        path.parent.mkdir(parents=True, mode=PRIVATE)
        server = SocketServer(DoorIdentity(self._app, asker), path)
        await server.open()
        self._open[path] = OpenDoor(asker, server, FlightDoor(self._core, flight_beside(path), at_the_door(asker)))
        return path

    async def close(self, path: Path) -> None:
        """Close a door and cut the queries that came through it. One that is not open is left alone."""
        door = self._open.pop(path, None)
        if door is None:
            return
        if not any(other.asker == door.asker for other in self._open.values()):
            await self._core.cut_all(door.asker, CLOSED)
        await door.http.close()
        await door.flight.close()
        shutil.rmtree(path.parent, ignore_errors=True)

    async def close_all(self) -> None:
        """Close every door."""
        for path in list(self._open):
            await self.close(path)


async def _refuse(refused: Refused, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    content = {"refused": {"code": refused.code, "reason": refused.reason, "mend": refused.mend}}
    await JSONResponse(content, status_code=status)(scope, receive, send)
