"""The gateway's whole HTTP interface on a loopback port, for requests that a tester invents."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from environments.airlock.web import routes
from environments.gateway.web import build_app
from infra.servers.ports import LOOPBACK, free_port
from tests.fakes.airlock import World
from tests.fakes.gateway import gateway

AT_ONCE = 0.05


@dataclass(frozen=True)
class _Known:
    """Says who asks, as a door does: asha, in the project that each part of the tests has."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            project = "falls" if scope["path"].startswith("/v1/releases") else "admissions"
            scope["state"] = {"person": "asha", "project": project}
        await self.app(scope, receive, send)


@contextmanager
def gateway_interface(folder: Path) -> Iterator[str]:
    """Its address, while it stands."""
    port, world = free_port(), World(folder)
    ready, stop = threading.Event(), threading.Event()

    async def run() -> None:
        async with gateway() as stands:
            app = _Known(build_app(stands.core, routes(world.airlock)))
            config = uvicorn.Config(
                app, host=LOOPBACK, port=port, log_config=None, log_level="critical", access_log=False, lifespan="off"
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(AT_ONCE)
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(AT_ONCE)
            server.should_exit = True
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    while not ready.is_set() and thread.is_alive():
        time.sleep(AT_ONCE)
    try:
        yield f"http://{LOOPBACK}:{port}"
    finally:
        stop.set()
        thread.join()
        world.close()
