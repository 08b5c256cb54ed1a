"""The rule book of the public register: what is public, and what never is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from access.organisations.model import SecurityAssessment, SecurityStatus
from access.people.invented import INVENTED_ODS
from access.people.model import Role
from audit.events import EventName
from audit.model import AuditEvent, organisation, person, service
from infra.cli.waiting import project_waiting
from infra.registers.data import RegisterInvalid, as_text, content_digest, data_uses
from infra.registers.gathering import gather
from infra.registers.model import OptOutEffect, PublicRegister
from infra.registers.publishing import register_bytes
from tests.fakes.havens import HOUSE, PEOPLE, START, endorse, make_live, project_file
from tests.fakes.papers import REAL
from tests.fakes.people import invented_person
from tests.fakes.registers import LOG, NHS_NUMBER, RELEASE, RegisteredWorld, delivery


@pytest.fixture(scope="module")
def world() -> RegisteredWorld:
    """A haven with everything that a register tells of."""
    return RegisteredWorld()


@pytest.fixture(scope="module")
def register(world: RegisteredWorld) -> PublicRegister:
    """Its register."""
    return gather(world.sources())


@pytest.fixture(scope="module")
def files(world: RegisteredWorld, register: PublicRegister) -> dict[str, bytes]:
    """Every file of it."""
    return register_bytes(register, LOG, world.sources().releases)


@pytest.mark.parametrize("name", [name for name, _, _ in PEOPLE])
def test_no_person_is_named(files: dict[str, bytes], name: str) -> None:
    """Neither the id nor the name of anybody who is registered stands in any file, also not in a reason."""
    word = re.compile(rf"(?<!\w){name}(?!\w)".encode(), re.IGNORECASE)
    assert [file for file, content in files.items() if word.search(content)] == []


def test_no_identifier_and_no_address_is_told(files: dict[str, bytes]) -> None:
    """A number like an NHS number and a person's address that somebody wrote into a reason are withheld."""
    everything = b"".join(files.values()).decode()
    assert NHS_NUMBER not in everything
    assert "gwen@" not in everything
    assert "[number withheld]; the cohort is too wide." in everything


def test_drafts_are_not_public_and_submitted_projects_are(register: PublicRegister, files: dict[str, bytes]) -> None:
    """A project that was never submitted stands nowhere; each other has its page, whatever became of it."""
    states = {one.id: one.state for one in register.projects}
    assert states == {
        "admissions": "live",
        "refused-late": "refused",
        "too-wide": "refused",
        "waits": "submitted",
    }
    assert {name for name in files if name.startswith("projects/")} == {f"projects/{one}.html" for one in states}
    assert b"not yet told" not in b"".join(files.values())


def test_an_unsubmitted_amendment_is_not_public() -> None:
    """The draft of a new version of a public project changes nothing that the public sees."""
    world = RegisteredWorld()
    before = content_digest(gather(world.sources()))
    changed = project_file(title="A quietly changed plan", lay_summary="Something else is planned here.")
    world.access.draft(changed, applicant="asha", by=person("asha"))
    assert content_digest(gather(world.sources())) == before


def test_a_project_stands_under_its_organisation(register: PublicRegister) -> None:
    """The lead's organisation, the purpose, the dates and every decision with its day."""
    project = next(one for one in register.projects if one.id == "admissions")
    assert (project.organisation, project.purpose, project.begun) == ("University", "research", START.date())
    assert [(one.by, one.outcome) for one in project.decisions] == [
        ("Gp", "approved"),
        ("Hospital", "approved"),
        ("Caldicott Guardian", "approved"),
    ]
    assert [one.told for one in project.history] == [
        "version 1 submitted",
        "version 1 approved by Gp",
        "version 1 approved by Hospital",
        "version 1 approved by the Caldicott Guardian",
        "version 1 live",
    ]


