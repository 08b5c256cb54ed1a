"""The rule book of approvals: when a project is live, who decides, and what ends it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from access.documents import DocumentError, parse_document
from access.organisations.model import Organisation
from access.people.model import Role
from access.projects.errors import ProjectIncomplete
from access.projects.file import Known, problems_of
from access.projects.narrowing import Narrowing
from access.projects.states import ProjectState
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person, service
from tests.fakes.havens import HOUSE, START, endorse, make_live, memory_records, peopled, project_file
from tests.fakes.people import invented_person
from tests.fakes.refusals import refused

ASHA = person("asha")


@pytest.fixture
def access(clock: FixedClock) -> Access:
    """The haven's people and datasets, and one project applied for."""
    access = peopled(memory_records(clock))
    access.apply(project_file(), applicant="asha", by=ASHA)
    return access


def _approved(access: Access) -> None:
    make_live(access)


def _events(access: Access) -> list[EventName]:
    return [event.name for event in access.records.log.events]  # type: ignore[attr-defined]


def test_a_project_is_live_only_when_every_controller_and_the_guardian_have_approved(access: Access) -> None:
    """One approval of two is not enough, nor are both without the Guardian's; then it is live, and the log says so."""
    access.approve("admissions", "gp", by=organisation("gp"))
    assert not access.standing("admissions")
    assert not access.may_query("asha", "admissions")
    access.approve("admissions", "hospital", by=organisation("hospital"))
    assert access.may_query("asha", "admissions").code == "project.not_endorsed"  # type: ignore[union-attr]
    endorse(access)
    assert access.standing("admissions")
    assert access.may_query("asha", "admissions")
    assert _events(access)[-2:] == [EventName.PROJECT_ENDORSED, EventName.PROJECT_WENT_LIVE]


def test_a_withdrawal_ends_the_project_at_once(access: Access) -> None:
    """The controller takes its approval back: the next question is answered with no, and why."""
    _approved(access)
    access.withdraw("admissions", "hospital", "purpose changed", by=organisation("hospital"))
    decision = access.may_query("asha", "admissions")
    assert not decision
    assert decision.code == "project.withdrawn"  # type: ignore[union-attr]
    assert "hospital" in decision.reason  # type: ignore[union-attr]
    assert refused(lambda: access.live_scope("admissions")) == "project.withdrawn"


@pytest.mark.parametrize("stop", ["withdraw", "refuse"])
def test_what_was_stopped_is_asked_for_again_as_it_is(access: Access, stop: str) -> None:
    """The same file while it waits changes nothing; after it was stopped it is a new version that all decide on."""
    assert access.apply(project_file(), applicant="asha", by=ASHA).version == 1
    if stop == "withdraw":
        _approved(access)
    getattr(access, stop)("admissions", "gp", "A question about the purpose.", by=organisation("gp"))
    assert access.apply(project_file(), applicant="asha", by=ASHA).version == 2
    assert access.apply(project_file(), applicant="asha", by=ASHA).version == 2
    assert not access.standing("admissions")
    _approved(access)
    assert access.may_query("asha", "admissions")


def test_a_withdrawn_approval_is_not_given_again(access: Access) -> None:
    """The project applies anew instead, and everybody decides again."""
    _approved(access)
    access.withdraw("admissions", "gp", "error found", by=organisation("gp"))
    code = refused(lambda: access.approve("admissions", "gp", by=organisation("gp")))
    assert code == "project.already_decided"


def test_a_project_ends_on_its_end_date(access: Access, clock: FixedClock) -> None:
    """On the last day it is live; on the next it is not, without anybody doing anything."""
    _approved(access)
    last = START.replace(year=2027, month=3, day=1)
    far = invented_person("asha", "university", {Role.RESEARCHER}, date(2029, 1, 1), today=last.date())
    access.register_person(far, by=HOUSE)
    clock.at = last
    access.recertify("admissions", frozenset({"asha"}), by=ASHA)
    assert access.may_query("asha", "admissions")
    clock.at += timedelta(days=1)
    assert access.project("admissions").state is ProjectState.EXPIRED
    assert not access.may_query("asha", "admissions")


