"""In which state is a request, whose turn is it, and where may it go? The table of rules/airlock.md, and nothing else.

One mover (service) follows TRANSITIONS; each arrival has its audit event; the diagram is generated from here.
"""

from __future__ import annotations

from enum import StrEnum

from audit.events import EventName


class ReleaseState(StrEnum):
    """The fourteen states."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHECKING = "checking"
    CONSOLIDATING = "consolidating"
    RETURNED = "returned"
    CONTROLLER_HOLD = "controller_hold"
    APPROVED = "approved"
    RELEASING = "releasing"
    RELEASED = "released"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    RECALLED = "recalled"
    FAILED = "failed"


class Owner(StrEnum):
    """Whose turn it is."""

    AUTHOR = "author"
    SYSTEM = "system"
    CHECKERS_BLIND = "output checkers, blind to each other"
    CHECKERS_TOGETHER = "output checkers together"
    DELEGATES = "the delegate of each controller that kept a veto"
    NOBODY = "nobody"
    OPERATOR = "operator"


S = ReleaseState

TRANSITIONS: dict[ReleaseState, frozenset[ReleaseState]] = {
    S.DRAFT: frozenset({S.SUBMITTED, S.WITHDRAWN, S.LAPSED}),
    S.SUBMITTED: frozenset({S.CHECKING, S.RETURNED, S.FAILED}),
    S.CHECKING: frozenset({S.CONSOLIDATING, S.RETURNED}),
    S.CONSOLIDATING: frozenset({S.APPROVED, S.CONTROLLER_HOLD, S.RETURNED, S.REJECTED}),
    S.CONTROLLER_HOLD: frozenset({S.APPROVED, S.REJECTED, S.RETURNED}),
    S.RETURNED: frozenset({S.SUBMITTED, S.WITHDRAWN, S.LAPSED}),
    S.APPROVED: frozenset({S.RELEASING, S.LAPSED}),
    S.RELEASING: frozenset({S.RELEASED, S.FAILED}),
    S.RELEASED: frozenset({S.RECALLED}),
    S.REJECTED: frozenset(),
    S.WITHDRAWN: frozenset(),
    S.LAPSED: frozenset(),
    S.RECALLED: frozenset(),
    S.FAILED: frozenset({S.SUBMITTED, S.WITHDRAWN}),
}

OWNER: dict[ReleaseState, Owner] = {
    S.DRAFT: Owner.AUTHOR,
    S.SUBMITTED: Owner.SYSTEM,
    S.CHECKING: Owner.CHECKERS_BLIND,
    S.CONSOLIDATING: Owner.CHECKERS_TOGETHER,
    S.CONTROLLER_HOLD: Owner.DELEGATES,
    S.RETURNED: Owner.AUTHOR,
    S.APPROVED: Owner.SYSTEM,
    S.RELEASING: Owner.SYSTEM,
    S.RELEASED: Owner.NOBODY,
    S.REJECTED: Owner.NOBODY,
    S.WITHDRAWN: Owner.NOBODY,
    S.LAPSED: Owner.NOBODY,
    S.RECALLED: Owner.NOBODY,
    S.FAILED: Owner.OPERATOR,
}

ARRIVAL: dict[ReleaseState, EventName] = {
    S.DRAFT: EventName.RELEASE_DRAFTED,
    S.SUBMITTED: EventName.RELEASE_SUBMITTED,
    S.CHECKING: EventName.RELEASE_CHECKED,
    S.CONSOLIDATING: EventName.RELEASE_REVIEWED,
    S.CONTROLLER_HOLD: EventName.RELEASE_HELD_FOR_CONTROLLER,
    S.RETURNED: EventName.RELEASE_RETURNED,
    S.APPROVED: EventName.RELEASE_APPROVED,
    S.RELEASING: EventName.RELEASE_STARTED,
    S.RELEASED: EventName.RELEASE_RELEASED,
    S.REJECTED: EventName.RELEASE_REJECTED,
    S.WITHDRAWN: EventName.RELEASE_WITHDRAWN,
    S.LAPSED: EventName.RELEASE_LAPSED,
    S.RECALLED: EventName.RELEASE_RECALLED,
    S.FAILED: EventName.RELEASE_FAILED,
}
"""The audit event of each arrival: every transition into a state writes its event, whoever caused it."""

LAPSE_WHEN_IDLE = frozenset(state for state, onward in TRANSITIONS.items() if S.LAPSED in onward)


def may_move(before: ReleaseState, after: ReleaseState) -> bool:
    """Does the table let a request go from one state to the other?"""
    return after in TRANSITIONS[before]


def is_final(state: ReleaseState) -> bool:
    """Is there no way onward?"""
    return not TRANSITIONS[state]


def diagram() -> str:
    """The page docs/airlock-states.md: the table and its drawing, generated from this file."""
    rows = [
        f"| {state} | {OWNER[state]} | {', '.join(sorted(TRANSITIONS[state])) or '-'} | `{ARRIVAL[state]}` |"
        for state in ReleaseState
    ]
    edges = [f"    {state} --> {onward}" for state in ReleaseState for onward in sorted(TRANSITIONS[state])]
    finals = [f"    {state} --> [*]" for state in ReleaseState if is_final(state)]
    return "\n".join(
        [
            "# The states of a request to release",
            "",
            "Generated from `environments/airlock/states.py`; a test compares them.",
            "",
            "| state | whose turn | may go to | audit event on arrival |",
            "|---|---|---|---|",
            *rows,
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {ReleaseState.DRAFT}",
            *edges,
            *finals,
            "```",
            "",
        ]
    )