def test_datasets_stand_with_their_terms(register: PublicRegister) -> None:
    """Controller, notice, agreement and how long each is kept; a dataset without an agreement says so."""
    terms = {one.id: [(term.agreement, term.retention_days, term.in_force) for term in one.terms]
             for one in register.datasets}  # fmt: skip
    assert terms == {"gp": [("gp-2026", 100, True)], "hospital": []}


def test_flows_are_those_that_are_agreed_and_those_that_are_supported(register: PublicRegister) -> None:
    """Agreements and supports name flows; a support names the identifiers, too."""
    assert [(one.dataset, one.ground, one.identifiers) for one in register.flows] == [
        ("gp", "agreement gp-2026", ()),
        ("gp", "section 251 support 26/CAG/0001", ("nhs_number",)),
    ]


def test_a_supported_flow_stands_while_its_support_is_in_force(world: RegisteredWorld) -> None:
    """By the rule that grants access: not before it begins, not past its annual review, not once it is withdrawn."""
    sources = world.sources()
    support = sources.approvals.supports[0]
    day = timedelta(days=1)

    def stands(today: date, withdrawn_on: date | None = None) -> bool:
        approvals = replace(sources.approvals, supports=[replace(support, withdrawn_on=withdrawn_on)])
        flows = gather(replace(sources, today=today, approvals=approvals)).flows
        return next(one.in_force for one in flows if one.ground.startswith("section 251"))

    assert stands(support.starts)
    assert not stands(support.starts - day)
    assert stands(support.review_due)
    assert not stands(support.review_due + day)
    assert not stands(support.starts, withdrawn_on=support.starts)


def test_small_counts_are_hidden(register: PublicRegister) -> None:
    """Seven rows are fewer than ten, others are rounded; sanctions are counted, and nobody is told."""
    assert dict(register.deliveries[0].rows) == {"gp_events": "1,235", "gp_patients": "fewer than 10"}
    assert register.sanctions.people_now == register.sanctions.ever == "fewer than 10"


def test_disclosures_say_what_to_whom_why_and_when(world: RegisteredWorld) -> None:
    """Confidential data from a controller, pseudonymised data to a workspace, tables to the outside."""
    published = AuditEvent(name=EventName.SCOPE_PUBLISHED, at=START, by=service("publisher"), project="admissions",
                           details={"version": 1, "build": "b1"})  # fmt: skip
    sources = world.sources()
    found = gather(
        replace(sources, events=[*sources.events, (99, published)], certificate_of=lambda what: f"C-{what[:2]}")
    ).disclosures
    assert [(one.kind.value, one.recipient, one.certificate) for one in found] == [
        ("confidential", "this haven's linkage zone", "C-d1"),
        ("aggregate", "the project's researchers (University)", "C-0c"),
        ("de-identified", "the project's workspaces in this haven (University)", "C-b1"),
    ]
    assert found[2].log_entry == 99


def test_a_past_publication_is_told_as_it_was() -> None:
    """By its own version: columns, title and organisation do not change with an amendment or a withdrawal."""
    world = RegisteredWorld()
    digest = world.access.live_scope("admissions").digest()
    event = AuditEvent(name=EventName.SCOPE_PUBLISHED, at=START, by=service("publisher"), project="admissions",
                       details={"version": 1, "build": "b1", "digest": digest})  # fmt: skip

    def told(event: AuditEvent) -> tuple[str, str, str]:
        sources = world.sources()
        found = gather(replace(sources, events=[*sources.events, (99, event)])).disclosures
        return next((one.what, one.recipient, one.why) for one in found if one.log_entry == 99)

    before = told(event)
    assert before == (
        "pseudonymised, approved columns of gp (gp_events: code, event_date);"
        " hospital (hospital_episodes: admidate), version 1",
        "the project's workspaces in this haven (University)",
        "research: Admissions of people with diabetes",
    )
    world.clock.at += timedelta(days=40)  # the hospital is no longer barred
    gp = {"gp": {"tables": {"gp_events": {"columns": {"code": "the only column"}}}}}
    world.access.withdraw("admissions", "gp", "a change", by=organisation("gp"))
    amended = project_file(title="A narrower plan", lead="ewa", datasets=gp)
    world.access.apply(amended, applicant="ewa", by=person("ewa"))
    make_live(world.access, controllers=("gp",))
    assert world.access.project("admissions").version.version == 2
    assert told(event) == before
    unknown = replace(event, details=dict(event.details) | {"digest": "ab" * 32})
    assert "approved columns" not in told(unknown)[0]
    assert "of the tables asked for: gp (gp_events); hospital (hospital_episodes), version 1" in told(unknown)[0]


