"""The rule book of people: what shows that somebody may work here, what takes it away, and who records it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import pytest

from access.decisions import Refused
from access.organisations.model import Organisation, SecurityAssessment, SecurityStatus
from access.people.model import Evidence, Person, ProofingKind, Role, TrainingKind
from access.people.policies import lapses_on, may_act
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.people import assessed, invented_person
from tests.fakes.refusals import refused

TODAY = START.date()
ASHA, LENA = person("asha"), person("lena")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A live project of Asha's."""
    access = peopled(memory_records(clock))
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    return access


def _rule(access: Access, name: str = "asha") -> str:
    decision = access.may_query(name, "admissions")
    return decision.code if isinstance(decision, Refused) else "yes"


def _events(access: Access) -> list[EventName]:
    return [event.name for event in access.records.log.events]  # type: ignore[attr-defined]


WHOLE = invented_person("asha", "university", {Role.RESEARCHER})


def _evidence(**changes: object) -> Person:
    return replace(WHOLE, evidence=replace(WHOLE.evidence, **changes))  # type: ignore[arg-type]


def _training(kind: TrainingKind, **changes: object) -> Person:
    trainings = tuple(
        replace(one, **changes) if one.kind is kind else one  # type: ignore[arg-type]
        for one in WHOLE.evidence.trainings
    )
    return _evidence(trainings=trainings)


def _employer(security: SecurityAssessment | None) -> Person:
    return replace(WHOLE, employer=replace(assessed("university"), security=security))


PAST = TODAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (None, "person.unknown"),
        (replace(WHOLE, closed_on=PAST), "person.closed"),
        (replace(WHOLE, suspended=True), "person.suspended"),
        (replace(WHOLE, employer=None), "organisation.unknown"),
        (_employer(None), "organisation.security_missing"),
        (_employer(SecurityAssessment("X", SecurityStatus.APPROACHING_STANDARDS, date(2030, 1, 1))),
         "organisation.security_not_met"),
        (_employer(SecurityAssessment("X", SecurityStatus.STANDARDS_MET, PAST)), "organisation.security_expired"),
        (_evidence(proofing=None), "person.not_proofed"),
        (_evidence(trainings=()), "person.training_missing"),
        (_training(TrainingKind.INFORMATION_GOVERNANCE, score=79), "person.training_failed"),
        (_training(TrainingKind.INFORMATION_GOVERNANCE, ends=PAST), "person.training_expired"),
        (_training(TrainingKind.SAFE_RESEARCHER, ends=PAST), "person.training_expired"),
        (_evidence(accreditation=None), "person.accreditation_missing"),
        (_evidence(acknowledged_on=None), "person.acknowledgement_missing"),
        (_evidence(acknowledged_on=TODAY - timedelta(days=366)), "person.acknowledgement_expired"),
    ],
)  # fmt: skip
def test_each_piece_of_evidence_is_asked_for(found: Person | None, rule: str) -> None:
    """With all of it a researcher may act; without any one piece they may not, and the refusal names it."""
    assert may_act(WHOLE, TODAY)
    decision = may_act(found, TODAY)
    assert isinstance(decision, Refused)
    assert decision.code == rule
    assert decision.reason
    assert decision.mend


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.RESEARCHER])
def test_only_researchers_are_accredited(role: Role) -> None:
    """Who holds another role needs no accreditation, and no researcher's training."""
    trained = tuple(one for one in WHOLE.evidence.trainings if one.kind is not TrainingKind.SAFE_RESEARCHER)
    evidence = replace(WHOLE.evidence, accreditation=None, trainings=trained)
    assert may_act(replace(WHOLE, roles=frozenset({role}), evidence=evidence), TODAY)


def test_evidence_holds_on_its_last_day_and_no_longer() -> None:
    """The day after `lapses_on` says, and not before, the person may not act."""
    day = lapses_on(WHOLE)
    assert day is not None
    assert may_act(WHOLE, day - timedelta(days=1))
    assert not may_act(WHOLE, day)


def test_a_new_person_is_brought_in_step_by_step(access: Access) -> None:
    """Registered with nothing, a person may not act until the last piece is recorded; each step says what is next."""
    access.register_person(Person("noor", "Noor", "university", frozenset({Role.RESEARCHER})), by=HOUSE)

    def rule() -> str:
        decision = may_act(access.person("noor"), TODAY)
        return decision.code if isinstance(decision, Refused) else "yes"

    assert rule() == "person.not_proofed"
    access.record_proofing("noor", ProofingKind.PASSPORT_IN_PERSON, by=HOUSE)
    access.record_training("noor", TrainingKind.INFORMATION_GOVERNANCE, TODAY, 50, by=HOUSE)
    assert rule() == "person.training_failed"
    access.record_training("noor", TrainingKind.INFORMATION_GOVERNANCE, TODAY, 92, by=HOUSE)
    assert rule() == "person.training_missing"
    access.record_training("noor", TrainingKind.SAFE_RESEARCHER, TODAY, 92, by=HOUSE)
    assert rule() == "person.accreditation_missing"
    access.record_accreditation("noor", "scheme", "123", date(2030, 1, 1), by=HOUSE)
    assert rule() == "person.acknowledgement_missing"
    access.acknowledge("noor", by=person("noor"))
    assert rule() == "yes"
    assert _events(access).count(EventName.PERSON_EVIDENCE_RECORDED) == 6


