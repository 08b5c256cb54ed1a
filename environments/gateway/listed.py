"""Who stood behind a query that has evidence? Asked of the project's file once more, by a worker of its own.

For the release ledger alone, when a table is submitted: the answer goes to no asker. The statement comes from the
sealed evidence; it runs on the build that it ran on before, or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from access.decisions import Refused
from audit.errors import HavenError
from environments.gateway.answers import Answers, RunningQuery
from environments.gateway.errors import PeopleNotListed
from environments.gateway.evidence.people import PERSON, NoEvidence
from environments.gateway.evidence.sealed import Evidence
from environments.gateway.gates import Gates
from environments.gateway.model import Asker, Parameters, ScopeFile
from environments.gateway.texts import TextStore
from environments.gateway.workers import WorkerPool

MOST_BYTES = 4 * 1024**3
SECONDS = 900.0
FEWER = "Ask for fewer groups or figures at once; else tell the data team."


class PeopleOfQueries:
    """Asks workers that live for one question. make: a pool of workers in this folder."""

    def __init__(self, folder: Path, make: Callable[[Path], WorkerPool], texts: TextStore) -> None:
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
                "Ask the query again, and submit the table with its new number.",
            )
        try:
            return asyncio.run(self._asked(str(header["query"]), str(header["sql"]), header["parameters"], scope))
        except PeopleNotListed:
            raise
        except (HavenError, NoEvidence, OSError, TimeoutError, pa.ArrowException):
            raise _not_listed("Who stands behind the query could not be asked.", header["query"], FEWER) from None

    async def _asked(self, number: str, sql: str, parameters: Parameters, scope: ScopeFile) -> pa.Table:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        workers, gates = self._make(folder), Gates()
        try:
            likeness = await gates.judged(scope.project, sql, set(scope.tables))
            if isinstance(likeness, Refused):
                raise NoEvidence(likeness.code)
            people = {name for name, columns in scope.tables.items() if PERSON in columns}
            asked = await gates.listing_of(scope.project, sql, people)
            query = RunningQuery(number, Asker("ledger", scope.project), scope, "", likeness)
            parts, size = [], 0
            answers = Answers(workers, self._texts, SECONDS).of(query, asked.sql, asked.parameters(parameters))
            async with contextlib.aclosing(answers) as frames:
                async for part, _ in frames:
                    parts.append(part)
                    size += len(part)
                    if size > MOST_BYTES:
                        raise _not_listed("Too many people stand behind the query.", number, FEWER)
            return _named(pa.ipc.open_stream(b"".join(parts)).read_all(), len(asked.keys), len(asked.figures))
        finally:
            gates.close()
            await workers.close()
            shutil.rmtree(folder, ignore_errors=True)


def _not_listed(what: str, query: object, mend: str) -> PeopleNotListed:
    return PeopleNotListed(what, where=f"query {query}", mend=mend)


def _named(groups: pa.Table, keys: int, figures: int) -> pa.Table:
    names: list[Any] = [f"key_{n}" for n in range(keys)] + ["people"] + [f"people_{n}" for n in range(figures)]
    return groups.rename_columns(names)