def test_the_ground_of_a_delivery_is_that_of_its_day(world: RegisteredWorld) -> None:
    """As the log kept it with the receipt: neither a paper of later, nor none because a paper ended."""
    sources = world.sources()
    received = AuditEvent(name=EventName.DELIVERY_RECEIVED, at=START, by=service("intake"), dataset="gp",
                          details={"delivery": "d1", "grounds": ["agreement gp-2025"]})  # fmt: skip

    def why(event: AuditEvent) -> str:
        found = gather(replace(sources, events=[(7, event)])).disclosures
        return next(one.why for one in found if one.kind == "confidential")

    assert why(received) == "linkage for approved projects (agreement gp-2025)"
    assert why(replace(received, details={"delivery": "d1"})) == "linkage for approved projects"


def test_what_a_draft_published_is_not_told(world: RegisteredWorld) -> None:
    """A scope of a project that is not public makes no disclosure."""
    event = AuditEvent(name=EventName.SCOPE_PUBLISHED, at=START, by=service("publisher"), project="secret-draft",
                       details={"version": 1, "build": "b1"})  # fmt: skip
    sources = world.sources()
    assert not [
        one for one in gather(replace(sources, events=[(1, event)])).disclosures if one.project == event.project
    ]


def test_refusals_stand_with_their_reasons(register: PublicRegister) -> None:
    """Who refused what, when and why: a controller's and the Guardian's."""
    assert [(one.project, one.by) for one in register.refusals] == [
        ("refused-late", "caldicott-guardian"),
        ("too-wide", "gp"),
    ]
    assert register.refusals[0].reason == "No benefit is shown yet."


def test_waiting_times_are_told(world: RegisteredWorld) -> None:
    """An open application is told with the days that it has waited so far."""
    later = replace(world.sources(), today=START.date() + timedelta(days=12))
    times = {one.decider: one for one in gather(later).waiting}
    assert (times["hospital"].open, times["hospital"].longest_open_days) == (1, 12)
    assert (times["gp"].open, times["gp"].longest_days) == (0, 0)


def test_nobody_is_hidden_by_an_application_that_ran_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had not answered on its last day is told: on the page, as data, and by the command."""
    world = RegisteredWorld()
    waited = (date(2027, 3, 1) - START.date()).days
    world.clock.at += timedelta(days=waited + 10)
    later = replace(world.sources(), today=world.clock.at.date())
    files = register_bytes(gather(later), LOG, later.releases)
    told = {one["decider"]: one for one in json.loads(files["register.json"])["waiting"]}
    assert (told["hospital"]["open"], told["hospital"]["ended_undecided"]) == (0, 1)
    assert (told["hospital"]["longest_undecided_days"], told["gp"]["longest_undecided_days"]) == (waited, None)
    assert b"Ended undecided" in files["index.html"]
    monkeypatch.setattr("infra.cli.waiting.open_haven", lambda _home: SimpleNamespace(access=world.access))
    project_waiting()
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["hospital"].endswith(f"; 1 ended undecided, the longest after {waited} days")
    assert "undecided" not in lines["gp"]


def test_every_page_says_as_of_when_and_how_far_the_log_went(files: dict[str, bytes]) -> None:
    """The day, the log's size and its root stand below each page; the signed note lies beside them."""
    for name, content in files.items():
        if name.endswith(".html") and name != "releases.html":
            assert b"As of 2026-03-01" in content, name
            assert f"40 entries, root {LOG.root}".encode() in content, name
    assert files["checkpoint.txt"].decode() == LOG.note


