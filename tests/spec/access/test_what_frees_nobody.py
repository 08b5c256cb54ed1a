"""What looks as if it freed somebody of a rule, and does not: an insider's review, a shorter paper, an empty number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from access.decisions import RefusedError
from access.housekeeping.model import DueKind
from access.housekeeping.service import Housekeeping
from access.organisations.model import Organisation, SecurityAssessment, SecurityStatus
from access.organisations.store import AgreementRow
from access.people.model import Person, Role, TrainingKind
from access.retention.model import HeldDelivery
from access.service import Access
from access.support.store import SupportRow
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person
from infra.cli.main import app
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.papers import agreement_with, support_for
from tests.fakes.people import invented_person
from tests.fakes.refusals import refused

ASHA, LENA = person("asha"), person("lena")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """The haven's people, in memory; synthetic data."""
    return peopled(memory_records(clock))


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
    assert refused(lambda: review(person("max"))) == "emergency.own_project"
    review(person("mia"))


def test_an_amendment_that_leaves_a_dataset_out_ends_no_duty_to_destroy_it(access: Access) -> None:
    """What was delivered under it is kept as long as was agreed last, and no longer."""
    access._held = lambda _: [HeldDelivery("1", "gp-first", "gp", "gp", "digest", date(2026, 3, 1))]
    access.register_agreement(agreement_with("gp", ["gp"]), by=LENA)
    until = access.retentions()[0].until
    assert until is not None
    access.register_agreement(agreement_with("gp", ["dental"], on=date(2026, 1, 5)), by=LENA)
    assert access.retentions()[0].until == until
    shorter = agreement_with("gp", ["gp"], on=date(2026, 1, 6)).model_dump()
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
    assert refused(call) == rule
    noor = access.person("noor")
    assert noor is not None
    assert noor.evidence.accreditation is None


def test_the_code_of_an_assessment_is_readable(access: Access) -> None:
    """It stands on screens and in the register."""
    painted = SecurityAssessment("R\x1b[31m", SecurityStatus.STANDARDS_MET, date(2030, 1, 1))
    assert refused(lambda: access.assess_organisation("gp", painted, by=LENA)) == "name.hidden_signs"


@pytest.mark.parametrize("today", [date(2026, 12, 20), date(2027, 1, 12)])
def test_an_amendment_moves_no_annual_review(access: Access, clock: FixedClock, today: date) -> None:
    """Neither an overdue one nor one that is yet to come: only the recorded review does."""
    letter = lambda **changes: support_for([("gp", "gp")], **changes)  # noqa: E731
    access.register_support(letter(review_due=date(2027, 1, 10)), by=LENA)
    clock.at = datetime(today.year, today.month, today.day, 9, tzinfo=UTC)
    later = letter(review_due=today + timedelta(days=350))
    assert refused(lambda: access.register_support(later, by=LENA)) == "support.review_unrecorded"
    access.register_support(letter(review_due=date(2027, 1, 10), title="Amended, and not reviewed"), by=LENA)
    access.record_review("26/CAG/0001", today + timedelta(days=350), by=LENA)
    assert access.register_support(later, by=LENA) == 4


def test_a_support_that_has_not_begun_is_reviewed_a_year_after_it_begins(access: Access, clock: FixedClock) -> None:
    """Its letter that puts off the start puts off the review with it."""
    letter = lambda starts: support_for([("gp", "gp")], starts=starts, review_due=starts + timedelta(days=365))  # noqa: E731
    first = clock.at.date() + timedelta(days=30)
    access.register_support(letter(first), by=LENA)
    assert access.register_support(letter(first + timedelta(days=60)), by=LENA) == 2


def test_a_support_runs_no_longer_than_any_paper(access: Access, clock: FixedClock) -> None:
    """Twenty years ahead at most: what lies further was typed wrongly."""
    forever = support_for([("gp", "gp")], review_due=clock.at.date() + timedelta(days=300), ends=date(2099, 1, 1))
    assert refused(lambda: access.register_support(forever, by=LENA)) == "day.too_far"


def test_a_support_that_ended_is_extended_by_its_new_letter(access: Access, clock: FixedClock) -> None:
    """Its review was due by its end, and of what has ended none can be recorded."""
    letter = lambda last: support_for([("gp", "gp")], review_due=last, ends=last)  # noqa: E731
    access.register_support(letter(date(2027, 1, 10)), by=LENA)
    clock.at = datetime(2027, 1, 12, 9, tzinfo=UTC)
    review = lambda: access.record_review("26/CAG/0001", date(2028, 1, 5), by=LENA)  # noqa: E731
    assert refused(review) == "support.review_after_end"
    assert access.register_support(letter(date(2028, 1, 10)), by=LENA) == 2


