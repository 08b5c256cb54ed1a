"""A gateway that stands in a loop and thread of its own, for tests whose other side is a workspace's kernel."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette

from tests.fakes.gateway import GatewayForTests, gateway

T = TypeVar("T")


@dataclass(frozen=True)
class DoorsElsewhere:
    """The gateway's doors, opened and closed from another loop."""

    stands: GatewayForTests
    loop: asyncio.AbstractEventLoop
    opened: set[Path] = field(default_factory=set)

    async def open(self, person: str, project: str) -> Path:
        """A new door."""
        path = await self._there(self.stands.doors.open(person, project))
        self.opened.add(path)
        return path

    async def close(self, path: Path) -> None:
        """Close it."""
        self.opened.discard(path)
        await self._there(self.stands.doors.close(path))

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """What is open is closed with the process that opened it."""
        yield
        for path in list(self.opened):
            await self.close(path)

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))


@contextlib.contextmanager
def standing_gateway() -> Iterator[DoorsElsewhere]:
    """It stands until the block ends."""
    stood: Future[DoorsElsewhere] = Future()
    ended = threading.Event()

    async def stand() -> None:
        try:
            async with gateway() as stands:
                stood.set_result(DoorsElsewhere(stands, asyncio.get_running_loop()))
                await asyncio.to_thread(ended.wait)
        except BaseException as error:
            if not stood.done():
                stood.set_exception(error)
            raise

    thread = threading.Thread(target=asyncio.run, args=(stand(),))
    thread.start()
    try:
        yield stood.result()
    finally:
        ended.set()
        thread.join()