def test_the_same_records_give_the_same_bytes(world: RegisteredWorld, files: dict[str, bytes]) -> None:
    """Read anew and rendered anew, nothing differs."""
    sources = world.sources()
    assert register_bytes(gather(sources), LOG, sources.releases) == files


def test_only_uses_that_began_are_approved_uses(register: PublicRegister, files: dict[str, bytes]) -> None:
    """The data use register has what has been live, with the standard's fields, and names no applicant."""
    (use,) = json.loads(files["data-uses.json"])["data_uses"]
    assert use["project_id_text"] == "admissions"
    assert use["non_gateway_applicants"] == []
    assert use["non_gateway_datasets"] == ["gp", "hospital"]
    assert use["latest_approval_date"] == str(START.date())
    assert use["duty_of_confidentiality"] == "Not engaged: synthetic records of nobody"
    assert use["legal_basis_for_data_article6"] == "Article 6(1)(e) of the UK GDPR: public task"
    assert use["legal_basis_for_data_article9"] == "Article 9(2)(j) of the UK GDPR: archiving, research and statistics"
    assert (use["organisation_sector"], use["organisation_id"]) == ("Academia", "ODS:RX1")
    assert (use["request_frequency"], use["funders_and_sponsors"]) == ("Recurring", ["An example council"])
    assert use["technical_summary"].endswith("counts admissions by month and by age, with rates.")
    assert "Asha" not in use["technical_summary"]
    assert use["confidential_data_description"] is None


def test_a_closed_project_is_told_with_its_day() -> None:
    """On its page, for programs, and as the end of the use; one that is not closed has none."""
    world = RegisteredWorld()
    world.clock.at += timedelta(days=3)
    closed = world.clock.at.date()
    world.access.close("admissions", by=person("asha"))
    register = gather(world.sources())
    days = {one.id: (one.state, one.closed_on) for one in register.projects}
    assert (days["admissions"], days["waits"]) == (("closed", closed), ("submitted", None))
    page = register_bytes(register, LOG, world.sources().releases)["projects/admissions.html"].decode()
    assert f"{closed}" in page.partition("Closed")[2][:200]
    (use,) = data_uses(register)["data_uses"]
    assert use["project_end_date"] == closed


def test_a_project_is_approved_on_the_day_on_which_the_last_approved() -> None:
    """Not while a controller or the Guardian has yet to decide; and the day stays when an approval is taken back."""
    world = RegisteredWorld()
    world.clock.at += timedelta(days=40)  # the hospital is no longer barred

    def approved_on() -> date | None:
        return next(one.approved_on for one in gather(world.sources()).projects if one.id == "late")

    world.access.apply(project_file(id="late", title="A late project"), applicant="asha", by=person("asha"))
    world.access.approve("late", "gp", by=organisation("gp"))
    assert approved_on() is None
    world.access.approve("late", "hospital", by=organisation("hospital"))
    assert approved_on() is None
    world.clock.at += timedelta(days=3)
    endorse(world.access, "late")
    last = world.clock.at.date()
    assert approved_on() == last
    world.clock.at += timedelta(days=1)
    world.access.withdraw("late", "gp", "a change of mind", by=organisation("gp"))
    assert approved_on() == last


def test_a_use_that_began_stays_told_with_its_first_day() -> None:
    """Also while its amendment is decided and waits for a support, and when that goes live on a later day."""
    world = RegisteredWorld()
    world.clock.at += timedelta(days=40)  # the hospital is no longer barred
    supported = project_file(**REAL)
    world.access.apply(supported, applicant="asha", by=person("asha"))
    make_live(world.access)
    waits = gather(world.sources())
    project = next(one for one in waits.projects if one.id == "admissions")
    assert (project.version, project.state, project.begun) == (2, "awaiting_support", START.date())
    assert [one["project_start_date"] for one in data_uses(waits)["data_uses"]] == [START.date()]

    world.access.apply(project_file(title="Admissions, counted anew"), applicant="asha", by=person("asha"))
    make_live(world.access)
    (use,) = data_uses(gather(world.sources()))["data_uses"]
    assert use["project_title"] == "Admissions, counted anew"
    assert (use["project_start_date"], use["access_date"]) == (START.date(), START.date())


