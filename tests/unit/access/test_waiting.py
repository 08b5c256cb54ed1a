"""How long did applicants wait, on whom? Counted from the submission, and from when it was the decider's turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from access.projects.model import Approval, Endorsement, Outcome, ProjectVersion
from access.projects.waiting import GOING_LIVE, GUARDIAN, WaitEnd, refusals_of, waiting_times, waits_of

DAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(days: int) -> datetime:
    """So many days after the submission."""
    return DAY + timedelta(days=days)


def version(number: int = 1, submitted: datetime | None = DAY, **changes: object) -> ProjectVersion:
    """A version of two controllers."""
    values: dict[str, object] = {
        "project": "falls",
        "version": number,
        "title": "Falls",
        "applicant": "asha",
        "people": frozenset({"asha"}),
        "controllers": frozenset({"gp", "hospital"}),
        "ends": date(2027, 1, 1),
        "submitted_at": submitted,
    }
    return ProjectVersion(**(values | changes))  # type: ignore[arg-type]


def approved(name: str, days: int, outcome: Outcome = Outcome.APPROVED, reason: str | None = None) -> Approval:
    """A decision so many days after the submission."""
    return Approval(name, f"organisation:{name}", at(days), outcome=outcome, reason=reason)


def waited(versions: list[ProjectVersion], today: int) -> dict[str, tuple[int | None, int | None, WaitEnd]]:
    """decider -> days, own days, end."""
    return {one.decider: (one.days, one.own_days, one.end) for one in waits_of(versions, at(today).date())}


def test_each_decider_has_its_own_days() -> None:
    """The Guardian's own days begin with the last controller's decision, those of going live with the Guardian's."""
    live = version(
        approvals={"gp": approved("gp", 3), "hospital": approved("hospital", 10)},
        endorsement=Endorsement("person:greta", at(14), Outcome.APPROVED),
        went_live_at=at(20),
    )
    assert waited([live], 100) == {
        "gp": (3, 3, WaitEnd.APPROVED),
        "hospital": (10, 10, WaitEnd.APPROVED),
        GUARDIAN: (14, 4, WaitEnd.APPROVED),
        GOING_LIVE: (20, 6, WaitEnd.LIVE),
    }


def test_what_is_open_is_told_so_far() -> None:
    """A controller that has not decided is told with the days until today, and the Guardian is not asked yet."""
    asked = version(approvals={"gp": approved("gp", 3)})
    assert waited([asked], 30) == {
        "gp": (3, 3, WaitEnd.APPROVED),
        "hospital": (30, 30, WaitEnd.OPEN),
        GOING_LIVE: (30, 30, WaitEnd.OPEN),
    }


def test_nobody_waits_for_a_refused_version() -> None:
    """After a refusal the others are not asked: only the decisions that were made are told."""
    refused = version(approvals={"gp": approved("gp", 5, Outcome.REFUSED, "Too wide.")})
    assert waited([refused], 60) == {"gp": (5, 5, WaitEnd.REFUSED)}
    (told,) = refusals_of([refused])
    assert (told.by, told.on, told.reason) == ("gp", at(5).date(), "Too wide.")


def test_only_the_newest_submitted_version_waits() -> None:
    """An amendment takes the place of what it amends; a draft waits for nobody."""
    first = version(1, approvals={"gp": approved("gp", 2)})
    second = version(2, at(4))
    draft = version(3, None)
    found = waits_of([first, second, draft], at(10).date())
    assert [(one.version, one.decider) for one in found if one.end is WaitEnd.OPEN] == [
        (2, "going-live"),
        (2, "gp"),
        (2, "hospital"),
    ]
    assert {one.version for one in found} == {1, 2}


def test_medians_and_the_longest_by_decider() -> None:
    """Median and longest of what ended; open ones beside them. The order: controllers, Guardian, going live."""
    versions = [
        version(project=name, approvals={"gp": approved("gp", days), "hospital": approved("hospital", 1)})
        for name, days in (("a", 2), ("b", 4), ("c", 9))
    ]
    times = waiting_times(waits_of(versions, at(12).date()))
    assert [one.decider for one in times] == ["gp", "hospital", GUARDIAN, GOING_LIVE]
    gp, guardian = times[0], times[2]
    assert (gp.decided, gp.median_days, gp.longest_days, gp.open) == (3, 4, 9, 0)
    assert (guardian.decided, guardian.median_days, guardian.open, guardian.longest_open_days) == (0, None, 3, 12)


