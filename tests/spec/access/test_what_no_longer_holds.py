"""What was in order once and is no longer: an office that was taken away, an employer, the text that was signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from access.decisions import Refused
from access.organisations.agreement import Agreement
from access.people.model import Role
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import person
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.papers import REAL, agreement_with, under_section_251
from tests.fakes.people import invented_person
from tests.fakes.refusals import refused

TODAY = START.date()
LENA, ASHA = person("lena"), person("asha")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A project under section 251 that everybody has approved, with every paper in force."""
    return under_section_251(clock)


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


def _again(access: Access, name: str, employer: str, role: Role = Role.RESEARCHER) -> None:
    access.register_person(invented_person(name, employer, {role}, date(2027, 1, 31)), by=HOUSE)


def _moves(access: Access) -> None:
    """Ewa comes to the practice: her organisation's list says so, and she is registered again with evidence."""
    staff = {one.id: one.organisation for one in access.people() if one.organisation == "haven"}
    assert access.sweep("haven", staff | {"ewa": "gp"}, by=HOUSE) == {"ewa": "moved"}
    _again(access, "ewa", "gp")


def _comes_back(access: Access) -> None:
    """Ewa left, and is registered again under the same employer."""
    access.close_person("ewa", "left the organisation", by=HOUSE)
    _again(access, "ewa", "haven")


@pytest.mark.parametrize("goes", [_moves, _comes_back, lambda access: _again(access, "ewa", "gp")])
def test_who_moved_or_came_back_is_kept_by_the_lead_or_decided_on(
    access: Access, clock: FixedClock, goes: Callable[[Access], None]
) -> None:
    """The approval named who they were then; the lead keeps them, or everybody decides on a new version."""
    access.recertify("admissions", frozenset({"asha", "ewa"}), by=ASHA)
    clock.at += timedelta(minutes=1)
    goes(access)
    assert (_rule(access), _rule(access, "ewa")) == ("", "project.not_kept_since_move")
    clock.at += timedelta(minutes=1)
    access.recertify("admissions", frozenset({"asha", "ewa"}), by=ASHA)
    assert _rule(access, "ewa") == ""
    clock.at += timedelta(minutes=1)
    _again(access, "ewa", "university")
    assert _rule(access, "ewa") == "project.not_kept_since_move"
    access.apply(project_file(**REAL, title="Admissions, with Ewa of the university"), applicant="asha", by=ASHA)
    clock.at += timedelta(minutes=1)
    make_live(access)
    assert _rule(access, "ewa") == ""


def test_a_lead_who_moved_keeps_nobody(access: Access, clock: FixedClock) -> None:
    """Nobody keeps themselves: whose employer changed is decided on as the lead, too, and keeps others only then."""
    clock.at += timedelta(minutes=1)
    _again(access, "asha", "haven")
    assert (_rule(access), _rule(access, "ewa")) == ("project.not_kept_since_move", "")
    keeps = lambda: access.recertify("admissions", frozenset({"asha", "ewa"}), by=ASHA)  # noqa: E731
    assert refused(keeps) == "project.not_kept_since_move"
    access.apply(project_file(**REAL, title="Admissions, led from the haven"), applicant="asha", by=ASHA)
    clock.at += timedelta(minutes=1)
    make_live(access)
    assert _rule(access) == ""
    keeps()


@pytest.mark.parametrize("mover", ["asha", "ewa"])
def test_a_provider_that_employs_somebody_of_the_project_stops_it(clock: FixedClock, mover: str) -> None:
    """Whom the results serve works on none of the records: asked at submission, and each day after."""
    access = peopled(memory_records(clock))
    file = project_file(purpose="risk-stratification", provider="gp", people=["ewa"])
    access.apply(file, applicant="asha", by=ASHA)
    make_live(access)
    assert _rule(access, "ewa") == ""
    _again(access, mover, "gp")
    assert _rule(access, "ewa") == "project.provider_employs"
    access.close_person(mover, "left the practice", by=HOUSE)
    assert _rule(access, "ewa") in {"person.closed", "project.lead_lapsed"}


def _signed(paper: Agreement, *days: date) -> Agreement:
    """The paper, signed on these days, each party on its own."""
    signed = {
        party: one.model_copy(update={"on": on})
        for (party, one), on in zip(paper.signatures.items(), days, strict=True)
    }
    return paper.model_copy(update={"signatures": signed})


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": ["research", "commissioning"]},
        {"legal_bases": ["legal-duty"]},
        {"ends": date(2040, 12, 31)},
        {"title": "Another title of the same paper"},
    ],
)
def test_a_signature_is_for_the_text_that_stood_above_it(access: Access, changes: dict[str, object]) -> None:
    """Amended by one lead alone it is refused, whatever it changes; signed by both on a later day it counts."""
    held = agreement_with("gp", ["gp"])
    last = max(one.on for one in held.signatures.values())
    later = last + timedelta(days=1)
    amended = agreement_with("gp", ["gp"], **changes)
    for paper in (amended, _signed(amended, last, last), _signed(amended, later, last), _signed(amended, last, later)):
        assert refused(lambda paper=paper: access.register_agreement(paper, by=LENA)) == "agreement.not_signed_anew"  # type: ignore[misc]
        event = access.records.log.events[-1]
        assert (event.name, event.details["rule"]) == (EventName.AGREEMENT_REFUSED, "agreement.not_signed_anew")
    assert access.register_agreement(_signed(amended, later, later), by=LENA) == 2


def test_no_older_version_of_an_agreement_comes_back_under_its_old_signatures(access: Access) -> None:
    """Nor when the newest is registered again as if it had been signed before: the latest signing counts."""
    wide = agreement_with("gp", ["gp"])
    narrow = agreement_with("gp", ["gp"], on=date(2026, 2, 1), purposes=["audit"])
    access.register_agreement(narrow, by=LENA)
    for back in (wide, _signed(wide, date(2026, 2, 1), date(2026, 2, 1))):
        assert refused(lambda back=back: access.register_agreement(back, by=LENA)) == "agreement.not_signed_anew"  # type: ignore[misc]
    corrected = _signed(narrow, date(2025, 1, 5), date(2025, 1, 6))
    assert access.register_agreement(corrected, by=LENA) == 3  # the same text
    assert refused(lambda: access.register_agreement(wide, by=LENA)) == "agreement.not_signed_anew"
    assert _rule(access) == "agreement.purpose_not_agreed"


def test_another_id_makes_no_other_text_of_old_signatures(access: Access) -> None:
    """A second paper of the same two over the same data needs signatures of its own; over other data it needs none."""
    last = max(one.on for one in agreement_with("gp", ["gp"]).signatures.values())
    wider = agreement_with("gp", ["gp"], id="gp-again", purposes=["research", "audit"])
    assert refused(lambda: access.register_agreement(wider, by=LENA)) == "agreement.not_signed_anew"
    later = last + timedelta(days=1)
    assert access.register_agreement(_signed(wider, later, later), by=LENA) == 1
    assert access.register_agreement(agreement_with("gp", ["elsewhere"], id="gp-other-data"), by=LENA) == 1
