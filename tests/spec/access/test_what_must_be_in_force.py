"""The rule book of real people's data: agreements, section 251, assessments, an authoriser, each lapsing by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from access.decisions import Refused
from access.documents import parse_document
from access.organisations.agreement import TEMPLATE as AGREEMENT_TEMPLATE
from access.organisations.agreement import Agreement
from access.organisations.model import SecurityAssessment, SecurityStatus
from access.people.model import Role
from access.people.policies import may_act
from access.projects.errors import NarrowingUnfit, ProjectIncomplete
from access.projects.model import Outcome
from access.projects.narrowing import Narrowing
from access.projects.purposes import PURPOSES
from access.projects.states import ProjectState
from access.service import Access
from access.support.file import TEMPLATE as SUPPORT_TEMPLATE
from access.support.file import SupportFile
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person
from tests.fakes import papers
from tests.fakes.havens import ANSWERS, HOUSE, START, make_live, memory_records, peopled, project_file
from tests.fakes.people import invented_person
from tests.fakes.refusals import refused

TODAY = START.date()
LENA, ASHA = person("lena"), person("asha")
REAL = papers.REAL | {"impact_assessment": {"reference": "DPIA-1", "review_due": date(2026, 12, 31)}}


def agreement(controller: str, on: date | None = None, **changes: object) -> Agreement:
    """The template's agreement, with this controller; signed on the day."""
    data = parse_document(AGREEMENT_TEMPLATE, Agreement, name="template").model_dump()
    signatures = {controller: data["signatures"]["gp"], "haven": data["signatures"]["haven"]}
    signatures = {party: one | ({"on": on} if on else {}) for party, one in signatures.items()}
    dataset = {controller: data["datasets"]["gp"]}
    mine = {"id": f"{controller}-2026", "discloser": controller, "datasets": dataset, "signatures": signatures}
    return Agreement.model_validate(data | mine | changes)


def _with_another() -> Agreement:
    """The GP's agreement, with the university as its recipient."""
    paper = agreement("gp", TODAY).model_dump()
    paper["signatures"]["university"] = paper["signatures"].pop("haven")
    return Agreement.model_validate(paper | {"recipient": "university"})


def support(**changes: object) -> SupportFile:
    """The template's support, with both datasets' flows."""
    data = parse_document(SUPPORT_TEMPLATE, SupportFile, name="template").model_dump(by_alias=True)
    flows = [data["flows"][0] | {"dataset": name, "from": name} for name in ("gp", "hospital")]
    return SupportFile.model_validate(data | {"flows": flows} | changes)


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """A project under section 251 that everybody has approved, with every paper in force."""
    return _in_force(clock, {}, support(), date(2026, 12, 31))


def _in_force(clock: FixedClock, changes: dict[str, object], paper: SupportFile, until: date) -> Access:
    access = peopled(memory_records(clock), real_data=True)
    access.apply(project_file(**(REAL | changes)), applicant="asha", by=ASHA)
    for controller in ("gp", "hospital"):
        access.register_agreement(agreement(controller), by=LENA)
    access.register_support(paper, by=LENA)
    access.appoint_authoriser("sian", until, by=LENA)
    make_live(access)
    return access


def _rule(access: Access) -> str:
    decision = access.why("asha", "admissions", "query")
    return decision.code if isinstance(decision, Refused) else "yes"


def test_with_every_part_in_force_the_project_is_live(access: Access) -> None:
    """The researcher may query, and the scope is compiled."""
    assert _rule(access) == "yes"
    assert access.live_scope("admissions").tables


