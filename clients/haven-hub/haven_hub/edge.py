"""How does a browser reach the hub and the workspaces? Through this one door, on loopback, over Unix sockets behind.

JupyterHub's place for a proxy is filled by our own: the Python configurable-http-proxy cannot speak to Unix
sockets, and what leaves a workspace must pass rules of ours in any case (edge_rules.py).
"""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import yarl
from aiohttp import WSMsgType, web
from jupyterhub.proxy import Proxy

from haven_hub import edge_rules

LARGEST_REQUEST = 256 * 1024**2
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


class WorkspaceEdge(Proxy):
    """The hub's proxy, within the hub's process."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.routes: dict[str, Route] = {}
        self.runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on the public address."""
        place = urlsplit(self.public_url)
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_route("*", "/{path:.*}", self.answer)
        self.runner = web.AppRunner(application, access_log=None, auto_decompress=False)
        await self.runner.setup()
        await web.TCPSite(self.runner, place.hostname, place.port, shutdown_timeout=2.0).start()

    async def stop(self) -> None:
        """Stop listening, and let go of every connection."""
        if self.runner:
            await self.runner.cleanup()
        for routespec in list(self.routes):
            await self.delete_route(routespec)

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
        except aiohttp.ClientConnectionError:
            raise web.HTTPServiceUnavailable(text="This workspace does not answer; it may have been stopped.") from None


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
    body = request.content if request.body_exists else None
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
        max_msg_size=0,
        autoping=True,
    ) as theirs:
        ours = web.WebSocketResponse(protocols=[theirs.protocol] if theirs.protocol else [], max_msg_size=0)
        await ours.prepare(request)
        pumps = [asyncio.ensure_future(_pump(ours, theirs)), asyncio.ensure_future(_pump(theirs, ours))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        with suppress(ConnectionError):
            await ours.close(code=theirs.close_code or aiohttp.WSCloseCode.GOING_AWAY)
        return ours


async def _pump(source: Any, sink: Any) -> None:
    """Carry messages one way until either side closes."""
    with suppress(ConnectionError):
        async for message in source:
            if message.type == WSMsgType.TEXT:
                await sink.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await sink.send_bytes(message.data)
