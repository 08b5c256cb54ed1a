"""The rule book of those whom a rule forgets first: the house itself, its officers, whoever was in office."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from access.decisions import Refused, RefusedError
from access.organisations.model import SecurityAssessment, SecurityStatus
from access.people.model import Person, Role
from access.service import Access
from audit.clock import FixedClock
from audit.model import organisation, person
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.papers import REAL, agreement_with, support_for
from tests.fakes.people import invented_person

TODAY = START.date()
LENA, ASHA = person("lena"), person("asha")


@pytest.fixture
def clock() -> FixedClock:
    """A clock that the test moves."""
    return FixedClock(START)


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A project under section 251 that everybody has approved, with every paper in force."""
    access = peopled(memory_records(clock), real_data=True)
    access.apply(project_file(**REAL), applicant="asha", by=ASHA)
    for controller in ("gp", "hospital"):
        access.register_agreement(agreement_with(controller, [controller]), by=LENA)
    access.register_support(support_for([("gp", "gp"), ("hospital", "hospital")]), by=LENA)
    access.appoint_authoriser("sian", date(2026, 12, 31), by=LENA)
    make_live(access)
    return access


def _refused(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as told:
        call()
    return told.value.refused.code


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
    assert _refused(stop) == "organisation.sanctioned"
    access.lift_sanction(held.id, "the appeal was upheld", by=LENA)
    access.suspend_person("gwen", by=HOUSE)
    assert _refused(stop) == "person.suspended"
    access.register_person(replace(_person(access, "gwen"), suspended=False), by=HOUSE)
    assert _refused(lambda: access.approve("admissions", "gp", by=gwen)) == "person.training_expired"
    stop()
    assert access.project("admissions").version.approvals["gp"].withdrawn


def test_a_guardian_whose_evidence_ran_out_can_stop_a_project(access: Access, clock: FixedClock) -> None:
    """As a controller's delegate can."""
    clock.at += timedelta(days=365)
    access.withdraw_endorsement("admissions", "new facts came up", by=person("greta"))
    endorsement = access.project("admissions").version.endorsement
    assert endorsement is not None
    assert endorsement.withdrawn


def _person(access: Access, name: str) -> Person:
    found = access.person(name)
    assert found is not None
    return found
