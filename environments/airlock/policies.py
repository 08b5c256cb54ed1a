"""May this happen to this request now? Pure questions; each applicable rule of rules/airlock.md has its refusal here.

Who a person is comes in as a decision of access; what is asked here is about this request, its states and its verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from access.decisions import Allowed, Decision, Refused
from environments.airlock.model import ReleaseRequest, Verdict
from environments.airlock.states import OWNER, ReleaseState, may_move

CHECKERS_NEEDED = 2  # rule 1: N of M, N >= 2; software never counts as one of them
REVIEW = frozenset({ReleaseState.CHECKING, ReleaseState.CONSOLIDATING})
RELEASABLE = frozenset({ReleaseState.APPROVED, ReleaseState.RELEASING, ReleaseState.RELEASED})


class Reviewed(Protocol):
    """What is asked about a request when somebody wants to judge it, whichever way its files go."""

    @property
    def makers(self) -> frozenset[str]: ...
    @property
    def members(self) -> frozenset[str]: ...
    @property
    def checkers(self) -> frozenset[str]: ...


def bare(actor: str) -> str:
    """`person:asha` -> `asha`."""
    return actor.partition(":")[2]


def is_person(actor: str) -> Decision:
    """Submitting and deciding is for people."""
    if actor.startswith("person:") and bare(actor):
        return Allowed()
    return Refused(
        "release.not_a_person", "Only a person submits and decides; software is no reviewer.", "A person does it."
    )


def may_go(request: ReleaseRequest, after: ReleaseState) -> Decision:
    """Does the table of states let the request go there?"""
    if may_move(request.state, after):
        return Allowed()
    return Refused(
        "release.not_its_turn",
        f"The request is {request.state}: it cannot become {after}.",
        f"Next to act: {OWNER[request.state]}.",
    )


def outside(request: Reviewed, name: str, members_now: frozenset[str], makers: frozenset[str]) -> Decision:
    """Rule 2: a checker is never the author, an uploader, a member, or the maker of an earlier version."""
    if name in {bare(maker) for maker in request.makers | makers}:
        return Refused(
            "release.own_output", "Nobody checks what they made, in this version or an earlier one.", "Another does."
        )
    if name in request.members | members_now:
        return Refused("release.own_project", "Nobody checks an output of their own project.", "Another checker does.")
    return Allowed()


def held_role_then(request: Reviewed, name: str) -> Decision:
    """Rule 9: a role given while a request is under review does not apply to that request."""
    if name in request.checkers:
        return Allowed()
    return Refused(
        "release.role_after_submission",
        "This person was no output checker when the request was submitted.",
        "Somebody who was one decides; or the request is returned and submitted again.",
    )


def may_decide(request: ReleaseRequest, by: str, files: Iterable[str]) -> Decision:
    """May a verdict be given now? Once while the checkers are blind; again when they consolidate (rule 4)."""
    if request.state not in REVIEW:
        return Refused(
            "release.not_in_review", f"The request is {request.state}: no verdict is asked for.", _next(request)
        )
    given = {verdict.file for verdict in request.verdicts if verdict.by == by and verdict.controller is None}
    if request.state is ReleaseState.CHECKING and given & set(files):
        return Refused(
            "release.already_decided",
            "A verdict is given once before the others are seen.",
            "It can be revised when every verdict is in.",
        )
    return Allowed()


def may_consolidate(request: ReleaseRequest, by: str, after: ReleaseState) -> Decision:
    """May one of the checkers state what they agreed? Approval needs its N approvals; anything else an objection."""
    if request.state is not ReleaseState.CONSOLIDATING:
        return Refused("release.not_consolidating", f"The request is {request.state}.", _next(request))
    if by not in {verdict.by for verdict in request.verdicts}:
        return Refused("release.took_no_part", "Only a checker who gave a verdict closes the review.", "They do.")
    if after is ReleaseState.APPROVED:
        return is_approved(request, frozenset())
    if not any(not verdict.approve for verdict in standing_verdicts(request)):
        return Refused("release.no_objection", "Every verdict approves: there is nothing to object to.", None)
    return Allowed()


def standing_verdicts(request: ReleaseRequest) -> list[Verdict]:
    """The latest verdict of each checker on each file of the current round."""
    latest = {(v.file, v.by): v for v in request.verdicts if v.controller is None}
    return list(latest.values())


def all_verdicts_in(request: ReleaseRequest) -> bool:
    """Have N different people given a verdict on every file?"""
    verdicts = standing_verdicts(request)
    people = [{v.by for v in verdicts if v.file == file.id} for file in request.files]
    return bool(people) and all(len(names) >= CHECKERS_NEEDED for names in people)


def agreed_state(request: ReleaseRequest) -> ReleaseState | None:
    """Where unanimous checkers send the request; None while they differ."""
    verdicts = standing_verdicts(request)
    if not all_verdicts_in(request):
        return None
    if all(verdict.approve for verdict in verdicts):
        return ReleaseState.APPROVED
    if not any(verdict.approve for verdict in verdicts):
        return ReleaseState.RETURNED
    return None


def approvers(request: ReleaseRequest, file: str) -> frozenset[str]:
    """Who approves this file, for the bytes it has."""
    return frozenset(v.by for v in standing_verdicts(request) if v.file == file and v.approve)


def is_approved(request: ReleaseRequest, uncounted: frozenset[str]) -> Decision:
    """Rules 1, 2 and 5: every file has N approvals for its hash; uncounted: who may not check the project now."""
    for file in request.files:
        counted = {by for by in approvers(request, file.id) if bare(by) not in uncounted}
        if len(counted) < CHECKERS_NEEDED:
            return Refused(
                "release.too_few_approvals",
                f"Each file needs {CHECKERS_NEEDED} approvals by different checkers outside the project, who may act.",
                "Another checker decides.",
            )
    if not request.files:
        return Refused("release.no_files", "The request holds no file.", "Submit one.")
    return Allowed()


def controllers_agree(request: ReleaseRequest) -> Decision:
    """Rule 3: each controller that kept a veto has approved, by its delegate, these bytes."""
    waiting = sorted(
        controller
        for controller in request.vetoes
        for file in request.files
        if not any(v.controller == controller and v.file == file.id and v.approve for v in request.verdicts)
    )
    if waiting:
        return Refused(
            "release.controller_undecided",
            f"Still to decide: {', '.join(dict.fromkeys(waiting))}.",
            "Each controller that kept a veto decides through its delegate.",
        )
    return Allowed()


def may_decide_as_controller(request: ReleaseRequest, controller: str, by: str) -> Decision:
    """May this controller's decision be taken now? It is one more approver, never one of the checkers again."""
    if request.state is not ReleaseState.CONTROLLER_HOLD:
        return Refused("release.not_held", f"The request is {request.state}: no controller is asked.", _next(request))
    if controller not in request.vetoes:
        return Refused("release.no_veto", f"{controller} kept no veto over this project.", None)
    if by in {verdict.by for verdict in request.verdicts if verdict.controller is None}:
        return Refused("release.checked_already", "A checker of this request is not its delegate too.", "Another is.")
    return Allowed()


