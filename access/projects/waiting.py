"""How long do applicants wait, on whom, and who refused them why? Pure, over the records of the versions.

The duty to share counts as the duty to protect does (Caldicott 7): so that nobody hides behind process, waiting times
and refusals are measured and published. Days are counted from the submission; the own days of a decider begin when it
was its turn: the Guardian's when the last controller decided, going live when the Guardian did. Where nobody answered
before the version ended, that is told too.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
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
    LAPSED = "lapsed"  # the version ran out before there was an answer
    REPLACED = "replaced"  # by an amendment, before there was an answer; the amendment waits anew
    CLOSED = "closed"  # somebody closed the project before there was an answer


ENDED_UNDECIDED = frozenset({WaitEnd.LAPSED, WaitEnd.REPLACED, WaitEnd.CLOSED})


@dataclass(frozen=True)
class Wait:
    """How long one version of a project waited for one decider (a controller, the Guardian, or going live).

    days: since the submission; own_days: since it was the decider's turn. Both so far, while the wait is open; neither
    where the project was closed before its day was kept.
    """

    project: str
    version: int
    decider: str
    submitted_on: date
    days: int | None
    own_days: int | None
    end: WaitEnd


@dataclass(frozen=True)
class WaitingTime:
    """All waits of one decider: how many it ended, their median and longest in days; those that are open.

    ended_undecided: the version ran out, was replaced or closed before there was an answer.
    """

    decider: str
    decided: int
    median_days: float | None
    median_own_days: float | None
    longest_days: int | None
    open: int
    longest_open_days: int | None
    ended_undecided: int
    longest_undecided_days: int | None


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
    found: list[Wait] = []
    for version in submitted:
        over = _over(version, _replaced_at(version, submitted), today)
        waits = _waits(version, over.at.date() if over and over.at else today)
        found += [wait for wait in waits if wait.end is not WaitEnd.OPEN]
        still = [wait for wait in waits if wait.end is WaitEnd.OPEN]
        if over is not None:
            found += _ended(still, over)
        elif state_of(version, today) in UNDECIDED:
            found += still
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


@dataclass(frozen=True)
class _Over:
    """Nobody decides on a version any more: since when, where that is known, and what it means for who had not.

    how: None after a refusal or a withdrawal, for then the others are not asked.
    """

    at: datetime | None
    how: WaitEnd | None


def _over(version: ProjectVersion, replaced_at: datetime | None, today: date) -> _Over | None:
    """What ended the asking first."""
    ends = [_Over(at, None) for at in _stops(version)]
    if replaced_at is not None:
        ends.append(_Over(replaced_at, WaitEnd.REPLACED))
    if version.closed_at is not None:
        ends.append(_Over(version.closed_at, WaitEnd.CLOSED))
    elif version.closed and not ends:  # whether before or after its last day, nobody knows here
        return _Over(None, WaitEnd.CLOSED)
    if today > version.last_day:
        ends.append(_Over(datetime.combine(version.last_day, time.max, UTC), WaitEnd.LAPSED))
    return min(ends, key=lambda one: one.at or datetime.max.replace(tzinfo=UTC), default=None)


def _replaced_at(version: ProjectVersion, submitted: Iterable[ProjectVersion]) -> datetime | None:
    """When the next version of the same project was submitted."""
    later = [one for one in submitted if one.project == version.project and one.version > version.version]
    return min((one.submitted_at for one in later if one.submitted_at), default=None)


def _stops(version: ProjectVersion) -> list[datetime]:
    """When a controller or the Guardian refused, or took an approval back."""
    refused = [one.at for one in version.decisions if one.outcome is Outcome.REFUSED]
    return refused + [one.withdrawn_at for one in version.decisions if one.withdrawn_at is not None]


def _ended(waits: Iterable[Wait], over: _Over) -> list[Wait]:
    """The waits that were open when the version was over."""
    if over.how is None:
        return []
    if over.at is None:
        return [replace(one, days=None, own_days=None, end=over.how) for one in waits]
    return [replace(one, end=over.how) for one in waits]


def _waits(version: ProjectVersion, today: date) -> list[Wait]:
    """The waits of one version that has begun: open ones are told as of this day."""
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
    days, own = (max(0, (until - since).days) for since in (submitted, turn.date()))
    return Wait(version.project, version.version, decider, submitted, days, own, end)


def _summed(decider: str, waits: Sequence[Wait]) -> WaitingTime:
    still = [one for one in waits if one.end is WaitEnd.OPEN]
    undecided = [one for one in waits if one.end in ENDED_UNDECIDED]
    decided = [one for one in waits if one.end is not WaitEnd.OPEN and one.end not in ENDED_UNDECIDED]
    days, own = _days(decided), [one.own_days for one in decided if one.own_days is not None]
    return WaitingTime(
        decider=decider,
        decided=len(decided),
        median_days=statistics.median(days) if days else None,
        median_own_days=statistics.median(own) if own else None,
        longest_days=max(days, default=None),
        open=len(still),
        longest_open_days=max(_days(still), default=None),
        ended_undecided=len(undecided),
        longest_undecided_days=max(_days(undecided), default=None),
    )


def _days(waits: Iterable[Wait]) -> list[int]:
    return [one.days for one in waits if one.days is not None]
