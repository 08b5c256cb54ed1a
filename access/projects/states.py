"""In which state is a project? Asked of its parts each time, never stored: a flag could outlive its reason.

The table says what may follow what; a test tries every pair. docs/project-states.md is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from access.projects.model import Outcome, ProjectVersion
from audit.events import EventName


class ProjectState(StrEnum):
    """The states of a project version."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    WITH_GUARDIAN = "with_guardian"
    AWAITING_SUPPORT = "awaiting_support"
    LIVE = "live"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CLOSED = "closed"


S = ProjectState

WAITS_FOR: Mapping[ProjectState, str] = {
    S.DRAFT: "the applicant",
    S.SUBMITTED: "each controller, for its own datasets",
    S.WITH_GUARDIAN: "the Caldicott Guardian",
    S.AWAITING_SUPPORT: "what the law asks for: agreements, the Confidentiality Advisory Group's support",
    S.LIVE: "nobody",
    S.SUSPENDED: "whoever can put the part that lapsed in force again",
    S.REFUSED: "nobody; the applicant may submit a changed version",
    S.WITHDRAWN: "nobody; the applicant may submit a new version",
    S.EXPIRED: "nobody; the applicant may submit a new version",
    S.CLOSED: "nobody; final",
}

MAY_BECOME: Mapping[ProjectState, frozenset[ProjectState]] = {
    S.DRAFT: frozenset({S.SUBMITTED, S.CLOSED}),
    S.SUBMITTED: frozenset({S.WITH_GUARDIAN, S.REFUSED, S.WITHDRAWN, S.EXPIRED, S.CLOSED}),
    S.WITH_GUARDIAN: frozenset({S.AWAITING_SUPPORT, S.LIVE, S.SUSPENDED, S.REFUSED, S.WITHDRAWN, S.EXPIRED, S.CLOSED}),
    S.AWAITING_SUPPORT: frozenset({S.LIVE, S.SUSPENDED, S.WITHDRAWN, S.EXPIRED, S.CLOSED}),
    S.LIVE: frozenset({S.SUSPENDED, S.WITHDRAWN, S.EXPIRED, S.CLOSED}),
    S.SUSPENDED: frozenset({S.LIVE, S.AWAITING_SUPPORT, S.WITHDRAWN, S.EXPIRED, S.CLOSED}),
    S.REFUSED: frozenset({S.WITHDRAWN, S.EXPIRED, S.CLOSED}),
    S.WITHDRAWN: frozenset({S.EXPIRED, S.CLOSED}),
    S.EXPIRED: frozenset({S.CLOSED}),
    S.CLOSED: frozenset(),
}
"""A decision is not taken twice on one version: what was refused or withdrawn is applied for anew."""

ARRIVAL: Mapping[ProjectState, EventName] = {
    S.DRAFT: EventName.PROJECT_DRAFTED,
    S.SUBMITTED: EventName.PROJECT_APPLIED,
    S.WITH_GUARDIAN: EventName.PROJECT_APPROVED,
    S.AWAITING_SUPPORT: EventName.PROJECT_ENDORSED,
    S.LIVE: EventName.PROJECT_WENT_LIVE,
    S.SUSPENDED: EventName.PROJECT_SUSPENDED,
    S.REFUSED: EventName.PROJECT_REFUSED,
    S.WITHDRAWN: EventName.PROJECT_WITHDRAWN,
    S.EXPIRED: EventName.PROJECT_EXPIRED,
    S.CLOSED: EventName.PROJECT_CLOSED,
}
"""The event that tells of the arrival. What time alone brings about is written by the daily housekeeping."""

RULE: Mapping[ProjectState, str] = {
    S.DRAFT: "it has not been submitted",
    S.SUBMITTED: "a controller concerned has not decided",
    S.WITH_GUARDIAN: "every controller has approved, the Guardian has not decided",
    S.AWAITING_SUPPORT: "everybody has approved; it has never been live, and a part outside it is not in force",
    S.LIVE: "everybody has approved, and every part is in force",
    S.SUSPENDED: "somebody suspended it, or it has been live and a part outside it is not in force",
    S.REFUSED: "a controller or the Guardian refused",
    S.WITHDRAWN: "a controller or the Guardian took an approval back",
    S.EXPIRED: "the earliest end is past",
    S.CLOSED: "somebody closed it",
}


ENDED = frozenset({S.DRAFT, S.REFUSED, S.WITHDRAWN, S.EXPIRED, S.CLOSED})
"""From these nobody's decision makes this version live: it has ended, or was never submitted."""


def state_of(project: ProjectVersion, today: date) -> ProjectState:
    """The state that the parts give on this day; the strongest reason against comes first."""
    if project.closed:
        return S.CLOSED
    if project.submitted_at is None:
        return S.DRAFT
    if today > project.last_day:
        return S.EXPIRED
    return _decided(project) or _in_force(project)


def is_decided(project: ProjectVersion) -> bool:
    """Has everybody approved this version at some time? Then it takes the place of every version before it."""
    approved = {name for name, one in project.approvals.items() if one.outcome is Outcome.APPROVED}
    endorsed = project.endorsement is not None and project.endorsement.outcome is Outcome.APPROVED
    return project.submitted_at is not None and endorsed and bool(approved) and project.controllers <= approved


def _decided(project: ProjectVersion) -> ProjectState | None:
    """The state that the decisions give; None when everybody has approved."""
    endorsement = project.endorsement
    if any(one.withdrawn for one in project.approvals.values()) or (endorsement and endorsement.withdrawn):
        return S.WITHDRAWN
    if any(not one.in_force for one in project.approvals.values()):
        return S.REFUSED
    if endorsement and endorsement.outcome is Outcome.REFUSED:
        return S.REFUSED
    if not project.controllers or project.controllers - set(project.approvals):
        return S.SUBMITTED
    return S.WITH_GUARDIAN if endorsement is None else None


def _in_force(project: ProjectVersion) -> ProjectState:
    """The state of a version that everybody approved."""
    if project.suspension is not None:
        return S.SUSPENDED
    if project.lapsed:
        return S.AWAITING_SUPPORT if project.went_live_at is None else S.SUSPENDED
    return S.LIVE


def diagram() -> str:
    """The page docs/project-states.md: the table and its drawing, generated from this file."""
    rows = [
        f"| {state} | {RULE[state]} | {WAITS_FOR[state]} | {', '.join(sorted(MAY_BECOME[state])) or '-'}"
        f" | `{ARRIVAL[state]}` |"
        for state in S
    ]
    edges = [f"    {state} --> {onward}" for state in S for onward in sorted(MAY_BECOME[state])]
    finals = [f"    {state} --> [*]" for state in S if not MAY_BECOME[state]]
    return "\n".join(
        [
            "# The states of a project",
            "",
            "Generated from `access/projects/states.py`; a test compares them. The state is never stored: it is worked",
            "out from its parts each time somebody asks. Closed, draft and expired are asked first, then decisions.",
            "",
            "| state | when | waits for | may become | audit event |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {S.DRAFT}",
            *edges,
            *finals,
            "```",
            "",
        ]
    )