def test_a_renewal_that_begins_later_ends_nothing_today(access: Access) -> None:
    """Registered ahead over what is in force it would leave a gap: refused; under an id of its own it comes in."""
    access.register_agreement(agreement_with("gp", ["gp"]), by=LENA)
    ahead = {"starts": date(2027, 1, 1), "ends": date(2031, 12, 31)}
    renewal = agreement_with("gp", ["gp"], **ahead)
    assert refused(lambda: access.register_agreement(renewal, by=LENA)) == "agreement.begins_later"
    signed = date(2026, 2, 1)
    access.register_agreement(agreement_with("gp", ["gp"], id="gp-2027", on=signed, **ahead), by=LENA)
    assert [held for _, held in access.agreements()] == [True, False]
    access.register_support(support_for([("gp", "gp")]), by=LENA)
    letter = support_for([("gp", "gp")], starts=date(2026, 6, 1))
    assert refused(lambda: access.register_support(letter, by=LENA)) == "support.begins_later"


def test_no_paper_of_before_takes_the_place_of_an_agreement_that_was_withdrawn(
    access: Access, clock: FixedClock
) -> None:
    """Another title, fewer data, another id: of the same parties over the same data it is signed again, or refused."""
    held = agreement_with("gp", ["gp", "dental"])
    other = agreement_with("gp", ["gp"], id="gp-audit", on=date(2026, 2, 1), purposes=["audit"])
    access.register_agreement(held, by=LENA)
    access.register_agreement(other, by=LENA)
    access.withdraw_agreement("gp-2026", by=organisation("gp"))
    withdrawn = clock.at.date()
    clock.at += timedelta(days=3)
    for changes in ({"title": "Another title"}, {"datasets": {"gp": held.datasets["gp"]}}, {"purposes": ["audit"]}):
        paper = held.model_copy(update={"id": "gp-other", **changes})
        with pytest.raises(RefusedError, match="signs again") as told:
            access.register_agreement(paper, by=LENA)
        assert told.value.refused.code == "agreement.signed_before_withdrawal"
    assert access.register_agreement(other, by=LENA) == 1  # in force beside it, and as it is
    amended = other.model_copy(update={"title": "Amended, and not signed again"})
    assert refused(lambda: access.register_agreement(amended, by=LENA)) == "agreement.signed_before_withdrawal"
    unsigned = held.model_copy(update={"id": "gp-other", "signatures": {}})
    assert refused(lambda: access.register_agreement(unsigned, by=LENA)) == "agreement.signed_before_withdrawal"
    access.register_agreement(agreement_with("gp", ["opticians"], id="gp-eyes"), by=LENA)
    access.register_agreement(agreement_with("hospital", ["gp"]), by=LENA)
    on = {"on": withdrawn + timedelta(days=1)}
    anew = {party: one.model_copy(update=on) for party, one in held.signatures.items()}
    access.register_agreement(held.model_copy(update={"id": "gp-other", "signatures": anew}), by=LENA)


def test_nobody_is_put_out_without_a_reason(access: Access) -> None:
    """An account is closed for a reason that can be read."""
    for said in ("", " ", "no", "left\x1b[2Kus"):
        assert refused(lambda said=said: access.close_person("asha", said, by=HOUSE)).startswith("reason.")  # type: ignore[misc]
    assert access.person("asha").closed_on is None  # type: ignore[union-attr]
    access.close_person("asha", "left the university", by=HOUSE)


@pytest.mark.parametrize("name", ["", " \t"])
def test_nobody_is_registered_without_a_name(access: Access, name: str) -> None:
    """Neither an organisation nor a person: the register and the screens show it."""
    assert refused(lambda: access.register_organisation(Organisation("board", name), by=HOUSE)) == "name.empty"
    nameless = replace(invented_person("noor", "haven", {Role.AUDITOR}), name=name)
    assert refused(lambda: access.register_person(nameless, by=HOUSE)) == "name.empty"


