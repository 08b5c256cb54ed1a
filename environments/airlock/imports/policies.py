"""May this happen to this import now? Pure questions; who a person is comes in as a decision of access.

Who may judge is asked as for a release (airlock/policies.py: outside, held_role_then): rules/airlock.md, 2 and 9.
"""

from __future__ import annotations

from collections.abc import Sequence

from access.decisions import Allowed, Decision, Refused
from environments.airlock.imports.model import ImportRequest
from environments.airlock.imports.states import OWNER, ImportState, may_move

SHORTEST_PURPOSE = 20
MOST_FILES = 20


def may_go(request: ImportRequest, after: ImportState) -> Decision:
    """Does the table of states let the import go there?"""
    if may_move(request.state, after):
        return Allowed()
    return Refused(
        "import.not_its_turn",
        f"The import is {request.state}: it cannot become {after}.",
        f"Next to act: {OWNER[request.state]}.",
    )


def is_founded(why: str, names: Sequence[str]) -> Decision:
    """Is it said what the files are for, and are they a set that one person can look through?"""
    if len(why.strip()) < SHORTEST_PURPOSE:
        return Refused(
            "import.purpose_missing",
            "A request says what the files are, where they come from, and what they are for.",
            f"Say it with --why, in {SHORTEST_PURPOSE} characters at least.",
        )
    if not 0 < len(names) <= MOST_FILES:
        return Refused("import.files", f"A request holds 1 to {MOST_FILES} files.", "Make several requests of it.")
    if len({name.lower() for name in names}) < len(names):
        return Refused("import.same_name", "Two of the files have the same name.", "Give each its own name.")
    return Allowed()


def says_why(why: str) -> Decision:
    """A decision has its reason."""
    if why.strip():
        return Allowed()
    return Refused("import.reason_missing", "A decision on an import says why.", "Say it with --why.")


def is_bound(request: ImportRequest) -> Decision:
    """Rule 5: what was approved are the hashes of the files as they were sealed."""
    if request.files and all(file.approved == file.sha256 for file in request.files):
        return Allowed()
    return Refused(
        "import.not_bound",
        "The hashes that were approved are not those of the files.",
        "Keep the records as they are and tell the output checkers: this is an incident.",
    )


def never_recalled(was_recalled: bool) -> Decision:
    """Rule 8: what was recalled does not come in again."""
    if was_recalled:
        return Refused(
            "import.recalled_before",
            "A file with this content was recalled and is not brought in again.",
            "Mend what it was recalled for; the output checkers know the incident.",
        )
    return Allowed()


def may_deliver(request: ImportRequest, by: str, is_checker: Decision) -> Decision:
    """Who has an approved import put in place: the haven itself, or a checker; never its author."""
    if request.state not in (ImportState.APPROVED, ImportState.DELIVERED):
        return may_go(request, ImportState.DELIVERED)
    return Allowed() if by.startswith("service:") else is_checker


def may_withdraw(request: ImportRequest, by: str) -> Decision:
    """Its author takes an import back before it is delivered."""
    if by != request.author:
        return Refused("import.not_yours", "Only its author withdraws an import.", "The author does it.")
    return may_go(request, ImportState.WITHDRAWN)


def may_recall(request: ImportRequest, reason: str, incident: str, is_checker: Decision) -> Decision:
    """Rule 8: a recall has a reason and an incident's number."""
    if not (decision := may_go(request, ImportState.RECALLED)):
        return decision
    if not reason.strip() or not incident.strip():
        return Refused("import.recall_unfounded", "A recall names its reason and its incident number.", "Give both.")
    return is_checker