def test_an_organisations_own_code_is_published_and_an_old_application_has_empty_fields(
    world: RegisteredWorld,
) -> None:
    """The code stands in its security assessment; who was not asked said nothing, and nothing is invented."""
    for code, told in (("8HK01", "ODS:8HK01"), (INVENTED_ODS, None)):
        assessment = SecurityAssessment(code, SecurityStatus.STANDARDS_MET, date(2027, 1, 1))
        world.access.assess_organisation("university", assessment, by=HOUSE)
        register = gather(world.sources())
        (use,) = data_uses(register)["data_uses"]
        assert use["organisation_id"] == told
    before = replace(register, projects=tuple(replace(one, data_use=None) for one in register.projects))
    (use,) = data_uses(before)["data_uses"]
    asked = ("organisation_id", "organisation_sector", "technical_summary", "request_frequency",
             "legal_basis_for_data_article6", "legal_basis_for_data_article9")  # fmt: skip
    assert [use[name] for name in asked] == [None] * len(asked)
    as_text("data-uses", data_uses(before))


def test_what_does_not_fit_its_schema_is_not_published(register: PublicRegister) -> None:
    """An applicant's name, or a field that the standard does not know, is refused, and the value is not told."""
    uses = data_uses(register)
    uses["data_uses"][0]["non_gateway_applicants"] = ["Asha Example"]
    with pytest.raises(RegisterInvalid) as refused:
        as_text("data-uses", uses)
    assert "non_gateway_applicants" in str(refused.value)
    assert "Asha" not in str(refused.value)


def test_a_recall_stays_in_the_register(world: RegisteredWorld) -> None:
    """A release that was taken back stands there with its incident."""
    recalled = RELEASE | {"state": "recalled", "incident": "INC-7"}
    found = gather(world.sources(releases=[recalled])).disclosures
    assert "(recalled, incident INC-7)" in next(one.what for one in found if one.kind == "aggregate")


def test_who_joins_later_is_withheld_too(world: RegisteredWorld) -> None:
    """Names are those of everybody registered on the day of building."""
    joined = RegisteredWorld()
    joined.access.register_person(replace(invented_person("zoe-p", "gp", {Role.AUDITOR}), name="Zoë Plain"), by=HOUSE)
    joined.access.apply(project_file(id="late", title="A late project"), applicant="asha", by=person("asha"))
    joined.access.refuse("late", "gp", "Zoë Plain and Dr Plain found it too wide.", by=organisation("gp"))
    reason = next(one.reason for one in gather(joined.sources()).refusals if one.project == "late")
    assert reason == "[name withheld] and Dr [name withheld] found it too wide."


def test_a_destroyed_delivery_is_told_as_destroyed(world: RegisteredWorld) -> None:
    """It stays in the list of what came in, under its state."""
    register = gather(world.sources(deliveries=[delivery(state="destroyed")]))
    assert [one.state for one in register.deliveries] == ["destroyed"]
    assert date(2026, 2, 2) == register.deliveries[0].received_on


def test_the_effect_of_opt_outs_is_told_suppressed(world: RegisteredWorld) -> None:
    """Each certificate with what was left out, small counts hidden; an exact small count fits no schema."""
    effect = OptOutEffect("Applied to every flow.", (("C-1", "2026-03-01", "1,235", "fewer than 10"),))
    register = gather(world.sources(opt_outs=effect))
    assert b"fewer than 10" in register_bytes(register, LOG, [])["index.html"]
    exact = replace(register, opt_outs=OptOutEffect("Applied.", (("C-1", "2026-03-01", "1,235", "7"),)))
    with pytest.raises(RegisterInvalid):
        register_bytes(exact, LOG, [])
