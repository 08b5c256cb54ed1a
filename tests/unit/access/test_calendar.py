"""What falls due, when is it warned of, and how long may a delivery be kept?"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from access.decisions import Refused
from access.housekeeping.calendar import WhatIsKept, calendar
from access.housekeeping.model import TOLD_DAILY, WARNED, Due, DueKind
from access.people.model import Role
from access.retention.model import HeldDelivery, Retention
from access.retention.policies import may_be_automatic, may_be_kept, may_destroy, retention_of
from tests.fakes.people import invented_person
from tests.fakes.registers import agreement

TODAY = date(2026, 3, 1)
HELD = HeldDelivery("d1", "gp-first", "gp", "gp", "cd" * 32, date(2026, 1, 1))


def due(days: int, kind: DueKind = DueKind.SUPPORT_REVIEW) -> Due:
    """Something that falls due in so many days."""
    return Due(kind, "x", TODAY + timedelta(days=days), "a governance lead", "acts")


@pytest.mark.parametrize(
    ("days", "step"), [(91, None), (90, 90), (61, 90), (60, 60), (31, 60), (30, 30), (1, 30), (0, 0), (-400, 0)]
)
def test_a_support_is_warned_of_at_90_60_and_30_days(days: int, step: int | None) -> None:
    """The latest warning that is due; one that was missed is not raised late."""
    assert due(days).step(TODAY) == step


@pytest.mark.parametrize("kind", sorted(TOLD_DAILY))
def test_what_nobody_may_wait_with_is_told_each_day(kind: DueKind) -> None:
    """From its day on a step of its own for each day; before it the steps are as for others."""
    assert [due(days, kind).step(TODAY) for days in (0, -1, -2, -40)] == [0, -1, -2, -40]
    assert due(1, kind).step(TODAY) == min((step for step in WARNED[kind] if step >= 1), default=None)


def test_every_kind_has_its_warnings() -> None:
    """Whatever can fall due says how long before it is warned of."""
    assert set(WARNED) == set(DueKind)
    assert all(steps for steps in WARNED.values())


def test_people_are_reminded_of_what_their_roles_need() -> None:
    """A researcher of accreditation and training; somebody who is closed of nothing."""
    researcher = invented_person("asha", "university", {Role.RESEARCHER}, TODAY)
    closed = invented_person("bryn", "university", {Role.RESEARCHER}, TODAY)
    object.__setattr__(closed, "closed_on", TODAY)
    found = calendar(WhatIsKept(TODAY, people=[researcher, closed]))
    assert [(one.kind, one.subject) for one in found] == [
        (DueKind.TRAINING, "asha/information-governance"),
        (DueKind.TRAINING, "asha/safe-researcher"),
        (DueKind.ACKNOWLEDGEMENT, "asha"),
        (DueKind.ACCREDITATION, "asha"),
    ]


def test_the_strictest_agreement_says_how_long() -> None:
    """Of several agreements with the controller the shortest time counts, also when that one has ended."""
    longer = agreement(id="gp-later", datasets={"gp": {"notice": "https://gp.example/how", "retention_days": 900,
                                                        "destruction": "Files are removed."}})  # fmt: skip
    other = agreement(id="of-another", discloser="hospital", signatures={})
    found = retention_of(HELD, [longer, agreement(), other])
    assert (found.agreement, found.until) == ("gp-2026", HELD.received_on + timedelta(days=100))
    assert retention_of(HELD, [other]).until is None


@pytest.mark.parametrize(
    ("days", "early", "code"),
    [
        (100, None, "retention.not_due"),
        (100, "short", "retention.not_due"),
        (100, "The controller\u202e asks for it.", "retention.not_due"),
        (100, "The controller asks for it.", None),
        (101, None, None),
    ],
)
def test_a_delivery_is_destroyed_after_its_time_or_for_a_reason(days: int, early: str | None, code: str | None) -> None:
    """Its last day still counts; before it somebody says why."""
    decision = may_destroy(retention_of(HELD, [agreement()]), early, HELD.received_on + timedelta(days=days))
    assert (decision.code if isinstance(decision, Refused) else None) == code


def test_nothing_is_destroyed_twice() -> None:
    """What is certified is refused, and what is unknown."""
    gone = HeldDelivery("d1", "gp-first", "gp", "gp", "cd" * 32, date(2026, 1, 1), destroyed=True, certified=True)
    for found, code in ((Retention(gone), "retention.destroyed"), (None, "retention.unknown")):
        decision = may_destroy(found, "The controller asks for it.", TODAY)
        assert isinstance(decision, Refused)
        assert decision.code == code


@pytest.mark.parametrize(
    ("days", "destroyed", "certified", "told"),
    [
        (100, False, False, None),
        (101, False, False, "could be kept until 2026-04-11, as the agreement gp-2026 says"),
        (101, True, False, "could be kept until"),
        (101, True, True, None),
        (5, True, False, "no certificate says yet"),
    ],
)
def test_a_dataset_serves_only_while_all_of_it_may_be_kept(
    days: int, destroyed: bool, certified: bool, told: str | None
) -> None:
    """Its last day still counts; then not until the certificate, also where it was cut short; others go on."""
    held = HeldDelivery("d1", "gp-first", "gp", "gp", "cd" * 32, date(2026, 1, 1), destroyed, certified)
    found, today = [retention_of(held, [agreement()])], held.received_on + timedelta(days=days)
    decision = may_be_kept("gp", found, today)
    assert (told in decision.reason) if isinstance(decision, Refused) and told else (decision and told is None)
    assert may_be_kept("hospital", found, today)


def test_the_haven_destroys_by_itself_only_what_an_agreement_says() -> None:
    """On the day after the last, where the strictest agreement says so; nothing that is unknown."""
    terms = {"notice": "https://gp.example/how", "retention_days": 100, "destruction": "Files are removed.",
             "destroyed_by": "housekeeping"}  # fmt: skip
    automatic, last = retention_of(HELD, [agreement(datasets={"gp": terms})]), HELD.received_on + timedelta(days=100)
    assert not may_be_automatic(automatic, last)
    assert may_be_automatic(automatic, last + timedelta(days=1))
    assert not may_be_automatic(retention_of(HELD, [agreement()]), last + timedelta(days=1))
    assert not may_be_automatic(None, TODAY)


def test_papers_from_before_stay_the_same_text() -> None:
    """An agreement that leaves destruction to a person says nothing of it, so its digest is what was signed."""
    assert "destroyed_by" not in agreement().model_dump_json()
    terms = agreement().datasets["gp"].model_dump() | {"destroyed_by": "housekeeping"}
    assert '"destroyed_by":"housekeeping"' in agreement(datasets={"gp": terms}).model_dump_json()
    with pytest.raises(ValueError, match="destroyed_by"):
        agreement(datasets={"gp": terms | {"destroyed_by": "nobody"}})


def test_an_end_that_was_reached_without_a_run_is_still_told() -> None:
    """For ninety days after its end an agreement is told as ended; its review is not asked for any more."""
    ended = agreement()
    for days, kinds in ((0, {"agreement-review", "agreement-end"}), (1, {"agreement-end"}), (91, set())):
        found = calendar(WhatIsKept(ended.ends + timedelta(days=days), agreements=[ended]))
        assert {one.kind.value for one in found} == kinds


def test_of_several_authorisers_the_last_term_counts() -> None:
    """Nobody is reminded of a term that another's outlasts."""
    terms = [("sian", TODAY - timedelta(days=400)), ("tom", TODAY + timedelta(days=20))]
    assert [(one.subject, one.days_left(TODAY)) for one in calendar(WhatIsKept(TODAY, authorisers=terms))] == [
        ("tom", 20)
    ]