def may_carry_out(request: ReleaseRequest, by: str, is_checker: Decision) -> Decision:
    """Who carries a release out: the haven itself, or an output checker; never its author."""
    if request.state not in RELEASABLE:
        return Refused("release.not_approved", f"The request is {request.state}, not approved.", _next(request))
    if by.startswith("service:"):
        return Allowed()
    return is_checker


def may_recall(request: ReleaseRequest, reason: str, incident: str, by: str, is_checker: Decision) -> Decision:
    """Rule 8: a recall has a reason and an incident's number."""
    if not (decision := may_go(request, ReleaseState.RECALLED)):
        return decision
    if not reason.strip() or not incident.strip():
        return Refused(
            "release.recall_unfounded", "A recall names its reason and its incident number.", "Give both of them."
        )
    return Allowed() if by.startswith("service:") else is_checker


def may_withdraw(request: ReleaseRequest, by: str) -> Decision:
    """Its author takes a request back, while it is the author's turn or after a failure."""
    if by != request.author:
        return Refused("release.not_yours", "Only its author withdraws a request.", "The author does it.")
    return may_go(request, ReleaseState.WITHDRAWN)


def may_resubmit(request: ReleaseRequest, project: str, gate: str, recipient: str | None) -> Decision:
    """A returned request goes on in the same project and to the same gate (rule 11)."""
    if request.project != project:
        return Refused("release.other_project", "The request belongs to another project.", "Begin a new request.")
    if request.gate != gate or request.recipient != recipient:
        return Refused("release.other_gate", "Another gate or recipient is another request.", "Begin a new request.")
    if request.state is ReleaseState.FAILED:
        return Refused("release.not_its_turn", "The request failed: an operator puts it through again.", None)
    return may_go(request, ReleaseState.SUBMITTED)