def test_training_that_ended_closes_the_door(access: Access, clock: FixedClock) -> None:
    """A person whose training is over may not query, whatever their project's state."""
    _approved(access)
    clock.at = START.replace(year=2027, month=2, day=1)
    decision = access.may_query("asha", "admissions")
    assert decision.code == "person.training_expired"  # type: ignore[union-attr]


def test_a_suspended_person_loses_everything_at_once(access: Access) -> None:
    """Suspension bites on the next question."""
    _approved(access)
    access.suspend_person("asha", by=HOUSE)
    assert access.may_query("asha", "admissions").code == "person.suspended"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("actor", "controller", "rule"),
    [
        (organisation("gp"), "hospital", "project.not_delegate"),
        (person("gwen"), "hospital", "project.not_delegate"),
        (person("bryn"), "gp", "project.not_delegate"),
        (person("nobody"), "gp", "organisation.unknown"),
        (service("flows"), "gp", "project.not_delegate"),
        (organisation("university"), "university", "project.not_concerned"),
    ],
)
def test_only_the_controller_or_its_delegate_decides(access: Access, actor: str, controller: str, rule: str) -> None:
    """Another organisation, another's delegate, a researcher, a stranger or a service decides nothing; it is logged."""
    assert refused(lambda: access.approve("admissions", controller, by=actor)) == rule  # type: ignore[arg-type]
    assert _events(access)[-1] is EventName.PROJECT_APPROVE_REFUSED


def test_nobody_decides_on_their_own_application(access: Access) -> None:
    """A delegate who is named in the project, or applied for it, does not decide on it."""
    access.apply(project_file(id="mine", people=["hari"]), applicant="hari", by=person("hari"))
    assert refused(lambda: access.approve("mine", "hospital", by=person("hari"))) == "project.own_application"


def test_an_approval_is_given_once(access: Access) -> None:
    """Twice is a refusal, not a second entry."""
    access.approve("admissions", "gp", by=person("gwen"))
    assert refused(lambda: access.approve("admissions", "gp", by=person("gwen"))) == "project.already_decided"


def test_an_amended_project_leaves_the_approved_one_in_force(access: Access) -> None:
    """A new version is asked of every controller; until all have approved, the old one governs, with its columns."""
    _approved(access)
    wider = project_file(people=["asha", "bryn"])
    access.apply(wider, applicant="asha", by=ASHA)
    assert access.newest("admissions").version.version == 2
    assert access.scope_version("admissions") == 1
    assert access.may_query("asha", "admissions")
    assert not access.may_query("bryn", "admissions")
    _approved(access)
    assert access.scope_version("admissions") == 2
    assert access.may_query("bryn", "admissions")


def test_a_withdrawal_ends_older_versions_too(access: Access) -> None:
    """No older approval comes back to life when the newer one is withdrawn."""
    _approved(access)
    access.apply(project_file(people=["asha"]), applicant="asha", by=ASHA)
    _approved(access)
    access.withdraw("admissions", "gp", "stopped", by=organisation("gp"))
    assert not access.standing("admissions")


def test_the_same_file_again_changes_nothing(access: Access) -> None:
    """Applying twice with the same content makes no new version and no entry."""
    before = len(_events(access))
    access.apply(project_file(), applicant="asha", by=ASHA)
    assert access.newest("admissions").version.version == 1
    assert len(_events(access)) == before


def test_a_closed_project_stays_closed(access: Access) -> None:
    """Closing is final for the id: not live, not approved, not applied for again."""
    _approved(access)
    access.close("admissions", by=ASHA)
    assert access.project("admissions").state is ProjectState.CLOSED
    again = project_file(title="Another title for it")
    assert refused(lambda: access.apply(again, applicant="asha", by=ASHA)) == "project.closed"


