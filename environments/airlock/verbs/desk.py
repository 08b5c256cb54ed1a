"""What do all verbs share? The ports, the lock on one request, the one mover, and the record of a refusal.

A verb loads under the lock, asks the policies, moves by the table of states, and stands or falls with its audit entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update

from access.decisions import Decision, Refused, RefusedError
from audit.errors import HavenError
from audit.events import EventName
from audit.model import Actor, AuditEvent, Json, service
from audit.records import Change, Records
from environments.airlock import policies, store
from environments.airlock.context import context_of, is_table, may_pass_gate
from environments.airlock.errors import AirlockError, EvidenceBroken, UnknownRequest
from environments.airlock.files.container import Container
from environments.airlock.files.outbox import Outbox
from environments.airlock.imports.store import ImportMoveRow, ImportRow
from environments.airlock.ledger.service import ReleaseLedger
from environments.airlock.model import Gate, InspectionRecord, ReleaseFile, ReleaseRequest
from environments.airlock.packages.store import PackageMoveRow, PackageRow
from environments.airlock.policies import bare
from environments.airlock.ports import Approvals, Inspectors, SealedEvidence
from environments.airlock.states import ARRIVAL, ReleaseState, may_move
from environments.airlock.store import MoveRow, RequestRow
from environments.airlock.verbs.checking import FileCheck, check_inspected, with_inspection
from environments.airlock.verbs.inspecting import inspected_again
from environments.airlock.visibility import as_seen_by
from environments.disclosure.errors import TableUnfit
from environments.disclosure.profile import Criteria
from environments.disclosure.sealed.model import QueryEvidence
from environments.disclosure.tables import content_hash, read_table
from environments.inspection.errors import InspectionError, InspectorsDown

SYSTEM: Actor = service("airlock")
Check = Callable[[bytes, ReleaseFile, Criteria, Sequence[QueryEvidence]], FileCheck]
Details = Mapping[str, Json]


@dataclass
class Work:
    """One verb's hold on one request: the change under way, its row, and the request as loaded."""

    change: Change
    row: RequestRow
    request: ReleaseRequest

    def reload(self) -> ReleaseRequest:
        """The request with what this change has added."""
        self.change.session.flush()
        found = store.find_request(self.change.session, self.row.id)
        if found is None:
            raise RuntimeError("a request that is being changed exists")
        self.request = found
        return found

    def move(self, after: ReleaseState, reason: str | None = None, details: Details | None = None) -> None:
        """The only place where a state changes: by the table, with its move and its audit event."""
        before = ReleaseState(self.row.state)
        if not may_move(before, after):
            raise AirlockError(f"A request never goes from {before} to {after}.", mend="Report this fault.")
        self.row.state = after.value
        self.row.moved = self.change.at
        note_move(self.change, self.row, before, after, reason, details)

    def record(self, name: EventName, details: Details) -> AuditEvent:
        """An audit entry about this request."""
        return record(self.change, name, self.row, details)


class AnyRequest(Protocol):
    """The row of a request, whichever way its files go."""

    id: str
    project: str


class AnyReviewed(policies.Reviewed, Protocol):
    """What somebody judges, of a project."""

    @property
    def project(self) -> str: ...


def record(change: Change, name: EventName, row: AnyRequest, details: Details) -> AuditEvent:
    """An audit entry about a request; its number always stands in it."""
    event = AuditEvent(
        name=name, at=change.at, by=change.by, project=row.project, details={"request": row.id, **details}
    )
    change.events.append(event)
    return event


def note_move(
    change: Change,
    row: RequestRow,
    before: ReleaseState | None,
    after: ReleaseState,
    reason: str | None = None,
    details: Details | None = None,
) -> None:
    """The move and its audit event, side by side."""
    add_move(change, row, MoveRow, ARRIVAL[after], (before, after), reason, details)


def add_move(
    change: Change,
    row: AnyRequest,
    kind: type[MoveRow] | type[ImportMoveRow] | type[PackageMoveRow],
    arrival: EventName,
    step: tuple[str | None, str],
    reason: str | None,
    details: Details | None,
) -> None:
    """A move (step: from, to) of a request of either way, with its audit event."""
    before, after = step
    event = record(change, arrival, row, {"before": before, **(details or {})})
    session = change.session
    session.flush()
    number = len(session.scalars(select(kind.number).where(kind.request == row.id)).all())
    session.add(
        kind(
            request=row.id,
            number=number,
            before=before,
            after=str(after),
            by=change.by,
            reason=reason,
            event=event.id,
            at=change.at,
        )
    )
    session.flush()


@contextmanager
def refusals(
    records: Records, name: EventName, project: str | None, by: Actor, request_id: str | None
) -> Iterator[None]:
    """Whatever is refused inside is recorded with its rule, then told."""
    try:
        yield
    except HavenError as error:
        rule = error.refused.code if isinstance(error, RefusedError) else error.code
        if error.http_status < 500 or isinstance(error, AirlockError | InspectionError):
            records.note(name, by=by, project=project, request=request_id, rule=rule)
        raise


