"""How do people judge a request? Two at least, blind to each other first, then together; then who kept a veto."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from access.decisions import Decision
from audit.events import EventName
from audit.model import Actor, Json
from environments.airlock import policies
from environments.airlock.context import context_of
from environments.airlock.model import ReleaseFile, ReleaseRequest
from environments.airlock.policies import bare
from environments.airlock.states import ReleaseState
from environments.airlock.store import VerdictRow
from environments.airlock.verbs.checking import FileCheck
from environments.airlock.verbs.desk import Desk, Work, refuse
from environments.disclosure.ledger.model import LedgerDifference
from environments.disclosure.profile import criteria
from environments.disclosure.sealed.model import EvidenceComparison

S = ReleaseState
WRITTEN_ANEW = (".png", ".jpg", ".jpeg")
REFUSAL = EventName.RELEASE_DECIDE_REFUSED


@dataclass(frozen=True)
class Review:
    """The checkers' turn, and the controllers'."""

    desk: Desk

    def decide(self, request_id: str, approve: bool, comment: str, file: str | None, by: Actor) -> None:
        """One checker's verdict, on one file or on all. Raises RefusedError."""
        with self.desk.verb(request_id, by, REFUSAL) as work:
            files = [one for one in work.request.files if file in (None, one.name)]
            self.desk.may_check(work.request, by).require()
            policies.may_decide(work.request, by, [one.id for one in files]).require()
            policies.has_comment(comment, approve).require()
            if not files:
                raise refuse("release.no_such_file", "The request has no such file.", "Name one of its files.")
            _add_verdicts(work, files, approve, comment)
            _move_on(work)

    def consolidate(self, request_id: str, outcome: ReleaseState, comment: str, by: Actor) -> None:
        """What the checkers agreed after they differed. Raises RefusedError."""
        with self.desk.verb(request_id, by, REFUSAL) as work:
            self.desk.may_check(work.request, by).require()
            policies.may_go(work.request, outcome).require()
            policies.may_consolidate(work.request, by, outcome).require()
            policies.has_comment(comment, outcome is S.APPROVED).require()
            _settle(work, outcome, comment)

    def send_back(self, request_id: str, comment: str, by: Actor) -> None:
        """A checker returns a request that cannot be judged as it is. Raises RefusedError."""
        with self.desk.verb(request_id, by, REFUSAL) as work:
            self.desk.may_check(work.request, by).require()
            policies.may_send_back(work.request).require()
            policies.has_comment(comment, False).require()
            work.move(S.RETURNED, comment)

    def decide_as_controller(self, request_id: str, controller: str, approve: bool, comment: str, by: Actor) -> None:
        """The decision of a controller that kept a veto, by its delegate (rule 3). Raises RefusedError."""
        with self.desk.verb(request_id, by, REFUSAL) as work:
            request = work.request
            self.desk.approvals.may_decide_for(by, controller, request.project).require()
            policies.outside(request, bare(by), *self.desk.inside(request)).require()
            policies.may_decide_as_controller(request, controller, by).require()
            policies.has_comment(comment, approve).require()
            _add_verdicts(work, request.files, approve, comment, controller)
            if not approve:
                work.move(S.REJECTED, comment)
            elif policies.controllers_agree(work.reload()):
                work.move(S.APPROVED)

    def read(self, request_id: str, name: str, by: Actor) -> tuple[bytes, FileCheck]:
        """A sealed file and its check, for a checker of the request or who may submit for it. Raises RefusedError."""
        request = self.desk.whole(request_id)
        with self.desk.refusals(REFUSAL, request.project, by, request_id):
            self._may_read(request, by).require()
            file = _named(request, name)
        done = self.desk.checked(request, file, criteria(request.profile))
        if not self.desk.may_check(request, by):  # how cells stand to the evidence is for checkers alone
            done = replace(done, comparison=None)
        return self.desk.container.read(request_id, file), done

    def take(self, request_id: str, name: str, by: Actor) -> bytes:
        """A sealed file for a checker of the request to open, which is recorded. Raises RefusedError, SealBroken.

        Not a picture that was refused: it was not written anew, and a decoder may be what it is made for.
        """
        request = self.desk.whole(request_id)
        with self.desk.refusals(REFUSAL, request.project, by, request_id):
            self.desk.may_check(request, by).require()
            file = _named(request, name)
            if name.lower().endswith(WRITTEN_ANEW) and not (file.inspection and not file.inspection.findings):
                raise refuse("release.picture_refused", "The picture was refused, and is as its author sent it.",
                             "Its author submits it again, mended.")  # fmt: skip
        content = self.desk.container.read(request_id, file)
        self.desk.records.note(
            EventName.RELEASE_FILE_TAKEN, by=by, project=request.project, request=request_id, sha256=file.sha256
        )
        return content

    def comparisons(self, request_id: str, by: Actor) -> dict[str, EvidenceComparison]:
        """How each file stands to the evidence of its queries, by name: for a checker of the request; else nothing.

        Raises SealBroken, EvidenceBroken.
        """
        request = self.desk.whole(request_id)
        named = [file for file in request.files if context_of(file).queries]
        if not named or not self.desk.may_check(request, by):
            return {}
        rules = criteria(request.profile)
        found = {file.name: self.desk.checked(request, file, rules).comparison for file in named}
        return {name: one for name, one in found.items() if one is not None}

    def near(self, request_id: str, by: Actor) -> tuple[LedgerDifference, ...]:
        """Which earlier cells its tables differ from by too few people: for a checker of the request; else nothing.

        Raises EvidenceBroken.
        """
        request = self.desk.whole(request_id)
        return self.desk.ledger.differences(request) if self.desk.may_check(request, by) else ()

    def require_look(self, project: str, by: Actor) -> None:
        """Of a project's requests: who may submit for it, or check it. Raises RefusedError, which is recorded."""
        with self.desk.refusals(EventName.RELEASE_LOOK_REFUSED, project, by, None):
            approvals, name = self.desk.approvals, bare(by)
            may = approvals.may_submit if name in approvals.members(project) else approvals.may_check_output
            (policies.is_person(by) and may(name, project)).require()

    def _may_read(self, request: ReleaseRequest, by: Actor) -> Decision:
        """A person, now: of the author's side who may submit, of everybody else who may check."""
        if policies.is_person(by) and bare(by) in self.desk.approvals.members(request.project):
            return self.desk.approvals.may_submit(bare(by), request.project)
        return self.desk.may_check(request, by)