def test_a_stranger_cannot_amend_a_project(access: Access) -> None:
    """Only its people and its applicant make a new version of a project."""
    taken = project_file(title="Taken over by somebody", people=["bryn"])
    assert refused(lambda: access.apply(taken, applicant="bryn", by=person("bryn"))) == "project.not_yours"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"people": ["asha", "zoe"]}, "zoe"),
        ({"ends": date(2026, 3, 1)}, "ends"),
        ({"datasets": {"dental": {"tables": {"t": {"columns": {"c": "because it is so"}}}}}}, "dental"),
        ({"datasets": {"gp": {"tables": {"nhs": {"columns": {"c": "because it is so"}}}}}, "cohort": []}, "nhs"),
        (
            {"datasets": {"gp": {"tables": {"gp_events": {"columns": {"nhs_number": "to look up"}}}}}, "cohort": []},
            "nhs_number",
        ),
        ({"cohort": [{"table": "gp_patients", "column": "sex", "op": "=", "values": ["F"]}]}, "gp_patients.sex"),
        ({"people": ["asha", "greta"]}, "people: 'greta' is no researcher (roles: caldicott_guardian)"),
        ({"people": ["gwen"]}, "people: 'gwen' is no researcher (roles: controller_delegate)"),
        ({"people": ["asha", "dev"]}, "people: 'dev' is no researcher (roles: output_checker)"),
    ],
)
def test_an_incomplete_project_is_told_what_is_missing(access: Access, changes: dict[str, object], named: str) -> None:
    """Before submission the applicant reads what cannot be asked for; the refusal is in the log."""
    with pytest.raises(ProjectIncomplete) as told:
        access.apply(project_file(id="other", **changes), applicant="asha", by=ASHA)
    assert any(named in problem for problem in told.value.problems)
    assert _events(access)[-1] is EventName.PROJECT_APPLY_REFUSED


def test_an_output_checker_is_never_of_the_project(access: Access) -> None:
    """Ewa is a checker and a member: she does not check this project; Dev does."""
    _approved(access)
    assert access.may_check_output("dev", "admissions")
    assert access.may_check_output("ewa", "admissions").code == "release.own_project"  # type: ignore[union-attr]
    assert access.may_check_output("asha", "admissions").code == "release.no_checker"  # type: ignore[union-attr]


def test_whoever_was_in_an_earlier_version_never_checks(access: Access) -> None:
    """Leaving a project does not make its former member a checker of its outputs."""
    access.apply(project_file(people=["asha"]), applicant="asha", by=ASHA)
    assert "ewa" in access.members("admissions")
    assert not access.may_check_output("ewa", "admissions")


def test_refusals_of_the_administrator_are_recorded_too(access: Access) -> None:
    """A person of an organisation nobody knows, a stranger suspended, a project closed that there is not."""
    stray = invented_person("stray", "nowhere", {Role.RESEARCHER}, date(2029, 1, 1))
    assert refused(lambda: access.register_person(stray, by=HOUSE)) == "organisation.unknown"
    assert refused(lambda: access.suspend_person("nobody", by=HOUSE)) == "person.unknown"
    assert refused(lambda: access.close("nothing", by=HOUSE)) == "project.unknown"
    assert _events(access)[-3:] == [
        EventName.PERSON_REGISTER_REFUSED,
        EventName.PERSON_SUSPEND_REFUSED,
        EventName.PROJECT_CLOSE_REFUSED,
    ]
    assert access.person("stray") is None


def test_a_table_is_of_one_dataset(access: Access) -> None:
    """In the zone two datasets' tables of one name would be one: no second entry, and no file that names one twice."""
    gp = access.datasets()["gp"]
    second = replace(gp, id="second", controller="hospital")
    assert refused(lambda: access.register_dataset(second, by=HOUSE)) == "dataset.table_taken"
    assert refused(lambda: access.register_dataset(replace(gp, controller="hospital"), by=HOUSE)) == (
        "dataset.other_controller"
    )
    dated = {**gp.tables, "gp_events": {"event_date": "text", "code": "code"}}
    assert refused(lambda: access.register_dataset(replace(gp, tables=dated), by=HOUSE)) == "dataset.other_kind"
    assert _events(access)[-3:] == [EventName.DATASET_REFUSED] * 3
    part = project_file().datasets["gp"]
    known = Known(
        {"gp": gp, "second": second},
        dict.fromkeys(["asha", "ewa"], frozenset({Role.RESEARCHER})),
        frozenset(),
        date(2026, 3, 1),
    )
    twice = project_file(datasets={"gp": part, "second": part})
    assert problems_of(twice, known) == ["datasets: the table gp_events is asked for twice; name it once"]


