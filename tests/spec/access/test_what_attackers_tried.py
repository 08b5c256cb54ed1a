"""What was tried against approvals: versions that come back, decisions of one's own, races, kinds that change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from access.decisions import Refused, RefusedError
from access.organisations.model import DatasetEntry, SecurityAssessment, SecurityStatus
from access.organisations.store import DatasetRow
from access.people.invented import invented_evidence
from access.people.model import Evidence, Person, ProofingKind, Role, TrainingKind
from access.projects.compiling import compile_scope
from access.projects.model import Approval, Outcome
from access.projects.narrowing import Narrowing
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import Actor, organisation, person
from infra.database import make_engine
from infra.migrations import upgrade
from tests.fakes.havens import (
    ANSWERS,
    GP,
    HOSPITAL,
    HOUSE,
    START,
    endorse,
    make_live,
    memory_records,
    peopled,
    project_file,
)
from tests.fakes.papers import REAL, agreement_with, support_for
from tests.fakes.people import assessed, invented_person
from tests.fakes.refusals import refused

TODAY = START.date()
ASHA, LENA, GRETA = person("asha"), person("lena"), person("greta")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A live project of Asha's and Ewa's."""
    access = peopled(memory_records(clock))
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    return access


def test_an_older_version_does_not_come_back_when_the_newer_one_lapses(access: Access, clock: FixedClock) -> None:
    """Version 2 is narrower and ends earlier; when it has ended, version 1 with its people and columns stays over."""
    access.apply(project_file(people=["asha"]), applicant="asha", by=ASHA)
    access.approve("admissions", "gp", by=organisation("gp"))
    until = Narrowing(ends=date(2026, 3, 20))
    access.approve("admissions", "hospital", by=organisation("hospital"), narrowing=until)
    endorse(access)
    assert access.scope_version("admissions") == 2
    clock.at += timedelta(days=31)
    assert access.scope_version("admissions") is None
    assert access.may_query("ewa", "admissions").code == "project.expired"  # type: ignore[union-attr]
    assert refused(lambda: access.live_scope("admissions")) == "project.expired"


def test_whoever_was_left_out_or_drafted_it_stays_of_the_project(access: Access) -> None:
    """A member whom the lead does not keep, and whoever kept a draft, decide on no version of it."""
    both = invented_person("greta", "haven", {Role.CALDICOTT_GUARDIAN, Role.RESEARCHER})
    access.register_person(both, by=HOUSE)
    access.apply(project_file(people=["asha", "greta"]), applicant="asha", by=ASHA)
    for controller in ("gp", "hospital"):
        access.approve("admissions", controller, by=organisation(controller))
    access.recertify("admissions", frozenset({"asha"}), by=ASHA)
    assert refused(lambda: access.endorse("admissions", Outcome.APPROVED, ANSWERS, by=GRETA)) == (
        "project.own_application"
    )
    access.draft(project_file(id="other"), applicant="greta", by=GRETA)
    assert "greta" in access.members("other")


def test_a_draft_is_taken_over_by_nobody(access: Access) -> None:
    """Somebody of the project submits their own file: the other's draft stays theirs, and they stay of the project."""
    access.draft(project_file(title="Drafted by Ewa first"), applicant="ewa", by=person("ewa"))
    submitted = access.apply(project_file(title="Submitted by Asha"), applicant="asha", by=ASHA)
    assert (submitted.version, submitted.applicant) == (3, "asha")
    assert {"asha", "ewa"} <= access.members("admissions")


def test_a_strangers_draft_holds_no_id(access: Access) -> None:
    """Somebody else's project of that name is applied for all the same; and nobody submits the stranger's text."""
    mine = project_file(id="frailty", title="What Asha means to find out")
    access.draft(mine, applicant="asha", by=ASHA)
    access.draft(project_file(id="frailty", title="In the way"), applicant="bryn", by=person("bryn"))
    assert refused(lambda: access.submit("frailty", applicant="ewa", by=person("ewa"))) == "project.no_draft"
    access.close("frailty", by=person("bryn"))
    submitted = access.submit("frailty", applicant="asha", by=ASHA)
    assert (submitted.title, submitted.applicant) == (mine.title, "asha")
    late = project_file(id="frailty", title="Still in the way", people=["bryn"])
    assert refused(lambda: access.draft(late, applicant="bryn", by=person("bryn"))) == "project.not_yours"
    assert refused(lambda: access.submit("frailty", applicant="bryn", by=person("bryn"))) == "project.no_draft"


