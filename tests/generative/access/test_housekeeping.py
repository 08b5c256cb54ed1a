"""Whatever falls due and however often housekeeping runs: each warning once, each expiry once, no step skipped."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from access.housekeeping.model import DueKind
from access.housekeeping.service import Housekeeping
from access.retention.model import HeldDelivery, Retention
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import person, service
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.registers import support

BY = service("housekeeping")
FIRST = START.date()
days_ahead = st.integers(5, 200)
runs = st.lists(st.integers(0, 3), min_size=1, max_size=40)


def retained(days: int) -> Retention:
    """A delivery that may be kept for so many days from the first."""
    held = HeldDelivery("d1", "gp-first", "gp", "gp", "cd" * 32, FIRST)
    return Retention(held, FIRST + timedelta(days=days), "gp-2026", "Files are removed.")


@settings(max_examples=25, deadline=None)
@given(review=days_ahead, end=days_ahead, kept=days_ahead, gaps=runs, again=st.booleans())
@example(review=5, end=200, kept=5, gaps=[3] * 5, again=True)  # overdue, and told each day from then on
def test_each_is_told_once(review: int, end: int, kept: int, gaps: list[int], again: bool) -> None:
    """Over any calendar and any days of running, also several on one day: nothing is told twice or out of its time."""
    clock = FixedClock(START)
    records = memory_records(clock)
    access = peopled(records)
    access.register_support(support(review_due=FIRST + timedelta(days=review), ends=date(2027, 3, 1)), by=HOUSE)
    access.apply(project_file(ends=FIRST + timedelta(days=end)), applicant="asha", by=person("asha"))
    make_live(access)
    keeping, retentions = Housekeeping(access), [retained(kept)]
    days = []
    for gap in gaps:
        clock.at += timedelta(days=gap)
        days.append(clock.at.date())
        keeping.run(retentions, by=BY)
        if again:
            assert keeping.run(retentions, by=BY) == []
    log = records.log
    assert isinstance(log, MemoryAuditLog)
    _hold(log, clock.at.date(), FIRST + timedelta(days=end))
    last_day = FIRST + timedelta(days=end)
    assert _told(log, DueKind.SUPPORT_REVIEW) == _each(FIRST + timedelta(days=review), (90, 60, 30, 0), days)
    assert _told(log, DueKind.PROJECT_END) == _each(last_day, (30,), [day for day in days if day <= last_day])
    first_day_over = FIRST + timedelta(days=kept + 1)
    overdue = [day for day in days if day >= first_day_over]
    assert _told(log, DueKind.RETENTION) == {
        *_each(first_day_over, (30,), [day for day in days if day < first_day_over]),
        *((first_day_over, (first_day_over - day).days, day) for day in overdue),
    }


def _each(due: date, steps: tuple[int, ...], days: list[date]) -> set[tuple[date, int, date]]:
    """(due, step, day) of each warning: told on the first run of its stretch, which lasts until the next begins."""
    ends = [*(due - timedelta(days=step) for step in steps[1:]), date.max]
    told = set()
    for step, end in zip(steps, ends, strict=True):
        if run := [day for day in days if due - timedelta(days=step) <= day < end]:
            told.add((due, step, min(run)))
    return told


def _told(log: MemoryAuditLog, kind: DueKind) -> set[tuple[date, int, date]]:
    """(due, step, day) of each reminder of this kind in the log."""
    return {
        (date.fromisoformat(str(event.details["due_on"])), int(str(event.details["step"])), event.at.date())
        for event in log.events
        if event.name is EventName.REMINDER_RAISED and event.details["kind"] == kind.value
    }


def _hold(log: MemoryAuditLog, today: date, last_day: date) -> None:
    """Nothing twice, one expiry, one completed housekeeping a day."""
    told = [dict(event.details) for event in log.events if event.name is EventName.REMINDER_RAISED]
    assert all(count == 1 for count in Counter(map(str, told)).values())
    expired = [event for event in log.events if event.name is EventName.PROJECT_EXPIRED]
    assert len(expired) == (1 if today > last_day else 0)
    days = [event.at.date() for event in log.events if event.name is EventName.HOUSEKEEPING_COMPLETED]
    assert len(days) == len(set(days))
