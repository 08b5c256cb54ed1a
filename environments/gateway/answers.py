"""How does an answer come from the project's worker? Frame by frame, until it ends, fails, is cut or takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from access.decisions import Refused
from environments.errors import EnvironmentsError
from environments.gateway.brakes.likeness import Likeness
from environments.gateway.errors import QueryCut, QueryFailed, WorkerDown
from environments.gateway.frames import HEADER, Kind
from environments.gateway.model import Asker, Parameters, ScopeFile
from environments.gateway.texts import TextStore
from environments.gateway.workers import Worker, WorkerPool

Frame = tuple[Kind, int, bytes]
MOST_AHEAD = 16 * 1024**2  # bytes read from the worker before the last frame has left
LONGEST_FRAME = 512 * 1024**2  # no result of ours has such rows; a worker that says so is not believed
SECONDS_TO_LET_GO = 1.0  # of a worker, after it was interrupted
GRACE = 60.0  # seconds: evidence may take as long as the query, and more


@dataclass
class RunningQuery:
    """A query under way: who asks, since when, and why it is to stop, once that is so."""

    id: str
    asker: Asker
    scope: ScopeFile
    digest: str
    likeness: Likeness
    started: float = field(default_factory=time.monotonic)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    cut_by: Refused | None = None
    rounds_cut: int = 0  # of the watch, since it was cut
    schema: bytes = b""  # of the result: its first message
    rows: int = 0
    sent: int = 0  # of them to the asker
    bytes: int = 0
    asked_at: float = field(default_factory=time.monotonic)
    hang_up: Callable[[], object] = lambda: None  # lets go of the worker, which then interrupts the statement
    killed: bool = False  # its worker computed on after that, and was ended

    def require_uncut(self) -> None:
        """Raises QueryCut where it was cut meanwhile."""
        if self.cut_by is not None:
            raise QueryCut(self.cut_by.code, self.cut_by.reason, mend=self.cut_by.mend)

    def overdue(self, seconds: float) -> bool:
        """Is it far over its time? The answer's own limit comes first, for whoever reads on."""
        return time.monotonic() - self.started > 2 * seconds + GRACE


