"""The rule book of housekeeping: what it does by itself, what it tells whom, and that it does each once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from access.housekeeping.service import Housekeeping
from access.retention.model import HeldDelivery, Retention
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import person, service
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.papers import REAL
from tests.fakes.registers import agreement, support

BY = service("housekeeping")


class House:
    """A haven with a clock, its housekeeping and its log."""

    def __init__(self) -> None:
        self.clock = FixedClock(START)
        records = memory_records(self.clock)
        self.access = peopled(records)
        self.keeping = Housekeeping(self.access)
        if not isinstance(records.log, MemoryAuditLog):
            raise TypeError("the log is in memory")
        self.log = records.log

    def on(self, day: date) -> list[tuple[str, str]]:
        """Run on this day: kind and subject of what was done."""
        self.clock.at = self.clock.at.replace(year=day.year, month=day.month, day=day.day)
        return [(one.kind, one.subject) for one in self.keeping.run(by=BY)]

    def told(self, name: EventName) -> list[dict[str, object]]:
        """The details of every event of this name."""
        return [dict(event.details) for event in self.log.events if event.name is name]


@pytest.fixture
def house() -> House:
    """A fresh one."""
    return House()


def test_a_second_run_on_the_same_day_does_nothing(house: House) -> None:
    """Whatever the first did stands in the log once; the second says so by doing nothing."""
    house.access.register_support(support(), by=HOUSE)
    assert house.on(date(2026, 3, 10))
    before = len(house.log.events)
    assert house.on(date(2026, 3, 10)) == []
    assert len(house.log.events) == before


def test_that_it_ran_stands_in_the_log_each_day(house: House) -> None:
    """Also on a day on which nothing was to be done."""
    house.on(date(2026, 3, 2))
    house.on(date(2026, 3, 3))
    assert house.told(EventName.HOUSEKEEPING_COMPLETED) == [{"done": {}}, {"done": {}}]


def test_the_annual_review_is_warned_of_once_at_each_step(house: House) -> None:
    """At 90, 60 and 30 days and on its day; days between bring nothing; a reviewed support begins anew."""
    house.access.register_support(support(), by=HOUSE)  # due on 20 May
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(85)]
    warned = [(day, told) for day in days for told in house.on(day) if told[0] == "support-review"]
    assert [day for day, _ in warned] == [date(2026, 3, 1), date(2026, 3, 21), date(2026, 4, 20), date(2026, 5, 20)]
    house.access.record_review("26/CAG/0001", date(2026, 8, 20), by=HOUSE)
    assert ("support-review", "26/CAG/0001") in house.on(date(2026, 5, 25))


def test_an_expired_project_is_written_once(house: House) -> None:
    """The event of the expiry comes the day after the last day, by the haven itself; the refusal did not wait."""
    house.access.apply(project_file(ends=date(2026, 4, 1)), applicant="asha", by=person("asha"))
    make_live(house.access)
    assert ("project-expired", "admissions") not in house.on(date(2026, 4, 1))
    assert ("project-expired", "admissions") in house.on(date(2026, 4, 2))
    assert ("project-expired", "admissions") not in house.on(date(2026, 4, 3))
    (told,) = house.told(EventName.PROJECT_EXPIRED)
    assert told == {"version": 1, "last_day": "2026-04-01"}


def test_a_project_that_waited_for_a_part_goes_live(house: House) -> None:
    """What comes into force by time alone is found by housekeeping: an agreement that begins tomorrow."""
    later = agreement(starts=date(2026, 3, 5), ends=date(2027, 1, 1))
    house.access.register_agreement(later, by=HOUSE)
    only_gp = {"gp": {"tables": {"gp_events": {"columns": {"code": "defines the cohort"}}}}}
    house.access.register_support(support(), by=HOUSE)
    house.access.appoint_authoriser("sian", date(2026, 12, 1), by=HOUSE)
    house.access.apply(
        project_file(
            datasets=only_gp, cohort=[], legal_basis="section-251", support="26/CAG/0001", ethics="26/LO/0001",
            benefit="Nurses in the right places.",
            impact_assessment={"reference": "DPIA-7", "review_due": date(2026, 12, 1)}, data_use=REAL["data_use"],
        ),
        applicant="asha", by=person("asha"),
    )  # fmt: skip
    make_live(house.access, controllers=("gp",))
    assert house.access.project("admissions").state == "awaiting_support"
    assert ("project-live", "admissions") in house.on(date(2026, 3, 5))


def test_a_dormant_account_is_warned_of_and_closed(house: House) -> None:
    """Ninety days without use: warned of two weeks before, closed the day after."""
    warned = house.on(date(2026, 5, 20))
    assert ("dormant-account", "asha") in warned
    assert ("account-closed", "asha") in house.on(date(2026, 5, 31))
    assert not house.access.may_query("asha", "admissions")


def test_a_break_glass_without_review_is_told_at_once_and_daily_after_three_days(house: House) -> None:
    """On its day; then not until the third day after it, and from there on every day until somebody reviews it."""
    house.access.register_support(support(), by=HOUSE)
    house.access.apply(project_file(), applicant="asha", by=person("asha"))
    house.access.open_emergency("asha", "admissions", "A patient's life is at risk", 2, by=person("lena"))
    told = [day for day in range(1, 8) for kind, _ in house.on(date(2026, 3, day)) if kind == "emergency-review"]
    assert told == [1, 4, 5, 6, 7]
    (waiting,) = house.access.emergencies(unreviewed=True)
    house.access.review_emergency(waiting.id, "The patient's numbers were due.", justified=True, by=HOUSE)
    assert ("emergency-review", waiting.id) not in house.on(date(2026, 3, 8))


def test_what_may_not_be_kept_longer_is_told_until_it_is_certified(house: House) -> None:
    """Warned of thirty days before and on the day; after its certificate no more."""
    held = HeldDelivery("d1", "gp-first", "gp", "gp", "cd" * 32, date(2026, 1, 1))
    kept = Retention(held, date(2026, 4, 1), "gp-2026", "Files are removed.")
    assert [
        (one.kind, one.on) for one in house.keeping.due([kept], timedelta(days=60)) if one.subject == "gp-first"
    ] == [("retention", date(2026, 4, 2))]
    house.clock.at = START.replace(month=4, day=2)
    assert [one.kind for one in house.keeping.run([kept], by=BY) if one.subject == "gp-first"] == ["retention"]
    gone = Retention(HeldDelivery(**{**vars(held), "destroyed": True, "certified": True}), kept.until, kept.agreement)
    assert not [one for one in house.keeping.due([gone]) if one.subject == "gp-first"]


def test_the_lead_is_told_before_the_quarter_is_over(house: House) -> None:
    """Recertification: two weeks before the quarter's end the lead is told, by name, what to do."""
    house.access.apply(project_file(), applicant="asha", by=person("asha"))
    make_live(house.access)
    due = next(one for one in house.keeping.due(within=timedelta(days=100)) if one.kind == "recertification")
    assert (due.on, due.who) == (START.date() + timedelta(days=92), "asha")
    assert ("recertification", "admissions") in house.on(due.on - timedelta(days=14))


def test_what_is_due_comes_most_urgent_first(house: House) -> None:
    """Overdue first; each says who must do what."""
    house.access.register_agreement(agreement(), by=HOUSE)
    house.access.register_support(support(), by=HOUSE)
    found = house.keeping.due(within=timedelta(days=100))
    assert [one.on for one in found] == sorted(one.on for one in found)
    assert {one.kind.value for one in found} >= {"support-review", "agreement-review"}
    assert all(one.who and one.what for one in found)