ENDINGS: dict[str, tuple[Callable[[Access], None], str]] = {
    "a party ends its agreement": (
        lambda a: a.withdraw_agreement("gp-2026", by=organisation("gp")), "agreement.missing"),
    "an amended agreement leaves the purpose out": (
        lambda a: a.register_agreement(agreement("gp", TODAY, purposes=["audit"]), by=LENA) and None,
        "agreement.purpose_not_agreed"),
    "an amended agreement leaves the legal basis out": (
        lambda a: a.register_agreement(agreement("gp", TODAY, legal_bases=["explicit-consent"]), by=LENA) and None,
        "agreement.purpose_not_agreed"),
    "the support is withdrawn": (lambda a: a.withdraw_support("26/CAG/0001", by=LENA), "support.withdrawn"),
    "an amended support names one flow less": (
        lambda a: a.register_support(
            SupportFile.model_validate(support().model_dump(by_alias=True) | {"flows": [
                support().model_dump(by_alias=True)["flows"][0]]}), by=LENA) and None,
        "support.flow_not_named"),
    "an amended support lets one flow go elsewhere": (
        lambda a: a.register_support(
            SupportFile.model_validate(support().model_dump(by_alias=True) | {"flows": [
                support().model_dump(by_alias=True)["flows"][0],
                support().model_dump(by_alias=True)["flows"][1] | {"to": "university"}]}), by=LENA) and None,
        "support.flow_not_named"),
    "an amended agreement is with another organisation": (
        lambda a: a.register_agreement(_with_another(), by=LENA) and None, "agreement.missing"),
    "a controller's assessment falls below the standard": (
        lambda a: a.assess_organisation(
            "hospital", SecurityAssessment("RX1", SecurityStatus.STANDARDS_NOT_MET, date(2027, 1, 1)), by=LENA),
        "organisation.security_not_met"),
    "a controller is barred": (
        lambda a: a.sanction(organisation("hospital"), "sold data on", None, by=LENA) and None,
        "organisation.sanctioned"),
    "the authoriser is suspended": (
        lambda a: a.suspend_person("sian", by=person("adam")), "authoriser.none"),
    "the governance lead suspends it": (
        lambda a: a.suspend("admissions", "an incident is looked into", by=LENA), "project.suspended"),
    "the Guardian takes it back": (
        lambda a: a.withdraw_endorsement("admissions", "new facts came up", by=person("greta")), "project.withdrawn"),
    "a controller takes it back": (
        lambda a: a.withdraw("admissions", "gp", "purpose changed", by=organisation("gp")), "project.withdrawn"),
    "it is closed": (lambda a: a.close("admissions", by=ASHA), "project.closed"),
}  # fmt: skip


@pytest.mark.parametrize("what", ENDINGS)
def test_one_part_less_and_the_next_question_is_no(access: Access, what: str) -> None:
    """Each ending by itself stops queries, workspaces and the scope at once, and the answer names it."""
    access.register_person(invented_person("adam", "haven", {Role.ADMINISTRATOR}), by=HOUSE)
    ending, rule = ENDINGS[what]
    ending(access)
    assert _rule(access) == rule
    assert refused(lambda: access.live_scope("admissions")) == rule
    entry = next(one for one in access.access_list() if (one.person, one.action) == ("asha", "query"))
    assert entry.decision == access.why("asha", "admissions", "query")
    assert isinstance(entry.decision, Refused)
    assert entry.decision.reason.endswith(".")


LATER = date(2027, 2, 10)
LAPSES: dict[str, tuple[dict[str, date], date, str]] = {
    "the appointment": ({"authoriser": date(2026, 12, 31)}, date(2027, 1, 1), "authoriser.none"),
    "the annual review": ({"review": date(2027, 1, 1)}, date(2027, 1, 2), "support.review_overdue"),
    "the impact assessment": ({"assessment": date(2026, 12, 31)}, date(2027, 1, 1), "project.impact_assessment"),
    "the project": ({"ends": date(2027, 1, 20)}, date(2027, 1, 21), "project.expired"),
}
"""What lapses: the last day of it alone, the day after, and the rule."""


@pytest.mark.parametrize("what", LAPSES)
def test_time_ends_parts_without_anybody_doing_anything(clock: FixedClock, what: str) -> None:
    """Each lapses by itself on its day, and the question that was yes the day before is no, by that part's rule."""
    last, day, rule = LAPSES[what]
    assessment = {"reference": "DPIA-1", "review_due": last.get("assessment", LATER)}
    file = {"impact_assessment": assessment, "ends": last.get("ends", LATER)}
    reviewed = support(review_due=last.get("review", LATER))
    access = _in_force(clock, file, reviewed, last.get("authoriser", LATER))
    clock.at = datetime.combine(day - timedelta(days=1), START.timetz())
    access.recertify("admissions", frozenset({"asha", "ewa"}), by=ASHA)
    assert (_rule(access), access.live_scope("admissions").project) == ("yes", "admissions")
    clock.at += timedelta(days=1)
    assert _rule(access) == rule
    assert refused(lambda: access.live_scope("admissions")) == rule
    assert refused(access.why("asha", "admissions", "open-workspace").require) == rule


