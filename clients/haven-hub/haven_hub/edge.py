"""How does a browser reach the hub and the workspaces? Through this one door, on loopback, over Unix sockets behind.

JupyterHub's place for a proxy is filled by our own: the Python configurable-http-proxy cannot speak to Unix
sockets, and what leaves a workspace must pass rules of ours in any case (edge_rules.py).
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import yarl
from aiohttp import WSMsgType, web
from jupyterhub.proxy import Proxy

from haven_hub import edge_proof, edge_rules
from haven_hub.cells import Unreadable
from haven_hub.control import Refusal
from haven_hub.place import read_place
from haven_hub.recording import KernelWatch, Volume, note_file, volume_of

LARGEST_REQUEST = 256 * 1024**2
LARGEST_FILE = 64 * 1024**2  # one save or upload; it is read whole before it goes on
LARGEST_TO_BROWSER = 64 * 1024**2  # one message of a websocket
LARGEST_FROM_BROWSER = 8 * 1024**2  # it is read, by the process that serves everybody
DENIED = (401, 403)
CHUNK = 64 * 1024
NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10)
SCHEME = "http+unix://"
OTHER_BROWSER = (
    f"Open the workspace with Chromium, Chrome or Edge, version {edge_rules.FIRST_ENGINE_THAT_OBEYS} or newer: "
    "in this browser a notebook could speak to anybody outside the haven."
)


@dataclass
class Route:
    """A prefix of addresses, the socket behind it, and the connections to that socket."""

    prefix: str
    target: str
    data: dict[str, Any]
    socket: int = field(repr=False)
    session: aiohttp.ClientSession = field(repr=False)

    @property
    def is_workspace(self) -> bool:
        """Everything but the hub itself is answered by something a researcher may have changed."""
        return "hub" not in self.data

    @property
    def volume(self) -> Volume:
        """The bytes that went to and fro; the hub's own are not kept."""
        return volume_of(*self.owner) if self.is_workspace else Volume()

    @property
    def owner(self) -> tuple[str, str]:
        """Person and project."""
        return str(self.data.get("user", "")), str(self.data.get("server_name", ""))

    def changed_file(self, path: str, method: str) -> str | None:
        """The file of a home that this request would change, where it would."""
        return edge_rules.changed_file(self.prefix, path, method) if self.is_workspace else None

    def watch(self, path: str, protocol: str | None) -> KernelWatch | None:
        """What writes down the cells that go this way, where they do."""
        if not self.is_workspace:
            return None
        inner = unquote(path)[len(unquote(self.prefix)) - 1 :]
        return KernelWatch.of(read_place(), *self.owner, inner, protocol)


