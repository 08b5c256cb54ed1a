"""How does an Arrow Flight SQL client ask? Over a Unix socket, of the same core as HTTP; nothing is decided here.

A client first describes a statement and gets a ticket, then brings the ticket for the rows. It is judged, logged and
started when it is described: only so is its schema known. What Flight itself would tell of a fault (a traceback, the
engine's text) never leaves: every error is made here (design section 4).
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pyarrow as pa
from pyarrow import flight

from access.decisions import Refused, RefusedError
from audit.errors import HavenError
from environments.gateway.core import QueryCore
from environments.gateway.errors import QueryCut
from environments.gateway.flight.catalogue import answer, schema_of
from environments.gateway.flight.commands import (
    Prepared,
    Statement,
    UnknownCommand,
    prepared_result,
    read_close,
    read_command,
    read_prepare,
    read_ticket,
    statement_ticket,
)  # fmt: skip
from environments.gateway.flight.parameters import ONE_ROW, parameters_of
from environments.gateway.flight.prepared import Handles, PreparedStatement, StartedQuery
from environments.gateway.model import Asker, Parameters

LONGEST_COMMAND = 1024 * 1024
LONGEST_ROW = 16 * 1024 * 1024  # bytes: more than the longest parameters take
MOST_BINDING = 8  # of one asker at a time: each holds a thread of Flight's until its client has sent its row or gone
SECONDS_TO_LOOK, SECONDS_TO_CLOSE = 0.2, 3.0
PREPARE, CLOSE = "CreatePreparedStatement", "ClosePreparedStatement"
ACTIONS = ((PREPARE, "Judges a statement and gives a handle for it."), (CLOSE, "Forgets a handle."))
BINDING = Refused(
    "query.binding",
    f"{MOST_BINDING} rows of parameters of yours are awaited already.",
    "Send them, or close those calls.",
)
LONG_ROW = Refused("query.parameters", f"Parameters may have {LONGEST_ROW:,} bytes.")
Given = TypeVar("Given")
Identify = Callable[[Any], Asker]
"""From a call's context to who asks. Raises RefusedError, or an error of Flight."""


