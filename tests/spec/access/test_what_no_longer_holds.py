"""What was in order once and is no longer: an office that was taken away, an employer, the text that was signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from access.decisions import Refused, RefusedError
from access.people.model import Role
from access.service import Access
from audit.clock import FixedClock
from audit.model import person
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


def _rule(access: Access, name: str = "asha", project: str = "admissions") -> str:
    """By which rule this person may not query the project; nothing when they may."""
    decision = access.may_query(name, project)
    return decision.code if isinstance(decision, Refused) else ""


@pytest.mark.parametrize(("employer", "role"), [("haven", Role.AUDITOR), ("university", Role.RESEARCHER)])
def test_who_lost_the_office_answers_for_anonymisation_no_more(access: Access, employer: str, role: Role) -> None:
    """The appointment asked for the role; whoever lost it since is appointed on paper only, and projects stop."""
    assert access.authorisers() == ["sian"]
    assert _rule(access) == ""
    access.register_person(invented_person("sian", employer, {role}, date(2027, 1, 31)), by=HOUSE)
    assert access.authorisers() == []
    assert _rule(access) == "authoriser.none"
    delivery = access.may_ingest("gp", {"nhs_number"})
    assert isinstance(delivery, Refused)
    assert delivery.code == "authoriser.none"