class WorkspaceEdge(Proxy):
    """The hub's proxy, within the hub's process."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.routes: dict[str, Route] = {}
        self.runner: web.AppRunner | None = None
        self.listener: asyncio.Server | None = None
        self.proof = edge_proof.EdgeProof()

    async def start(self) -> None:
        """Listen on the public address."""
        place = urlsplit(self.public_url)
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_route("*", "/{path:.*}", self.answer)
        application.on_response_prepare.append(_guard_own)
        self.runner = web.AppRunner(application, shutdown_timeout=2.0)
        await self.runner.setup()
        server = self.runner.server
        if server is None:
            raise OSError("the edge has no server")
        loop = asyncio.get_running_loop()

        def accept() -> asyncio.BaseProtocol:
            return _GuardedConnection(server, loop=loop, access_log=None, auto_decompress=False)

        await self.proof.open()
        await self.add_route(edge_proof.PATH, f"{SCHEME}{edge_proof.SOCKET}", {})
        self.listener = await loop.create_server(accept, place.hostname, place.port, reuse_address=True)

    async def holds(self) -> bool:
        """Does it guard a page of a workspace now? Tried, as a browser would."""
        place = urlsplit(self.public_url)
        return await self.proof.holds(f"{place.scheme}://{place.netloc}")

    async def stop(self) -> None:
        """Stop listening, and let go of every connection."""
        if self.listener:
            self.listener.close()
        if self.runner:
            await self.runner.cleanup()
        for routespec in list(self.routes):
            await self.delete_route(routespec)
        await self.proof.close()

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Send what begins with `routespec` to the socket `target`."""
        if not target.startswith(SCHEME):
            raise ValueError("the edge reaches servers by Unix socket only")
        await self.delete_route(routespec)
        socket = _hold_socket(unquote(target.removeprefix(SCHEME).partition("/")[0]))
        session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=f"/proc/self/fd/{socket}", limit=0),
            timeout=NO_TIMEOUT,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        prefix = self.validate_routespec(routespec)
        self.routes[prefix] = Route(prefix, target, dict(data or {}), socket, session)

    async def delete_route(self, routespec: str) -> None:
        """Forget a route and cut what runs over it."""
        if route := self.routes.pop(self.validate_routespec(routespec), None):
            await route.session.close()
            os.close(route.socket)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """The routes, as JupyterHub asks for them."""
        return {
            route.prefix: {"routespec": route.prefix, "target": route.target, "data": route.data}
            for route in self.routes.values()
            if route.prefix != edge_proof.PATH  # JupyterHub takes away what it did not put there
        }

    def route_of(self, path: str) -> Route | None:
        """The route with the longest prefix of this path."""
        found = [prefix for prefix in self.routes if (path + "/").startswith(prefix)]
        return self.routes[max(found, key=len)] if found else None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass one request on, or refuse it."""
        route = self.route_of(request.rel_url.raw_path)
        if route is None:
            raise web.HTTPServiceUnavailable(text="The workspaces are starting. Try again in a moment.")
        if route.is_workspace and (closed := edge_rules.closed_route(route.prefix, request.rel_url.raw_path)):
            raise web.HTTPForbidden(text=f"'{closed}' is closed: files leave the haven only through the airlock.")
        if route.is_workspace and not edge_rules.obeys(request.headers):
            raise web.HTTPForbidden(text=OTHER_BROWSER)
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await _pass_websocket(route, request)
            return await _pass_request(route, request)
        except aiohttp.WSServerHandshakeError as refused:  # told with its address, which may hold a token
            raise (web.HTTPForbidden if refused.status in DENIED else web.HTTPBadGateway)() from None
        except aiohttp.ClientError:
            raise web.HTTPServiceUnavailable(text="This workspace does not answer; it may have been stopped.") from None


class _GuardedConnection(web.RequestHandler):
    """A browser's connection: also what cannot be read as a request is answered with the edge's policy."""

    __slots__ = ()

    def handle_error(self, *arguments: Any, **named: Any) -> web.StreamResponse:
        """The answer to it."""
        answer = super().handle_error(*arguments, **named)
        answer.headers.update(edge_rules.GUARDS)
        return answer


async def _guard_own(_: web.Request, answer: web.StreamResponse) -> None:
    """What the edge says itself has its policy, too; what is passed on (no `web.Response`) was given one there."""
    if isinstance(answer, web.Response):
        answer.headers.update(edge_rules.GUARDS)


def _hold_socket(path: str) -> int:
    """The socket itself, held open as a place. Raises OSError when it is none.

    A workspace can put anything in the folder of its socket: a link to another socket of the host is not followed,
    and what is put there later is not looked at.
    """
    number = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        os.close(number)
        raise ConnectionRefusedError("a workspace's server must be a socket")
    return number


def _address(request: web.Request) -> yarl.URL:
    """The address that routing judged, and no other reading of it."""
    return yarl.URL(f"http://{request.host}{request.rel_url.raw_path_qs}", encoded=True)


def _headers(request: web.Request) -> edge_rules.Headers:
    return edge_rules.request_headers(request.headers.items(), peer=request.remote or "", host=request.host)


async def _pass_request(route: Route, request: web.Request) -> web.StreamResponse:
    volume = route.volume
    body: AsyncIterator[bytes] | bytes | None = _counted(request.content, volume) if request.body_exists else None
    if (file := route.changed_file(request.rel_url.raw_path, request.method)) is not None:
        body = await _written_down(route, request, file)
    async with route.session.request(
        request.method,
        _address(request),
        headers=_headers(request),
        data=body,
        allow_redirects=False,
    ) as theirs:
        if route.is_workspace and (kept := edge_rules.withheld(request.headers, theirs.headers, theirs.status)):
            raise web.HTTPForbidden(text=f"A workspace may not send {kept}: files leave the haven only by the airlock.")
        guard = edge_rules.workspace_answer if route.is_workspace else edge_rules.hub_answer
        ours = web.StreamResponse(status=theirs.status, reason=theirs.reason)
        for name, value in guard(theirs.headers.items()):
            ours.headers.add(name, value)
        await ours.prepare(request)
        async for chunk in theirs.content.iter_chunked(CHUNK):
            volume.to_browser += len(chunk)
            await ours.write(chunk)
        await ours.write_eof()
        return ours


async def _pass_websocket(route: Route, request: web.Request) -> web.WebSocketResponse:
    offered = [part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if part.strip()]
    own = ("sec-websocket", "host")
    headers = [(name, value) for name, value in _headers(request) if not name.lower().startswith(own)]
    async with route.session.ws_connect(
        _address(request),
        protocols=offered,
        headers=[*headers, ("Host", request.host)],
        max_msg_size=LARGEST_TO_BROWSER,
        autoping=True,
    ) as theirs:
        ours = web.WebSocketResponse(
            protocols=[theirs.protocol] if theirs.protocol else [], max_msg_size=LARGEST_FROM_BROWSER, compress=False
        )
        await ours.prepare(request)
        channel = _Channel(ours, theirs, route.volume, route.watch(request.rel_url.raw_path, theirs.protocol))
        pumps = [asyncio.ensure_future(channel.from_browser()), asyncio.ensure_future(channel.to_browser())]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        with suppress(ConnectionError):
            await ours.close(code=theirs.close_code or aiohttp.WSCloseCode.GOING_AWAY)
        return ours


async def _written_down(route: Route, request: web.Request, file: str) -> bytes:
    """What is to be done to a file of the home, once it stands in the log; without its entry it is not done."""
    content = bytearray()
    async for chunk in _counted(request.content, route.volume):
        content += chunk
        if len(content) > LARGEST_FILE:
            told = f"One save or upload may have {LARGEST_FILE:,} bytes: clear large outputs, or write from a cell."
            raise web.HTTPRequestEntityTooLarge(LARGEST_FILE, len(content), text=told)
    try:
        await note_file(read_place(), *route.owner, request.method, file, bytes(content))
    except Refusal as refused:
        raise web.HTTPServiceUnavailable(text=f"It was not done, because it could not be recorded. {refused}") from None
    return bytes(content)


async def _counted(content: aiohttp.StreamReader, volume: Volume) -> AsyncIterator[bytes]:
    async for chunk in content.iter_chunked(CHUNK):
        volume.from_browser += len(chunk)
        yield chunk


@dataclass(frozen=True)
class _Channel:
    """A browser's websocket and the workspace's: messages are carried both ways until either side closes."""

    ours: web.WebSocketResponse
    theirs: aiohttp.ClientWebSocketResponse
    volume: Volume
    watch: KernelWatch | None

    async def from_browser(self) -> None:
        """A cell goes on only when it is written down; what is told instead goes back."""
        with suppress(ConnectionError, Unreadable):  # what cannot be read ends the channel
            async for message in self.ours:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                self.volume.from_browser += len(message.data)
                told = await self.watch.passes(message.data) if self.watch is not None else []
                for one in told:
                    await _send(self.ours, one)
                if not told:
                    await _send(self.theirs, message.data)

    async def to_browser(self) -> None:
        """What the workspace says."""
        with suppress(ConnectionError):
            async for message in self.theirs:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self.volume.to_browser += len(message.data)
                    await _send(self.ours, message.data)


async def _send(sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse, message: str | bytes) -> None:
    await (sink.send_str(message) if isinstance(message, str) else sink.send_bytes(message))