def test_an_expired_version_waits_no_more() -> None:
    """What ran out undecided is not told as open for ever, but as ended undecided, until the last day and no longer."""
    asked = version(ends=at(20).date(), approvals={"gp": approved("gp", 3)})
    assert waited([asked], 20)["hospital"] == (20, 20, WaitEnd.OPEN)
    for today in (21, 300):
        waits = waits_of([asked], at(today).date())
        assert {one.decider: (one.days, one.end) for one in waits} == {
            "gp": (3, WaitEnd.APPROVED),
            "hospital": (20, WaitEnd.LAPSED),
            GOING_LIVE: (20, WaitEnd.LAPSED),
        }
        gp, hospital, _ = waiting_times(waits)
        assert (gp.decided, gp.ended_undecided, gp.longest_undecided_days) == (1, 0, None)
        assert (hospital.decided, hospital.median_days, hospital.open) == (0, None, 0)
        assert (hospital.ended_undecided, hospital.longest_undecided_days) == (1, 20)


def test_the_guardian_who_never_answered_is_told() -> None:
    """Every controller approved, and the application ran out: with the days since it was the Guardian's turn."""
    asked = version(ends=at(20).date(), approvals={"gp": approved("gp", 3), "hospital": approved("hospital", 5)})
    assert waited([asked], 40)[GUARDIAN] == (20, 15, WaitEnd.LAPSED)


def test_an_amendment_hides_no_wait() -> None:
    """The clock of the new version begins anew, and the old wait is told until then; again when that one runs out."""
    first = version(1, approvals={"gp": approved("gp", 2)})
    second = version(2, at(30), ends=at(50).date())
    found = {(one.version, one.decider): (one.days, one.end) for one in waits_of([second, first], at(40).date())}
    assert found[1, "hospital"] == (30, WaitEnd.REPLACED)
    assert found[1, "gp"] == (2, WaitEnd.APPROVED)
    assert found[2, "hospital"] == (10, WaitEnd.OPEN)
    hospital = next(one for one in waiting_times(waits_of([first, second], at(60).date())) if one.decider == "hospital")
    assert (hospital.open, hospital.ended_undecided, hospital.longest_undecided_days) == (0, 2, 30)


def test_whatever_ended_first_ended_the_wait() -> None:
    """After a refusal the others are not asked; an approval that is taken back later hides nobody.

    An application that ran out before it was made anew had run out.
    """
    refused = version(1, approvals={"gp": approved("gp", 5, Outcome.REFUSED, "Too wide.")}, ends=at(50).date())
    assert waited([refused], 60) == {"gp": (5, 5, WaitEnd.REFUSED)}
    assert {one.decider for one in waits_of([refused, version(2, at(9))], at(60).date()) if one.version == 1} == {"gp"}
    for back, told in ((8, None), (12, (9, 9, WaitEnd.REPLACED))):
        given = replace(approved("gp", 2), withdrawn=True, withdrawn_at=at(back))
        waits = waits_of([version(1, approvals={"gp": given}), version(2, at(9))], at(60).date())
        first = {one.decider: (one.days, one.own_days, one.end) for one in waits if one.version == 1}
        assert first.get("hospital") == told
    again = waits_of([version(1, ends=at(20).date()), version(2, at(30))], at(40).date())
    assert {(one.days, one.end) for one in again if one.version == 1} == {(20, WaitEnd.LAPSED)}


def test_closing_hides_no_wait() -> None:
    """Counted, without days where nobody kept when it was closed. What it replaced is told as ever."""
    first, second = version(1, closed=True), version(2, at(30), closed=True, ends=at(50).date())
    waits = waits_of([first, second], at(60).date())
    found = {(one.version, one.decider): (one.days, one.own_days, one.end) for one in waits}
    assert found[1, "gp"] == (30, 30, WaitEnd.REPLACED)
    assert found[2, "gp"] == (None, None, WaitEnd.CLOSED)
    gp = waiting_times(waits)[0]
    assert (gp.decided, gp.open, gp.ended_undecided, gp.longest_undecided_days) == (0, 0, 2, 30)
    known = [version(closed=True, closed_at=at(day), ends=at(50).date()) for day in (41, 55)]
    assert [waited([one], 60)["gp"] for one in known] == [(41, 41, WaitEnd.CLOSED), (50, 50, WaitEnd.LAPSED)]
