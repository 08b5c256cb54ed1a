"""What goes in: asked for, looked at by somebody outside the project, and put where its workspaces read it.

Every verb loads under a lock, asks the policies, moves by the table of states, and stands or falls with its audit
entry. At delivery everything is asked again; what cannot be asked is not delivered (rules/airlock.md, 6, 10 and 12).
"""

from __future__ import annotations

import builtins
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.decisions import Decision, Refused, RefusedError
from audit.events import EventName
from audit.model import Actor, Json
from audit.records import Change, Records
from environments.airlock.errors import AirlockError, ImportUnfit, SealBroken, UnknownRequest
from environments.airlock.files.container import Container
from environments.airlock.files.manifest import signed
from environments.airlock.files.outbox import Outbox
from environments.airlock.imports import policies, store
from environments.airlock.imports.inspect import inspected
from environments.airlock.imports.model import ImportFile, ImportRequest
from environments.airlock.imports.states import ARRIVAL, ImportState, may_move
from environments.airlock.imports.store import ImportFileRow, ImportMoveRow, ImportRow
from environments.airlock.policies import bare, is_person
from environments.airlock.ports import Approvals
from environments.airlock.verbs.desk import add_move, hold_row, may_check, record, refusals

FORMAT = "haven-import/1"
READ_BY_WORKSPACES = 0o755
PRIVATE = 0o700
DRAFTS = ".drafts"  # no project is called so: what is not delivered yet lies in no workspace's sight
S = ImportState


@dataclass
class Work:
    """One verb's hold on one import."""

    change: Change
    row: ImportRow
    request: ImportRequest

    def move(self, after: ImportState, reason: str | None = None, details: Mapping[str, Json] | None = None) -> None:
        """The only place where a state changes: by the table, with its move and its audit event."""
        before = ImportState(self.row.state)
        if not may_move(before, after):
            raise AirlockError(f"An import never goes from {before} to {after}.", mend="Report this fault.")
        self.row.state = after.value
        self.row.moved = self.change.at
        add_move(self.change, self.row, ImportMoveRow, ARRIVAL[after], (before, after), reason, details)