def test_a_draft_hides_nothing_from_those_who_decide(access: Access) -> None:
    """A draft kept after a submission does not stop the decisions on what was submitted."""
    access.apply(project_file(title="Submitted for decisions"), applicant="asha", by=ASHA)
    access.draft(project_file(title="Perhaps like this"), applicant="asha", by=ASHA)
    make_live(access)
    assert access.scope_version("admissions") == 2


def test_one_person_decides_once_on_a_version(access: Access) -> None:
    """A delegate who moved to the other controller, or became Guardian, has decided already."""
    access.apply(project_file(title="The second version"), applicant="asha", by=ASHA)
    access.approve("admissions", "gp", by=person("gwen"))
    access.register_person(invented_person("gwen", "hospital", {Role.CONTROLLER_DELEGATE}), by=HOUSE)
    call = lambda: access.approve("admissions", "hospital", by=person("gwen"))  # noqa: E731
    assert refused(call) == "project.decided_in_another_office"


@pytest.mark.parametrize(
    "roles",
    [
        {Role.ADMINISTRATOR, Role.CALDICOTT_GUARDIAN},
        {Role.ADMINISTRATOR, Role.CONTROLLER_DELEGATE},
        {Role.ADMINISTRATOR, Role.COMMISSIONER},
        {Role.CALDICOTT_GUARDIAN, Role.CONTROLLER_DELEGATE},
        {Role.GOVERNANCE_LEAD, Role.ANONYMISATION_AUTHORISER},
        {Role.AUDITOR, Role.ADMINISTRATOR},
        {Role.AUDITOR, Role.GOVERNANCE_LEAD},
        {Role.AUDITOR, Role.CALDICOTT_GUARDIAN},
        {Role.LINKAGE_REVIEWER, Role.RESEARCHER},
        {Role.DATA_ENGINEER, Role.RESEARCHER},
    ],
)
def test_offices_that_look_at_each_other_are_held_apart(access: Access, roles: set[Role]) -> None:
    """One person is not given both, and nobody sets their own roles."""
    both = invented_person("max", "haven", roles)
    assert refused(lambda: access.register_person(both, by=HOUSE)) == "person.offices_apart"
    access.register_person(invented_person("adam", "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    mine = invented_person("adam", "haven", {Role.AUDITOR})
    assert refused(lambda: access.register_person(mine, by=person("adam"))) == "person.own_roles"


def test_nobody_frees_or_ends_what_is_not_theirs(access: Access) -> None:
    """A lead of governance does not resume a project of their own; a stranger closes nothing."""
    both = invented_person("lena", "haven", {Role.GOVERNANCE_LEAD, Role.RESEARCHER})
    access.register_person(both, by=HOUSE)
    access.apply(project_file(people=["asha", "lena"]), applicant="asha", by=ASHA)
    access.suspend("admissions", "an incident is looked into", by=LENA)
    assert refused(lambda: access.resume("admissions", by=LENA)) == "project.own_application"
    assert refused(lambda: access.close("admissions", by=person("bryn"))) == "project.not_yours_to_close"
    assert refused(lambda: access.close("admissions", by=organisation("gp"))) == "person.unknown"


def test_nobody_prepares_the_people_of_their_own_project(access: Access) -> None:
    """An administrator who leads a project readies neither its people nor who decides on it or on what leaves it."""
    for name in ("adam", "anna"):
        access.register_person(invented_person(name, "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    adam, anna = person("adam"), person("anna")
    access.apply(project_file(lead="adam"), applicant="asha", by=ASHA)
    access.suspend_person("asha", by=adam)  # that stops it
    asha = access.person("asha")
    assert asha is not None
    delegate = invented_person("dan", "gp", {Role.CONTROLLER_DELEGATE})
    guardian = invented_person("gita", "haven", {Role.CALDICOTT_GUARDIAN})
    offices = (Role.OUTPUT_CHECKER, Role.GOVERNANCE_LEAD, Role.ANONYMISATION_AUTHORISER)
    officers = [invented_person(f"nora-{number}", "haven", {role}) for number, role in enumerate(offices)]
    tests: list[Callable[[Actor], object]] = [
        lambda by: access.register_person(replace(asha, suspended=False), by=by),
        lambda by: access.record_training("asha", TrainingKind.INFORMATION_GOVERNANCE, TODAY, 100, by=by),
        lambda by: access.record_proofing("gwen", ProofingKind.PASSPORT_IN_PERSON, by=by),
        lambda by: access.record_accreditation("greta", "ONS", "A-1", date(2030, 1, 1), by=by),
        lambda by: access.register_person(delegate, by=by),
        lambda by: access.register_person(guardian, by=by),
        lambda by: access.record_proofing("dev", ProofingKind.PASSPORT_IN_PERSON, by=by),
        *(lambda by, one=one: access.register_person(one, by=by) for one in officers),  # type: ignore[misc]
    ]
    for call in tests:
        assert refused(lambda call=call: call(adam)) == "project.own_application"  # type: ignore[misc]
        assert access.records.log.events[-1].name in (
            EventName.PERSON_REGISTER_REFUSED, EventName.PERSON_EVIDENCE_REFUSED,
        )  # fmt: skip
        call(anna)
    access.register_person(invented_person("nia", "university", {Role.AUDITOR}), by=adam)  # of nothing that is theirs
    access.close("admissions", by=ASHA)
    access.register_person(delegate, by=adam)  # what is over keeps nobody


def test_nobody_puts_in_force_what_their_own_project_waits_for(access: Access) -> None:
    """A lead of governance of the project registers no paper for it and lets nobody into it; another lead does."""
    both = {Role.GOVERNANCE_LEAD, Role.RESEARCHER}
    access.register_person(invented_person("lena", "haven", both), by=HOUSE)
    access.register_person(invented_person("max", "haven", {Role.GOVERNANCE_LEAD}), by=HOUSE)
    file = project_file(**(REAL | {"people": ["asha", "lena"]}))
    access.apply(file, applicant="asha", by=ASHA)
    paper, letter = agreement_with("gp", ["gp"]), support_for([("gp", "gp"), ("hospital", "hospital")])
    assert refused(lambda: access.register_agreement(paper, by=LENA)) == "project.own_application"
    assert refused(lambda: access.register_support(letter, by=LENA)) == "project.own_application"
    for lead in (HOUSE, person("max")):
        access.register_agreement(paper, by=lead)
        access.register_support(letter, by=lead)
    review = lambda by: access.record_review("26/CAG/0001", date(2027, 4, 1), by=by)  # noqa: E731
    assert refused(lambda: review(LENA)) == "project.own_application"
    review(person("max"))
    assess = lambda of, by: access.assess_organisation(of, good, by=by)  # noqa: E731
    good = SecurityAssessment("X26", SecurityStatus.STANDARDS_MET, date(2030, 1, 1))
    for of in ("gp", "hospital", "university", "haven"):
        assert refused(lambda of=of: assess(of, LENA)) == "project.own_application"  # type: ignore[misc]
        again = replace(assessed(of), security=good)
        assert refused(lambda again=again: access.register_organisation(again, by=LENA)) == "project.own_application"  # type: ignore[misc]
        assess(of, person("max"))
    access.assess_organisation("gp", replace(good, status=SecurityStatus.STANDARDS_NOT_MET), by=LENA)  # that stops it
    appoint = lambda by: access.appoint_authoriser("sian", date(2030, 1, 1), by=by)  # noqa: E731
    assert refused(lambda: appoint(LENA)) == "project.own_application"
    appoint(person("max"))
    let_in = lambda: access.open_emergency("asha", "admissions", "a good reason", 1, by=LENA)  # noqa: E731
    assert refused(let_in) == "emergency.own_project"
    for subject in (organisation("gp"), organisation("university"), ASHA):
        held = access.sanction(subject, "sold extracts on", None, by=LENA)  # that stops it, too
        lift = lambda by, held=held: access.lift_sanction(held.id, "the appeal was upheld", by=by)  # noqa: E731
        assert refused(lambda lift=lift: lift(LENA)) == "project.own_application"  # type: ignore[misc]
        assert access.records.log.events[-1].name is EventName.SANCTION_REFUSED
        lift(person("max"))
    held = access.sanction(person("carys"), "sold extracts on", None, by=LENA)
    access.lift_sanction(held.id, "the appeal was upheld", by=LENA)  # of somebody who is not of the project
    access.close("admissions", by=ASHA)
    again = agreement_with("gp", ["gp"], on=date(2026, 2, 1), id="gp-next")
    access.register_agreement(again, by=LENA)  # what is over keeps nobody


def test_a_draft_keeps_nobody_from_their_office_but_its_applicant(access: Access) -> None:
    """It names whom it likes: a lead of governance who is named in a stranger's does their work, in their own not."""
    both = {Role.GOVERNANCE_LEAD, Role.RESEARCHER}
    access.register_person(invented_person("lena", "haven", both), by=HOUSE)
    access.draft(project_file(id="in-the-way", people=["lena"], lead="lena"), applicant="bryn", by=person("bryn"))
    assert access.register_agreement(agreement_with("gp", ["gp"]), by=LENA) == 1
    access.draft(project_file(id="lenas-own", people=["bryn"]), applicant="lena", by=LENA)
    later = agreement_with("gp", ["gp"], on=date(2026, 2, 1), title="Amended for a project of one's own")
    assert refused(lambda: access.register_agreement(later, by=LENA)) == "project.own_application"


def test_another_employer_vouches_for_nobodys_evidence(access: Access) -> None:
    """Registered again under another organisation, a person begins without evidence; under the same they keep it."""
    access.register_person(Person("bryn", "Bryn", "university", frozenset({Role.AUDITOR})), by=HOUSE)
    kept, moved = access.person("bryn"), Person("bryn", "Bryn", "hospital", frozenset({Role.AUDITOR}))
    assert kept is not None
    assert kept.evidence.proofing is not None
    access.register_person(moved, by=HOUSE)
    found = access.person("bryn")
    assert found is not None
    assert found.evidence == Evidence()


def test_break_glass_needs_evidence_that_was_there(access: Access, clock: FixedClock) -> None:
    """One lapse beside evidence that never was is not bridged; an unjustified one ends; one waits for its review."""
    access.register_person(invented_person("max", "haven", {Role.GOVERNANCE_LEAD}), by=HOUSE)
    ewa = invented_person("ewa", "haven", {Role.RESEARCHER}, TODAY)
    access.register_person(ewa, by=HOUSE)
    clock.at += timedelta(days=1)
    access.open_emergency("ewa", "admissions", "the outbreak's numbers are due", 4, by=LENA)
    assert access.may_query("ewa", "admissions")
    again = lambda: access.open_emergency("ewa", "admissions", "once more, to be sure", 1, by=LENA)  # noqa: E731
    assert refused(again) == "emergency.not_reviewed"
    (held,) = access.emergencies(unreviewed=True)
    access.review_emergency(held.id, "there was no hurry", justified=False, by=person("max"))
    assert not access.may_query("ewa", "admissions")
    for hours in (float("nan"), float("inf"), -1.0):
        call = lambda hours=hours: access.open_emergency("ewa", "admissions", "a good reason", hours, by=LENA)  # type: ignore[misc]  # noqa: E731
        assert refused(call) == "emergency.too_long"
    assert refused(lambda: access.open_emergency("ewa", "nothing", "a good reason", 1, by=LENA)) == "project.unknown"


def test_break_glass_is_not_for_who_never_had_the_rest(access: Access, clock: FixedClock) -> None:
    """A training that ran out and an accreditation that never was: the one is bridged, the other is not."""
    whole = invented_person("ewa", "haven", {Role.RESEARCHER}, TODAY)
    access.register_person(Person("ewa", "Ewa", "gp", frozenset({Role.RESEARCHER})), by=HOUSE)
    part = replace(whole, organisation="gp", evidence=replace(whole.evidence, accreditation=None))
    access.register_person(part, by=HOUSE)
    clock.at += timedelta(days=1)
    call = lambda: access.open_emergency("ewa", "admissions", "the outbreak's numbers are due", 4, by=LENA)  # noqa: E731
    assert refused(call) == "emergency.bridges_nothing"
    assert access.may_query("ewa", "admissions").code == "person.training_expired"  # type: ignore[union-attr]


def test_with_real_data_invented_evidence_is_none() -> None:
    """Records that were made for synthetic data do not open real ones."""
    access = peopled(memory_records(FixedClock(START)), real_data=True)
    cheap = Person("bryn", "Bryn", "university", frozenset({Role.AUDITOR}), invented_evidence(TODAY))
    access.register_person(cheap, by=HOUSE)
    found = access.person("bryn")
    assert found is not None
    assert found.evidence == Evidence()


@pytest.mark.parametrize(
    "changed",
    [
        DatasetEntry("hospital", "gp", HOSPITAL.notice, "nhs_england_sde", HOSPITAL.tables),
        DatasetEntry("hospital", "hospital", HOSPITAL.notice, "nhs_england_sde",
                     {"hospital_episodes": {"admidate": "text", "diag_4_01": "code"}}),
    ],
    ids=["another controller", "another kind"],
)  # fmt: skip
def test_a_dataset_that_changed_was_not_decided_on(access: Access, changed: DatasetEntry) -> None:
    """What was approved is whose the dataset was and of which kind its columns; another is asked for anew."""
    with access.records.change(by=HOUSE) as change:  # as it could have come about in a home of before
        row = change.session.get_one(DatasetRow, "hospital")
        row.controller, row.tables = changed.controller, {name: dict(one) for name, one in changed.tables.items()}
        change.record(EventName.DATASET_REGISTERED, dataset="hospital")
    decision = access.may_query("asha", "admissions")
    assert decision.code == "dataset.changed"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "narrowing",
    [Narrowing(dates={"hospital_episodes": "year"}), Narrowing(without={"hospital_episodes": ("admidate",)})],
)
def test_a_period_tells_no_day_that_was_taken_away(narrowing: Narrowing) -> None:
    """A period of one day on a date that a controller coarsened or took leaves no row, never the rows of that day."""
    tables = {
        "hospital_episodes": {
            "columns": {"admidate": "the outcome itself", "diag_4_01": "the reason for it"},
            "dates": "month",
            "period": {"column": "admidate", "from": date(2024, 5, 5), "to": date(2024, 5, 5)},
        }
    }
    file = project_file(datasets={"hospital": {"tables": tables}}, cohort=[])
    given = {"hospital": Approval("hospital", "organisation:hospital", START, narrowing=narrowing)}
    (table,) = compile_scope(file, 1, {"gp": GP, "hospital": HOSPITAL}, given).tables
    assert table.period == (date.min, date.min)


def test_of_two_who_decide_at_once_the_second_is_asked_after_the_first(tmp_path: Path) -> None:
    """An approval and a withdrawal at one moment leave no approval in force behind the withdrawal."""
    engine = make_engine(f"sqlite:///{tmp_path / 'haven.db'}")
    upgrade(engine)
    access = peopled(memory_records(FixedClock(START), engine))
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    access.apply(project_file(title="The second version"), applicant="asha", by=ASHA)
    barrier = threading.Barrier(2)

    def approve() -> None:
        barrier.wait()
        access.approve("admissions", "gp", by=person("gwen"))

    def withdraw() -> None:
        barrier.wait()
        access.withdraw("admissions", "gp", "purpose changed", by=organisation("gp"))

    threads = [threading.Thread(target=_quietly, args=(one,)) for one in (approve, withdraw)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [event.name for event in access.records.log.events]  # type: ignore[attr-defined]
    last = max(i for i, name in enumerate(names) if name in (EventName.PROJECT_APPROVED, EventName.PROJECT_WITHDRAWN))
    given = access.newest("admissions").version.approvals.get("gp")
    in_force = given is not None and given.in_force
    assert in_force is (names[last] is EventName.PROJECT_APPROVED)
    engine.dispose()


def _quietly(call: Callable[[], None]) -> None:
    try:
        call()
    except RefusedError as refused:
        assert isinstance(refused.refused, Refused)


def test_an_organisation_that_was_never_assessed_is_not_bridged(access: Access) -> None:
    """The employer's assessment ran out, and the person never had evidence: nothing is bridged."""
    lapsed = assessed("board", today=date(2020, 1, 1))
    access.register_organisation(lapsed, by=HOUSE)
    access.register_person(Person("yan", "Yan", "board", frozenset({Role.RESEARCHER})), by=HOUSE)
    call = lambda: access.open_emergency("yan", "admissions", "the outbreak's numbers are due", 4, by=LENA)  # noqa: E731
    assert refused(call) == "emergency.bridges_nothing"
    assert not access.may_query("yan", "admissions")


def test_taking_a_column_away_makes_no_condition_of_the_same_controller_wider() -> None:
    """A controller's own condition on a date is asked at the precision that it allows, shown or not."""
    tables = {
        "hospital_episodes": {
            "columns": {"admidate": "the outcome itself", "diag_4_01": "the reason for it"},
            "dates": "year",
        }
    }
    file = project_file(datasets={"hospital": {"tables": tables}}, cohort=[])
    condition = {"table": "hospital_episodes", "column": "admidate", "op": ">=", "values": ["2020-06-01"]}
    for without in ({}, {"hospital_episodes": ["admidate"]}):
        narrowing = Narrowing.model_validate({"cohort": [condition], "without": without})
        given = {"hospital": Approval("hospital", "organisation:hospital", START, narrowing=narrowing)}
        (met,) = compile_scope(file, 1, {"gp": GP, "hospital": HOSPITAL}, given).cohort
        assert met.precision == "year"