def test_only_a_person_acknowledges_their_own_duty(access: Access) -> None:
    """Nobody signs for another, not even the haven's own account; the refusal is recorded."""
    for by in (HOUSE, LENA, organisation("university")):
        assert refused(lambda by=by: access.acknowledge("asha", by=by)) == "person.not_themselves"  # type: ignore[misc]
        assert _events(access)[-1] is EventName.PERSON_EVIDENCE_REFUSED


def test_nobody_records_their_own_evidence(access: Access) -> None:
    """An administrator who trains still has another administrator record it."""
    access.register_person(invented_person("adam", "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    adam = person("adam")
    call = lambda: access.record_training("adam", TrainingKind.INFORMATION_GOVERNANCE, TODAY, 99, by=adam)  # noqa: E731
    assert refused(call) == "person.own_evidence"


@pytest.mark.parametrize(("score", "day"), [(101, TODAY), (-1, TODAY), (90, TODAY + timedelta(days=1))])
def test_an_impossible_test_is_not_recorded(access: Access, score: int, day: date) -> None:
    """A score outside 0 to 100, or a test that lies ahead, is refused."""
    kind = TrainingKind.INFORMATION_GOVERNANCE
    assert refused(lambda: access.record_training("asha", kind, day, score, by=HOUSE)) == "person.training_impossible"


def test_a_sanction_bites_at_once_and_ends_by_itself(access: Access, clock: FixedClock) -> None:
    """A barred person may do nothing from that moment until the sanction's last day has passed."""
    access.sanction(ASHA, "tried to identify somebody", TODAY + timedelta(days=10), by=LENA)
    assert _rule(access) == "person.sanctioned"
    clock.at += timedelta(days=10)
    assert _rule(access) == "person.sanctioned"
    clock.at += timedelta(days=1)
    assert _rule(access) == "yes"


def test_a_barred_organisation_bars_everybody_in_it(access: Access) -> None:
    """The university is barred: Asha may not query, and Ewa of the haven may; lifted, Asha may again."""
    held = access.sanction(organisation("university"), "sold extracts on", None, by=LENA)
    assert _rule(access) == "organisation.sanctioned"
    access.lift_sanction(held.id, "the appeal was upheld", by=LENA)
    assert _rule(access) == "yes"
    assert refused(lambda: access.lift_sanction(held.id, "again, to be sure", by=LENA)) == "sanction.unknown"


def test_only_a_governance_lead_bars_and_never_themselves(access: Access) -> None:
    """A researcher bars nobody; a lead neither bars nor frees themselves; a stranger is not barred."""
    assert refused(lambda: access.sanction(ASHA, "a reason", None, by=person("dev"))) == "person.other_role"
    assert refused(lambda: access.sanction(LENA, "a reason", None, by=LENA)) == "sanction.self"
    assert refused(lambda: access.sanction(person("nobody"), "a reason", None, by=LENA)) == "sanction.nobody"
    assert _events(access)[-3:] == [EventName.SANCTION_REFUSED] * 3


def test_the_sweep_closes_leavers_and_strips_movers(access: Access) -> None:
    """Asha moved to the hospital, Bryn stays, Carys is not on the university's list any more."""
    became = access.sweep("university", {"asha": "hospital", "bryn": "university"}, by=HOUSE)
    assert became == {"asha": "moved", "carys": "left"}
    moved, left = access.person("asha"), access.person("carys")
    assert moved is not None
    assert left is not None
    assert (moved.organisation, moved.roles, left.closed_on) == ("hospital", frozenset(), TODAY)
    assert _rule(access) != "yes"
    assert access.sweep("university", {"bryn": "university"}, by=HOUSE) == {}
    swept = [one for one in access.records.log.events if one.name is EventName.PEOPLE_SWEPT]  # type: ignore[attr-defined]
    assert [one.details["listed"] for one in swept] == [2, 1]  # also one that changed nothing
    assert swept[1].details["digest"] == hashlib.sha256(b"bryn,university\n").hexdigest()


def test_an_account_that_nobody_uses_is_closed(access: Access, clock: FixedClock) -> None:
    """After ninety days without use an account is closed; one that was used yesterday is not."""
    clock.at += timedelta(days=90)
    access.saw("asha")
    assert "asha" not in access.close_dormant(by=HOUSE)
    clock.at += timedelta(days=1)
    closed = access.close_dormant(by=HOUSE)
    assert "bryn" in closed
    assert "asha" not in closed
    assert access.close_dormant(by=HOUSE) == []


def _ran_out(access: Access, clock: FixedClock) -> None:
    """Ewa's training ends within the quarter, and the clock stands on the day after."""
    ends = TODAY + timedelta(days=20)
    access.register_person(invented_person("ewa", "haven", {Role.RESEARCHER}, ends), by=HOUSE)
    clock.at += timedelta(days=21)


def test_break_glass_bridges_what_ran_out_for_some_hours(access: Access, clock: FixedClock) -> None:
    """An emergency lets Ewa work on for two hours on this project; then it is over, and its review is due."""
    _ran_out(access, clock)
    assert _rule(access, "ewa") == "person.training_expired"
    access.open_emergency("ewa", "admissions", "the outbreak's numbers are due", 2, by=LENA)
    assert _events(access)[-1] is EventName.EMERGENCY_OPENED
    assert _rule(access, "ewa") == "yes"
    assert _rule(access, "bryn") == "project.not_a_member"
    clock.at += timedelta(hours=2)
    assert _rule(access, "ewa") == "person.training_expired"
    assert [one.person for one in access.emergencies(unreviewed=True)] == ["ewa"]


def test_break_glass_bridges_nothing_else(access: Access, clock: FixedClock) -> None:
    """No sanction, no withdrawn project, and nobody who is not of the project gets in by it."""
    _ran_out(access, clock)
    access.register_person(invented_person("bryn", "university", {Role.RESEARCHER}, TODAY), by=HOUSE)
    for name in ("ewa", "bryn"):
        access.open_emergency(name, "admissions", "the outbreak's numbers are due", 4, by=LENA)
    assert _rule(access, "bryn") == "project.not_a_member"
    held = access.sanction(person("ewa"), "tried to identify somebody", None, by=LENA)
    assert _rule(access, "ewa") == "person.sanctioned"
    access.lift_sanction(held.id, "it was an error", by=LENA)
    access.sanction(person("carys"), "tried to identify somebody", None, by=LENA)
    call = lambda: access.open_emergency("carys", "admissions", "the numbers are due", 1, by=LENA)  # noqa: E731
    assert refused(call) == "emergency.bridges_nothing"
    access.withdraw("admissions", "gp", "purpose changed", by=organisation("gp"))
    assert _rule(access, "ewa") == "project.withdrawn"


def test_who_breaks_the_glass_is_reviewed_by_another(access: Access, clock: FixedClock) -> None:
    """Nobody lets themselves in, for longer than four hours, or without a reason; nobody reviews what they allowed."""
    access.register_person(invented_person("max", "haven", {Role.GOVERNANCE_LEAD}), by=HOUSE)
    _ran_out(access, clock)
    reason = "the outbreak's numbers are due"
    assert refused(lambda: access.open_emergency("lena", "admissions", reason, 1, by=LENA)) == "emergency.self"
    assert refused(lambda: access.open_emergency("ewa", "admissions", reason, 5, by=LENA)) == "emergency.too_long"
    assert refused(lambda: access.open_emergency("ewa", "admissions", "", 1, by=LENA)) == "reason.missing"
    access.open_emergency("ewa", "admissions", reason, 1, by=LENA)
    (held,) = access.emergencies(unreviewed=True)
    review = lambda by: access.review_emergency(held.id, "sent in time", justified=True, by=by)  # noqa: E731
    assert refused(lambda: review(LENA)) == "emergency.self"
    review(person("max"))
    assert access.emergencies(unreviewed=True) == []
    assert refused(lambda: review(person("max"))) == "emergency.unknown"


def test_with_real_data_an_office_is_held_by_a_person(clock: FixedClock) -> None:
    """The haven's own account registers the first officer; from then on, with real data, only officers act."""
    access = peopled(memory_records(clock), real_data=True)
    assert refused(lambda: access.sanction(ASHA, "a reason", None, by=HOUSE)) == "office.not_held"
    access.register_person(invented_person("adam", "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    late = invented_person("late", "haven", {Role.AUDITOR})
    assert refused(lambda: access.register_person(late, by=HOUSE)) == "office.not_held"
    access.register_person(late, by=person("adam"))
    assert access.person("late") is not None


def test_an_unknown_organisation_is_told_first(access: Access) -> None:
    """A person is registered only under an organisation that is, and an assessment is recorded of one that is."""
    access.register_organisation(Organisation("board", "Board"), by=HOUSE)
    access.register_person(invented_person("cleo", "board", {Role.AUDITOR}), by=HOUSE)
    decision = may_act(access.person("cleo"), TODAY)
    assert decision.code == "organisation.security_missing"  # type: ignore[union-attr]
    good = SecurityAssessment("X26", SecurityStatus.STANDARDS_EXCEEDED, date(2027, 1, 1))
    access.assess_organisation("board", good, by=LENA)
    assert may_act(access.person("cleo"), TODAY)
    assert refused(lambda: access.assess_organisation("nobody", good, by=LENA)) == "organisation.unknown"


def test_no_evidence_is_held_by_default() -> None:
    """A person made without evidence has none."""
    assert Evidence() == Evidence(None, (), None, None)
