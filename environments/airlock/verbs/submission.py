"""How does a request come in? Sealed, frozen as to who may judge it, and checked by itself before people see it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

from access.decisions import Allowed, Decision, Refused, RefusedError
from audit.events import EventName
from audit.model import Actor, Json
from audit.records import Change
from environments.airlock import policies, store
from environments.airlock.context import AnyContext, context_of, contexts_of, is_table
from environments.airlock.errors import EvidenceBroken, FileUnfit, PeopleUnknown, SealBroken
from environments.airlock.files.manifest import MANIFEST_FILE, RECALL_FILE
from environments.airlock.ledger.service import TOO_NEAR
from environments.airlock.model import Gate, InspectionRecord, ReleaseRequest
from environments.airlock.policies import bare
from environments.airlock.states import LAPSE_WHEN_IDLE, ReleaseState
from environments.airlock.store import FileRow, RequestRow
from environments.airlock.verbs.checking import FileCheck
from environments.airlock.verbs.desk import SYSTEM, Desk, Work, hashes_of, note_move
from environments.airlock.verbs.inspecting import inspected
from environments.disclosure.errors import DisclosureError
from environments.disclosure.ledger.model import LedgerDifference
from environments.disclosure.model import TableContext
from environments.disclosure.profile import Criteria, criteria
from environments.disclosure.tables import MOST_BYTES, check_file_name
from environments.inspection.errors import InspectionError
from environments.inspection.kinds import FILE_NAME
from environments.inspection.people import identifiers

S = ReleaseState
MOST_FILES = 20
OWN_NAMES = {MANIFEST_FILE.casefold(), RECALL_FILE.casefold()}
Context = TableContext | Mapping[str, Any]
Offer = tuple[str, bytes]


@dataclass(frozen=True)
class Offered:
    """A file that a person offers: its name, its bytes, what they say of it, and whose it is.

    inspection: what was found in it; the bytes are then those that may go on.
    """

    name: str
    content: bytes
    context: AnyContext
    uploader: str
    inspection: InspectionRecord | None = None


@dataclass(frozen=True)
class Submission:
    """The author's turn and the system's."""

    desk: Desk

    def draft(self, project: str, gate: Gate, recipient: str | None, by: Actor) -> str:
        """A request without files; its number. Raises RefusedError."""
        with self.desk.refusals(EventName.RELEASE_SUBMIT_REFUSED, project, by, None):
            self._may_submit(project, gate, recipient, by).require()
            return self._begin(project, gate, recipient, by)

    def submit(self, project: str, files: Sequence[Offer], said: Context, request_id: str | None, by: Actor) -> str:
        """Seal the files and have them checked; the request's number.

        Raises RefusedError, what is unfit, and InspectionError.
        """
        with self.desk.refusals(EventName.RELEASE_SUBMIT_REFUSED, project, by, request_id):
            offered = _offered(files, said, by)
            context = offered[0].context
            self._may_submit(project, context.gate, context.recipient, by).require()
            criteria(self.desk.approvals.profile(project))
            offered = [self._inspected(project, one) for one in offered]
            self._never_recalled(offered).require()
            self._may_name(project, offered).require()
            if request_id is None:
                request_id = self._begin(project, context.gate, context.recipient, by)
            with self.desk.locked(request_id, by) as work:
                policies.may_resubmit(work.request, project, context.gate, context.recipient).require()
                self._take_in(work, offered)
        return self.check(request_id, SYSTEM)

    def check(self, request_id: str, by: Actor) -> str:
        """Run the disclosure check over what was sealed; after each submission, and again after a crash."""
        request = self.desk.whole(request_id)
        if request.state is S.SUBMITTED:
            found, failure = self._checked(request)
            near = self.desk.ledger.differences(request) if failure is None else ()
            with self.desk.locked(request_id, by) as work:
                policies.may_go(work.request, S.CHECKING).require()
                _note_check(work, found, failure, near)
        return request_id

    def retry(self, request_id: str, by: Actor) -> str:
        """A failed request goes through again; its verdicts are asked anew."""
        with self.desk.verb(request_id, by, EventName.RELEASE_SUBMIT_REFUSED) as work:
            request = work.request
            policies.may_retry(request, by, self.desk.is_checker(request, by)).require()
            offered = [
                Offered(
                    one.name,
                    self.desk.container.read(request_id, one),
                    context_of(one),
                    one.uploader,
                    self.desk.record_now(request, one),
                )
                for one in request.files
            ]
            self._take_in(work, offered)
        return self.check(request_id, SYSTEM)

    def refuse(self, refused: Refused, project: str, by: Actor) -> NoReturn:
        """What a door cannot take. Raises RefusedError, which is recorded."""
        with self.desk.refusals(EventName.RELEASE_SUBMIT_REFUSED, project, by, None):
            raise RefusedError(refused)

    def withdraw(self, request_id: str, by: Actor) -> None:
        """Its author takes a request back. Raises RefusedError."""
        with self.desk.verb(request_id, by, EventName.RELEASE_WITHDRAW_REFUSED) as work:
            policies.may_withdraw(work.request, by).require()
            work.move(S.WITHDRAWN)

    def lapse_idle(self, idle: timedelta, by: Actor) -> list[str]:
        """Let every request lapse on which nothing has moved for so long (rule 7); their numbers."""
        before = self.desk.records.clock.now() - idle
        with self.desk.records.read() as session:
            requests = store.all_requests(session)
        idle_ones = [one.id for one in requests if one.state in LAPSE_WHEN_IDLE and one.moved < before]
        for request_id in idle_ones:
            with self.desk.locked(request_id, by) as work:
                policies.may_go(work.request, S.LAPSED).require()
                work.move(S.LAPSED)
        return idle_ones

    # -- parts

    def _may_submit(self, project: str, gate: Gate, recipient: str | None, by: Actor) -> Decision:
        decision = policies.is_person(by) and self.desk.approvals.may_submit(bare(by), project)
        return decision and self.desk.may_go_to(project, gate, recipient)

    def _inspected(self, project: str, one: Offered) -> Offered:
        """With what is found in it, and the bytes that may go on. Raises InspectionError."""
        content, record = inspected(self.desk.inspectors, project, one.name, one.content)
        return replace(one, content=content, inspection=record)

    def _never_recalled(self, offered: Sequence[Offered]) -> Decision:
        hashes = {digest for one in offered for digest in hashes_of(one.content)}
        hashes |= {one.inspection.offered for one in offered if one.inspection}
        with self.desk.records.read() as session:
            return policies.never_recalled(store.recalled_among(session, hashes))

    def _may_name(self, project: str, offered: Sequence[Offered]) -> Decision:
        """Rule for each query that is named as what a file was made from. Raises EvidenceBroken."""
        version = self.desk.approvals.scope_version(project)
        decision: Decision = Allowed()
        for query in dict.fromkeys(query for one in offered for query in one.context.queries):
            found = self.desk.evidence.of(project, query)
            decision = decision and policies.may_name_query(query, found.scope_version if found else None, version)
        return decision

    def _begin(self, project: str, gate: Gate, recipient: str | None, by: Actor) -> str:
        with self.desk.records.change(by=by) as change:
            row = self._new_row(change, project, gate, recipient)
            change.session.add(row)
            change.session.flush()
            note_move(change, row, None, S.DRAFT)
        return row.id

    def _new_row(self, change: Change, project: str, gate: Gate, recipient: str | None) -> RequestRow:
        return RequestRow(
            id=str(uuid.uuid4()),
            project=project,
            gate=gate.value,
            recipient=recipient,
            state=S.DRAFT.value,
            author=change.by,
            round=0,
            profile=self.desk.approvals.profile(project),
            scope_version=self.desk.approvals.scope_version(project) or 0,
            members=sorted(self.desk.approvals.members(project)),
            checkers=[],
            vetoes=[],
            created=change.at,
            moved=change.at,
        )

    def _take_in(self, work: Work, offered: Sequence[Offered]) -> None:
        """Seal the files as a new round, freeze who may judge it, and move to `submitted`."""
        row, approvals = work.row, self.desk.approvals
        row.round += 1
        row.profile = criteria(approvals.profile(row.project)).name
        row.scope_version = approvals.scope_version(row.project) or 0
        row.members = sorted({*row.members, *approvals.members(row.project)})
        row.checkers = sorted(approvals.output_checkers())
        row.vetoes = sorted(approvals.vetoes(row.project))
        row.held = None
        self.desk.container.seal(row.id, row.round, {one.name: one.content for one in offered})
        rows = [_file_row(work, one) for one in offered]
        work.change.session.add_all(rows)
        hashes: list[Json] = [one.sha256 for one in rows]
        details: dict[str, Json] = {"round": row.round, "sha256": hashes, "profile": row.profile}
        if not all(is_table(one.name) for one in offered):  # of each file, as it was offered: some were written anew
            pairs = zip(offered, rows, strict=True)
            details["offered"] = [one.inspection.offered if one.inspection else row.sha256 for one, row in pairs]
        work.move(S.SUBMITTED, details=details)

    def _checked(self, request: ReleaseRequest) -> tuple[dict[str, FileCheck], str | None]:
        """Each file's check by its id; or the code of why the check itself failed (rule 10)."""
        try:
            self.desk.require_inspected(request)
            rules = criteria(request.profile)
            found = {file.id: self.desk.checked(request, file, rules) for file in request.files}
            if not any(check.problems for check in found.values()):
                found = self._beside_earlier(request, found, rules)
        except (DisclosureError, InspectionError, SealBroken, EvidenceBroken) as failure:
            return {}, failure.code
        return found, None

    def _beside_earlier(
        self, request: ReleaseRequest, found: Mapping[str, FileCheck], rules: Criteria
    ) -> dict[str, FileCheck]:
        """The same, with what the ledger of releases says. Raises EvidenceBroken."""
        names = {file.id: file.name for file in request.files}
        compared = {names[key]: one.comparison for key, one in found.items() if one.comparison is not None}
        try:
            near = self.desk.ledger.enter(request, compared, rules)
        except PeopleUnknown as unknown:
            return {key: replace(one, problems=(str(unknown),)) for key, one in found.items()}
        return {key: replace(one, problems=(TOO_NEAR,)) if names[key] in near else one for key, one in found.items()}


