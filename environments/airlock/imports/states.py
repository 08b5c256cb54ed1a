"""In which state is an import, whose turn is it, and where may it go? The table, and nothing else.

Rule: rules/airlock.md, 12 (what goes in passes the airlock too, with its own checks). One mover (service) follows
TRANSITIONS; each arrival has its audit event.
"""

from __future__ import annotations

from enum import StrEnum

from audit.events import EventName


class ImportState(StrEnum):
    """The six states."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DELIVERED = "delivered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    RECALLED = "recalled"


S = ImportState

TRANSITIONS: dict[ImportState, frozenset[ImportState]] = {
    S.REQUESTED: frozenset({S.APPROVED, S.REFUSED, S.WITHDRAWN}),
    S.APPROVED: frozenset({S.DELIVERED, S.WITHDRAWN}),
    S.DELIVERED: frozenset({S.RECALLED}),
    S.REFUSED: frozenset(),
    S.WITHDRAWN: frozenset(),
    S.RECALLED: frozenset(),
}

OWNER: dict[ImportState, str] = {
    S.REQUESTED: "a checker outside the project",
    S.APPROVED: "a checker, who has it delivered",
    S.DELIVERED: "nobody",
    S.REFUSED: "nobody",
    S.WITHDRAWN: "nobody",
    S.RECALLED: "nobody",
}

ARRIVAL: dict[ImportState, EventName] = {
    S.REQUESTED: EventName.IMPORT_REQUESTED,
    S.APPROVED: EventName.IMPORT_APPROVED,
    S.DELIVERED: EventName.IMPORT_DELIVERED,
    S.REFUSED: EventName.IMPORT_REFUSED,
    S.WITHDRAWN: EventName.IMPORT_WITHDRAWN,
    S.RECALLED: EventName.IMPORT_RECALLED,
}
"""The audit event of each arrival."""


def may_move(before: ImportState, after: ImportState) -> bool:
    """Does the table let an import go from one state to the other?"""
    return after in TRANSITIONS[before]
