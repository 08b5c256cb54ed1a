"""What have clients prepared, and what runs that nobody has fetched yet? Both belong to who asked, and both end.

Used in the gateway's loop only, so that nothing here is touched by two threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa

from access.decisions import Refused, RefusedError
from environments.gateway.model import Asker, Parameters

MOST_PREPARED = 64
SECONDS_TO_FETCH = 30.0
HANDLE_BYTES = 16
GONE = Refused("query.handle", "There is no such statement of yours any more.", "Ask anew; close what is not needed.")
Held = TypeVar("Held", "PreparedStatement", "StartedQuery")


@dataclass(frozen=True)
class PreparedStatement:
    """A statement that the gate allowed, and the parameters bound to it so far."""

    asker: Asker
    sql: str
    parameters: Parameters = None


@dataclass(frozen=True)
class StartedQuery:
    """A query under way, up to its schema: what is left of it comes when its ticket is brought."""

    asker: Asker
    schema: pa.Schema
    parts: AsyncGenerator[bytes, None]


class Handles:
    """Handles of one door: random, for one asker each, whose oldest are forgotten above a number."""

    def __init__(self) -> None:
        self._prepared: OrderedDict[bytes, PreparedStatement] = OrderedDict()
        self._started: dict[bytes, StartedQuery] = {}
        self._ends: set[asyncio.Task[None]] = set()

    def keep(self, statement: PreparedStatement) -> bytes:
        """A handle for what was prepared."""
        handle = secrets.token_bytes(HANDLE_BYTES)
        self._prepared[handle] = statement
        own = [one for one, kept in self._prepared.items() if kept.asker == statement.asker]
        for one in own[:-MOST_PREPARED]:
            del self._prepared[one]
        return handle

    def prepared(self, handle: bytes, asker: Asker) -> PreparedStatement:
        """What was prepared under this handle. Raises RefusedError."""
        return _mine(self._prepared.get(handle), asker)

    def bind(self, handle: bytes, asker: Asker, parameters: Parameters) -> None:
        """Put parameters to a prepared statement, instead of those before. Raises RefusedError."""
        self._prepared[handle] = replace(self.prepared(handle, asker), parameters=parameters)

    def forget(self, handle: bytes, asker: Asker) -> None:
        """Close a prepared statement; one that is gone is gone."""
        with contextlib.suppress(RefusedError):
            self.prepared(handle, asker)
            del self._prepared[handle]

    def hold(self, query: StartedQuery, seconds: float = SECONDS_TO_FETCH) -> bytes:
        """A ticket for a query under way, good once and for these seconds; then the query is cut."""
        ticket = secrets.token_bytes(HANDLE_BYTES)
        self._started[ticket] = query
        end = asyncio.create_task(self._end_unfetched(ticket, seconds))
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)
        return ticket

    def redeem(self, ticket: bytes, asker: Asker) -> StartedQuery:
        """The query of a ticket, which is used up. Raises RefusedError."""
        found = _mine(self._started.get(ticket), asker)
        del self._started[ticket]
        return found

    async def close(self) -> None:
        """End what nobody has fetched."""
        for end in list(self._ends):
            end.cancel()
        for ticket in list(self._started):
            await self._started.pop(ticket).parts.aclose()

    async def _end_unfetched(self, ticket: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if (query := self._started.pop(ticket, None)) is not None:
            await query.parts.aclose()


def _mine(found: Held | None, asker: Asker) -> Held:
    if found is None or found.asker != asker:
        raise RefusedError(GONE)
    return found
