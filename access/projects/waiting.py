"""How long do applicants wait, on whom, and who refused them why? Pure, over the records of the versions.

The duty to share counts as the duty to protect does (Caldicott 7): so that nobody hides behind process, waiting times
and refusals are measured and published. Days are counted from the submission; the own days of a decider begin when it
was its turn: the Guardian's when the last controller decided, going live when the Guardian did.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from access.projects.model import Outcome, ProjectVersion
from access.projects.states import ProjectState, state_of

GUARDIAN = "caldicott-guardian"
GOING_LIVE = "going-live"
UNDECIDED = frozenset({ProjectState.SUBMITTED, ProjectState.WITH_GUARDIAN, ProjectState.AWAITING_SUPPORT})


class WaitEnd(StrEnum):
    """How a wait ended, or that it has not."""

    APPROVED = "approved"
    REFUSED = "refused"
    LIVE = "live"
    OPEN = "open"


@dataclass(frozen=True)
class Wait:
    """How long one version of a project waited for one decider (a controller, the Guardian, or going live).

    days: since the submission; own_days: since it was the decider's turn. Both so far, while the wait is open.
    """

    project: str
    version: int
    decider: str
    submitted_on: date
    days: int
    own_days: int
    end: WaitEnd


@dataclass(frozen=True)
class WaitingTime:
    """All waits of one decider: how many ended, their median and longest in days, and those that are open."""

    decider: str
    decided: int
    median_days: float | None
    median_own_days: float | None
    longest_days: int | None
    open: int
    longest_open_days: int | None


@dataclass(frozen=True)
class Refusal:
    """Who refused which version of a project, when, and why."""

    project: str
    version: int
    by: str
    on: date
    reason: str


def waits_of(versions: Iterable[ProjectVersion], today: date) -> list[Wait]:
    """Every wait of these versions, by project, version and decider; drafts wait for nobody but their applicant."""
    submitted = [one for one in versions if one.submitted_at is not None]
    newest = _newest(submitted)
    found: list[Wait] = []
    for version in submitted:
        still = newest[version.project] == version.version and state_of(version, today) in UNDECIDED
        found += [wait for wait in _waits(version, today) if still or wait.end is not WaitEnd.OPEN]
    return sorted(found, key=lambda wait: (wait.project, wait.version, wait.decider))


def waiting_times(waits: Sequence[Wait]) -> list[WaitingTime]:
    """The same by decider: controllers by name, then the Guardian, then going live."""
    deciders = sorted({one.decider for one in waits}, key=lambda name: (name == GOING_LIVE, name == GUARDIAN, name))
    return [_summed(name, [one for one in waits if one.decider == name]) for name in deciders]


def refusals_of(versions: Iterable[ProjectVersion]) -> list[Refusal]:
    """Every refusal, by a controller or the Guardian, the oldest first."""
    found: list[Refusal] = []
    for one in versions:
        for name, given in one.approvals.items():
            if given.outcome is Outcome.REFUSED:
                found.append(Refusal(one.project, one.version, name, given.at.date(), given.reason or ""))
        decided = one.endorsement
        if decided is not None and decided.outcome is Outcome.REFUSED:
            found.append(Refusal(one.project, one.version, GUARDIAN, decided.at.date(), decided.reason or ""))
    return sorted(found, key=lambda refusal: (refusal.on, refusal.project, refusal.version, refusal.by))


# -- parts


def _newest(versions: Iterable[ProjectVersion]) -> Mapping[str, int]:
    newest: dict[str, int] = {}
    for one in versions:
        newest[one.project] = max(one.version, newest.get(one.project, 0))
    return newest


def _waits(version: ProjectVersion, today: date) -> list[Wait]:
    """The waits of one version that has begun: open ones are told as of today."""
    begun = version.submitted_at
    if begun is None:
        return []
    waits = [_controller(version, name, begun, today) for name in version.controllers]
    if not version.controllers or version.controllers - set(version.approvals):
        return waits + [_wait(version, GOING_LIVE, begun, None, WaitEnd.OPEN, today)]
    decided = max(one.at for one in version.approvals.values())
    endorsed = version.endorsement
    end = WaitEnd(endorsed.outcome.value) if endorsed else WaitEnd.OPEN
    waits.append(_wait(version, GUARDIAN, decided, endorsed.at if endorsed else None, end, today))
    live = version.went_live_at
    turn = endorsed.at if endorsed else decided
    return waits + [_wait(version, GOING_LIVE, turn, live, WaitEnd.LIVE if live else WaitEnd.OPEN, today)]


def _controller(version: ProjectVersion, name: str, begun: datetime, today: date) -> Wait:
    given = version.approvals.get(name)
    end = WaitEnd(given.outcome.value) if given else WaitEnd.OPEN
    return _wait(version, name, begun, given.at if given else None, end, today)


def _wait(
    version: ProjectVersion, decider: str, turn: datetime, ended: datetime | None, end: WaitEnd, today: date
) -> Wait:
    if version.submitted_at is None:
        raise ValueError("a draft waits for nobody")
    until, submitted = (ended.date() if ended else today), version.submitted_at.date()
    own = max(0, (until - turn.date()).days)
    return Wait(version.project, version.version, decider, submitted, (until - submitted).days, own, end)


def _summed(decider: str, waits: Sequence[Wait]) -> WaitingTime:
    ended = [one for one in waits if one.end is not WaitEnd.OPEN]
    still = [one.days for one in waits if one.end is WaitEnd.OPEN]
    days, own = [one.days for one in ended], [one.own_days for one in ended]
    return WaitingTime(
        decider=decider,
        decided=len(ended),
        median_days=statistics.median(days) if days else None,
        median_own_days=statistics.median(own) if own else None,
        longest_days=max(days, default=None),
        open=len(still),
        longest_open_days=max(still, default=None),
    )
