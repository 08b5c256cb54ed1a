"""May this table leave beside what left before? Its cells' people against those of every release and pending request.

Across projects, recipients and time: who is in a cell decides, not what the cell is called. Asked when a table is
submitted, and against what is out by then when it is released. What was recalled stays: it was seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.records import Records
from environments.airlock.context import ReleaseContext, context_of
from environments.airlock.errors import EvidenceBroken, PeopleUnknown
from environments.airlock.ledger.model import GroupMarks, Marks
from environments.airlock.ledger.store import LedgerRecord, LedgerStore
from environments.airlock.model import ReleaseRequest
from environments.airlock.ports import PersonSets, SealedEvidence
from environments.airlock.states import ReleaseState
from environments.airlock.store import FileRow, RequestRow
from environments.disclosure.ledger.compare import compare
from environments.disclosure.ledger.layers import layered
from environments.disclosure.ledger.model import CellName, LedgerDifference, LedgerTable, PersonSet
from environments.disclosure.ledger.within import within
from environments.disclosure.profile import Criteria
from environments.disclosure.sealed.model import EvidenceComparison, PeopleBehind, QueryEvidence

S = ReleaseState
OUT = frozenset({S.RELEASING, S.RELEASED, S.RECALLED})
PENDING = frozenset({S.SUBMITTED, S.CHECKING, S.CONSOLIDATING, S.CONTROLLER_HOLD, S.APPROVED})
TOO_NEAR = (
    "Its people differ by too few from those of a table that was released, or waits to be, here or in another project, "
    "or from those of another of its cells: who has both could work out the few. Show the same people as before with "
    "all totals, or make the categories coarser; the output checkers know which table it is."
)
Compared = Mapping[str, EvidenceComparison]
"""By file name, how its cells stand to the evidence of its queries."""


@dataclass(frozen=True)
class _Marked:
    """A shown cell and its people, before they have numbers."""

    cell: str
    marks: Marks = field(repr=False)


class ReleaseLedger:
    """The ledger. sets: who stands behind the groups of queries."""

    def __init__(self, store: LedgerStore, records: Records, evidence: SealedEvidence, sets: PersonSets) -> None:
        self._store = store
        self._records = records
        self._evidence = evidence
        self._sets = sets

    def enter(self, request: ReleaseRequest, compared: Compared, rules: Criteria) -> Mapping[str, int]:
        """Test a submitted request's tables, and enter them: how many differences were found, by file name.

        What is found stays for its checkers; such a request is returned, and its tables count no more.
        Raises PeopleUnknown, EvidenceBroken.
        """
        marked = {name: list(self._marked(request.project, one)) for name, one in compared.items()}
        if not marked:
            return {}
        with self._store.alone():
            earlier = self._tables(OUT | PENDING, request.id)
            sets = {name: self._numbered(request.id, name, cells) for name, cells in marked.items()}
            smallest = rules.counts.smallest_shown
            numbered = {name: LedgerTable.of(smallest, layered(shown, smallest)) for name, shown in sets.items()}
            found = self._found(request, numbered, sets, compared, earlier)
            every = tuple(one for differences in found.values() for one in differences)
            self._store.write(
                request.project, request.id, request.round, LedgerRecord(numbered, every, self._store.numbered())
            )
        return {name: len(differences) for name, differences in found.items() if differences}

    def stands(self, request: ReleaseRequest, compared: Compared, rules: Criteria) -> bool:
        """May the tables leave beside all that is out now, under the rules of today? What is found stays for checkers.

        Raises PeopleUnknown where they were never entered, EvidenceBroken.
        """
        named = {file.name for file in request.files if context_of(file).queries}
        if not named:
            return True
        with self._store.alone():
            record = self._store.read(request.project, request.id, request.round)
            if record is None or not named <= record.tables.keys():
                raise PeopleUnknown(
                    "The table was never tested against earlier releases.",
                    where=f"request {request.id}",
                    mend="A checker returns it, or its author begins a new request with the same table.",
                )
            smallest = rules.counts.smallest_shown
            tables = {name: replace(table, smallest=smallest) for name, table in record.tables.items()}
            sets = {name: [one for layer in table.layers for one in layer] for name, table in tables.items()}
            by_file = self._found(request, tables, sets, compared, self._tables(OUT, request.id, record))
            found = [one for differences in by_file.values() for one in differences]
            if found:
                kept = replace(record, differences=tuple(found))
                self._store.write(request.project, request.id, request.round, kept)
            return not found

    def differences(self, request: ReleaseRequest) -> tuple[LedgerDifference, ...]:
        """What a request's tables were found to differ from by too few people. Raises EvidenceBroken."""
        record = self._store.read(request.project, request.id, request.round)
        return record.differences if record else ()

    # -- parts

    def _found(
        self,
        request: ReleaseRequest,
        tables: Mapping[str, LedgerTable],
        sets: Mapping[str, Sequence[PersonSet]],
        compared: Compared,
        earlier: list[LedgerTable],
    ) -> dict[str, list[LedgerDifference]]:
        """By file: of each table from earlier ones, from those of its request before it, and of its cells."""
        contexts = {file.name: context_of(file) for file in request.files}
        found: dict[str, list[LedgerDifference]] = {}
        for name, table in tables.items():
            found[name] = compare(table, earlier)
            earlier.append(table)
            context, one = contexts.get(name), compared.get(name)
            if isinstance(context, ReleaseContext) and one is not None:
                found[name] += within(sets[name], [each.cell for each in one.cells], context, table.smallest)
        return found

    def _tables(self, states: frozenset[ReleaseState], but: str, own: LedgerRecord | None = None) -> list[LedgerTable]:
        """Every table of other requests in these states. own: the record of that one, if it is there already.

        Raises EvidenceBroken where one is missing, or the people are not those that the tables were numbered with.
        """
        query = select(RequestRow.project, RequestRow.id, RequestRow.round, RequestRow.state)
        query = query.where(RequestRow.state.in_([one.value for one in states]), RequestRow.id != but)
        with self._records.read() as session:
            rows = session.execute(query.order_by(RequestRow.created, RequestRow.id)).all()
            named = {request: _from_queries(session, request, number) for _, request, number, _ in rows}
        records = [own] if own else []
        tables: list[LedgerTable] = []
        for project, request, number, state in rows:
            record = self._store.read(project, request, number)
            if state == S.SUBMITTED.value and record is None:  # it is tested next, and meets this one
                continue
            if not named[request] <= (record.tables.keys() if record else set()):
                raise EvidenceBroken(
                    "The release ledger lacks a table that left or waits to leave: nothing can be tested.",
                    where=f"request {request}",
                    mend="Keep the machine as it is and tell the data team; the ledger comes back from its backup.",
                )
            if record is not None:
                records.append(record)
                tables += record.tables.values()
        self._store.require_people(records)
        return tables

    def _marked(self, project: str, compared: EvidenceComparison) -> Iterator[_Marked]:
        """The shown cells of a file whose people its queries know."""
        known: dict[str, tuple[QueryEvidence, Mapping[tuple[object, ...], GroupMarks]]] = {}
        for one in compared.cells:
            if not one.shows_people:
                continue
            for behind in one.behind:
                if behind.query not in known:
                    known[behind.query] = self._asked(project, behind.query)
                marks = _marks_behind(behind, *known[behind.query])
                yield _Marked(one.cell.name, np.unique(np.concatenate([np.empty(0, np.uint64), *marks])))

    def _asked(self, project: str, query: str) -> tuple[QueryEvidence, Mapping[tuple[object, ...], GroupMarks]]:
        evidence = self._evidence.of(project, query)
        if evidence is None:
            raise EvidenceBroken("The evidence of a query that the author named is not there any more.", where=query)
        return evidence, self._sets.of(project, query)

    def _numbered(self, request: str, file: str, cells: Sequence[_Marked]) -> list[PersonSet]:
        everybody = np.concatenate([np.empty(0, np.uint64), *(one.marks for one in cells)])
        numbers = self._store.numbers(everybody)
        sets, at = [], 0
        for one in cells:
            people = BitMap(numbers[at : (at := at + one.marks.size)])
            sets.append(PersonSet.of(CellName(request, file, one.cell), people))
        return sets


def _from_queries(session: Session, request: str, number: int) -> set[str]:
    """The names of a round's files whose author names queries, by the database: no file can be taken from there."""
    query = select(FileRow.name, FileRow.context).where(FileRow.request == request, FileRow.round == number)
    return {name for name, context in session.execute(query) if context.get("queries")}


def _marks_behind(
    behind: PeopleBehind, evidence: QueryEvidence, sets: Mapping[tuple[object, ...], GroupMarks]
) -> Iterator[Marks]:
    """Whom a cell counts, group by group. Raises PeopleUnknown where the groups are not those that were counted."""
    for place in behind.groups:
        group = evidence.groups[place]
        found = sets.get(group.key)
        if found is None or found.everybody.size < group.people:
            raise PeopleUnknown(
                "Who stands behind the query now are not the people that were counted.",
                where=f"query {behind.query}",
                mend="Ask the query again, and submit the table with its new number.",
            )
        yield found.everybody if behind.figure is None else found.figures[behind.figure]
