"""What may a workspace ask of the hub? Four routes, and only about its own person.

A socket per workspace, outside the sandbox: the server inside must learn the hub's version, who its visitor is,
exchange its log-in codes, and say that it is in use. Everything else of the hub's API does not exist for it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import aiohttp
from aiohttp import web

from haven_hub.gate_rules import allowed_routes

LARGEST_REQUEST = 256 * 1024
MOST_CONNECTIONS = 16
AT_ONCE = 4  # taken in before they are counted
PASSED_ON = ("Authorization", "Content-Type", "Accept")


class _TurnedAway(asyncio.BaseProtocol):
    """A connection too many: what one workspace holds open must leave room for all others."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Closed at once."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


class HubGate:
    """One workspace's way to the hub."""

    def __init__(self, person: str, hub_socket: str) -> None:
        self.routes = allowed_routes(person)
        self.hub_socket = hub_socket
        self.runner: web.AppRunner | None = None
        self.listener: asyncio.Server | None = None

    async def open(self, path: Path, account: int | None) -> None:
        """Listen at `path`, for the account that the workspace runs under."""
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_route("*", "/{path:.*}", self.answer)
        self.runner = web.AppRunner(application, access_log=None)
        await self.runner.setup()
        server = self.runner.server
        if server is None:
            raise OSError("the gate has no server")

        def accept() -> asyncio.BaseProtocol:
            return server() if len(server.connections) < MOST_CONNECTIONS else _TurnedAway()

        self.listener = await asyncio.get_running_loop().create_unix_server(accept, str(path), backlog=AT_ONCE)
        path.chmod(0o600)
        if account is not None:
            os.chown(path, account, account)

    async def close(self) -> None:
        """Stop listening."""
        if self.listener:
            self.listener.close()
        if self.runner:
            await self.runner.cleanup()

    async def answer(self, request: web.Request) -> web.Response:
        """Pass an allowed request on; anything else is not there."""
        path = request.raw_path.partition("?")[0]
        if (request.method, path.rstrip("/")) not in self.routes:
            raise web.HTTPNotFound(text="Not for workspaces.")
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        connector = aiohttp.UnixConnector(path=self.hub_socket)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(
                request.method,
                f"http://hub{request.raw_path}",
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer,
        ):
            kept = {
                name: answer.headers[name]
                for name in ("Content-Type", "X-JupyterHub-Version")
                if name in answer.headers
            }
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)