def may_retry(request: ReleaseRequest, by: str, is_checker: Decision) -> Decision:
    """An operator puts a failed request through again."""
    if request.state is not ReleaseState.FAILED:
        return Refused("release.not_failed", f"The request is {request.state}: nothing failed.", _next(request))
    return Allowed() if by.startswith("service:") else is_checker


def may_send_back(request: ReleaseRequest) -> Decision:
    """May a checker return the request as it is? While checkers have their turn."""
    if request.state in REVIEW:
        return Allowed()
    return Refused("release.not_in_review", f"The request is {request.state}.", _next(request))


def still_fits(has_problems: bool, rules: str) -> Decision:
    """Rule 6: the owners' rules of today are met by what was approved under yesterday's."""
    if has_problems:
        return Refused(
            "release.rules_changed",
            f"The files no longer pass the owners' rules ({rules}), or their inspectors find something.",
            "Begin a new request with files that do.",
        )
    return Allowed()


def same_scope(request: ReleaseRequest, version_now: int | None) -> Decision:
    """Rule 6: the agreements in force are those under which the data were taken."""
    if version_now == request.scope_version:
        return Allowed()
    return Refused(
        "release.scope_changed",
        f"The table was made under version {request.scope_version} of the approval, which is no longer in force.",
        "Make it again under the version in force, and begin a new request.",
    )


def never_recalled(was_recalled: bool) -> Decision:
    """Rule 8: what was recalled can never leave again."""
    if was_recalled:
        return Refused(
            "release.recalled_before",
            "A file with this content was recalled and can never be released again.",
            "Mend what it was recalled for; the output checkers know the incident.",
        )
    return Allowed()


def may_name_query(query: str, asked_under: int | None, version_now: int | None) -> Decision:
    """An author names queries of the project that have evidence, asked under the version in force.

    asked_under: the version under which it was asked; None: the project has no such query with evidence.
    """
    if asked_under is None:
        return Refused(
            "release.unknown_query",
            f"This project has no query with evidence of the number {query}.",
            "Name the aggregate queries that the table was made from (docs/reference/evidence.md), or leave it out.",
        )
    if asked_under != version_now:
        return Refused(
            "release.query_of_other_version",
            f"The query {query} was asked under version {asked_under} of the approval, which is not in force.",
            "Ask it again, and make the table from that.",
        )
    return Allowed()


def has_comment(comment: str, approve: bool) -> Decision:
    """An objection says what to mend."""
    if approve or comment.strip():
        return Allowed()
    return Refused("release.comment_missing", "A refusal says what must be mended.", "Give a comment.")


def _next(request: ReleaseRequest) -> str:
    return f"Next to act: {OWNER[request.state]}."
