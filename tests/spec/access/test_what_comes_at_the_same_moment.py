"""What was decided stays decided, whoever decides something else at that moment; and offices, evidence and drafts that
open or close more than they should."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from access.decisions import RefusedError
from access.optouts.model import ObjectionState, ObjectionTarget
from access.optouts.service import OptOuts
from access.organisations.model import Organisation
from access.people.invented import invented_assessment, invented_evidence
from access.people.model import Person, ProofingKind, Role, TrainingKind
from access.people.policies import may_act
from access.people.store import TrainingRow
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person
from audit.records import Change
from infra.database import make_engine
from infra.migrations import upgrade
from tests.fakes.havens import HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.papers import REAL, agreement_with, approve_all, support_for
from tests.fakes.people import assessed, invented_person

TODAY = START.date()
ASHA, LENA = person("asha"), person("lena")
REFERENCE = "26/CAG/0001"


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Access]:
    """A haven whose records lie in a file, as two processes have them, with an agreement and a support in force."""
    engine = make_engine(f"sqlite:///{tmp_path / 'haven.db'}")
    upgrade(engine)
    access = peopled(memory_records(FixedClock(START), engine))
    access.register_agreement(agreement_with("gp", ["gp"]), by=LENA)
    access.register_support(support_for([("gp", "gp")]), by=LENA)
    yield access
    engine.dispose()


def _rule(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as told:
        call()
    return told.value.refused.code


def _at_once(*calls: Callable[[], object]) -> list[str]:
    """All at the same moment; the rules of those that were refused."""
    barrier, rules = threading.Barrier(len(calls)), list[str]()

    def run(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
        except RefusedError as refused:
            rules.append(refused.refused.code)

    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(run, call) for call in calls]:
            done.result()  # what is no refusal is raised here
    return rules


def test_a_support_that_was_withdrawn_stays_so_beside_its_review(on_disk: Access) -> None:
    """A review and a withdrawal at one moment: whichever is first, nothing is in force after them."""
    _at_once(
        lambda: on_disk.record_review(REFERENCE, date(2027, 4, 1), by=LENA),
        lambda: on_disk.withdraw_support(REFERENCE, by=LENA),
    )
    found = on_disk.support(REFERENCE)
    assert found is not None
    assert found.withdrawn_on == TODAY


def test_an_agreement_that_was_withdrawn_stays_so_beside_its_amendment(on_disk: Access) -> None:
    """The party ends it while a lead registers an amendment, signed before: it is not in force after them."""
    amended = agreement_with("gp", ["gp"], on=date(2026, 1, 5), purposes=["research", "audit"])
    _at_once(
        lambda: on_disk.register_agreement(amended, by=LENA),
        lambda: on_disk.withdraw_agreement("gp-2026", by=organisation("gp")),
    )
    assert [holds for _, holds in on_disk.agreements()] == [False]


def test_of_two_who_lift_a_sanction_one_does(on_disk: Access) -> None:
    """The second finds nothing in force, and the first one's reason stays."""
    held = on_disk.sanction(ASHA, "tried to identify somebody", None, by=LENA)
    lift = [lambda why=why: on_disk.lift_sanction(held.id, why, by=LENA) for why in ("first reason", "other reason")]  # type: ignore[misc]
    assert _at_once(*lift) == ["sanction.unknown"]


def test_two_leads_open_one_emergency(on_disk: Access) -> None:
    """Of two at one moment one is refused: the first waits for its review."""
    on_disk.register_person(invented_person("max", "haven", {Role.GOVERNANCE_LEAD}), by=HOUSE)
    on_disk.apply(project_file(), applicant="asha", by=ASHA)
    opens = [
        lambda by=by: on_disk.open_emergency("ewa", "admissions", "numbers are due", 1, by=by)  # type: ignore[misc]
        for by in (LENA, person("max"))
    ]
    assert _at_once(*opens) == ["emergency.not_reviewed"]
    assert len(on_disk.emergencies()) == 1