def _named(request: ReleaseRequest, name: str) -> ReleaseFile:
    file = next((one for one in request.files if one.name == name), None)
    if file is None:
        raise refuse("release.no_such_file", "The request has no such file.", "Name one of its files.")
    return file


def _add_verdicts(
    work: Work, files: Sequence[ReleaseFile], approve: bool, comment: str, controller: str | None = None
) -> None:
    """Rows are added, none is changed. While the checkers are blind the log does not tell the verdict either."""
    for number, file in enumerate(files, start=len(work.request.every_verdict)):
        work.change.session.add(
            VerdictRow(
                id=str(uuid.uuid4()),
                request=work.row.id,
                round=work.row.round,
                file=file.id,
                sha256=file.sha256,
                by=work.change.by,
                controller=controller,
                approve=approve,
                comment=comment,
                number=number,
                at=work.change.at,
            )
        )
    details: dict[str, Json] = {"sha256": [file.sha256 for file in files]}
    if work.request.state is not S.CHECKING:
        details["approve"] = approve
    work.record(EventName.RELEASE_DECIDED, details)


def _move_on(work: Work) -> None:
    """After a verdict: when all are in, the checkers consolidate; when they agree, the request moves on."""
    request = work.reload()
    if not policies.all_verdicts_in(request):
        return
    if request.state is S.CHECKING:
        verdicts = policies.standing_verdicts(request)
        told: list[Json] = [{"by": one.by, "sha256": one.sha256, "approve": one.approve} for one in verdicts]
        work.move(S.CONSOLIDATING, details={"verdicts": told})
    agreed = policies.agreed_state(work.reload())
    if agreed is not None:
        _settle(work, agreed, "The checkers agreed.")


def _settle(work: Work, outcome: ReleaseState, comment: str) -> None:
    """Approval goes by way of the controllers that kept a veto."""
    if outcome is S.APPROVED and work.row.vetoes:
        work.move(S.CONTROLLER_HOLD, comment, {"controllers": list(work.row.vetoes)})
    else:
        work.move(outcome, comment)