LAST = date.max


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda a: a.record_accreditation("asha", "ONS", "1", LAST, by=HOUSE), "day.too_far"),
        (lambda a: a.record_accreditation("asha", "ONS", "1", START.date() + timedelta(days=3654), by=HOUSE),
         "day.too_far"),
        (lambda a: a.record_training("asha", TrainingKind.SAFE_RESEARCHER, LAST, 90, by=HOUSE),
         "person.training_impossible"),
        (lambda a: a.assess_organisation("gp", SecurityAssessment("RX1", SecurityStatus.STANDARDS_MET, LAST), by=LENA),
         "day.too_far"),
        (lambda a: a.register_support(support_for([("gp", "gp")], review_due=LAST, ends=LAST), by=LENA),
         "support.review_not_annual"),
        (lambda a: a.register_support(
            support_for([("gp", "gp")], starts=date(9999, 1, 1), review_due=LAST, ends=LAST), by=LENA), "day.too_far"),
        (lambda a: a.register_agreement(agreement_with("gp", ["gp"], ends=LAST), by=LENA), "day.too_far"),
        (lambda a: a.register_agreement(agreement_with("gp", ["gp"], ends=LAST, review_due=LAST), by=LENA),
         "day.too_far"),
        (lambda a: a.appoint_authoriser("bryn", LAST, by=LENA), "day.too_far"),
    ],
)  # fmt: skip
def test_what_holds_for_ever_is_typed_wrongly(access: Access, call: Callable[[Access], object], rule: str) -> None:
    """More than ten years ahead (papers: twenty), or the calendar's last day: a sentence, and nothing is kept."""
    access.register_person(invented_person("bryn", "haven", {Role.ANONYMISATION_AUTHORISER}), by=HOUSE)
    assert refused(lambda: call(access)) == rule


def test_papers_of_twenty_years_are_registered(access: Access) -> None:
    """The last day that may be given for an agreement, an appointment and the review of an impact assessment."""
    access.register_person(invented_person("bryn", "haven", {Role.ANONYMISATION_AUTHORISER}), by=HOUSE)
    last = START.date() + timedelta(days=7305)
    access.register_agreement(agreement_with("gp", ["gp"], ends=last, review_due=last), by=LENA)
    access.appoint_authoriser("bryn", last, by=LENA)
    for day, told in (
        (last, []),
        (last + timedelta(days=1), ["lies more than 20 years ahead"]),
        (LAST, ["9999-12-31 lies more than 20 years ahead"]),
    ):
        file = project_file(impact_assessment={"reference": "DPIA-1", "review_due": day})
        found = access.problems(file)
        assert len(found) == len(told)
        assert all(words in one and "review_due" in one for words, one in zip(told, found, strict=True))


@pytest.mark.parametrize("review", [date(2025, 12, 31), date(2031, 1, 1)])
def test_an_agreement_is_reviewed_while_it_runs(access: Access, tmp_path: Path, review: date) -> None:
    """Neither before it begins nor after it ends; `haven agreement check` says so before it is signed."""
    paper = agreement_with("gp", ["gp"], review_due=review)
    assert refused(lambda: access.register_agreement(paper, by=LENA)) == "agreement.review_outside"
    written = tmp_path / "gp.yaml"
    for of, lacks in ((paper, str(review)), (agreement_with("gp", ["gp"]), None)):
        written.write_text(of.model_dump_json())
        told = CliRunner().invoke(app, ["agreement", "check", str(written)])
        assert (told.exit_code == 0) == (lacks is None)
        assert (lacks or "Complete.") in told.stdout


def test_papers_without_an_end_stop_no_housekeeping(access: Access) -> None:
    """An agreement or a support of before such days were refused, until the calendar's last day, is told as any."""
    access.register_agreement(agreement_with("gp", ["gp"]), by=LENA)
    with access.records.change(by=LENA) as change:
        row = change.session.scalars(select(AgreementRow)).one()
        row.document = row.document | {"ends": LAST.isoformat()}
        change.record(EventName.AGREEMENT_REGISTERED, agreement=row.id)
    access.register_support(support_for([("gp", "gp")]), by=LENA)
    with access.records.change(by=LENA) as change:
        letter = change.session.scalars(select(SupportRow)).one()
        letter.document = letter.document | {"ends": LAST.isoformat()}
        change.record(EventName.SUPPORT_REGISTERED, support=letter.reference)
    due = Housekeeping(access).due(within=timedelta(days=700))
    assert {one.kind for one in due} >= {DueKind.AGREEMENT_REVIEW, DueKind.SUPPORT_REVIEW}


def test_an_accreditation_of_ten_years_is_recorded(access: Access) -> None:
    """The last day that may be given."""
    access.record_accreditation("asha", "ONS", "1", START.date() + timedelta(days=3653), by=HOUSE)