def test_papers_may_come_after_the_decisions(clock: FixedClock) -> None:
    """Everybody approved, nothing is in force: it waits; the last paper makes it live, and the log says so."""
    access = peopled(memory_records(clock), real_data=True)
    access.apply(project_file(**REAL), applicant="asha", by=ASHA)
    make_live(access)
    assert access.project("admissions").state is ProjectState.AWAITING_SUPPORT
    told = access.still_missing(project_file(**REAL))
    assert len(told) == 4  # two agreements, the support, the authoriser
    for controller in ("gp", "hospital"):
        access.register_agreement(agreement(controller), by=LENA)
    access.appoint_authoriser("sian", date(2027, 12, 31), by=LENA)
    assert _rule(access) == "support.unknown"
    access.register_support(support(), by=LENA)
    assert _rule(access) == "yes"
    events = [event.name for event in access.records.log.events]  # type: ignore[attr-defined]
    assert events[-2:] == [EventName.SUPPORT_REGISTERED, EventName.PROJECT_WENT_LIVE]


def test_a_version_that_was_replaced_goes_live_no_more(clock: FixedClock) -> None:
    """Its support comes when another version is in force, which waits for another one: nothing went live."""
    access = peopled(memory_records(clock), real_data=True)
    for reference in ("26/CAG/0001", "26/CAG/0002"):
        access.apply(project_file(**(REAL | {"support": reference})), applicant="asha", by=ASHA)
        make_live(access)
    for controller in ("gp", "hospital"):
        access.register_agreement(agreement(controller), by=LENA)
    access.appoint_authoriser("sian", date(2027, 12, 31), by=LENA)
    live = lambda: [one.version for one in access.every_version() if one.went_live_at]  # noqa: E731
    access.register_support(support(), by=LENA)
    assert (access.project("admissions").state, live()) == (ProjectState.AWAITING_SUPPORT, [])
    access.register_support(support(reference="26/CAG/0002"), by=LENA)
    assert (access.project("admissions").state, live()) == (ProjectState.LIVE, [2])


def test_the_annual_review_is_warned_of_and_its_record_goes_on(access: Access, clock: FixedClock) -> None:
    """90, 60 and 30 days before, and when it is overdue; once recorded, nobody is warned."""
    due = date(2027, 1, 1)
    for days, step in ((91, None), (90, 90), (60, 60), (30, 30), (-1, 30)):
        day = due - timedelta(days=days)
        clock.at = START.replace(year=day.year, month=day.month, day=day.day)
        assert [one.step for one in access.review_warnings()] == ([] if step is None else [step])
    access.register_person(invented_person("lena", "haven", {Role.GOVERNANCE_LEAD}, today=clock.at.date()), by=HOUSE)
    access.record_review("26/CAG/0001", date(2028, 1, 1), by=LENA)
    assert access.review_warnings() == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"support": None}, "support"),
        ({"ethics": None}, "ethics"),
        ({"benefit": None}, "benefit"),
        ({"lead": None}, "lead"),
        ({"lead": "nobody"}, "lead"),
        ({"impact_assessment": None}, "impact_assessment"),
        ({"data_use": None}, "data_use: give what the public register"),
        ({"impact_assessment": {"reference": "DPIA-1", "review_due": date(2026, 2, 1)}}, "review_due"),
        ({"legal_basis": "synthetic-data"}, "synthetic-data"),
        ({"legal_basis": "public-health-risk"}, "may not rest on"),
        ({"purpose": "risk-stratification"}, "provider"),
        ({"provider": "gp"}, "nobody re-identifies"),
        ({"purpose": "risk-stratification", "provider": "university"}, "another organisation than the project's own"),
        ({"purpose": "risk-stratification", "provider": "haven"}, "another organisation than the project's own"),
        ({"recipients": ["nowhere"]}, "recipients"),
        ({"ends": date(2099, 1, 1)}, "ends: 2099-01-01 lies more than 20 years ahead"),
    ],
)
def test_what_the_purpose_and_the_law_need_is_told_before_submission(
    access: Access, changes: dict[str, object], named: str
) -> None:
    """Each missing piece is a sentence that names its key; nothing is submitted."""
    with pytest.raises(ProjectIncomplete) as told:
        access.apply(project_file(id="other", **(REAL | changes)), applicant="asha", by=ASHA)
    assert any(named in problem for problem in told.value.problems)


