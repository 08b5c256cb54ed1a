"""The rule book of those whom a rule forgets first: the house itself, its officers, whoever was in office."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from access.decisions import Refused
from access.organisations.model import SecurityAssessment, SecurityStatus
from access.people.model import Person, Role, TrainingKind
from access.people.policies import may_act
from access.realm.people import User, may_log_in, steps_between
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person
from tests.fakes.havens import HOUSE, START
from tests.fakes.papers import support_for, under_section_251
from tests.fakes.people import invented_person
from tests.fakes.refusals import refused

TODAY = START.date()
LENA, ASHA = person("lena"), person("asha")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A project under section 251 that everybody has approved, with every paper in force."""
    return under_section_251(clock)


NOT_MET = SecurityAssessment("RX1", SecurityStatus.STANDARDS_NOT_MET, date(2027, 1, 1))


@pytest.mark.parametrize(
    ("ending", "rule"),
    [
        (lambda a: a.assess_organisation("haven", NOT_MET, by=LENA), "organisation.security_not_met"),
        (lambda a: a.sanction(organisation("haven"), "lost a disk", None, by=LENA), "organisation.sanctioned"),
    ],
)
def test_the_organisation_that_runs_the_haven_is_asked_about_too(
    access: Access, ending: Callable[[Access], object], rule: str
) -> None:
    """Below the standard or barred, no project on real people's data is live, and no delivery comes in."""
    assert access.why("asha", "admissions", "query")
    assert access.may_ingest("gp", {"nhs_number"})
    ending(access)
    for decision in (access.why("asha", "admissions", "query"), access.may_ingest("gp", {"nhs_number"})):
        assert isinstance(decision, Refused)
        assert decision.code == rule


def test_a_delegate_whose_evidence_ran_out_can_stop_a_project(access: Access, clock: FixedClock) -> None:
    """They approve nothing more, and still take the approval back; not when suspended or with a barred employer."""
    clock.at += timedelta(days=365)
    gwen = person("gwen")
    stop = lambda: access.withdraw("admissions", "gp", "the purpose changed", by=gwen)  # noqa: E731
    access.register_person(invented_person("lena", "haven", {Role.GOVERNANCE_LEAD}, today=clock.at.date()), by=HOUSE)
    held = access.sanction(organisation("gp"), "sold extracts on", None, by=LENA)
    assert refused(stop) == "organisation.sanctioned"
    access.lift_sanction(held.id, "the appeal was upheld", by=LENA)
    access.suspend_person("gwen", by=HOUSE)
    assert refused(stop) == "person.suspended"
    access.register_person(replace(_person(access, "gwen"), suspended=False), by=HOUSE)
    assert refused(lambda: access.approve("admissions", "gp", by=gwen)) == "person.training_expired"
    stop()
    assert access.project("admissions").version.approvals["gp"].withdrawn


def test_a_guardian_whose_evidence_ran_out_can_stop_a_project(access: Access, clock: FixedClock) -> None:
    """As a controller's delegate can."""
    clock.at += timedelta(days=365)
    access.withdraw_endorsement("admissions", "new facts came up", by=person("greta"))
    endorsement = access.project("admissions").version.endorsement
    assert endorsement is not None
    assert endorsement.withdrawn


def _offices(access: Access) -> list[str]:
    """What the haven's own account is told when it acts as an administrator, and as a governance lead."""
    late = invented_person("late", "haven", {Role.AUDITOR})
    return [
        refused(lambda: access.register_person(late, by=HOUSE)),
        refused(lambda: access.sanction(ASHA, "a good reason", None, by=HOUSE)),
    ]


def test_an_office_once_taken_up_goes_back_to_the_own_account_by_root_alone(access: Access) -> None:
    """Whoever held it may lose the role, move, be closed: with real data the haven's own account gets nothing back."""
    for name in ("adam", "anna"):
        by = HOUSE if name == "adam" else person("adam")
        access.register_person(invented_person(name, "haven", {Role.ADMINISTRATOR}), by=by)
    adam, anna = person("adam"), person("anna")
    access.register_person(replace(_person(access, "lena"), roles=frozenset({Role.COMMISSIONER})), by=adam)
    assert _offices(access) == ["office.not_held"] * 2
    access.sweep("haven", {one.id: "haven" for one in access.people() if one.id not in ("adam", "lena")}, by=anna)
    assert _person(access, "adam").closed_on is not None
    assert _offices(access) == ["office.not_held"] * 2


