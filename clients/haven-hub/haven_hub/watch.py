"""Does a workspace hold more than it may? Looked at again and again while it runs; what holds too much is stopped.

There is no quota of the file system's that needs no root: so the hub measures. A workspace that starts over its quota
may be opened, so that its person can delete, but may not grow.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from haven_hub import usage

EVERY = 3.0  # seconds from one look to the next, at least
SHARE = 10  # and at least so many times what the last look took
LONGEST_LOOK = 300.0
LONGEST_LAST_LOOK = 2.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
GIB = 1024**3
OF_THE_SERVER = 16 * 1024**2  # what the server and its kernels write by themselves: histories, settings


@dataclass(frozen=True)
class TooMuch:
    """Why a workspace is stopped, as a refusal says it."""

    code: str
    reason: str
    mend: str


UNMEASURABLE = TooMuch(
    "workspace.unmeasured",
    "This workspace was stopped: how much its home holds could not be measured.",
    "Open it again and give every folder in it back to its owner (chmod u+rwx); or ask an administrator.",
)


@dataclass(frozen=True)
class Bounds:
    """Bytes that a workspace may hold: in its home, and in memory, all its processes together."""

    disk: int
    memory: int


@dataclass(frozen=True)
class Usage:
    """Bytes that it holds, and the seconds that it took to find out."""

    disk: int
    memory: int
    ticks: Mapping[str, int] = field(default_factory=dict)  # of the processor, by process
    seconds: float = field(default=0.0, compare=False)


def too_much(usage: Usage, bounds: Bounds, at_start: int) -> TooMuch | None:
    """Why a workspace is stopped, if it is. A home that was over its quota before may hold that on, but no more."""
    if usage.disk > max(bounds.disk, at_start + OF_THE_SERVER if at_start > bounds.disk else 0):
        return TooMuch(
            "workspace.home_full",
            f"This workspace was stopped: its home holds {_gib(usage.disk)}, and its quota is {_gib(bounds.disk)}.",
            "Open it again and delete files; above its quota a home may not grow.",
        )
    if usage.memory > bounds.memory:
        return TooMuch(
            "workspace.memory_full",
            f"This workspace was stopped: it took {_gib(usage.memory)} of memory, and may take {_gib(bounds.memory)}.",
            "Open it again; let the gateway sum, and keep fewer tables in memory at once.",
        )
    return None


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB"


class Watch:
    """One workspace's looks, each by a program of its own that the hub does not wait for."""

    def __init__(self, home: Path, bounds: Bounds, at_start: int) -> None:
        self.home = home
        self.bounds = bounds
        self.at_start = at_start
        self.most_memory = 0
        self._ended = 0  # ticks of processes that are there no more
        self._ticks: Mapping[str, int] = {}
        self._look: asyncio.Task[Usage] | None = None
        self._next = 0.0

    @property
    def processor_seconds(self) -> float:
        """All that was seen; what a process used between the last look at it and its end is not in it."""
        return (self._ended + sum(self._ticks.values())) / TICKS_A_SECOND

    def count(self, usage: Usage) -> None:
        """Add what a look saw to what was used so far."""
        self.most_memory = max(self.most_memory, usage.memory)
        self._ended += sum(used for process, used in self._ticks.items() if process not in usage.ticks)
        self._ticks = usage.ticks

    async def last_look(self, sandbox: int) -> None:
        """Once more before an orderly end, for what was used; none where it takes long."""
        if self._look is not None:
            self._look.cancel()
        with suppress(OSError, TimeoutError):
            self.count(await asyncio.wait_for(measure(self.home, sandbox, self.bounds), LONGEST_LAST_LOOK))

    def judge(self, sandbox: int) -> TooMuch | None:
        """Why this workspace must stop, by the last look; a new look begins when it is time."""
        now = time.monotonic()
        if self._look is None:
            if now >= self._next:
                self._look = asyncio.ensure_future(measure(self.home, sandbox, self.bounds))
            return None
        if not self._look.done():
            return None
        look, self._look = self._look, None
        if look.exception() is not None:
            return UNMEASURABLE
        self.count(look.result())
        self._next = now + max(EVERY, SHARE * look.result().seconds)
        return too_much(look.result(), self.bounds, self.at_start)


async def measure(home: Path, sandbox: int, bounds: Bounds) -> Usage:
    """Look once. Raises OSError or TimeoutError when that is not possible."""
    began = time.monotonic()
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", usage.__file__, str(home), str(sandbox), str(bounds.memory)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(program.communicate(), LONGEST_LOOK)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)  # the counting program that it started, too
        raise
    if program.returncode != 0:
        raise OSError("the workspace could not be measured")
    return Usage(**json.loads(said), seconds=time.monotonic() - began)