def test_of_two_who_register_the_same_the_second_changes_it(on_disk: Access) -> None:
    """A person, an organisation, a test result: nobody meets the database's own words, and each is there once."""
    noor = Person("noor", "Noor", "university", frozenset({Role.RESEARCHER}))
    people = [lambda: on_disk.register_person(noor, by=HOUSE)] * 4
    board = [lambda: on_disk.register_organisation(Organisation("board", "Board"), by=HOUSE)] * 2
    assert _at_once(*people, *board) == []
    day, kind = TODAY - timedelta(days=1), TrainingKind.INFORMATION_GOVERNANCE
    tests = [
        lambda score=score: on_disk.record_training("noor", kind, day, score, by=HOUSE)  # type: ignore[misc]
        for score in (50, 85, 90, 95)
    ]
    assert _at_once(*tests) == []
    with on_disk.records.read() as session:
        numbers = session.scalars(select(TrainingRow.number).where(TrainingRow.person == "noor")).all()
    assert sorted(numbers) == [1, 2, 3, 4]


def _after_reading(monkeypatch: pytest.MonkeyPatch, access: Access, times: int, call: Callable[[], object]) -> None:
    """Let somebody do this right after everybody was read for the so manieth time."""
    read, reads = access.people, list[int]()

    def people() -> list[Person]:
        found = read()
        reads.append(len(found))
        if len(reads) == times:
            call()
        return found

    monkeypatch.setattr(access, "people", people)


