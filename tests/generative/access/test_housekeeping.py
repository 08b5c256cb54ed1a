"""Whatever falls due and however often housekeeping runs: each warning once, each expiry once, no step skipped."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from access.housekeeping.model import WARNED, DueKind
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
def test_each_is_told_once(review: int, end: int, kept: int, gaps: list[int], again: bool) -> None:
    """Over any calendar and any days of running, also several on one day: nothing is told twice or out of its time."""
    clock = FixedClock(START)
    records = memory_records(clock)
    access = peopled(records)
    access.register_support(support(review_due=FIRST + timedelta(days=review), ends=date(2027, 3, 1)), by=HOUSE)
    access.apply(project_file(ends=FIRST + timedelta(days=end)), applicant="asha", by=person("asha"))
    make_live(access)
    keeping, retentions = Housekeeping(access), [retained(kept)]
    for gap in gaps:
        clock.at += timedelta(days=gap)
        keeping.run(retentions, by=BY)
        if again:
            assert keeping.run(retentions, by=BY) == []
    log = records.log
    assert isinstance(log, MemoryAuditLog)
    _hold(log, clock.at.date(), FIRST + timedelta(days=end))


def _hold(log: MemoryAuditLog, today: date, last_day: date) -> None:
    told = [dict(event.details) for event in log.events if event.name is EventName.REMINDER_RAISED]
    assert all(count == 1 for count in Counter(map(str, told)).values())
    for event in (event for event in log.events if event.name is EventName.REMINDER_RAISED):
        due = date.fromisoformat(str(event.details["due_on"]))
        step = event.details["step"]
        assert step in WARNED[DueKind(str(event.details["kind"]))]
        assert (due - event.at.date()).days <= int(str(step))
    expired = [event for event in log.events if event.name is EventName.PROJECT_EXPIRED]
    assert len(expired) == (1 if today > last_day else 0)
    days = [event.at.date() for event in log.events if event.name is EventName.HOUSEKEEPING_COMPLETED]
    assert len(days) == len(set(days))
