"""How does an approved request leave, and come back? Everything is asked again first; a recall forbids its hashes.

Order: prepared out of sight, recorded as released (log first), then put in place. What a crash leaves between two of
these steps is finished by asking for the release again. Rules: rules/airlock.md, 5, 6, 8 and 10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from access.decisions import Allowed, Decision, Refused
from audit.events import EventName
from audit.model import Actor, Json
from environments.airlock import policies, store
from environments.airlock.context import context_of, public_title
from environments.airlock.errors import EvidenceBroken, OutboxFailed, PeopleUnknown, SealBroken
from environments.airlock.files.manifest import FORMAT, MANIFEST_FILE, signed
from environments.airlock.files.register import write_register
from environments.airlock.ledger.service import TOO_NEAR
from environments.airlock.model import Released, ReleaseFile, ReleaseRequest
from environments.airlock.policies import bare
from environments.airlock.states import ReleaseState
from environments.airlock.store import FileRow, RecalledRow, RecipientRow, ReleaseRow
from environments.airlock.verbs.desk import Desk, Work, refuse
from environments.disclosure.errors import DisclosureError
from environments.disclosure.profile import criteria
from environments.inspection.errors import InspectionError

S = ReleaseState
NEAR = "release.too_near"


@dataclass(frozen=True)
class Releasing:
    """The way out and the way back."""

    desk: Desk

    def release(self, request_id: str, by: Actor) -> Released:
        """Out, or held with the reason; done again it finishes or changes nothing."""
        with self.desk.container.alone():
            request = self.desk.whole(request_id)
            with self.desk.refusals(EventName.RELEASE_RELEASE_REFUSED, request.project, by, request_id):
                policies.may_carry_out(request, by, self.desk.is_checker(request, by)).require()
            if request.state is not S.RELEASED:
                self._inspect_again(request, by)
                self._start(request_id, by)
                self._write_out(request_id, by)
            return self._put_in_place(request_id)

    def recall(self, request_id: str, reason: str, incident: str, recipients: Sequence[str], by: Actor) -> None:
        """Take a release back: files out of the outbox, a signed notice in their place. Raises RefusedError.

        Asked again after a crash, it only finishes the outbox and the register.
        """
        with self.desk.container.alone():
            if self.desk.whole(request_id).state is not S.RECALLED:
                self._recall(request_id, reason, incident, recipients, by)
            self._finish_recall(request_id)

    def _recall(self, request_id: str, reason: str, incident: str, recipients: Sequence[str], by: Actor) -> None:
        with self.desk.verb(request_id, by, EventName.RELEASE_RECALL_REFUSED) as work:
            request = work.request
            policies.may_recall(request, reason, incident, by, self.desk.is_checker(request, by)).require()
            told = list(dict.fromkeys(recipients)) or [request.recipient or bare(request.author)]
            _forbid_hashes(work, reason, incident)
            for name in told:
                work.change.session.add(RecipientRow(request=request_id, recipient=name, notified=work.change.at))
            work.move(S.RECALLED, reason, {"incident": incident, "recipients": len(told)})

    def _finish_recall(self, request_id: str) -> None:
        request = self.desk.whole(request_id)
        with self.desk.records.read() as session:
            row = session.scalars(select(RecalledRow).where(RecalledRow.request == request_id)).first()
        notice: dict[str, Json] = {
            "format": FORMAT,
            "recalled": request_id,
            "incident": row.incident if row else None,
            "reason": row.reason if row else None,
            "files": [{"name": file.name, "sha256": file.sha256} for file in request.files],
        }
        self.desk.outbox.take_back(request_id, signed(notice, self.desk.key))
        self.publish_register()

    def acknowledge(self, request_id: str, recipient: str, by: Actor) -> None:
        """Record that a recipient has acknowledged a recall. Raises RefusedError."""
        with self.desk.verb(request_id, by, EventName.RELEASE_RECALL_REFUSED) as work:
            row = work.change.session.get(RecipientRow, (request_id, recipient))
            if row is None:
                raise refuse("release.not_told", "This recipient was not told of a recall here.", None)
            self.desk.approvals.may_acknowledge(by, recipient).require()
            row.acknowledged = work.change.at
            work.record(EventName.RELEASE_RECALL_ACKNOWLEDGED, {})

    def publish_register(self) -> Path:
        """Write the public register from the records; done again it changes nothing."""
        return write_register(self.desk.register, self.register_entries())

    def register_entries(self) -> list[dict[str, Json]]:
        """What the public register says of each release and recall, the newest first."""
        with self.desk.records.read() as session:
            rows = session.scalars(select(ReleaseRow).order_by(ReleaseRow.at.desc(), ReleaseRow.request)).all()
            found = [(row, store.find_request(session, row.request)) for row in rows]
            incidents = {one.request: one.incident for one in session.scalars(select(RecalledRow))}
        return [
            _register_entry(row, request, incidents.get(row.request))
            for row, request in found
            if request is not None and request.state in (S.RELEASED, S.RECALLED)
        ]

    # -- asked again

    def _inspect_again(self, request: ReleaseRequest, by: Actor) -> None:
        """Files of whose inspection there is no record by the rules of now; one that fails is held for it."""
        found = {}
        for file in request.files:
            try:
                record = self.desk.record_now(request, file)
            except (InspectionError, SealBroken):
                continue
            if record != file.inspection:
                found[file.id] = record
        if not found:
            return
        with self.desk.locked(request.id, by) as work:
            for key, record in found.items():
                work.change.session.get_one(FileRow, key).inspection = record.as_data()
            hashes = _texts(file.sha256 for file in request.files if file.id in found)
            work.record(EventName.RELEASE_INSPECTED, {"sha256": hashes, "rules": self.desk.inspectors.rules})

    def _start(self, request_id: str, by: Actor) -> None:
        """Everything is asked again; then `releasing` with its manifest, or held (rule 6). Raises RefusedError."""
        with self.desk.locked(request_id, by) as work:
            decision = self._everything_stands(work.request)
            if isinstance(decision, Refused):
                near = self.desk.ledger.differences(work.request) if decision.code == NEAR else ()
                _hold(work, decision, [one.sentence for one in near])
            elif work.request.state is S.APPROVED:
                work.row.held = None
                work.row.profile = criteria(self.desk.approvals.profile(work.row.project)).name
                work.move(S.RELEASING)
                work.change.session.merge(self._manifest_row(work))  # of a failed release: signed anew
            else:  # a release that a crash cut short goes on with the manifest it has
                work.record(EventName.RELEASE_STARTED, {"again": True})
        decision.require()

    def _everything_stands(self, request: ReleaseRequest) -> Decision:
        if request.state is not S.RELEASING and not (turn := policies.may_go(request, S.RELEASING)):
            return turn
        decision = self.desk.approvals.standing(request.project)
        decision = decision and policies.same_scope(request, self.desk.approvals.scope_version(request.project))
        decision = decision and policies.is_approved(request, self._uncounted(request))
        decision = decision and policies.controllers_agree(request)
        decision = decision and self.desk.may_go_to(request.project, request.gate, request.recipient)
        return decision and self._still_passes(request)

    def _uncounted(self, request: ReleaseRequest) -> frozenset[str]:
        """Approvers whose word counts no more: of the project or the makers by now, barred, closed, no checker."""
        members, makers = self.desk.inside(request)
        judged = {bare(verdict.by) for verdict in request.verdicts}
        barred = {name for name in judged if not self.desk.approvals.may_check_output(name, request.project)}
        return members | {bare(maker) for maker in makers} | barred

    def _still_passes(self, request: ReleaseRequest) -> Decision:
        """The sealed bytes are the approved ones, were never recalled, and pass the rules of today and the evidence.

        They may leave beside what has left by then.
        """
        try:
            self.desk.require_inspected(request)
            rules = criteria(self.desk.approvals.profile(request.project))
            checks = [self.desk.checked(request, file, rules) for file in request.files]
            files = zip(request.files, checks, strict=True)
            compared = {file.name: check.comparison for file, check in files if check.comparison is not None}
            apart = self.desk.ledger.stands(request, compared, rules)
        except (DisclosureError, InspectionError, SealBroken, EvidenceBroken, PeopleUnknown) as failure:
            return Refused(failure.code, failure.what, failure.mend)
        with self.desk.records.read() as session:
            hashes = {digest for file in request.files for digest in file.hashes}
            decision = policies.never_recalled(store.recalled_among(session, hashes))
        decision = decision and policies.still_fits(any(check.problems for check in checks), rules.name)
        return decision and (Allowed() if apart else Refused(NEAR, TOO_NEAR, None))

    # -- out

    def _manifest_row(self, work: Work) -> ReleaseRow:
        """The manifest, signed once: a repeated release writes the same bytes."""
        request = work.reload()
        context = context_of(request.files[0])
        content: dict[str, Json] = {
            "format": FORMAT,
            "request": request.id,
            "project": request.project,
            "gate": request.gate.value,
            "recipient": request.recipient,
            "author": bare(request.author),
            "title": public_title(context),
            "purpose": context.purpose,
            "files": [_file_entry(request, file) for file in request.files],
            "controllers": _texts(request.vetoes),
            "criteria": criteria(request.profile).as_data(),
            "scope_version": request.scope_version,
            "opt_out_certificate": self._certified(work, request),
            "audit": _audit_entry(work, request),
            "released_at": work.change.at.isoformat(),
        }
        text = signed(content, self.desk.key)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return ReleaseRow(
            request=request.id, manifest=text, sha256=digest, title=public_title(context), at=work.change.at
        )

    def _certified(self, work: Work, request: ReleaseRequest) -> str | None:
        return self.desk.approvals.certify_release(
            work.change, request.project, request.scope_version, request.id, offered=request.offered
        )

    def _write_out(self, request_id: str, by: Actor) -> None:
        """Prepared first, then recorded as released; a disk that fails makes the request `failed`."""
        try:
            self._prepare(request_id)
        except (OutboxFailed, SealBroken) as failure:
            with self.desk.locked(request_id, by) as work:
                work.move(S.FAILED, failure.what, {"rule": failure.code})
            raise
        with self.desk.locked(request_id, by) as work:
            policies.may_go(work.request, S.RELEASED).require()
            row = work.change.session.get_one(ReleaseRow, request_id)
            hashes = _texts(file.sha256 for file in work.request.files)
            work.move(S.RELEASED, details={"manifest": row.sha256, "sha256": hashes, "gate": work.row.gate})

    def _prepare(self, request_id: str) -> None:
        request = self.desk.whole(request_id)
        with self.desk.records.read() as session:
            manifest = session.get_one(ReleaseRow, request_id).manifest
        files = {file.name: self.desk.container.read(request_id, file) for file in request.files}
        self.desk.outbox.prepare(request_id, files, manifest)

    def _put_in_place(self, request_id: str) -> Released:
        if not self.desk.outbox.place(request_id).exists():
            self._prepare(request_id)
        folder = self.desk.outbox.publish(request_id)
        self.publish_register()
        with self.desk.records.read() as session:
            row = session.get_one(ReleaseRow, request_id)
        entry = _register_entry(row, self.desk.whole(request_id), None)
        return Released(request_id, folder, folder / MANIFEST_FILE, entry)


def _hold(work: Work, refused: Refused, near: list[Json]) -> None:
    """Not released, with the reason kept; a release that had begun has failed. near: what only the log is told."""
    work.row.held = f"{refused.code}: {refused.reason}"
    work.record(EventName.RELEASE_RELEASE_REFUSED, {"rule": refused.code, **({"near": near} if near else {})})
    if work.request.state is S.RELEASING:
        work.move(S.FAILED, refused.reason, {"rule": refused.code})


def _forbid_hashes(work: Work, reason: str, incident: str) -> None:
    for digest in {one for file in work.request.files for one in file.hashes}:
        if work.change.session.get(RecalledRow, digest) is None:
            row = RecalledRow(sha256=digest, request=work.row.id, incident=incident, reason=reason, at=work.change.at)
            work.change.session.add(row)


def _file_entry(request: ReleaseRequest, file: ReleaseFile) -> dict[str, Json]:
    approvers = _texts(bare(by) for by in policies.approvers(request, file.id))
    return {"name": file.name, "sha256": file.sha256, "bytes": file.size, "approvers": approvers}


def _audit_entry(work: Work, request: ReleaseRequest) -> dict[str, Json]:
    """Where in the log the approval stands."""
    approved = next(move for move in reversed(request.moves) if move.after is S.APPROVED)
    return {"event": approved.event, "index": store.log_index_of(work.change.session, approved.event)}


def _register_entry(row: ReleaseRow, request: ReleaseRequest, incident: str | None) -> dict[str, Json]:
    context = context_of(request.files[0])
    return {
        "request": request.id,
        "project": request.project,
        "title": row.title,
        "purpose": context.purpose,
        "gate": request.gate.value,
        "recipient": request.recipient,
        "profiles": _texts(request.profile.split("+")),
        "scope_version": request.scope_version,
        "files": [{"name": file.name, "sha256": file.sha256} for file in request.files],
        "manifest_sha256": row.sha256,
        "released_at": store.aware(row.at).isoformat(),
        "state": request.state.value,
        "incident": incident,
    }


def _texts(names: Iterable[str]) -> list[Json]:
    return [*sorted(names)]
