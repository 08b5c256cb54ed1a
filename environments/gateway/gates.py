"""Whose turn is it to be judged? Each project has a gate of its own, and no project waits for another's statement."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import TypeVar

from access.decisions import Refused
from environments.gateway.brakes.likeness import Likeness
from environments.gateway.evidence.asking import AskedEvidence
from environments.gateway.gate import Gate
from environments.gateway.threads import OwnThreads

MOST_AT_ONCE = 64  # projects; threads of their own, so that judging takes none from approvals and the log
IDLE_SECONDS = 300.0  # until a project's parser is ended
T = TypeVar("T")


class Gates:
    """The gates of the projects, one statement of each at a time."""

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._threads = OwnThreads("gate", MOST_AT_ONCE)

    async def judged(self, project: str, sql: str, tables: Collection[str]) -> Likeness | Refused:
        """May this run, given the project's views? What it looks like, or why not."""
        return await self._in_turn(project, lambda gate: gate.judged(sql, tables))

    async def evidence_of(self, project: str, sql: str, people: Collection[str]) -> AskedEvidence:
        """The question that counts the people behind a statement that may run. Raises NoEvidence."""
        return await self._in_turn(project, lambda gate: gate.evidence_of(sql, people))

    async def _in_turn(self, project: str, ask: Callable[[Gate], T]) -> T:
        async with self._turns[project]:
            gate = self._gates.setdefault(project, Gate())
            return await self._threads.run(ask, gate)

    async def listing_of(self, project: str, sql: str, people: Collection[str]) -> AskedEvidence:
        """The question that names the people behind a statement that ran. Raises NoEvidence."""
        return await self._in_turn(project, lambda gate: gate.evidence_of(sql, people, listed=True))

    def stop_idle(self) -> None:
        """End the parsers that nobody has asked for a while."""
        for project, gate in list(self._gates.items()):
            if time.monotonic() - gate.last_used > IDLE_SECONDS and not self._turns[project].locked():
                self._gates.pop(project).close()

    def close(self) -> None:
        """End them all."""
        for gate in self._gates.values():
            gate.close()
        self._gates.clear()
        self._threads.close()