class Imports:
    """The door through which code and look-up tables come in.

    sealed: the airlock's own copies; folder: what workspaces read, one folder per project. Every verb raises
    RefusedError with the rule, and UnknownRequest; what else it raises, it says.
    """

    def __init__(
        self, records: Records, approvals: Approvals, sealed: Path, folder: Path, key: Ed25519PrivateKey
    ) -> None:
        self._records, self._approvals, self._key = records, approvals, key
        self._container, self._folder = Container(sealed), folder

    # -- the author's turn

    def request(self, project: str, files: Sequence[tuple[str, bytes]], why: str, *, by: Actor) -> ImportRequest:
        """Seal the files (name, bytes), so that a checker looks at them. Raises ImportUnfit."""
        with refusals(self._records, EventName.IMPORT_REQUEST_REFUSED, project, by, None):
            (is_person(by) and self._approvals.may_import(bare(by), project)).require()
            policies.is_founded(why, [name for name, _ in files]).require()
            found = [inspected(name, content) for name, content in files]
            self._never_recalled(found).require()
            request_id = secrets.token_hex(6)
            with self._records.change(by=by) as change:
                row = self._new_row(change, request_id, project, why.strip())
                change.session.add(row)
                change.session.flush()
                change.session.add_all(_file_row(request_id, file) for file in found)
                self._container.seal(request_id, 1, dict(files))
                hashes: list[Json] = [file.sha256 for file in found]
                add_move(
                    change, row, ImportMoveRow, ARRIVAL[S.REQUESTED], (None, S.REQUESTED), None, {"sha256": hashes}
                )
        return self.get(request_id)

    def withdraw(self, request_id: str, *, by: Actor) -> ImportRequest:
        """Its author takes an import back before it is delivered."""
        with self._verb(request_id, by, EventName.IMPORT_WITHDRAW_REFUSED) as work:
            policies.may_withdraw(work.request, by).require()
            work.move(S.WITHDRAWN)
        return self.get(request_id)

    # -- the checker's turn

    def read(self, request_id: str, name: str, *, by: Actor) -> bytes:
        """A sealed file, for a checker of the import or its author's side. Raises SealBroken."""
        request = self.get(request_id)
        with refusals(self._records, EventName.IMPORT_DECIDE_REFUSED, request.project, by, request_id):
            self._may_read(request, by).require()
            file = next((one for one in request.files if one.name == name), None)
            if file is None:
                raise RefusedError(Refused("import.no_such_file", "The import has no such file.", "Name one of its."))
            return self._container.read(request_id, file)

    def approve(self, request_id: str, why: str, *, by: Actor) -> ImportRequest:
        """Approve the files by their hashes, and have them delivered. Raises SealBroken, OutboxFailed."""
        with self._verb(request_id, by, EventName.IMPORT_DECIDE_REFUSED) as work:
            self._may_decide(work.request, S.APPROVED, why, by).require()
            hashes: dict[str, Json] = {}
            for file in work.request.files:
                self._container.read(request_id, file)
                work.change.session.get_one(ImportFileRow, (request_id, file.name)).approved = file.sha256
                hashes[file.name] = file.sha256
            work.move(S.APPROVED, why.strip(), {"sha256": hashes})
        return self.deliver(request_id, by=by)

    def refuse(self, request_id: str, why: str, *, by: Actor) -> ImportRequest:
        """Not brought in, and why."""
        with self._verb(request_id, by, EventName.IMPORT_DECIDE_REFUSED) as work:
            self._may_decide(work.request, S.REFUSED, why, by).require()
            work.move(S.REFUSED, why.strip())
        return self.get(request_id)

    # -- in, and back

    def deliver(self, request_id: str, *, by: Actor) -> ImportRequest:
        """Ask everything again, and put the files where the project's workspaces read them.

        Held with the reason when anything no longer stands. Done again, it finishes what a crash left, or changes
        nothing. Raises OutboxFailed.
        """
        request = self.get(request_id)
        with refusals(self._records, EventName.IMPORT_DELIVER_REFUSED, request.project, by, request_id):
            policies.may_deliver(request, by, self._may_check(request, by)).require()
        with self._container.alone():
            request = self.get(request_id)
            if request.state is S.APPROVED:
                self._prepare(request, by)
                with self._locked(request_id, by) as work:
                    policies.may_go(work.request, S.DELIVERED).require()
                    work.row.held = None
                    work.move(S.DELIVERED, None, {"sha256": [file.sha256 for file in work.request.files]})
            if self.get(request_id).state is S.DELIVERED:
                self._put_in_place(request)
        return self.get(request_id)

    def recall(self, request_id: str, reason: str, incident: str, *, by: Actor) -> ImportRequest:
        """Take the files out of the workspaces' sight; their content does not come in again. Raises OutboxFailed.

        What somebody copied into their home stays there: the incident says who looks for it.
        """
        with self._container.alone(), self._verb(request_id, by, EventName.IMPORT_RECALL_REFUSED) as work:
            request = work.request
            policies.may_recall(request, reason, incident, self._may_check(request, by)).require()
            work.move(S.RECALLED, reason.strip(), {"incident": incident.strip()})
            content: dict[str, Json] = {
                "format": FORMAT, "import": request_id, "incident": incident.strip(), "recalled_at": _text(work.change),
            }  # fmt: skip
            self._place_of(request.project).take_back(request_id, signed(content, self._key))
        return self.get(request_id)

    # -- questions

    def get(self, request_id: str) -> ImportRequest:
        """An import."""
        with self._records.read() as session:
            found = store.find_import(session, request_id)
        if found is None:
            raise _unknown()
        return found

    def list(self, project: str | None = None) -> builtins.list[ImportRequest]:
        """Every import, of one project or of all, the oldest first."""
        with self._records.read() as session:
            return store.all_imports(session, project)

    # -- parts

    @contextmanager
    def _verb(self, request_id: str, by: Actor, refusal: EventName) -> Iterator[Work]:
        with refusals(self._records, refusal, None, by, request_id), self._locked(request_id, by) as work:
            yield work

    @contextmanager
    def _locked(self, request_id: str, by: Actor) -> Iterator[Work]:
        with self._records.change(by=by) as change:
            hold_row(change, ImportRow, request_id)
            row, request = change.session.get(ImportRow, request_id), store.find_import(change.session, request_id)
            if row is None or request is None:
                raise _unknown()
            yield Work(change, row, request)

    def _new_row(self, change: Change, request_id: str, project: str, why: str) -> ImportRow:
        return ImportRow(
            id=request_id,
            project=project,
            state=S.REQUESTED.value,
            author=change.by,
            why=why,
            members=sorted(self._approvals.members(project)),
            checkers=sorted(self._approvals.output_checkers()),
            created=change.at,
            moved=change.at,
        )

    def _may_check(self, request: ImportRequest, by: Actor) -> Decision:
        return may_check(self._approvals, request, by, self._approvals.members(request.project))

    def _may_decide(self, request: ImportRequest, after: ImportState, why: str, by: Actor) -> Decision:
        return policies.may_go(request, after) and self._may_check(request, by) and policies.says_why(why)

    def _may_read(self, request: ImportRequest, by: Actor) -> Decision:
        if by == request.author or (is_person(by) and bare(by) in self._approvals.members(request.project)):
            return self._approvals.may_import(bare(by), request.project)
        return self._may_check(request, by)

    def _never_recalled(self, files: Sequence[ImportFile]) -> Decision:
        with self._records.read() as session:
            return policies.never_recalled(store.recalled_among(session, {file.sha256 for file in files}))

    def _prepare(self, request: ImportRequest, by: Actor) -> None:
        """Everything asked again, then the files made ready out of sight; else held with the reason."""
        try:
            files = {file.name: self._container.read(request.id, file) for file in request.files}
            self._everything_stands(request, files).require()
        except (SealBroken, ImportUnfit, RefusedError) as fault:
            reason = fault.refused.reason if isinstance(fault, RefusedError) else fault.what
            rule = fault.refused.code if isinstance(fault, RefusedError) else fault.code
            with self._locked(request.id, by) as work:
                work.row.held = f"{rule}: {reason}"
                record(work.change, EventName.IMPORT_DELIVER_REFUSED, work.row, {"rule": rule})
            raise
        self._write(request, files)

    def _everything_stands(self, request: ImportRequest, files: Mapping[str, bytes]) -> Decision:
        decision = self._approvals.standing(request.project) and policies.is_bound(request)
        decision = decision and self._may_check(request, Actor(request.approver or ""))
        again = [inspected(name, content) for name, content in files.items()]
        return decision and self._never_recalled(again)

    def _write(self, request: ImportRequest, files: Mapping[str, bytes]) -> None:
        content: dict[str, Json] = {
            "format": FORMAT,
            "import": request.id,
            "project": request.project,
            "why": request.why,
            "author": bare(request.author),
            "approver": bare(request.approver or ""),
            "files": [{"name": file.name, "sha256": file.sha256, "bytes": file.size} for file in request.files],
        }
        self._place_of(request.project).prepare(request.id, files, signed(content, self._key))

    def _put_in_place(self, request: ImportRequest) -> None:
        place = self._place_of(request.project)
        if not place.place(request.id).exists() and not place.is_prepared(request.id):
            self._write(request, {file.name: self._container.read(request.id, file) for file in request.files})
        place.publish(request.id)

    def _place_of(self, project: str) -> Outbox:
        self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        return Outbox(self._folder / project, drafts=self._folder / DRAFTS, mode=READ_BY_WORKSPACES)


def _file_row(request_id: str, file: ImportFile) -> ImportFileRow:
    return ImportFileRow(
        request=request_id,
        name=file.name,
        kind=file.kind.value,
        sha256=file.sha256,
        approved=None,
        size=file.size,
        findings=[*file.findings],
    )


def _text(change: Change) -> str:
    return change.at.isoformat()


def _unknown() -> UnknownRequest:
    return UnknownRequest("There is no import of this number.", mend="`haven import list` shows the imports.")