class Answers:
    """Asks workers. seconds: the longest that a query may take from its start."""

    def __init__(self, workers: WorkerPool, texts: TextStore, seconds: float) -> None:
        self._workers = workers
        self._texts = texts
        self._seconds = seconds

    async def of(
        self, query: RunningQuery, sql: str, parameters: Parameters, *, patience: float | None = None
    ) -> AsyncGenerator[tuple[bytes, int], None]:
        """What the worker answers to a statement: Arrow IPC messages, each with its rows.

        patience: seconds from now, instead of what is left of the query's. Raises QueryFailed, QueryCut, WorkerDown;
        TimeoutError once patience has ended.
        """
        ends = query.started + self._seconds if patience is None else time.monotonic() + patience
        worker = await self._workers.for_scope(query.scope)
        talk = _Talk(self._workers, worker, query, await worker.connect())
        query.hang_up = talk.leave
        try:
            await talk.say({"sql": sql, "parameters": parameters})
            while True:
                kind, rows, content = await self._next(query, talk.ahead, ends, own=patience is None)
                if kind is Kind.END:
                    return
                if kind is Kind.ERROR:
                    raise await self._failure(content)
                yield content, rows
        finally:
            await asyncio.shield(talk.leave())

    async def _next(self, query: RunningQuery, ahead: _Ahead, ends: float, *, own: bool) -> Frame:
        """The next frame, or the reason why there will be none. own: the time that ends is the query's."""
        receiving = asyncio.ensure_future(ahead.get())
        cut = asyncio.ensure_future(query.cut.wait())
        left = max(ends - time.monotonic(), 0.0)
        try:
            await asyncio.wait({receiving, cut}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            query.require_uncut()
            if receiving.done():
                received = receiving.result()
                if isinstance(received, EnvironmentsError):
                    raise received
                return received
            if not own:
                raise TimeoutError
            query.cut.set()
            raise QueryCut(
                "query.seconds",
                f"A query may take {self._seconds:.0f} seconds.",
                mend="Filter or aggregate earlier, or ask in parts.",
            )
        finally:
            for task in (receiving, cut):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await receiving

    async def _failure(self, content: bytes) -> QueryFailed:
        """The worker's error as its asker may read it; the engine's text goes beside the log."""
        told = json.loads(content)
        await asyncio.to_thread(self._texts.store_text, told["detail"])
        error = QueryFailed(told["reason"], where=told["kind"], mend=told["mend"])
        error.detail = hashlib.sha256(told["detail"].encode("utf-8", "surrogatepass")).hexdigest()
        return error


class _Talk:
    """One statement's connection to the worker. The statement counts as running until the worker has let go of it."""

    def __init__(
        self,
        workers: WorkerPool,
        worker: Worker,
        query: RunningQuery,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.ahead = _Ahead()
        self._workers, self._worker, self._query = workers, worker, query
        self._reader, self._writer = streams
        self._reading = asyncio.create_task(_read_ahead(self._reader, self.ahead))
        self._leaving: asyncio.Task[None] | None = None
        worker.busy += 1

    async def say(self, request: dict[str, object]) -> None:
        """Ask. A worker that is gone is met when its answer is read."""
        with contextlib.suppress(OSError):
            self._writer.write(json.dumps(request).encode() + b"\n")
            await self._writer.drain()

    def leave(self) -> asyncio.Task[None]:
        """Begin to let go, once: the half-closed connection interrupts the statement. Not trusted: who computes on
        is killed, whoever else it serves."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave())
        return self._leaving

    async def _leave(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        try:
            with contextlib.suppress(OSError, RuntimeError):
                self._writer.write_eof()
            await asyncio.wait_for(_until_closed(self._reader), SECONDS_TO_LET_GO)
        except TimeoutError:
            self._query.killed = True
            await self._workers.end(self._worker)
        finally:
            self._writer.close()
            self._worker.busy -= 1
            self._worker.last_used = time.monotonic()
            if self._query.cut.is_set() and self._worker.busy == 0:
                await self._workers.end(self._worker)


async def _until_closed(reader: asyncio.StreamReader) -> None:
    """Read on, and throw away, until the worker has closed its end."""
    with contextlib.suppress(OSError):
        while await reader.read(MOST_AHEAD):
            pass


class _Ahead:
    """What has come from the worker and has not gone on: one frame, and others while all together are small."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[Frame | EnvironmentsError] = asyncio.Queue()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, frame: Frame | EnvironmentsError) -> None:
        """Keep it, and wait until there is room for another."""
        self._bytes += _size(frame)
        self._frames.put_nowait(frame)
        if self._bytes >= MOST_AHEAD:
            self._room.clear()
        await self._room.wait()

    async def get(self) -> Frame | EnvironmentsError:
        """The next one."""
        frame = await self._frames.get()
        self._bytes -= _size(frame)
        if self._bytes < MOST_AHEAD:
            self._room.set()
        return frame


def _size(frame: Frame | EnvironmentsError) -> int:
    return len(frame[2]) if isinstance(frame, tuple) else 0


async def _read_ahead(reader: asyncio.StreamReader, ahead: _Ahead) -> None:
    """Frames as they come, so that the worker goes on while the last one is on its way to the client."""
    while True:
        try:
            frame = await _frame(reader)
        except EnvironmentsError as error:
            await ahead.put(error)
            return
        await ahead.put(frame)
        if frame[0] in (Kind.END, Kind.ERROR):
            return


async def _frame(reader: asyncio.StreamReader) -> Frame:
    try:
        kind, length, rows = HEADER.unpack(await reader.readexactly(HEADER.size))
        if length > LONGEST_FRAME:
            raise QueryCut(
                "query.too_large",
                f"One part of the result has more than {LONGEST_FRAME:,} bytes.",
                mend="Ask for fewer columns, or shorter texts and lists.",
            )
        return Kind(kind), rows, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError, ValueError):
        raise WorkerDown("The project's worker ended while it answered.", mend="Ask again, or ask for less.") from None
