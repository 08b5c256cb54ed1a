"""How does the gateway's process live? Its socket and doors open until it is told to end; then all of it ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

from starlette.types import ASGIApp

from environments.gateway.core import QueryCore
from environments.gateway.doors import Doors, SocketServer


async def serve(app: ASGIApp, socket: Path, core: QueryCore, doors: Doors) -> None:
    """Serve `app` at `socket` until SIGTERM or SIGINT."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    server = SocketServer(app, socket)
    socket.unlink(missing_ok=True)
    watching = asyncio.create_task(core.watch())
    try:
        await server.open()
        await asyncio.wait([asyncio.create_task(told.wait()), watching], return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        await doors.close_all()
        await server.close()
        await core.close()
        socket.unlink(missing_ok=True)
    with contextlib.suppress(asyncio.CancelledError):
        await watching
