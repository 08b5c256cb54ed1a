"""In which order is a query judged, logged, run and released? Here, and nowhere else.

Approval, published scope, gate; `query.requested` durable; run; per batch the limits and again the approval;
`query.completed` durable; then the last batch. A refusal is logged too. No log, no query (design section 4).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from access.decisions import Decision, Refused, RefusedError
from audit.events import EventName
from audit.model import Actor, person
from audit.records import Records
from audit.suppression import shown_count
from environments.errors import EnvironmentsError
from environments.gateway.errors import QueryCut, QueryFailed, WorkerDown
from environments.gateway.evidence.asking import MOST_GROUPS, AskedEvidence, EvidenceStore
from environments.gateway.evidence.people import PERSON, NoEvidence
from environments.gateway.evidence.sealed import Evidence
from environments.gateway.frames import HEADER, Kind
from environments.gateway.gate import Gate
from environments.gateway.model import Asker, Parameters, QueryLimits, QueryOutcome, ScopeFile
from environments.gateway.ports import Approvals, Scopes
from environments.gateway.texts import TextStore
from environments.gateway.workers import Worker, WorkerPool

SECONDS_BETWEEN_APPROVALS = 0.2
SECONDS_BETWEEN_ROUNDS = 1.0
MOST_PER_PROJECT = 8
SECONDS_FOR_EVIDENCE = 5.0
TIMES_FOR_EVIDENCE = 3.0  # as long as the query itself took, and so often: it is one more aggregate of the same rows
OUTCOMES_KEPT = 500
LONGEST_STATEMENT = 100_000


@dataclass
class RunningQuery:
    """A query under way: who asks, since when, and why it is to stop, once that is so."""

    id: str
    asker: Asker
    scope: ScopeFile
    digest: str
    started: float = field(default_factory=time.monotonic)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    cut_by: Refused | None = None
    rows: int = 0
    bytes: int = 0
    asked_at: float = field(default_factory=time.monotonic)


class QueryCore:
    """One core behind every query door."""

    def __init__(
        self,
        records: Records,
        approvals: Approvals,
        scopes: Scopes,
        workers: WorkerPool,
        texts: TextStore,
        limits: QueryLimits,
        evidence: EvidenceStore,
    ) -> None:
        self._evidence = evidence
        self._records = records
        self._approvals = approvals
        self._scopes = scopes
        self._workers = workers
        self._texts = texts
        self._limits = limits
        self._gate = Gate()
        self._running: dict[str, RunningQuery] = {}
        self._outcomes: OrderedDict[str, QueryOutcome] = OrderedDict()

    # -- questions

    async def tables(self, asker: Asker) -> dict[str, dict[str, str]]:
        """The views that the asker may name, with columns and types. Raises RefusedError."""
        await self._require_approval(asker)
        scope = await self._current(asker)
        return {view: dict(columns) for view, columns in scope.tables.items()}

    async def why(self, asker: Asker, action: str) -> Decision:
        """May the asker do this, and who can change it?"""
        return await asyncio.to_thread(self._approvals.why, asker.person, asker.project, action)

    def outcome(self, query: str, asker: Asker) -> QueryOutcome | None:
        """How this asker's own query ended, if it did not complete."""
        found = self._outcomes.get(query)
        return found if found is not None and found.asker == asker else None

    # -- a query

    async def judge(self, asker: Asker, sql: str) -> ScopeFile:
        """The scope that this statement may run on, now. Raises RefusedError, which is logged; nothing runs."""
        try:
            return await self._judged(asker, sql)
        except RefusedError as error:
            await self._store(sql)
            await self._note(EventName.QUERY_REFUSED, asker, sql_digest=_digest_of_text(sql), rule=error.refused.code)
            raise

    async def start(self, asker: Asker, sql: str, parameters: Parameters) -> RunningQuery:
        """Judge a query and log it as requested. Raises RefusedError, which is logged; nothing has run then."""
        scope = await self.judge(asker, sql)
        digest = _digest_of_text(sql)
        query = RunningQuery(str(uuid.uuid4()), asker, scope, digest)
        await self._store(sql)
        await self._note(
            EventName.QUERY_REQUESTED,
            asker,
            query=query.id,
            sql_digest=digest,
            scope_version=scope.version,
            scope_build=scope.build,
            parameters=_digest_of(parameters),
        )
        self._running[query.id] = query
        return query

    async def stream(self, query: RunningQuery, sql: str, parameters: Parameters) -> AsyncGenerator[bytes, None]:
        """The result as Arrow IPC messages, the schema first; one is held back until `query.completed` is durable.

        Raises QueryFailed, QueryCut, WorkerDown, AuditUnavailable: a door then gives no end mark.
        """
        try:
            held = b""
            async with contextlib.aclosing(self._parts(query, sql, parameters)) as parts:
                async for part in parts:
                    if held:
                        yield held
                    held = part
            evidence = await self._evidence_of(query, sql, parameters)
            await self._note(
                EventName.QUERY_COMPLETED,
                query.asker,
                query=query.id,
                rows=shown_count(query.rows),
                milliseconds=round((time.monotonic() - query.started) * 1000),
                **evidence,
            )
            yield held
        except BaseException as error:
            await asyncio.shield(self._failed(query, error))
            raise
        finally:
            self._running.pop(query.id, None)

    async def _evidence_of(self, query: RunningQuery, sql: str, parameters: Parameters) -> dict[str, Any]:
        """Count the people behind the result, and seal it: the file's hash, or why there is none, for the log.

        A result without evidence is a result all the same: who checks it then has less to go by.
        """
        patience = max(SECONDS_FOR_EVIDENCE, TIMES_FOR_EVIDENCE * (time.monotonic() - query.started))
        try:
            people = {name for name, columns in query.scope.tables.items() if PERSON in columns}
            asked = await asyncio.to_thread(self._gate.evidence_of, sql, people)
            async with asyncio.timeout(patience):
                groups = await self._counted(query, asked, parameters)
            header = {
                **asked.header, "query": query.id, "project": query.asker.project, "sql_digest": query.digest,
                "scope_version": query.scope.version, "scope_build": query.scope.build,
                "at": self._records.clock.now().isoformat(),
            }  # fmt: skip
            return {"evidence": await asyncio.to_thread(self._evidence.seal, Evidence(header, asked.named(groups)))}
        except NoEvidence as none:
            return {"no_evidence": none.reason}
        except TimeoutError:
            return {"no_evidence": "took_too_long"}
        except (QueryFailed, WorkerDown, OSError, pa.ArrowException):
            return {"no_evidence": "failed"}

    async def _counted(self, query: RunningQuery, asked: AskedEvidence, parameters: Parameters) -> pa.Table:
        """A row for each group. Raises NoEvidence above the number that is kept."""
        parts, rows = [], 0
        async with contextlib.aclosing(self._worker_says(query, asked.sql, asked.parameters(parameters))) as answers:
            async for part, count in answers:
                parts.append(part)
                rows += count
                if rows > MOST_GROUPS:
                    raise NoEvidence("too_many_groups")
        return pa.ipc.open_stream(b"".join(parts)).read_all()

    async def _parts(self, query: RunningQuery, sql: str, parameters: Parameters) -> AsyncGenerator[bytes, None]:
        """The result's messages, each within the limits and the approval."""
        async with contextlib.aclosing(self._worker_says(query, sql, parameters)) as answers:
            async for content, rows in answers:
                query.rows += rows
                query.bytes += len(content)
                await self._require_within(query)
                yield content

    async def _worker_says(
        self, query: RunningQuery, sql: str, parameters: Parameters
    ) -> AsyncGenerator[tuple[bytes, int], None]:
        """What the worker answers to a statement: Arrow IPC messages, each with its rows."""
        worker = await self._workers.for_scope(query.scope)
        worker.busy += 1
        reader, writer = await worker.connect()
        try:
            writer.write(json.dumps({"sql": sql, "parameters": parameters}).encode() + b"\n")
            await writer.drain()
            while True:
                kind, rows, content = await self._next(query, reader)
                if kind is Kind.END:
                    return
                if kind is Kind.ERROR:
                    raise await self._failure(query, content)
                yield content, rows
        finally:
            writer.close()
            worker.busy -= 1
            worker.last_used = time.monotonic()
            if query.cut.is_set():
                await self._insist(worker)

    async def _next(self, query: RunningQuery, reader: asyncio.StreamReader) -> tuple[Kind, int, bytes]:
        """The next frame, or the reason why there will be none."""
        left = self._limits.seconds - (time.monotonic() - query.started)
        receiving = asyncio.ensure_future(_frame(reader))
        cut = asyncio.ensure_future(query.cut.wait())
        try:
            await asyncio.wait({receiving, cut}, timeout=max(left, 0.0), return_when=asyncio.FIRST_COMPLETED)
            if query.cut_by is not None:
                raise QueryCut(query.cut_by.code, query.cut_by.reason, mend=query.cut_by.mend)
            if not receiving.done():
                query.cut.set()
                raise QueryCut(
                    "query.seconds",
                    f"A query may take {self._limits.seconds:.0f} seconds.",
                    mend="Filter or aggregate earlier, or ask in parts.",
                )
            return receiving.result()
        finally:
            for task in (receiving, cut):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WorkerDown):
                await receiving

    async def _require_within(self, query: RunningQuery) -> None:
        """After each batch: row and byte limits as errors, and the approval again. Raises QueryCut."""
        limits = self._limits
        if query.rows > limits.rows or query.bytes > limits.bytes:
            query.cut.set()
            raise QueryCut(
                "query.too_large",
                f"A result may have {limits.rows:,} rows and {limits.bytes:,} bytes; nothing is cut off in silence.",
                mend="Aggregate in the query, or ask for fewer columns or a part of the rows.",
            )
        if time.monotonic() - query.asked_at >= SECONDS_BETWEEN_APPROVALS:
            query.asked_at = time.monotonic()
            decision = await self._standing(query)
            if isinstance(decision, Refused):
                query.cut_by = decision
                query.cut.set()
                raise QueryCut(decision.code, decision.reason, mend=decision.mend)

    async def _failure(self, query: RunningQuery, content: bytes) -> QueryFailed:
        """The worker's error as its asker may read it; the engine's text goes beside the log."""
        told = json.loads(content)
        await self._store(told["detail"])
        error = QueryFailed(told["reason"], where=told["kind"], mend=told["mend"])
        error.detail = hashlib.sha256(told["detail"].encode("utf-8", "surrogatepass")).hexdigest()
        return error

    async def _failed(self, query: RunningQuery, error: BaseException) -> None:
        """Log how it ended and keep the reason for its asker."""
        code, reason, mend = _told(error)
        self._outcomes[query.id] = QueryOutcome(query.asker, code, reason, mend)
        while len(self._outcomes) > OUTCOMES_KEPT:
            self._outcomes.popitem(last=False)
        details = {"detail_digest": error.detail} if isinstance(error, QueryFailed) and error.detail else {}
        with contextlib.suppress(Exception):  # the first error is the one to tell
            await self._note(
                EventName.QUERY_FAILED,
                query.asker,
                query=query.id,
                reason=code,
                rows_sent=shown_count(query.rows),
                **details,
            )

    # -- revocation

    async def watch(self) -> None:
        """For as long as the gateway runs: end what is no longer approved, and workers that nobody needs."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)
            for query in list(self._running.values()):
                decision = await self._standing(query)
                if isinstance(decision, Refused):
                    query.cut_by = decision
                    query.cut.set()
            await self._workers.stop_idle()

    async def cut_all(self, asker: Asker, refused: Refused) -> None:
        """End the queries of a person and project: their door was closed."""
        for query in self._running.values():
            if query.asker == asker:
                query.cut_by = refused
                query.cut.set()

    async def close(self) -> None:
        """End every worker."""
        await self._workers.close()

    async def _insist(self, worker: Worker) -> None:
        """The closed connection interrupts the statement. Not trusted: a worker that serves nobody is killed."""
        if worker.busy == 0:
            await self._workers.stop(worker.scope.project)

    # -- parts

    async def _judged(self, asker: Asker, sql: str) -> ScopeFile:
        await self._require_approval(asker)
        scope = await self._current(asker)
        mine = sum(1 for query in self._running.values() if query.asker.project == asker.project)
        if mine >= MOST_PER_PROJECT:
            Refused(
                "query.too_many",
                f"{MOST_PER_PROJECT} queries of the project run already.",
                "Wait until one has finished.",
            ).require()
        if len(sql) > LONGEST_STATEMENT:
            Refused("gate.too_long", f"A statement may have {LONGEST_STATEMENT:,} characters.").require()
        (await asyncio.to_thread(self._gate.judge, sql, set(scope.tables))).require()
        return scope

    async def _require_approval(self, asker: Asker) -> None:
        (await asyncio.to_thread(self._approvals.may_query, asker.person, asker.project)).require()

    async def _standing(self, query: RunningQuery) -> Decision:
        """Is the asker still approved, and is the scope still the approval's?"""
        decision = await asyncio.to_thread(self._approvals.may_query, query.asker.person, query.asker.project)
        if not decision:
            return decision
        current = await asyncio.to_thread(self._scopes.current, query.asker.project)
        if isinstance(current, Refused):
            return current
        return decision

    async def _current(self, asker: Asker) -> ScopeFile:
        current = await asyncio.to_thread(self._scopes.current, asker.project)
        if isinstance(current, Refused):
            raise RefusedError(current)
        return current

    async def _store(self, text: str) -> None:
        await asyncio.to_thread(self._texts.store_text, text)

    async def _note(self, name: EventName, asker: Asker, **details: Any) -> None:
        by: Actor = person(asker.person)
        await asyncio.to_thread(lambda: self._records.note(name, by=by, project=asker.project, **details))


async def _frame(reader: asyncio.StreamReader) -> tuple[Kind, int, bytes]:
    try:
        kind, length, rows = HEADER.unpack(await reader.readexactly(HEADER.size))
        return Kind(kind), rows, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError, ValueError):
        raise WorkerDown("The project's worker ended while it answered.", mend="Ask again, or ask for less.") from None


def _told(error: BaseException) -> tuple[str, str, str | None]:
    if isinstance(error, QueryCut):
        return error.rule, error.what, error.mend
    if isinstance(error, QueryFailed):
        return error.where or error.code, error.what, error.mend
    if isinstance(error, EnvironmentsError):
        return error.code, error.what, error.mend
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        return "query.left", "The asker left before the end.", None
    return "query.broken", "The query broke off.", "Ask again."


def _digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digest_of(parameters: Parameters) -> str | None:
    """Parameters may hold a person's values: the log has their digest only."""
    if parameters is None:
        return None
    return hashlib.sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()