def test_a_contract_is_installed_by_a_data_engineer(access: Access) -> None:
    """Nobody else, least of all a name that nobody has; each refusal is recorded."""
    daria = invented_person("daria", "haven", {Role.DATA_ENGINEER}, date(2027, 1, 31))
    access.register_person(daria, by=HOUSE)
    access.require_installer("gp", by=person("daria"))
    for by, rule in (
        (person("data-engineer"), "person.unknown"),
        (ASHA, "person.other_role"),
        (organisation("gp"), "office.not_held"),
    ):
        assert refused(lambda by=by: access.require_installer("gp", by=by)) == rule  # type: ignore[misc]
        assert _events(access)[-1] is EventName.DATASET_REFUSED


@pytest.mark.parametrize(
    "name", ["", "a", "../../etc", "a\nb", "asha\n", "<script>", "\u0430sha", "ASHA", "a" * 61, "per:x"]
)
def test_an_id_is_what_it_looks_like(access: Access, name: str) -> None:
    """Neither a person nor an organisation goes by an id that is a path, a mark-up or looks like another."""
    who = replace(invented_person("q", "university", {Role.RESEARCHER}, date(2027, 1, 31)), id=name)
    assert refused(lambda: access.register_person(who, by=HOUSE)) == "person.id_unfit"
    body = Organisation(name, "A body")
    assert refused(lambda: access.register_organisation(body, by=HOUSE)) == "organisation.id_unfit"
    assert _events(access)[-2:] == [EventName.PERSON_REGISTER_REFUSED, EventName.ORGANISATION_REGISTER_REFUSED]
    access.register_organisation(Organisation("social_care", "A body"), by=HOUSE)


@pytest.mark.parametrize("sign", ["\x1b[2K", "\r", "\x00", "\x9b", "\u202e", "\u2066"])
def test_no_text_paints_a_screen(access: Access, sign: str) -> None:
    """Texts of documents and reasons hold no controls and no turns of direction; the line is told, not the text."""
    text = f"conditions:\n  - {json.dumps('The results are shown ' + sign + 'first')}\n"
    with pytest.raises(DocumentError, match="line 2: holds a sign that nobody sees") as told:
        parse_document(text, Narrowing, name="own.yaml")
    assert sign not in str(told.value)
    with pytest.raises(ValidationError):
        project_file(title=f"Admissions of people {sign} with diabetes")
    assert parse_document("conditions: ['In two\n\n  lines']", Narrowing, name="own.yaml").conditions == (
        "In two\nlines",
    )
    who = invented_person("quin", "university", {Role.RESEARCHER}, date(2027, 1, 31))
    assert refused(lambda: access.register_person(replace(who, name=f"Quin{sign}"), by=HOUSE)) == "name.hidden_signs"
    body = Organisation("quins", f"Quins{sign}")
    assert refused(lambda: access.register_organisation(body, by=HOUSE)) == "name.hidden_signs"
    _approved(access)
    if sign != "\r":  # between words a blank, as a new line is
        withdrawn = lambda: access.withdraw("admissions", "gp", f"misused {sign}", by=organisation("gp"))  # noqa: E731
        assert refused(withdrawn) == "reason.hidden_signs"
        assert access.may_query("asha", "admissions")


def test_whom_an_amendment_adds_the_lead_was_not_asked_about(access: Access, clock: FixedClock) -> None:
    """The lead recertifies what is live while an amendment waits: live, it has its new people, and nobody let go."""
    _approved(access)
    access.register_person(invented_person("noor", "university", {Role.RESEARCHER}), by=HOUSE)
    clock.at += timedelta(days=1)
    amended = project_file(people=["asha", "ewa", "noor"], title="With one person more")
    access.apply(amended, applicant="asha", by=ASHA)
    clock.at += timedelta(days=1)
    access.recertify("admissions", frozenset({"asha"}), by=ASHA)
    assert access.project("admissions").version.people == {"asha"}
    clock.at += timedelta(days=1)
    _approved(access)
    version = access.project("admissions").version
    assert (version.version, version.people, version.recertified_on) == (2, {"asha", "noor"}, None)
    assert access.may_query("noor", "admissions")
    assert access.may_query("ewa", "admissions").code == "project.not_a_member"  # type: ignore[union-attr]
    clock.at += timedelta(days=1)
    access.recertify("admissions", frozenset({"asha", "ewa"}), by=ASHA)  # they are in the file that everybody approved
    version = access.project("admissions").version
    assert (version.people, version.recertified_on) == ({"asha", "ewa"}, clock.at.date())
