"""In which state is a project? Asked of its parts each time, never stored: a flag could outlive its reason."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from access.model import ProjectVersion


class ProjectState(StrEnum):
    """The states of a project version."""

    SUBMITTED = "submitted"  # at least one controller has not decided
    LIVE = "live"  # every controller's approval is in force, and the end date is ahead
    WITHDRAWN = "withdrawn"  # a controller took its approval back
    EXPIRED = "expired"  # the end date is past
    CLOSED = "closed"  # final


MAY_BECOME: dict[ProjectState, frozenset[ProjectState]] = {
    ProjectState.SUBMITTED: frozenset(
        {ProjectState.LIVE, ProjectState.WITHDRAWN, ProjectState.EXPIRED, ProjectState.CLOSED}
    ),
    ProjectState.LIVE: frozenset({ProjectState.WITHDRAWN, ProjectState.EXPIRED, ProjectState.CLOSED}),
    ProjectState.WITHDRAWN: frozenset({ProjectState.EXPIRED, ProjectState.CLOSED}),
    ProjectState.EXPIRED: frozenset({ProjectState.CLOSED}),
    ProjectState.CLOSED: frozenset(),
}
"""A withdrawn approval is not given again: the project applies anew, as a new version that everybody decides on."""


def state_of(project: ProjectVersion, today: date) -> ProjectState:
    """The state that the parts give on this day; the strongest reason against comes first."""
    if project.closed:
        return ProjectState.CLOSED
    if today > project.ends:
        return ProjectState.EXPIRED
    if any(approval.withdrawn for approval in project.approvals.values()):
        return ProjectState.WITHDRAWN
    if not project.controllers or project.controllers - set(project.approvals):
        return ProjectState.SUBMITTED
    return ProjectState.LIVE