def _offered(files: Sequence[Offer], said: Context, by: Actor) -> list[Offered]:
    """The files with their contexts. Raises ContextInvalid, FileUnfit, TableUnfit."""
    for name, content in files:
        _check_name(name)
        if len(content) > MOST_BYTES:
            raise FileUnfit(
                f"The file is larger than {MOST_BYTES // 1024**2} MB.", mend="Submit less of it, or several files."
            )
    names = [name for name, _ in files]
    if not 0 < len({name.casefold() for name in names}) == len(names) <= MOST_FILES:
        raise FileUnfit(
            f"A request holds one to {MOST_FILES} files, each under its own name.",
            mend="Name them apart, not by capitals alone.",
        )
    contexts = contexts_of(names, said)
    if len({(one.gate, one.recipient) for one in contexts}) > 1:
        raise FileUnfit("One request goes through one gate, to one recipient.", mend="Submit them apart.")
    return [Offered(name, content, one, by) for (name, content), one in zip(files, contexts, strict=True)]


def _check_name(name: str) -> None:
    """A plain name, of no person, and none that the haven itself writes. Raises FileUnfit, TableUnfit."""
    if not FILE_NAME.fullmatch(name) or any(identifiers(name)) or name.casefold() in OWN_NAMES:
        raise FileUnfit(
            "The file's name cannot be used.",
            where="file name",
            mend="Use letters, digits, - and _, at most 80, and one ending: figure-1.png. Name no person, and not"
            f" {MANIFEST_FILE}.",
        )
    if is_table(name):
        check_file_name(name)