def test_nobody_sweeps_themselves_away(access: Access) -> None:
    """An administrator whom the list moves or leaves out is refused, by the rule; another one sweeps."""
    for name in ("adam", "anna"):
        by = HOUSE if name == "adam" else person("adam")
        access.register_person(invented_person(name, "haven", {Role.ADMINISTRATOR}), by=by)
    staff = {one.id: "haven" for one in access.people() if one.id != "adam"}
    sweep = lambda by, listed: access.sweep("haven", listed, by=person(by))  # noqa: E731
    moves = staff | {"adam": "university"}
    assert refused(lambda: sweep("adam", staff)) == "person.swept_self"
    assert refused(lambda: sweep("adam", moves)) == "person.swept_self"
    assert sweep("anna", moves) == {"adam": "moved"}
    assert _offices(access) == ["office.not_held"] * 2


def test_an_older_pass_recorded_later_does_not_hide_a_failure(access: Access) -> None:
    """The test taken last counts, whatever the order in which they are recorded; the log tells score and day."""
    adam = person("adam")
    access.register_person(invented_person("adam", "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    kind = TrainingKind.INFORMATION_GOVERNANCE
    access.record_training("asha", kind, TODAY, 40, by=adam)
    access.record_training("asha", kind, TODAY - timedelta(days=300), 95, by=adam)
    refused = may_act(access.person("asha"), TODAY)
    assert isinstance(refused, Refused)
    assert refused.code == "person.training_failed"
    access.record_training("asha", kind, TODAY, 92, by=adam)  # the test is taken again on the same day
    assert may_act(access.person("asha"), TODAY)
    told = [one.details for one in access.records.log.events if one.name is EventName.PERSON_EVIDENCE_RECORDED]
    assert [(one["score"], one["on"]) for one in told] == [(40, "2026-03-01"), (95, "2025-05-05"), (92, "2026-03-01")]


def test_break_glass_works_after_the_log_ins_were_synchronised(access: Access, clock: FixedClock) -> None:
    """Whose training ran out keeps their log-in, and gets to the door behind which the emergency lets them work."""
    ewa = User("u1", "ewa", enabled=True, groups=frozenset({"output_checker", "researcher"}))
    clock.at += timedelta(days=360)
    today = clock.at.date()
    access.register_person(invented_person("max", "haven", {Role.GOVERNANCE_LEAD}, today=today), by=HOUSE)
    assert not may_act(access.person("ewa"), today)
    access.open_emergency("ewa", "admissions", "a ward waits for it", 2, by=person("max"))
    assert steps_between([_person(access, "ewa")], [ewa], today) == []
    assert may_log_in(access.person("ewa"), today)


def test_the_annual_review_is_yearly(access: Access) -> None:
    """Neither a letter nor a recorded review puts it off by more than a year and some weeks; refusals are recorded."""
    flows = [("gp", "gp"), ("hospital", "hospital")]
    late = support_for(flows, review_due=date(2039, 12, 31), ends=date(2040, 12, 31))
    assert refused(lambda: access.register_support(late, by=LENA)) == "support.review_not_annual"
    put_off = lambda day: access.record_review("26/CAG/0001", day, by=LENA)  # noqa: E731
    last = TODAY + timedelta(days=366 + 42)
    assert refused(lambda: put_off(last + timedelta(days=1))) == "support.review_not_annual"
    assert access.records.log.events[-1].name is EventName.SUPPORT_REFUSED
    put_off(last)
    ahead = date(2028, 1, 1)
    dates = {"starts": ahead, "review_due": ahead + timedelta(days=366), "ends": date(2030, 1, 1)}
    access.register_support(support_for(flows, reference="28/CAG/0001", **dates), by=LENA)


def _person(access: Access, name: str) -> Person:
    found = access.person(name)
    assert found is not None
    return found