def test_the_purposes_are_those_of_the_review() -> None:
    """Six purposes; only risk stratification knows a provider whom it serves."""
    assert set(PURPOSES) == {
        "research", "risk-stratification", "population-health-management", "commissioning", "audit", "public-health",
    }  # fmt: skip
    assert [name for name, needs in PURPOSES.items() if needs.provider] == ["risk-stratification"]


def test_an_unsigned_agreement_is_not_registered(access: Access) -> None:
    """Nor one with a party that nobody knows, nor by somebody who is no governance lead."""
    unsigned = agreement("gp", signatures={})
    stranger = agreement("gp", recipient="nowhere", signatures={})
    assert refused(lambda: access.register_agreement(unsigned, by=LENA)) == "agreement.unsigned"
    assert refused(lambda: access.register_agreement(stranger, by=LENA)) == "agreement.party_unknown"
    assert refused(lambda: access.register_agreement(agreement("gp"), by=ASHA)) == "person.other_role"


def test_a_withdrawn_agreement_comes_again_only_signed_anew(access: Access, clock: FixedClock) -> None:
    """Neither the old paper nor it under another id; not while one signature is old; then it counts."""
    old = agreement("gp")
    access.withdraw_agreement("gp-2026", by=organisation("gp"))
    clock.at += timedelta(days=2)
    later = {party: one.model_copy(update={"on": TODAY + timedelta(days=1)}) for party, one in old.signatures.items()}
    half = old.model_copy(update={"signatures": {**later, "haven": old.signatures["haven"]}})
    same_day = {party: one.model_copy(update={"on": TODAY}) for party, one in old.signatures.items()}
    for paper in (
        old,
        old.model_copy(update={"id": "gp-other"}),
        half,
        old.model_copy(update={"signatures": same_day}),
    ):
        attempt = lambda paper=paper: access.register_agreement(paper, by=LENA)  # noqa: E731
        assert refused(attempt) == "agreement.signed_before_withdrawal"
        assert _rule(access) == "agreement.missing"
    anew = old.model_copy(update={"signatures": later})
    assert access.register_agreement(anew, by=LENA) == 2
    assert _rule(access) == "yes"
    assert refused(lambda: access.register_agreement(old, by=LENA)) == "agreement.signed_before_withdrawal"


def test_a_delegate_of_a_party_ends_its_agreement(access: Access) -> None:
    """Also when their evidence ran out, as an approval is taken back; another organisation's delegate does not."""
    for name, of in (("gwen", "gp"), ("hugh", "hospital")):
        known = invented_person(name, of, {Role.CONTROLLER_DELEGATE}, TODAY)
        access.register_person(known, by=HOUSE)
    access.suspend_person("gwen", by=HOUSE)
    assert refused(lambda: access.withdraw_agreement("gp-2026", by=person("gwen"))) == "person.suspended"
    ended = invented_person("gwen", "gp", {Role.CONTROLLER_DELEGATE}, TODAY - timedelta(days=1))
    access.register_person(ended, by=HOUSE)
    assert isinstance(may_act(access.person("gwen"), TODAY), Refused)
    assert refused(lambda: access.withdraw_agreement("gp-2026", by=person("hugh"))) == "person.other_role"
    access.withdraw_agreement("gp-2026", by=person("gwen"))
    assert _rule(access) == "agreement.missing"


def test_an_agreement_whose_review_is_overdue_is_not_in_force(access: Access) -> None:
    """On the day of its review it is, on the next it is not."""
    access.register_agreement(agreement("gp", TODAY - timedelta(days=1), review_due=TODAY), by=LENA)
    assert _rule(access) == "yes"
    access.register_agreement(agreement("gp", TODAY, review_due=TODAY - timedelta(days=1)), by=LENA)
    assert _rule(access) == "agreement.missing"


