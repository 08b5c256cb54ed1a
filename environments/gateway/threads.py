"""Which threads does work that may block run in? Its own: what a client can hold up takes none from anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class OwnThreads:
    """So many threads for one kind of work; asyncio's own few are everybody's."""

    def __init__(self, name: str, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, name)

    async def run(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What the work gives."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *given, **named))

    def close(self) -> None:
        """No more work is taken, and what waits is let go."""
        self._pool.shutdown(wait=False, cancel_futures=True)
