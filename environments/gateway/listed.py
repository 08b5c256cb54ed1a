"""Who stood behind a query that has evidence? Asked of the project's file once more, by a worker of its own.

For the release ledger alone, when a table is submitted: the answer goes to no asker. The statement comes from the
sealed evidence; it runs on the build that it ran on before, or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from access.decisions import Refused
from audit.errors import HavenError
from audit.events import EventName
from audit.model import service
from audit.records import Records
from environments.gateway.answers import Answers, RunningQuery
from environments.gateway.errors import PeopleNotListed, QueryCut
from environments.gateway.evidence.people import PERSON, NoEvidence
from environments.gateway.evidence.sealed import Evidence
from environments.gateway.gates import Gates
from environments.gateway.model import Asker, Parameters, ScopeFile
from environments.gateway.ports import Scopes
from environments.gateway.texts import TextStore
from environments.gateway.workers import WorkerPool

MOST_BYTES = 256 * 1024**2  # held by the process that asks: four million people in four lists, at 16 bytes each
SECONDS = 900.0
SECONDS_BETWEEN_ROUNDS = 0.5  # of asking whether the project's scope still stands
ANEW = "Ask the query again, and submit the table with its new number."
TOO_MANY = f"More people stand behind the query's figures than can be named: their lists may have {MOST_BYTES:,} bytes."
FEWER = "Ask for fewer groups or figures at once; else tell the data team."


class PeopleOfQueries:
    """Asks workers that live for one question. make: a pool of workers in this folder."""

    def __init__(
        self, folder: Path, make: Callable[[Path], WorkerPool], texts: TextStore, records: Records, scopes: Scopes
    ) -> None:
        self._records = records
        self._scopes = scopes
        self._folder = folder
        self._make = make
        self._texts = texts

    def of(self, evidence: Evidence, scope: ScopeFile) -> pa.Table:
        """A row for each group: its keys, its people, and the people of each figure, as lists of 16 bytes.

        Raises PeopleNotListed; not to be called where an event loop runs.
        """
        header = evidence.header
        if "sql" not in header or header["scope_build"] != scope.build:
            raise _not_listed(
                "The project's data were published anew since the query was asked, or it was asked of an older haven.",
                header["query"],
                ANEW,
            )
        number, sql = str(header["query"]), str(header["sql"])
        try:
            digest = hashlib.sha256(sql.encode("utf-8", "surrogatepass")).hexdigest()
            told = {"query": number, "sql_digest": digest, "scope_build": scope.build}
            self._records.note(EventName.QUERY_PEOPLE_ASKED, by=service("airlock"), project=scope.project, **told)
            found = asyncio.run(self._asked(number, sql, header["parameters"], scope))
        except PeopleNotListed:
            raise
        except QueryCut as cut:
            raise _not_listed(cut.what, number, cut.mend or FEWER) from None
        except (HavenError, NoEvidence, OSError, TimeoutError, pa.ArrowException):
            raise _not_listed("Who stands behind the query could not be asked.", number, FEWER) from None
        keys, figures = len(header["keys"]), len(header["figures"])
        if _counts(found, keys, figures) != _counts(evidence.groups, keys, figures):
            raise _not_listed("Who stands behind the query now are not the people that were counted.", number, ANEW)
        return found.select([f"key_{n}" for n in range(keys)] + _lists(figures))

    async def _asked(self, number: str, sql: str, parameters: Parameters, scope: ScopeFile) -> pa.Table:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        workers, gates, watching = self._make(folder), Gates(), None
        try:
            likeness = await gates.judged(scope.project, sql, set(scope.tables))
            if isinstance(likeness, Refused):
                raise NoEvidence(likeness.code)
            people = {name for name, columns in scope.tables.items() if PERSON in columns}
            asked = await gates.listing_of(scope.project, sql, people)
            query = RunningQuery(number, Asker("ledger", scope.project), scope, "", likeness)
            watching = asyncio.create_task(self._watch(query))
            parts, size = [], 0
            answers = Answers(workers, self._texts, SECONDS).of(query, asked.sql, asked.parameters(parameters))
            async with contextlib.aclosing(answers) as frames:
                async for part, _ in frames:
                    parts.append(part)
                    size += len(part)
                    if size > MOST_BYTES:
                        raise _not_listed(TOO_MANY, number, FEWER)
            return _named(pa.ipc.open_stream(b"".join(parts)).read_all(), len(asked.keys), len(asked.figures))
        finally:
            if watching is not None:
                watching.cancel()
            gates.close()
            await workers.close()
            shutil.rmtree(folder, ignore_errors=True)

    async def _watch(self, query: RunningQuery) -> None:
        """Cut it once its project may not be queried any more."""
        while not query.cut.is_set():
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)
            current = await asyncio.to_thread(self._scopes.current, query.asker.project)
            if isinstance(current, Refused):
                query.cut_by = current
                query.cut.set()


def _not_listed(what: str, query: object, mend: str) -> PeopleNotListed:
    return PeopleNotListed(what, where=f"query {query}", mend=mend)


def _named(groups: pa.Table, keys: int, figures: int) -> pa.Table:
    counts = ["counted", "rows", *(f"counted_{n}" for n in range(figures))]
    return groups.rename_columns([f"key_{n}" for n in range(keys)] + _lists(figures) + counts)


def _lists(figures: int) -> list[str]:
    return ["people", *(f"people_{n}" for n in range(figures))]


def _counts(groups: pa.Table, keys: int, figures: int) -> Counter[str]:
    """Each group with its counts, of the listing or of the evidence: how often there is one like it."""
    people = "counted" if "counted" in groups.column_names else "people"
    names = [f"key_{n}" for n in range(keys)] + [people, "rows"] + [f"{people}_{n}" for n in range(figures)]
    return Counter(map(repr, zip(*(groups[name].to_pylist() for name in names), strict=True)))
