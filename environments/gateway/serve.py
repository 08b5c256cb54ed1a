"""How does the gateway's process live? Its socket and doors open until it is told to end; then all of it ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

from starlette.types import ASGIApp

from environments.gateway.core import QueryCore
from environments.gateway.doors import Doors, SocketServer, flight_beside
from environments.gateway.flight.identity import HEADERS, HeaderListener
from environments.gateway.flight.server import FlightDoor, Identify


async def serve(app: ASGIApp, socket: Path, core: QueryCore, doors: Doors, identify: Identify) -> None:
    """Serve `app` at `socket`, and Flight SQL beside it, until SIGTERM or SIGINT. identify: who asks by Flight SQL."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    server = SocketServer(app, socket)
    for path in (socket, flight_beside(socket)):
        path.unlink(missing_ok=True)
    flight = FlightDoor(core, flight_beside(socket), identify, {HEADERS: HeaderListener()})
    watching = asyncio.create_task(core.watch())
    try:
        await server.open()
        await asyncio.wait([asyncio.create_task(told.wait()), watching], return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        await doors.close_all()
        await server.close()
        await core.close()
        await flight.close()
        for path in (socket, flight_beside(socket)):
            path.unlink(missing_ok=True)
    with contextlib.suppress(asyncio.CancelledError):
        await watching
