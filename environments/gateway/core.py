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
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator
from typing import Any

import pyarrow as pa

from access.decisions import Decision, Refused, RefusedError
from audit.events import EventName
from audit.model import Actor, person
from audit.records import Records
from audit.suppression import shown_count
from environments.errors import EnvironmentsError
from environments.gateway.answers import Answers, RunningQuery
from environments.gateway.brakes.counting import Behind, Brakes, Reached
from environments.gateway.brakes.likeness import Likeness
from environments.gateway.brakes.policies import BrakePolicy
from environments.gateway.errors import QueryCut, QueryFailed, WorkerDown
from environments.gateway.evidence.asking import MOST_BYTES, MOST_GROUPS, AskedEvidence, EvidenceStore
from environments.gateway.evidence.people import PERSON, NoEvidence
from environments.gateway.evidence.sealed import Evidence
from environments.gateway.gates import Gates
from environments.gateway.model import Asker, Parameters, QueryLimits, QueryOutcome, ScopeFile
from environments.gateway.ports import Approvals, Scopes
from environments.gateway.texts import TextStore
from environments.gateway.threads import OwnThreads
from environments.gateway.workers import WorkerPool

SECONDS_BETWEEN_APPROVALS = 0.2
SECONDS_BETWEEN_ROUNDS = 0.5  # of the watch: who computes without giving a row is cut within a second, too
ROUNDS_TO_LEAVE = 2  # of a query that was cut, before it is ended for whoever reads it no more
MOST_PER_PROJECT = 8
THREADS = 16  # for approvals and the log alone
SECONDS_FOR_EVIDENCE = 5.0
TIMES_FOR_EVIDENCE = 3.0  # as long as the query itself took, and so often: it is one more aggregate of the same rows
OUTCOMES_KEPT = 500
OVERDUE = Refused(
    "query.seconds", "The query is over its time, and nobody reads its result.", "Ask again, and read on."
)


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
        brakes: BrakePolicy,
    ) -> None:
        self._brakes = Brakes(brakes)
        self._evidence = evidence
        self._records = records
        self._approvals = approvals
        self._scopes = scopes
        self._workers = workers
        self._answers = Answers(workers, texts, limits.seconds)
        self._texts = texts
        self._limits = limits
        self._gates = Gates()
        self._threads = OwnThreads("core", THREADS)
        self._running: dict[str, RunningQuery] = {}
        self._starting: Counter[str] = Counter()
        self._outcomes: OrderedDict[str, QueryOutcome] = OrderedDict()

    # -- questions

    async def tables(self, asker: Asker) -> dict[str, dict[str, str]]:
        """The views that the asker may name, with columns and types. Raises RefusedError, which is logged."""
        try:
            await self._require_approval(asker)
            scope = await self._current(asker)
        except RefusedError as error:
            await self._note(EventName.QUERY_REFUSED, asker, rule=error.refused.code)
            raise
        return {view: dict(columns) for view, columns in scope.tables.items()}

    async def why(self, asker: Asker, action: str) -> Decision:
        """May the asker do this, and who can change it?"""
        return await self._threads.run(self._approvals.why, asker.person, asker.project, action)

    def outcome(self, query: str, asker: Asker) -> QueryOutcome | None:
        """How this asker's own query ended, if it did not complete."""
        found = self._outcomes.get(query)
        return found if found is not None and found.asker == asker else None

    # -- a query

    async def judge(self, asker: Asker, sql: str) -> tuple[ScopeFile, Likeness]:
        """The scope that this statement may run on, now, and what it looks like.

        Raises RefusedError, which is logged; nothing runs.
        """
        try:
            return await self._judged(asker, sql)
        except RefusedError as error:
            if error.refused.code.startswith("gate."):
                self._brakes.refused(asker)
            await self._store(sql)
            await self._note(EventName.QUERY_REFUSED, asker, sql_digest=_digest_of_text(sql), rule=error.refused.code)
            raise

    async def start(self, asker: Asker, sql: str, parameters: Parameters) -> RunningQuery:
        """Judge a query and log it as requested. Raises RefusedError, which is logged; nothing has run then."""
        self._starting[asker.project] += 1  # its place is taken from here on: many could be judged at once
        try:
            return await self._started(asker, sql, parameters)
        finally:
            self._starting[asker.project] -= 1

    async def _started(self, asker: Asker, sql: str, parameters: Parameters) -> RunningQuery:
        scope, likeness = await self.judge(asker, sql)
        digest = _digest_of_text(sql)
        query = RunningQuery(str(uuid.uuid4()), asker, scope, digest, likeness)
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
        try:
            await self._tell(asker, self._brakes.asked(asker, likeness))
        except BaseException as error:
            self._running.pop(query.id, None)
            await asyncio.shield(self._failed(query, error))
            raise
        return query

    async def stream(self, query: RunningQuery, sql: str, parameters: Parameters) -> AsyncGenerator[bytes, None]:
        """The result as Arrow IPC messages, the schema first; one is held back until `query.completed` is durable.

        Raises QueryFailed, QueryCut, WorkerDown, AuditUnavailable: a door then gives no end mark.
        """
        try:
            held, until = b"", 0
            async with contextlib.aclosing(self._parts(query, sql, parameters)) as parts:
                async for part in parts:
                    if held:
                        query.sent = until
                        yield held
                    held, until = part, query.rows
            evidence, behind = await self._evidence_of(query, sql, parameters)
            query.require_uncut()
            await self._note(
                EventName.QUERY_COMPLETED,
                query.asker,
                query=query.id,
                rows=shown_count(query.rows),
                milliseconds=round((time.monotonic() - query.started) * 1000),
                **evidence,
            )
            ended = (query.asker, query.likeness, behind, query.rows, _digest_of(parameters))
            await self._tell(query.asker, self._brakes.completed(*ended))
            query.require_uncut()
            yield held
        except BaseException as error:
            await asyncio.shield(self._failed(query, error))
            raise
        finally:
            self._running.pop(query.id, None)

    async def _evidence_of(
        self, query: RunningQuery, sql: str, parameters: Parameters
    ) -> tuple[dict[str, Any], Behind | None]:
        """Count the people behind the result, and seal it: the file's hash, or why there is none, for the log.

        With it who stands behind the groups; None where they were not counted.

        A result without evidence is a result all the same: who checks it then has less to go by.
        """
        patience = max(SECONDS_FOR_EVIDENCE, TIMES_FOR_EVIDENCE * (time.monotonic() - query.started))
        try:
            people = {name for name, columns in query.scope.tables.items() if PERSON in columns}
            asked = await self._gates.evidence_of(query.asker.project, sql, people)
            if asked.no_evidence and not query.likeness.needs_people:
                raise NoEvidence(asked.no_evidence)
            groups = await self._counted(query, asked, parameters, patience)
            if asked.no_evidence:
                return {"no_evidence": asked.no_evidence}, Behind.of(asked.named(groups), whole=False)
            header = {
                **asked.header, "columns": pa.ipc.open_stream(query.schema).schema.names, "query": query.id, "sql": sql,
                "parameters": parameters, "project": query.asker.project, "at": self._records.clock.now().isoformat(),
                "scope_version": query.scope.version, "scope_build": query.scope.build, "sql_digest": query.digest,
            }  # fmt: skip
            evidence = Evidence(header, asked.named(groups))
            return {"evidence": await asyncio.to_thread(self._evidence.seal, evidence)}, Behind.of(evidence.groups)
        except NoEvidence as none:
            return {"no_evidence": none.reason}, None
        except TimeoutError:
            return {"no_evidence": "took_too_long"}, None
        except (QueryFailed, WorkerDown, OSError, pa.ArrowException):
            return {"no_evidence": "failed"}, None

    async def _counted(
        self, query: RunningQuery, asked: AskedEvidence, parameters: Parameters, patience: float
    ) -> pa.Table:
        """A row for each group. Raises NoEvidence above the number that is kept, TimeoutError."""
        parts, rows, size = [], 0, 0
        used = asked.parameters(parameters)
        async with contextlib.aclosing(self._answers.of(query, asked.sql, used, patience=patience)) as answers:
            async for part, count in answers:
                parts.append(part)
                rows += count
                size += len(part)
                if rows > MOST_GROUPS or size > MOST_BYTES:
                    raise NoEvidence("too_many_groups")
        return pa.ipc.open_stream(b"".join(parts)).read_all()

    async def _parts(self, query: RunningQuery, sql: str, parameters: Parameters) -> AsyncGenerator[bytes, None]:
        """The result's messages, each within the limits and the approval."""
        async with contextlib.aclosing(self._answers.of(query, sql, parameters)) as answers:
            async for content, rows in answers:
                query.schema = query.schema or content
                query.rows += rows
                query.bytes += len(content)
                await self._require_within(query)
                yield content

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
            decision = await self._standing(query.asker)
            if isinstance(decision, Refused):
                query.cut_by = decision
                query.cut.set()
                raise QueryCut(decision.code, decision.reason, mend=decision.mend)

    async def _failed(self, query: RunningQuery, error: BaseException) -> None:
        """Log how it ended and keep the reason for its asker."""
        if query.id in self._outcomes:
            return  # it was ended from outside, and told
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
                rows_sent=shown_count(query.sent),
                **details,
            )
            # One that was left with rows in hand counts too: who stands behind those rows, nobody has counted.
            # So does one for which a worker had to be ended: it served others.
            if isinstance(error, QueryFailed) or query.sent or query.killed:
                await self._tell(query.asker, self._brakes.failed(query.asker))

    # -- revocation

    async def watch(self) -> None:
        """For as long as the gateway runs: end what is no longer approved, and workers that nobody needs."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)
            running = list(self._running.values())
            for query in running:
                if query.cut.is_set() or query.overdue(self._limits.seconds):
                    query.rounds_cut += 1
                    if query.rounds_cut >= ROUNDS_TO_LEAVE:
                        await self._end_stalled(query)
            askers = list({query.asker for query in running if not query.cut.is_set()})  # each is asked about once
            standing = await asyncio.gather(*(self._standing(asker) for asker in askers))
            refused = {asker: one for asker, one in zip(askers, standing, strict=True) if isinstance(one, Refused)}
            for query in running:
                if query.asker in refused and not query.cut.is_set():
                    query.cut_by = refused[query.asker]
                    query.cut.set()
            await self._workers.stop_idle()
            self._gates.stop_idle()

    async def _end_stalled(self, query: RunningQuery) -> None:
        """Cut rounds ago, or far over its time, and still there: nobody reads it on. It ends here, and in the log."""
        if query.cut_by is None:
            query.cut_by = OVERDUE
        query.cut.set()
        if self._running.pop(query.id, None) is not None:
            await self._failed(query, QueryCut(query.cut_by.code, query.cut_by.reason, mend=query.cut_by.mend))
            query.hang_up()

    async def cut_all(self, asker: Asker, refused: Refused) -> None:
        """End the queries of a person and project: their door was closed."""
        for query in self._running.values():
            if query.asker == asker:
                query.cut_by = refused
                query.cut.set()

    async def close(self) -> None:
        """End every worker, and every parser."""
        self._gates.close()
        await self._workers.close()
        self._threads.close()

    # -- parts

    async def _judged(self, asker: Asker, sql: str) -> tuple[ScopeFile, Likeness]:
        await asyncio.sleep(self._brakes.delay(asker))
        await self._require_approval(asker)  # after the wait: who was withdrawn meanwhile does not start
        scope = await self._current(asker)
        mine = sum(1 for query in self._running.values() if query.asker.project == asker.project)
        if mine + self._starting[asker.project] > MOST_PER_PROJECT:
            Refused(
                "query.too_many",
                f"{MOST_PER_PROJECT} queries of the project run already.",
                "Wait until one has finished.",
            ).require()
        judged = await self._gates.judged(asker.project, sql, set(scope.tables))
        if isinstance(judged, Refused):
            raise RefusedError(judged)
        return scope, judged

    async def _require_approval(self, asker: Asker) -> None:
        (await self._threads.run(self._approvals.may_query, asker.person, asker.project)).require()

    async def _standing(self, asker: Asker) -> Decision:
        """Is the asker still approved, and is the scope still the approval's?"""
        decision = await self._threads.run(self._approvals.may_query, asker.person, asker.project)
        if not decision:
            return decision
        current = await self._threads.run(self._scopes.current, asker.project)
        if isinstance(current, Refused):
            return current
        return decision

    async def _current(self, asker: Asker) -> ScopeFile:
        current = await self._threads.run(self._scopes.current, asker.project)
        if isinstance(current, Refused):
            raise RefusedError(current)
        return current

    async def _tell(self, asker: Asker, reached: list[Reached]) -> None:
        """A count that has reached a step, for the log: whoever reviews access sees it there."""
        for one in reached:
            told = {"sort": one.sort.value, "step": one.step.value, "own": one.own, "of_project": one.projects}
            await self._note(EventName.QUERY_BRAKED, asker, **told)

    async def _store(self, text: str) -> None:
        await self._threads.run(self._texts.store_text, text)

    async def _note(self, name: EventName, asker: Asker, **details: Any) -> None:
        by: Actor = person(asker.person)
        await self._threads.run(lambda: self._records.note(name, by=by, project=asker.project, **details))


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