def test_a_withdrawn_support_does_not_come_again(access: Access, clock: FixedClock) -> None:
    """No letter comes in under its reference again, whatever it says; a new one has a reference of its own."""
    access.record_review("26/CAG/0001", date(2027, 2, 1), by=LENA)
    access.withdraw_support("26/CAG/0001", by=LENA)
    clock.at += timedelta(days=2)
    other = {"title": "Another title", "activity": "Linkage of what the letter of March names"}
    for again in (support(), support(starts=TODAY + timedelta(days=1)), support(**other)):
        assert refused(lambda again=again: access.register_support(again, by=LENA)) == "support.withdrawn_before"  # type: ignore[misc]
        assert _rule(access) == "support.withdrawn"
    assert access.register_support(support(reference="26/CAG/0009"), by=LENA) == 1
    assert _rule(access) == "support.withdrawn"  # what rested on the old one is applied for again


def test_a_delivery_comes_in_only_under_notice_agreement_and_authoriser(access: Access) -> None:
    """With real data all of them; without an agreement the delivery is refused, and so is an unknown dataset."""
    assert access.may_ingest("gp", {"nhs_number"})
    access.withdraw_agreement("gp-2026", by=LENA)
    assert access.may_ingest("gp", {"nhs_number"}).code == "agreement.missing"  # type: ignore[union-attr]
    access.register_agreement(_with_another().model_copy(update={"id": "gp-elsewhere"}), by=LENA)
    assert access.may_ingest("gp", {"nhs_number"}).code == "agreement.missing"  # type: ignore[union-attr]
    assert access.may_ingest("dental", {"nhs_number"}).code == "dataset.unknown"  # type: ignore[union-attr]


def test_without_a_notice_nothing_comes_in(clock: FixedClock) -> None:
    """Also where the data are synthetic: no fair-processing notice, no ingest."""
    access = peopled(memory_records(clock))
    entry = access.datasets()["gp"]
    access.register_dataset(type(entry)(entry.id, entry.controller, "", "nhs_england_sde", entry.tables), by=LENA)
    assert access.may_ingest("gp", {"nhs_number"}).code == "dataset.no_notice"  # type: ignore[union-attr]
    assert access.may_ingest("hospital", {"nhs_number"})


def test_two_controllers_narrow_differently(clock: FixedClock) -> None:
    """The scope is what both allow, `show` tells it in words, and a narrowing that does not fit is told at once."""
    access = peopled(memory_records(clock))
    access.apply(project_file(), applicant="asha", by=ASHA)
    unfit = Narrowing(without={"hospital_episodes": ("admidate",)})
    with pytest.raises(NarrowingUnfit, match="no table hospital_episodes of yours"):
        access.approve("admissions", "gp", by=organisation("gp"), narrowing=unfit)
    untold = Narrowing(without={"gp_events": ("code",)})
    with pytest.raises(NarrowingUnfit, match="cohort is defined by"):
        access.approve("admissions", "gp", by=organisation("gp"), narrowing=untold)
    access.approve(
        "admissions", "gp", by=organisation("gp"), narrowing=Narrowing(without={"gp_events": ("event_date",)})
    )
    access.approve(
        "admissions", "hospital", by=organisation("hospital"),
        narrowing=Narrowing(dates={"hospital_episodes": "year"}, ends=date(2026, 6, 1)),
    )  # fmt: skip
    access.endorse("admissions", Outcome.APPROVED, ANSWERS, by=person("greta"))
    scope = access.live_scope("admissions")
    seen = {(t.table, c.name, c.precision) for t in scope.tables for c in t.columns}
    assert seen == {("gp_events", "code", "exact"), ("hospital_episodes", "admidate", "year")}
    assert scope.ends == date(2026, 6, 1)
    told = {one["controller"]: one["narrowing"] for one in access.project("admissions").as_data()["approvals"]}
    assert told["gp"] == ["without gp_events.event_date"]


def test_a_lead_recertifies_each_quarter_or_nobody_gets_in(access: Access, clock: FixedClock) -> None:
    """After a quarter and its grace nobody queries; the lead keeps Asha, and Ewa loses access at once."""
    assert access.may_query("ewa", "admissions")
    clock.at += timedelta(days=107)
    assert _rule(access) == "project.not_recertified"
    assert refused(lambda: access.recertify("admissions", frozenset({"asha"}), by=person("ewa"))) == "project.not_lead"
    access.recertify("admissions", frozenset({"asha"}), by=ASHA)
    assert _rule(access) == "yes"
    assert access.may_query("ewa", "admissions").code == "project.not_a_member"  # type: ignore[union-attr]
    strangers = frozenset({"asha", "bryn"})
    assert refused(lambda: access.recertify("admissions", strangers, by=ASHA)) == "project.not_a_member"
