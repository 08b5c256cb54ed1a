"""In which state is a request for a package, whose turn is it, and where may it go? The table, and nothing else."""

from __future__ import annotations

from enum import StrEnum

from audit.events import EventName


class PackageState(StrEnum):
    """The five states."""

    REQUESTED = "requested"
    APPROVED = "approved"
    MIRRORED = "mirrored"
    REFUSED = "refused"
    REMOVED = "removed"


S = PackageState

TRANSITIONS: dict[PackageState, frozenset[PackageState]] = {
    S.REQUESTED: frozenset({S.APPROVED, S.REFUSED}),
    S.APPROVED: frozenset({S.MIRRORED, S.REFUSED}),
    S.MIRRORED: frozenset({S.REMOVED}),
    S.REFUSED: frozenset(),
    S.REMOVED: frozenset(),
}

OWNER: dict[PackageState, str] = {
    S.REQUESTED: "a checker outside the project",
    S.APPROVED: "a data engineer, who fetches and mirrors it",
    S.MIRRORED: "nobody",
    S.REFUSED: "nobody",
    S.REMOVED: "nobody",
}

ARRIVAL: dict[PackageState, EventName] = {
    S.REQUESTED: EventName.PACKAGE_REQUESTED,
    S.APPROVED: EventName.PACKAGE_APPROVED,
    S.MIRRORED: EventName.PACKAGE_MIRRORED,
    S.REFUSED: EventName.PACKAGE_REFUSED,
    S.REMOVED: EventName.PACKAGE_REMOVED,
}
"""The audit event of each arrival."""


def may_move(before: PackageState, after: PackageState) -> bool:
    """Does the table let a request go from one state to the other?"""
    return after in TRANSITIONS[before]