@pytest.mark.parametrize("stop", ["suspend", "close"])
def test_a_sweep_at_that_moment_lets_nobody_in_again(
    on_disk: Access, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    """Asha is suspended or closed after the sweep has read who is there: she is moved, and stays out."""
    staff = {one.id: "hospital" if one.id == "asha" else "university" for one in on_disk.people()}
    suspend = lambda: on_disk.suspend_person("asha", by=HOUSE)  # noqa: E731
    close = lambda: on_disk.close_person("asha", "left in a hurry", by=HOUSE)  # noqa: E731
    _after_reading(monkeypatch, on_disk, 2, suspend if stop == "suspend" else close)  # the list is looked at first
    assert on_disk.sweep("university", staff, by=HOUSE)["asha"] == "moved"
    asha = on_disk.person("asha")
    assert asha is not None
    assert (asha.organisation, asha.roles, asha.evidence.acknowledged_on) == ("hospital", frozenset(), None)
    assert (asha.suspended, asha.closed_on) == ((True, None) if stop == "suspend" else (False, TODAY))


def test_who_uses_their_account_at_that_moment_is_not_closed_as_dormant(
    on_disk: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again before it is written: an account that was used, or closed for another reason, is left as it is."""
    clock = on_disk.records.clock
    assert isinstance(clock, FixedClock)
    clock.at += timedelta(days=91)

    def meanwhile() -> None:
        on_disk.register_person(invented_person("asha", "university", {Role.RESEARCHER}), by=HOUSE)
        on_disk.saw("asha")
        on_disk.close_person("ewa", "left the university", by=HOUSE)

    _after_reading(monkeypatch, on_disk, 1, meanwhile)
    closed = on_disk.close_dormant(by=HOUSE)
    assert "bryn" in closed
    assert not {"asha", "ewa"} & set(closed)
    assert on_disk.person("asha").closed_on is None  # type: ignore[union-attr]


def test_whoever_is_put_out_is_held_meanwhile(on_disk: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Suspended, closed, moved or dormant: nobody changes them at that moment, in whatever database."""
    held, hold = list[str](), Change.hold
    monkeypatch.setattr(Change, "hold", lambda change, subject: held.append(subject) or hold(change, subject))
    on_disk.suspend_person("asha", by=HOUSE)
    on_disk.close_person("ewa", "left the university", by=HOUSE)
    on_disk.sweep("university", {"bryn": "hospital"}, by=HOUSE)
    assert {"person:asha", "person:ewa", "person:bryn"} <= set(held)
    clock = on_disk.records.clock
    assert isinstance(clock, FixedClock)
    clock.at += timedelta(days=91)
    held.clear()
    closed = on_disk.close_dormant(by=HOUSE)
    assert closed
    assert {f"person:{name}" for name in closed} <= set(held)


def test_an_objection_is_recorded_once_and_stays_taken_back(on_disk: Access) -> None:
    """Of two who record it one is refused in a sentence; an answer at that moment does not undo that it ended."""
    optouts, target, gp = OptOuts(on_disk.records, on_disk), ObjectionTarget("controller", "gp"), organisation("gp")
    record = lambda: optouts.record_objection("letter-1", target, "Not for research.", by=gp)  # noqa: E731
    assert _at_once(*[record] * 4) == ["optouts.recorded_already"] * 3
    _at_once(
        lambda: optouts.answer("letter-1", target, ObjectionState.WITHDRAWN, "They wrote again.", by=gp),
        lambda: optouts.answer("letter-1", target, ObjectionState.UPHELD, "Their reasons weigh more.", by=gp),
    )
    assert [one.state for one in optouts.objections("letter-1")] == [ObjectionState.WITHDRAWN]


@pytest.fixture
def access() -> Access:
    """The haven's people, in memory; synthetic data."""
    return peopled(memory_records(FixedClock(START)))


def test_one_real_proofing_does_not_make_the_rest_true() -> None:
    """With real data, what stood beside an invented proofing is invented too: it is asked for anew."""
    access = peopled(memory_records(FixedClock(START)), real_data=True)
    cheap = Person("bryn", "Bryn", "university", frozenset({Role.AUDITOR}), invented_evidence(TODAY))
    access.register_person(cheap, by=HOUSE)
    access.record_proofing("bryn", ProofingKind.NHS_SMARTCARD, by=HOUSE)
    decision = may_act(access.person("bryn"), TODAY)
    assert decision.code == "person.training_missing"  # type: ignore[union-attr]


def test_with_real_data_an_invented_assessment_is_none_wherever_it_is_asked() -> None:
    """Also where the organisation itself is asked for, as at the receipt of a delivery."""
    access = peopled(memory_records(FixedClock(START)), real_data=True)
    access.register_organisation(Organisation("board", "Board", invented_assessment(TODAY)), by=LENA)
    found = access.organisation("board")
    assert found is not None
    assert found.security is None
    assert all(one.security is None for one in access.organisations() if one.id == "board")


def test_the_first_administrator_is_brought_in_by_the_havens_own_account() -> None:
    """With real data: until the office is taken up the account records what shows that they may; then no more."""
    access = peopled(memory_records(FixedClock(START)), real_data=True)
    access.register_person(Person("adam", "Adam", "haven", frozenset({Role.ADMINISTRATOR})), by=HOUSE)
    access.record_proofing("adam", ProofingKind.PASSPORT_IN_PERSON, by=HOUSE)
    access.record_training("adam", TrainingKind.INFORMATION_GOVERNANCE, TODAY, 95, by=HOUSE)
    access.acknowledge("adam", by=person("adam"))
    assert may_act(access.person("adam"), TODAY)
    late = invented_person("late", "haven", {Role.AUDITOR})
    assert _rule(lambda: access.register_person(late, by=HOUSE)) == "office.not_held"
    access.register_person(late, by=person("adam"))


def test_a_draft_names_nobody_out_of_checking(access: Access) -> None:
    """Who is named in a draft only is of no version that was submitted: they check the outputs of those that were."""
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    access.draft(project_file(people=["asha", "dev"]), applicant="asha", by=ASHA)
    assert access.may_check_output("dev", "admissions")


def test_a_members_draft_does_not_lock_the_lead_out(access: Access) -> None:
    """Ewa keeps a draft with herself as lead; Asha, who leads what is live, still amends it."""
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    access.draft(project_file(people=["ewa"], lead="ewa"), applicant="ewa", by=person("ewa"))
    access.apply(project_file(title="Amended by its lead"), applicant="asha", by=ASHA)
    assert access.newest("admissions").version.applicant == "asha"


def test_with_real_data_renaming_an_organisation_is_an_office() -> None:
    """A new one may be named by a contract; a known one is changed by an administrator, and each assessment is told."""
    access = peopled(memory_records(FixedClock(START)), real_data=True)
    access.register_person(invented_person("adam", "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    assert _rule(lambda: access.register_organisation(Organisation("gp", "Renamed"), by=HOUSE)) == "office.not_held"
    access.register_organisation(Organisation("gp", "Renamed"), by=person("adam"))
    access.register_organisation(Organisation("board", "Board"), by=HOUSE)
    events = [event.name for event in access.records.log.events]  # type: ignore[attr-defined]
    assert events[-1] is EventName.ORGANISATION_REGISTERED
    access.register_organisation(assessed("trust"), by=LENA)
    events = [event.name for event in access.records.log.events]  # type: ignore[attr-defined]
    assert events[-1] is EventName.ORGANISATION_ASSESSED


def test_who_is_let_in_again_is_not_dormant_at_once(access: Access) -> None:
    """An account that was closed for want of use and is registered again counts from that day; the log says so."""
    clock = access.records.clock
    assert isinstance(clock, FixedClock)
    clock.at += timedelta(days=91)
    assert "bryn" in access.close_dormant(by=HOUSE)
    access.register_person(invented_person("bryn", "university", {Role.RESEARCHER}, today=clock.at.date()), by=HOUSE)
    assert "bryn" not in access.close_dormant(by=HOUSE)
    registered = [e for e in access.records.log.events if e.name is EventName.PERSON_REGISTERED]  # type: ignore[attr-defined]
    assert registered[-1].details["let_in_again"] is True


@pytest.mark.parametrize("last", ["the authoriser", "the support"])
def test_whichever_paper_comes_last_the_project_goes_live_with_it(last: str) -> None:
    """And it is written down then: nobody waits for the housekeeping."""
    access = peopled(memory_records(FixedClock(START)))
    file = project_file(**REAL)
    access.apply(file, applicant="asha", by=ASHA)
    if last == "the support":
        approve_all(access, file)
    else:
        for controller in ("gp", "hospital"):
            access.register_agreement(agreement_with(controller, [controller]), by=LENA)
        access.register_support(support_for([("gp", "gp"), ("hospital", "hospital")]), by=LENA)
        make_live(access)
        access.appoint_authoriser("sian", date(2027, 1, 1), by=LENA)
    assert access.project("admissions").version.went_live_at == START
    assert access.may_query("asha", "admissions")


def test_the_sweep_moves_nobody_to_where_nobody_is(access: Access) -> None:
    """An organisation that is not registered is refused before anybody is changed, and the refusal is recorded."""
    assert _rule(lambda: access.sweep("university", {"asha": "nowhere"}, by=HOUSE)) == "organisation.unknown"
    found = access.person("asha")
    assert found is not None
    assert found.organisation == "university"


def test_every_refusal_for_want_of_a_reason_is_recorded(access: Access) -> None:
    """Nobody is barred, and no project stopped, without a sentence; the refusal is in the log."""
    access.apply(project_file(), applicant="asha", by=ASHA)
    make_live(access)
    for call, event in (
        (lambda: access.sanction(ASHA, " ", None, by=LENA), EventName.SANCTION_REFUSED),
        (lambda: access.suspend("admissions", "", by=LENA), EventName.PROJECT_SUSPEND_REFUSED),
        (lambda: access.withdraw("admissions", "gp", "\x1b[2K..", by=organisation("gp")),
         EventName.PROJECT_WITHDRAW_REFUSED),
    ):  # fmt: skip
        assert _rule(call).startswith("reason.")  # type: ignore[arg-type]
        assert access.records.log.events[-1].name is event  # type: ignore[attr-defined]


def test_a_review_that_would_break_the_support_is_refused(access: Access) -> None:
    """A support that begins later: its next review does not lie before its start."""
    later = support_for([("gp", "gp")], starts=date(2027, 1, 1), review_due=date(2028, 1, 1), ends=date(2030, 1, 1))
    access.register_support(later, by=LENA)
    call = lambda: access.record_review(REFERENCE, date(2026, 6, 1), by=LENA)  # noqa: E731
    assert _rule(call) == "support.review_past"
    assert access.supports()