class FlightDoor(flight.FlightServerBase):  # type: ignore[misc]
    """One Unix socket that speaks Flight SQL. It answers from threads of its own; the core's loop does the work."""

    def __init__(
        self, core: QueryCore, path: Path, identify: Identify, middleware: dict[str, Any] | None = None
    ) -> None:
        self._core = core
        self._loop = asyncio.get_running_loop()
        self._identify = identify
        self._handles = Handles()
        self._counting = threading.Lock()
        self._binding: Counter[Asker] = Counter()
        self._path = path
        before = os.umask(0o177)  # the socket is this account's only
        try:
            super().__init__(flight.Location.for_grpc_unix(str(path)), middleware=middleware or {})
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Cut what nobody has fetched, and stop answering."""
        await self._handles.close()
        # A client that has stopped reading can hold this up for ever: it is not waited for, and what it asked is cut.
        ending = threading.Thread(target=self.shutdown, daemon=True)
        ending.start()
        until = time.monotonic() + SECONDS_TO_CLOSE
        while ending.is_alive() and time.monotonic() < until:
            await asyncio.sleep(0.02)
        self._path.unlink(missing_ok=True)

    # -- what Flight calls, each from a thread of its own

    def get_flight_info(self, context: Any, descriptor: Any) -> Any:
        """Judge and start a statement, or describe an answer about the catalogue."""
        return self._told(context, lambda asker: self._described(asker, descriptor))

    def get_schema(self, context: Any, descriptor: Any) -> Any:
        """The columns of an answer about the catalogue; a statement's are told when it is started.

        Flight sends the traceback of what is raised here, and here alone: a refusal is an empty schema that says it.
        """
        try:
            return self._told(context, lambda asker: self._schema(descriptor))
        except flight.FlightError as error:
            return flight.SchemaResult(pa.schema([], metadata={"refused": str(error)}))

    def do_get(self, context: Any, ticket: Any) -> Any:
        """The rows of a ticket."""
        found = self._told(context, lambda asker: self._fetched(asker, ticket.ticket))
        if isinstance(found, StartedQuery):
            return flight.GeneratorStream(found.schema, self._batches(context, found))
        return flight.RecordBatchStream(found)

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Bind parameters to a prepared statement; nothing else is taken."""

        async def known(asker: Asker) -> tuple[Asker, bytes]:
            command = read_command(_command(descriptor))
            if not isinstance(command, Prepared):
                raise UnknownCommand(type(command).__name__)
            self._handles.prepared(command.handle, asker)
            return asker, command.handle

        async def bind(handle: bytes, asker: Asker, row: Parameters) -> None:
            self._handles.bind(handle, asker, row)

        asker, handle = self._told(context, known)
        try:
            with self._binding_of(asker):
                row = _bound(reader)  # here, in Flight's thread: whoever sends nothing holds up nobody else
            self._in_the_loop(context, bind(handle, asker, row))
        except Exception as error:  # noqa: BLE001 - any: Flight would send its text
            _raise_told(error)

    def do_action(self, context: Any, action: Any) -> list[Any]:
        """Prepare a statement, or forget one."""
        return self._told(context, lambda asker: self._acted(asker, action.type, action.body.to_pybytes()))

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Not answered, as all else that Flight could be asked."""
        self._told(context, lambda asker: _unknown("DoExchange"))

    def list_flights(self, context: Any, criteria: bytes) -> Any:
        """Not answered: what there is, is asked with the catalogue's commands."""
        return self._told(context, lambda asker: _unknown("ListFlights"))

    def list_actions(self, _context: Any) -> list[tuple[str, str]]:
        """What do_action knows."""
        return list(ACTIONS)

    # -- in the loop

    async def _described(self, asker: Asker, descriptor: Any) -> Any:
        content = _command(descriptor)
        command = read_command(content)
        if isinstance(command, Statement):
            schema, ticket = await self._started(asker, command.sql, None)
        elif isinstance(command, Prepared):
            statement = self._handles.prepared(command.handle, asker)
            schema, ticket = await self._started(asker, statement.sql, statement.parameters)
        else:
            schema, ticket = schema_of(command), content
        endpoint = flight.FlightEndpoint(ticket, [])
        return flight.FlightInfo(schema, descriptor, [endpoint], -1, -1)

    async def _schema(self, descriptor: Any) -> Any:
        command = read_command(_command(descriptor))
        if isinstance(command, Statement | Prepared):
            raise UnknownCommand("GetSchema of a statement")
        return flight.SchemaResult(schema_of(command))

    async def _started(self, asker: Asker, sql: str, parameters: Parameters) -> tuple[pa.Schema, bytes]:
        query = await self._core.start(asker, sql, parameters)
        parts = self._core.stream(query, sql, parameters)
        schema = pa.ipc.read_schema(pa.py_buffer(await anext(parts)))
        return schema, statement_ticket(self._handles.hold(StartedQuery(asker, schema, parts)))

    async def _fetched(self, asker: Asker, ticket: bytes) -> StartedQuery | pa.Table:
        asked = read_ticket(_short(ticket))
        if isinstance(asked, bytes):
            return self._handles.redeem(asked, asker)
        if isinstance(asked, Statement | Prepared):
            raise UnknownCommand("Ticket")
        return await asyncio.to_thread(answer, asked, await self._core.tables(asker))

    async def _acted(self, asker: Asker, kind: str, body: bytes) -> list[Any]:
        if kind == PREPARE:
            sql = read_prepare(_short(body))
            await self._core.judge(asker, sql)
            handle = self._handles.keep(PreparedStatement(asker, sql))
            return [flight.Result(prepared_result(handle, b""))]
        if kind == CLOSE:
            self._handles.forget(read_close(_short(body)), asker)
            return []
        raise UnknownCommand(kind)

    # -- between the two

    @contextmanager
    def _binding_of(self, asker: Asker) -> Iterator[None]:
        """One of the asker's places to send a row. Raises RefusedError."""
        with self._counting:
            if self._binding[asker] >= MOST_BINDING:
                raise RefusedError(BINDING)
            self._binding[asker] += 1
        try:
            yield
        finally:
            with self._counting:
                self._binding[asker] -= 1
                if not self._binding[asker]:
                    del self._binding[asker]

    def _told(self, context: Any, work: Callable[[Asker], Coroutine[Any, Any, Given]]) -> Given:
        """Who asks, then the work, in the core's loop; errors as Flight's own, with our sentence only."""
        try:
            return self._in_the_loop(context, work(self._identify(context)))
        except Exception as error:  # noqa: BLE001 - any: Flight would send its text
            _raise_told(error)

    def _batches(self, context: Any, query: StartedQuery) -> Iterator[pa.RecordBatch]:
        """The batches as they come; when the client goes away the query is cut."""
        try:
            while (part := self._in_the_loop(context, _next(query.parts))) is not None:
                yield pa.ipc.read_record_batch(pa.py_buffer(part), query.schema)
        except Exception as error:  # noqa: BLE001 - any: Flight would send its text
            _raise_told(error)
        finally:
            asyncio.run_coroutine_threadsafe(query.parts.aclose(), self._loop)

    def _in_the_loop(self, context: Any, work: Coroutine[Any, Any, Given]) -> Given:
        """Wait for the core; a client that has gone meanwhile is not worked for any longer."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        while not wait([running], SECONDS_TO_LOOK).done:
            if context.is_cancelled():
                running.cancel()
                raise flight.FlightCancelledError("[flight.left] The client has gone.")
        return running.result()


def _bound(reader: Any) -> Parameters:
    """The one row that a client sends."""
    chunks = iter(reader)
    first = next(chunks, None)
    if first is None or first.data is None or next(chunks, None) is not None:
        raise RefusedError(ONE_ROW)
    if first.data.get_total_buffer_size() > LONGEST_ROW:
        raise RefusedError(LONG_ROW)
    return parameters_of(first.data)


async def _next(parts: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(parts, None)


async def _unknown(name: str) -> NoReturn:
    raise UnknownCommand(name)


def _command(descriptor: Any) -> bytes:
    if descriptor.descriptor_type != flight.DescriptorType.CMD:
        raise UnknownCommand("Path")
    return _short(descriptor.command)


def _short(content: bytes) -> bytes:
    if len(content) > LONGEST_COMMAND:
        raise RefusedError(Refused("query.body_too_long", f"A request may have {LONGEST_COMMAND:,} bytes."))
    return content


def _raise_told(error: Exception) -> NoReturn:
    """The error as a client may read it. Raises one of Flight's, without a cause that could be printed."""
    if isinstance(error, flight.FlightError):
        raise error from None
    if isinstance(error, UnknownCommand):
        named = f"{error.name} is" if error.name else "This request is"
        told = f"{named} not answered here: SELECT is, with one row of parameters, and what tables there are."
        raise flight.FlightServerError(*_sentence(Refused("flight.unknown", told))) from None
    if isinstance(error, RefusedError):
        raise flight.FlightUnauthorizedError(*_sentence(error.refused)) from None
    if isinstance(error, QueryCut):
        raise flight.FlightUnauthorizedError(*_sentence(Refused(error.rule, error.what, error.mend))) from None
    if isinstance(error, HavenError):
        kind = flight.FlightUnavailableError if error.http_status == 503 else flight.FlightServerError
        raise kind(*_sentence(Refused(error.where or error.code, error.what, error.mend))) from None
    if isinstance(error, ValueError):
        unread = Refused(
            "flight.unreadable", "The request is no message of Flight SQL.", "Ask with a Flight SQL driver."
        )
        raise flight.FlightServerError(*_sentence(unread)) from None
    raise flight.FlightInternalError(f"[gateway.fault] The gateway failed with {type(error).__name__}.") from None


def _sentence(refused: Refused) -> tuple[str, bytes]:
    told = {"code": refused.code, "reason": refused.reason, "mend": refused.mend}
    mend = f" What to do: {refused.mend}" if refused.mend else ""
    return f"[{refused.code}] {refused.reason}{mend}", json.dumps(told).encode()