def _file_row(work: Work, one: Offered) -> FileRow:
    digest, content = hashes_of(one.content)
    return FileRow(
        id=str(uuid.uuid4()),
        request=work.row.id,
        round=work.row.round,
        name=one.name,
        sha256=digest,
        content=content,
        size=len(one.content),
        uploader=one.uploader,
        context=one.context.model_dump(mode="json"),
        problems=[],
        inspection=None if one.inspection is None else one.inspection.as_data(),
        at=work.change.at,
    )


def _note_check(
    work: Work, found: Mapping[str, FileCheck], failure: str | None, near: Sequence[LedgerDifference]
) -> None:
    """On to the checkers, back to the author with the problems, or failed: never on when the check broke."""
    for key, check in found.items():
        work.change.session.get_one(FileRow, key).problems = list(check.problems)
    problems = sum(len(check.problems) for check in found.values())
    if failure is not None:
        work.move(S.FAILED, "The check could not be done.", {"rule": failure})
    elif problems:
        told: list[Json] = [one.sentence for one in near]  # for the auditor alone; its author is told that there are
        work.move(
            S.RETURNED,
            "The disclosure check found problems.",
            {"problems": problems, **({"near": told} if told else {})},
        )
    else:
        work.move(S.CHECKING, details={"criteria": criteria(work.row.profile).digest()})
