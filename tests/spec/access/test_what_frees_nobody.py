"""What looks as if it freed somebody of a rule, and does not: an insider's review, a shorter paper, an empty number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from access.decisions import RefusedError
from access.organisations.model import SecurityAssessment, SecurityStatus
from access.people.model import Person, Role
from access.retention.model import HeldDelivery
from access.service import Access
from audit.clock import FixedClock
from audit.model import person
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.papers import agreement_with, support_for
from tests.fakes.people import invented_person

ASHA, LENA = person("asha"), person("lena")


@pytest.fixture
def clock() -> FixedClock:
    """A clock that the test moves."""
    return FixedClock(START)


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """The haven's people, in memory; synthetic data."""
    return peopled(memory_records(clock))


def _refused(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as told:
        call()
    return told.value.refused.code


def test_no_lead_reviews_who_was_let_into_their_own_project(access: Access, clock: FixedClock) -> None:
    """Max works in the project: neither opens an emergency in it nor says that one was justified; Mia does."""
    for name, roles in (("max", {Role.GOVERNANCE_LEAD, Role.RESEARCHER}), ("mia", {Role.GOVERNANCE_LEAD})):
        access.register_person(invented_person(name, "haven", roles), by=HOUSE)
    access.apply(project_file(people=["asha", "ewa", "max"]), applicant="asha", by=ASHA)
    make_live(access)
    clock.at += timedelta(days=10)
    ewa = access.person("ewa")
    assert ewa is not None
    test = replace(ewa.evidence.trainings[0], passed_on=clock.at.date(), ends=clock.at.date() - timedelta(days=1))
    access.register_person(replace(ewa, evidence=replace(ewa.evidence, trainings=(test,))), by=HOUSE)
    access.open_emergency("ewa", "admissions", "the outbreak's numbers are due", 1, by=LENA)
    (held,) = access.emergencies(unreviewed=True)
    review = lambda by: access.review_emergency(held.id, "sent in time", justified=True, by=by)  # noqa: E731
    assert _refused(lambda: review(person("max"))) == "emergency.own_project"
    review(person("mia"))


def test_an_amendment_that_leaves_a_dataset_out_ends_no_duty_to_destroy_it(access: Access) -> None:
    """What was delivered under it is kept as long as was agreed last, and no longer."""
    access._held = lambda _: [HeldDelivery("1", "gp-first", "gp", "gp", "digest", date(2026, 3, 1))]
    access.register_agreement(agreement_with("gp", ["gp"]), by=LENA)
    until = access.retentions()[0].until
    assert until is not None
    access.register_agreement(agreement_with("gp", ["dental"]), by=LENA)
    assert access.retentions()[0].until == until
    shorter = agreement_with("gp", ["gp"]).model_dump()
    shorter["datasets"]["gp"]["retention_days"] = 30
    access.register_agreement(agreement_with("gp", ["gp"]).model_validate(shorter), by=LENA)
    assert access.retentions()[0].until == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("scheme", "number", "rule"),
    [
        ("ONS", " ", "person.accreditation_unnamed"),
        ("", "12345", "person.accreditation_unnamed"),
        ("ONS", "1\x1b[2J", "name.hidden_signs"),
        ("O\u202eNS", "1", "name.hidden_signs"),
        ("ONS", "1" * 61, "name.too_long"),
    ],
)
def test_an_accreditation_has_its_number(access: Access, scheme: str, number: str, rule: str) -> None:
    """One without, or one that paints a screen, is none."""
    access.register_person(Person("noor", "Noor", "university", frozenset({Role.RESEARCHER})), by=HOUSE)
    call = lambda: access.record_accreditation("noor", scheme, number, date(2030, 1, 1), by=HOUSE)  # noqa: E731
    assert _refused(call) == rule
    noor = access.person("noor")
    assert noor is not None
    assert noor.evidence.accreditation is None


def test_the_code_of_an_assessment_is_readable(access: Access) -> None:
    """It stands on screens and in the register."""
    painted = SecurityAssessment("R\x1b[31m", SecurityStatus.STANDARDS_MET, date(2030, 1, 1))
    assert _refused(lambda: access.assess_organisation("gp", painted, by=LENA)) == "name.hidden_signs"


def test_an_amendment_moves_no_annual_review_that_is_overdue(access: Access, clock: FixedClock) -> None:
    """Only the recorded review does; then the amended letter comes in as any."""
    letter = lambda **changes: support_for([("gp", "gp")], **changes)  # noqa: E731
    access.register_support(letter(review_due=date(2027, 1, 10)), by=LENA)
    clock.at = datetime(2027, 1, 12, 9, tzinfo=UTC)
    later = letter(review_due=date(2028, 1, 10))
    assert _refused(lambda: access.register_support(later, by=LENA)) == "support.review_unrecorded"
    access.register_support(letter(review_due=date(2027, 1, 10), title="Amended, and not reviewed"), by=LENA)
    access.record_review("26/CAG/0001", date(2028, 1, 5), by=LENA)
    assert access.register_support(later, by=LENA) == 4


def test_a_renewal_that_begins_later_ends_nothing_today(access: Access) -> None:
    """Registered ahead over what is in force it would leave a gap: refused; under an id of its own it comes in."""
    access.register_agreement(agreement_with("gp", ["gp"]), by=LENA)
    ahead = {"starts": date(2027, 1, 1), "ends": date(2031, 12, 31)}
    renewal = agreement_with("gp", ["gp"], **ahead)
    assert _refused(lambda: access.register_agreement(renewal, by=LENA)) == "agreement.begins_later"
    access.register_agreement(agreement_with("gp", ["gp"], id="gp-2027", **ahead), by=LENA)
    assert [held for _, held in access.agreements()] == [True, False]
    access.register_support(support_for([("gp", "gp")]), by=LENA)
    letter = support_for([("gp", "gp")], starts=date(2026, 6, 1))
    assert _refused(lambda: access.register_support(letter, by=LENA)) == "support.begins_later"
