"""Who may see whose remarks yet? Checkers are blind to each other until every verdict is in (rules/airlock.md, 4).

Nothing is removed: what a person does not see yet is still in the records, and the auditor sees all of it.
"""

from __future__ import annotations

from dataclasses import replace

from environments.airlock.model import ReleaseRequest
from environments.airlock.states import ReleaseState

BLIND = frozenset({ReleaseState.CHECKING})


def as_seen_by(request: ReleaseRequest, viewer: str | None) -> ReleaseRequest:
    """The request without the verdicts that this viewer (`person:asha`; None: nobody in particular) may not see yet."""
    if request.state not in BLIND:
        return request
    seen = tuple(v for v in request.every_verdict if v.round < request.round or v.by == viewer)
    return replace(request, every_verdict=seen)