@dataclass(frozen=True)
class Desk:
    """The airlock's ports and places, and the questions that several verbs ask."""

    records: Records
    approvals: Approvals
    evidence: SealedEvidence
    ledger: ReleaseLedger
    inspectors: Inspectors
    container: Container
    outbox: Outbox
    register: Path
    key: Ed25519PrivateKey
    check: Check

    @contextmanager
    def verb(self, request_id: str, by: Actor, refusal: EventName) -> Iterator[Work]:
        """A change of one request, alone with it; a refusal inside changes nothing and is recorded."""
        with self.refusals(refusal, None, by, request_id), self.locked(request_id, by) as work:
            yield work

    @contextmanager
    def locked(self, request_id: str, by: Actor) -> Iterator[Work]:
        """The request, with nobody else changing it. Raises UnknownRequest."""
        with self.records.change(by=by) as change:
            hold_row(change, RequestRow, request_id)
            row = change.session.get(RequestRow, request_id)
            request = store.find_request(change.session, request_id)
            if row is None or request is None:
                raise unknown()
            yield Work(change, row, request)

    @contextmanager
    def refusals(self, name: EventName, project: str | None, by: Actor, request_id: str | None) -> Iterator[None]:
        """Whatever is refused inside is recorded with its rule, then told."""
        with refusals(self.records, name, project, by, request_id):
            yield

    def whole(self, request_id: str) -> ReleaseRequest:
        """A request with every verdict, blind ones too. Raises UnknownRequest."""
        with self.records.read() as session:
            found = store.find_request(session, request_id)
        if found is None:
            raise unknown()
        return found

    def seen(self, request_id: str, viewer: Actor | None) -> ReleaseRequest:
        """A request as this viewer may see it now. Raises UnknownRequest."""
        return as_seen_by(self.whole(request_id), viewer)

    def inside(self, request: ReleaseRequest) -> tuple[frozenset[str], frozenset[str]]:
        """Who is in the project now, and who ever made a file of these names."""
        with self.records.read() as session:
            makers = store.makers_of(session, request.project, {file.name for file in request.every_file})
        return self.approvals.members(request.project), makers

    def may_check(self, request: ReleaseRequest, by: Actor) -> Decision:
        """May this person review this request: outside it, a checker now, and a checker when it was submitted?"""
        return may_check(self.approvals, request, by, *self.inside(request))

    def may_go_to(self, project: str, gate: Gate, recipient: str | None) -> Decision:
        """Does the gate fit its recipient, and may the recipient of a hand-over have it now?"""
        decision = may_pass_gate(gate, recipient)
        if decision and gate is Gate.TO_COMMISSIONER:
            return self.approvals.may_receive(recipient or "", project)
        return decision

    def checked(self, request: ReleaseRequest, file: ReleaseFile, rules: Criteria) -> FileCheck:
        """The check of a sealed file: its inspection, and of a table its cells beside the evidence of its queries.

        Raises SealBroken, EvidenceBroken, EngineFailed.
        """
        content = self.container.read(request.id, file)
        if not is_table(file.name):
            return check_inspected(file, [one.name for one in request.files])
        queries = context_of(file).queries
        found = self.check(
            content, file, rules, [self._evidence(request.project, one) for one in dict.fromkeys(queries)]
        )
        return with_inspection(found, file)

    def record_now(self, request: ReleaseRequest, file: ReleaseFile) -> InspectionRecord:
        """What the inspectors of now say of a sealed file, which is looked into again if need be.

        Raises InspectionError, SealBroken.
        """
        if file.inspection and file.inspection.holds(self.inspectors.rules):
            return file.inspection
        return inspected_again(self.inspectors, request.project, file, self.container.read(request.id, file))

    def require_inspected(self, request: ReleaseRequest) -> None:
        """Was each file looked into by the rules of now? Raises InspectorsDown."""
        rules = self.inspectors.rules
        for file in request.files:
            if file.inspection is None or file.inspection.rules != rules:
                raise InspectorsDown(
                    "A file was not looked into by the inspectors' rules of now.",
                    where=file.name,
                    mend="Ask again; where it stays so, tell the data team.",
                )

    def _evidence(self, project: str, query: str) -> QueryEvidence:
        found = self.evidence.of(project, query)
        if found is None:
            raise EvidenceBroken(
                "The evidence of a query that the author named is not there any more.",
                where=f"query {query}",
                mend="Tell the data team; or run the query again, and submit the table with its new number.",
            )
        return found

    def is_checker(self, request: ReleaseRequest, by: Actor) -> Decision:
        """May this person do a checker's other work on the request: release, recall, retry?"""
        members, makers = self.inside(request)
        decision = policies.is_person(by) and policies.outside(request, bare(by), members, makers)
        return decision and self.approvals.may_check_output(bare(by), request.project)


def may_check(
    approvals: Approvals,
    request: AnyReviewed,
    by: str,
    members_now: frozenset[str],
    makers: frozenset[str] = frozenset(),
) -> Decision:
    """May this person judge it: outside it, a checker now, and a checker when it was asked for?

    makers: whom the request does not know itself.
    """
    decision = policies.is_person(by) and policies.outside(request, bare(by), members_now, makers)
    decision = decision and approvals.may_check_output(bare(by), request.project)
    return decision and policies.held_role_then(request, bare(by))


def hold_row(change: Change, kind: type[RequestRow] | type[ImportRow] | type[PackageRow], request_id: str) -> None:
    """An update that changes nothing takes the row's lock before it is read, on SQLite and PostgreSQL alike."""
    change.session.execute(update(kind).where(kind.id == request_id).values(id=request_id))


def hashes_of(content: bytes) -> tuple[str, str]:
    """SHA-256 of the bytes, and of the cells when they can be read as a table."""
    digest = hashlib.sha256(content).hexdigest()
    try:
        return digest, content_hash(read_table(content))
    except TableUnfit:
        return digest, digest


def refuse(code: str, reason: str, mend: str | None) -> RefusedError:
    """A refusal to be raised."""
    return RefusedError(Refused(code, reason, mend))


def unknown() -> UnknownRequest:
    """No such request."""
    return UnknownRequest("There is no request of this number.", mend="`haven release list` shows the requests.")
