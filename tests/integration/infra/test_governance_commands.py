"""The commands of governance, as people type them: a project under section 251 from its papers to its suspension."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from audit.events import EventName
from infra.cli.main import asked_for
from infra.governance.review_pack import COUNTED
from infra.wiring.haven import Haven
from linkage.contracts.registry import find_contract
from tests.fakes.havens import HOUSE
from tests.fakes.registers import delivery

ROOT = Path(__file__).resolve().parents[3]
PAPERS = ROOT / "docs" / "examples" / "governance"
PROJECT = ROOT / "docs" / "examples" / "diabetes-admissions.yaml"


class Desk:
    """A home, and the commands that are typed at it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *words: str) -> Result:
        """One command at this home, whatever comes of it."""
        return CliRunner().invoke(asked_for([*words[:1]]), [*words, "--home", str(self.home)])

    def done(self, *words: str) -> str:
        """One command that must succeed; what it says."""
        result = self.run(*words)
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.output

    def refused(self, *words: str) -> str:
        """One command that must be refused; by which rule."""
        result = self.run(*words)
        assert result.exception is not None, (words, result.output)
        return str(getattr(getattr(result.exception, "refused", result.exception), "code", result.exception))

    def data(self, *words: str) -> Any:
        """What a command prints for a program."""
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A haven with its organisations, its people and three datasets, set up by commands."""
    found = Desk(tmp_path_factory.mktemp("desk"))
    haven = Haven.at(found.home)
    patched = pytest.MonkeyPatch()
    patched.setattr(Haven, "at", classmethod(lambda cls, home: haven))  # one process: one connection to the log
    for name in ("university", "board", "haven", "gp", "hospital", "council"):
        found.done("organisation", "add", name, name.title(), "--invented")
    for name, where, role in (
        ("asha", "university", "researcher"),
        ("bryn", "university", "researcher"),
        ("greta", "haven", "caldicott_guardian"),
        ("lena", "haven", "governance_lead"),
        ("max", "haven", "governance_lead"),
        ("sian", "haven", "anonymisation_authoriser"),
    ):
        found.done("person", "add", name, "--organisation", where, "--role", role, "--invented")
    for dataset in ("gp", "hospital", "social_care"):
        contract = find_contract(dataset)
        haven.contracts.in_force(dataset, contract.version, by=haven.registered("organisation:haven"))
    yield found
    patched.undo()
    haven.records.engine.dispose()
    haven.audit_log.close()


def test_a_project_goes_live_paper_by_paper(desk: Desk) -> None:
    """After each command `haven why` names what is missing; last, that no data are published: no yes, status 77."""
    why = ("why", "asha", "diabetes-admissions", "query")
    desk.done("project", "draft", str(PROJECT), "--as", "asha")
    assert desk.data(*why)["rule"] == "project.draft"
    desk.done("project", "submit", "diabetes-admissions", "--as", "asha")
    desk.done(
        "project", "approve", "diabetes-admissions", "--dates", "gp_events=year", "--condition",
        "The data committee sees the results first.", "--as", "gp",
    )  # fmt: skip
    narrowing = str(PAPERS / "narrowing-hospital.yaml")
    desk.done("project", "approve", "diabetes-admissions", "--narrowing", narrowing, "--as", "hospital")
    assert desk.data(*why)["reason"] == "Not yet approved by: council."
    desk.done("project", "approve", "diabetes-admissions", "--as", "council")
    assert desk.data(*why)["rule"] == "project.not_endorsed"
    assert desk.refused("project", "endorse", "diabetes-admissions", "--as", "greta") == "project.release_test"
    answers = str(PAPERS / "release-test-diabetes.yaml")
    desk.done("project", "endorse", "diabetes-admissions", "--answers", answers, "--as", "greta")
    assert desk.data(*why)["rule"] == "agreement.missing"
    for controller in ("gp", "hospital", "council"):
        desk.done("agreement", "add", str(PAPERS / f"agreement-{controller}.yaml"), "--as", "lena")
    assert desk.data(*why)["rule"] == "support.unknown"
    desk.done("support", "add", str(PAPERS / "support.yaml"), "--as", "lena")
    assert desk.data(*why)["rule"] == "authoriser.none"
    desk.done("authoriser", "appoint", "sian", "--until", "2030-12-31", "--as", "lena")
    assert desk.data(*why)["rule"] == "scope.not_published"
    assert desk.run(*why, "--json").exit_code == 77
    open_it = ("why", "asha", "diabetes-admissions", "open-workspace")
    assert desk.data(*open_it) == {"allowed": True, "rule": None, "reason": None, "mend": None}
    shown = desk.data("project", "show", "diabetes-admissions")
    told = {one["controller"]: one["narrowing"] for one in shown["approvals"]}
    assert told["gp"] == ["dates of gp_events by the year", "The data committee sees the results first."]
    assert told["hospital"][0] == "without hospital_episodes.diag_4_01"
    assert told["council"] == []


def test_the_access_list_answers_as_why_does(desk: Desk) -> None:
    """One table for everybody: what stands there is what `haven why` says of the same three words."""
    for one in desk.data("access", "list"):
        answer = desk.data("why", one["person"], one["project"], one["action"])
        assert (one["allowed"], one["rule"]) == (answer["allowed"], answer["rule"])


def test_it_is_stopped_and_goes_on(desk: Desk) -> None:
    """Suspended and resumed, barred and freed: each seen by the next question."""
    why = ("why", "asha", "diabetes-admissions", "query")
    desk.done("project", "suspend", "diabetes-admissions", "--reason", "an incident is looked into", "--as", "lena")
    assert desk.data(*why)["rule"] == "project.suspended"
    assert "live" in desk.done("project", "resume", "diabetes-admissions", "--as", "lena")
    said = desk.done("sanction", "impose", "asha", "--reason", "tried to identify somebody", "--as", "lena")
    assert desk.data(*why)["rule"] == "person.sanctioned"
    desk.done("sanction", "lift", said.split()[-1].rstrip("."), "--reason", "it was an error", "--as", "lena")
    assert desk.data(*why)["rule"] == "scope.not_published"


def test_an_amendment_is_a_new_version_with_its_differences(desk: Desk, tmp_path: Path) -> None:
    """Bryn is added: everybody decides anew, the old version stays in force, and a refusal has its reason."""
    changed = tmp_path / "amended.yaml"
    changed.write_text(PROJECT.read_text("utf-8").replace("people: [asha]", "people: [asha, bryn]"), "utf-8")
    desk.done("project", "apply", str(changed), "--as", "asha")
    assert desk.done("project", "diff", "diabetes-admissions") == "+ people.bryn: yes\n"
    reason = "one analyst is enough for this"
    desk.done("project", "refuse", "diabetes-admissions", "--reason", reason, "--as", "council")
    assert desk.data("why", "asha", "diabetes-admissions", "query")["rule"] == "scope.not_published"
    assert not desk.data("why", "bryn", "diabetes-admissions", "query")["allowed"]


def test_an_empty_reason_is_no_approval_and_nobody_is_not_the_house(desk: Desk) -> None:
    """`--refuse ""` refuses, and lacks its reason; `--as ""` is nobody, never the haven's own account."""
    answers = str(PAPERS / "release-test-diabetes.yaml")
    guardian = ("project", "endorse", "diabetes-admissions", "--answers", answers, "--as", "greta")
    for controller in ("gp", "hospital", "council"):
        desk.run("project", "approve", "diabetes-admissions", "--as", controller)
    desk.done("project", "apply", str(PROJECT), "--as", "asha")
    for controller in ("gp", "hospital", "council"):
        desk.done("project", "approve", "diabetes-admissions", "--as", controller)
    assert desk.refused(*guardian, "--refuse", "") == "reason.missing"
    assert desk.refused("sanction", "impose", "bryn", "--reason", "a good reason", "--as", "") == "access.error"


def test_a_draft_hides_no_change_from_those_who_decide(desk: Desk, tmp_path: Path) -> None:
    """The differences are to what is in force, whatever was drafted between; `show` tells of what is asked for."""
    answers = str(PAPERS / "release-test-diabetes.yaml")
    desk.done("project", "endorse", "diabetes-admissions", "--answers", answers, "--as", "greta")
    in_force = desk.data("project", "show", "diabetes-admissions")
    assert (in_force["state"], in_force["amendment"]) == ("live", None)
    wider, named = tmp_path / "wider.yaml", tmp_path / "named.yaml"
    wider.write_text(PROJECT.read_text("utf-8").replace("people: [asha]", "people: [asha, bryn]"), "utf-8")
    named.write_text(wider.read_text("utf-8").replace("title: ", "title: More of "), "utf-8")
    asked = desk.data("project", "apply", str(named), "--as", "asha")["version"]
    desk.done("project", "draft", str(wider), "--as", "asha")
    told = desk.done("project", "diff", "diabetes-admissions")
    assert "+ people.bryn: yes" in told
    assert "~ title" in told
    shown = desk.data("project", "show", "diabetes-admissions")
    assert (shown["version"], shown["amendment"]["version"]) == (in_force["version"], asked)
    assert f"version {asked}: submitted" in desk.done("project", "show", "diabetes-admissions")
    assert "(amendment: submitted)" in desk.done("project", "list")
    said = desk.done("project", "approve", "diabetes-admissions", "--version", str(asked), "--as", "gp")
    assert f"version {asked}: submitted" in said


def test_a_decision_is_on_the_version_that_was_read(desk: Desk) -> None:
    """Whoever says which version they read is refused when another is asked for by now."""
    wrong = ("diabetes-admissions", "--version", "1", "--as", "hospital")
    assert desk.refused("project", "approve", *wrong) == "project.another_version"
    assert desk.refused("project", "refuse", *wrong, "--reason", "not for us") == "project.another_version"


def test_the_annual_review_pack_is_written_and_dates_move_on(desk: Desk, tmp_path: Path) -> None:
    """The pack has the flows, the projects and the year's counts; then the next review's day is recorded."""
    desk.done("support", "pack", "26/CAG/0001", str(tmp_path / "pack"))
    data = json.loads((tmp_path / "pack" / "annual-review.json").read_text("utf-8"))
    assert [flow["dataset"] for flow in data["flows"]] == ["gp", "hospital", "social_care"]
    assert [one["project"] for one in data["projects"]] == ["diabetes-admissions"]
    page = (tmp_path / "pack" / "annual-review.html").read_text("utf-8")
    assert "Patients of the area are told by posters" in page
    assert [one["opt_outs_apply"] for one in data["projects"]] == [None]
    assert "nothing disclosed" in page
    assert data["counts"]["sanction.imposed"] == 1  # of asha, who is of the project: the event names neither
    following = (datetime.now(tz=UTC).date() + timedelta(days=370)).isoformat()
    desk.done("support", "reviewed", "26/CAG/0001", "--next", following, "--as", "lena")
    assert desk.data("support", "list")[0]["review_due"] == following
    assert desk.refused("support", "pack", "26/CAG/9999", str(tmp_path / "other")) == "support.unknown"


PROJECT_OF_SUPPORT, OTHER = "diabetes-admissions", "another-project"
CONCERNED: dict[EventName, tuple[dict[str, Any], dict[str, Any]]] = {
    EventName.DELIVERY_RECEIVED: ({"dataset": "gp"}, {"dataset": "dental"}),
    EventName.DELIVERY_REFUSED: ({"dataset": "gp"}, {"dataset": "dental"}),
    EventName.LINKAGE_COMPLETED: ({"deliveries": ["d0", "d1"]}, {"deliveries": ["d0"]}),
    EventName.SCOPE_PUBLISHED: ({"project": PROJECT_OF_SUPPORT}, {"project": OTHER}),
    EventName.QUERY_COMPLETED: ({"project": PROJECT_OF_SUPPORT}, {"project": OTHER}),
    EventName.QUERY_REFUSED: ({"project": PROJECT_OF_SUPPORT}, {"project": OTHER}),
    EventName.RELEASE_RELEASED: ({"project": PROJECT_OF_SUPPORT}, {"project": OTHER}),
    EventName.RELEASE_RECALLED: ({"project": PROJECT_OF_SUPPORT, "incident": "INC-7"}, {"project": OTHER}),
    EventName.OPTOUT_DECIDED: ({"project": PROJECT_OF_SUPPORT, "dataset": "gp"}, {"project": OTHER}),
    EventName.PERSON_SUSPENDED: ({"person": "asha"}, {"person": "carys"}),
    EventName.PROJECT_SUSPENDED: ({"project": PROJECT_OF_SUPPORT}, {"project": OTHER}),
    EventName.SANCTION_IMPOSED: ({"subject": "organisation:university"}, {"subject": "person:carys"}),
    EventName.EMERGENCY_OPENED: ({"project": PROJECT_OF_SUPPORT, "person": "asha"}, {"project": OTHER}),
    EventName.KEY_UNWRAP_HANDED_OUT: ({"project": PROJECT_OF_SUPPORT}, {"project": OTHER}),
}
"""Details as each event has them: of what the support is about, and of something else."""


def test_the_pack_counts_every_kind_of_event_and_names_incidents_and_certificates(desk: Desk, tmp_path: Path) -> None:
    """Of the projects, their people and employers, the datasets and their deliveries; nothing of anybody else's."""
    haven = Haven.at(desk.home)
    assert {name for name in EventName if name.value in COUNTED} | {EventName.OPTOUT_DECIDED} == set(CONCERNED)
    with haven.records.change(by=HOUSE) as change:
        change.session.add(delivery(id="d1", dataset="gp"))
        change.record(EventName.DELIVERY_RECEIVED, dataset="gp", delivery="d1")

    def pack(name: str) -> dict[str, Any]:
        desk.done("support", "pack", "26/CAG/0001", str(tmp_path / name))
        found: dict[str, Any] = json.loads((tmp_path / name / "annual-review.json").read_text("utf-8"))
        return found

    before = Counter(pack("before")["counts"])
    for name, pair in CONCERNED.items():
        for told in pair:
            haven.records.note(name, by=HOUSE, **told)
    scope = haven.access.live_scope(PROJECT_OF_SUPPORT)
    with haven.records.change(by=HOUSE) as change:
        plan = haven.disclosures.plan(scope)
        certificate = haven.disclosures.certify(change, plan, "scope", "b1", (1234, 1230), {"gp_events": (99, 98)})
    after = pack("after")
    more = Counter(after["counts"]) - before
    assert more == {**{name.value: 1 for name in CONCERNED}, "optout.certified": 1}
    assert [(one["incident"], one["project"]) for one in after["incidents"]] == [("INC-7", PROJECT_OF_SUPPORT)]
    (told,) = after["certificates"]
    assert (told["certificate"], told["people_left_out"]) == (certificate.id, "fewer than 10")
    page = (tmp_path / "after" / "annual-review.html").read_text("utf-8")
    assert "INC-7" in page
    assert certificate.id in page


def test_papers_are_written_checked_and_printed(desk: Desk, tmp_path: Path) -> None:
    """A new agreement is the template; an unsigned one is not complete; its page has every clause, escaped."""
    file, page = tmp_path / "new.yaml", tmp_path / "new.html"
    agreement, runner = asked_for(["agreement"]), CliRunner()
    assert runner.invoke(agreement, ["agreement", "new", str(file)]).exit_code == 0
    assert runner.invoke(agreement, ["agreement", "check", str(file)]).output == "Complete.\n"
    text = (
        file.read_text("utf-8")
        .replace("title: GP records", 'title: "GP <script>alert(1)</script>')
        .replace("linkage inside the haven\n", 'linkage inside the haven"\n')
    )
    file.write_text(text[: text.index("signatures:")], "utf-8")
    checked = runner.invoke(agreement, ["agreement", "check", str(file)])
    assert checked.exit_code == 65
    assert "not signed by gp" in checked.output
    assert runner.invoke(agreement, ["agreement", "print", str(file), str(page)]).exit_code == 0
    printed = page.read_text("utf-8")
    assert "<script>" not in printed
    assert "Either party may end" in printed
    paper = tmp_path / "new.pdf"
    assert runner.invoke(agreement, ["agreement", "print", str(file), str(paper)]).exit_code == 0
    assert paper.read_bytes().startswith(b"%PDF-")
    assert desk.refused("agreement", "add", str(file), "--as", "lena") == "agreement.unsigned"


def test_an_authorisers_appointment_is_ended(desk: Desk) -> None:
    """At once, with its reason; then nobody answers for anonymisation until somebody is appointed."""
    said = desk.done("authoriser", "end", "sian", "--reason", "Sian moves to another post.", "--as", "lena")
    assert "Nobody does" in said
    assert desk.data("why", "asha", "diabetes-admissions", "open-workspace")["rule"] == "authoriser.none"
    desk.done("authoriser", "appoint", "sian", "--until", "2030-12-31", "--as", "lena")
    assert desk.done("authoriser", "show") == "sian\n"


def test_an_office_is_recovered_by_root_alone_and_only_when_nobody_can_act(desk: Desk) -> None:
    """In a haven without real data its own account may act anyway: refused, and in the log."""
    refused = desk.refused("recover", "--reason", "Our only administrator left.")
    assert refused == ("office.not_taken" if os.geteuid() == 0 else "office.recovery_not_root")


def test_people_come_move_and_leave(desk: Desk, tmp_path: Path) -> None:
    """Step by step in, each command saying what is next; the sweep strips movers and closes leavers."""
    added = desk.done("person", "add", "noor", "--organisation", "university", "--role", "auditor")
    assert "haven person prove noor" in added
    assert "haven person train noor" in desk.done("person", "prove", "noor", "nhs-smartcard")
    assert "not passed" in desk.done("person", "train", "noor", "information-governance", "--score", "60")
    assert "acknowledge" in desk.done("person", "train", "noor", "information-governance", "--score", "90")
    assert "Acknowledged" in desk.done("person", "acknowledge", "--as", "noor")
    assert desk.data("person", "show", "noor")["may_act"] is True
    staff = tmp_path / "staff.csv"
    staff.write_text("person,organisation\nasha,university\nnoor,hospital\n", "utf-8")
    said = desk.done("person", "sweep", "university", str(staff))
    assert "noor             moved" in said
    assert "bryn             left" in said
    empty = tmp_path / "empty.csv"
    empty.write_text("person,organisation\n", "utf-8")
    assert desk.refused("person", "sweep", "university", str(empty)) == "access.error"
    empty.write_text("person,organisation\nasha,university\nasha,hospital\n", "utf-8")
    assert desk.refused("person", "sweep", "university", str(empty)) == "access.error"


def test_break_glass_is_listed_until_another_reviews_it(desk: Desk) -> None:
    """Opened by one lead, refused to the same for review, reviewed by another."""
    desk.done(
        "emergency", "open", "asha", "diabetes-admissions", "--reason", "the outbreak's numbers are due", "--as", "lena"
    )
    (held,) = desk.data("emergency", "list")
    assert "BREAK-GLASS" in desk.done("waiting", "--as", "greta")
    told = desk.run("project", "suspend", "no-such-project", "--reason", "an incident is looked into", "--as", "max")
    assert "WAITING since" in told.stderr
    assert "the outbreak's numbers are due" in told.stderr
    assert "BREAK-GLASS without a review: 1" in desk.run("status").stderr
    review = ("emergency", "review", held["id"], "--justified", "--finding", "it was in time", "--as")
    assert desk.refused(*review, "lena") == "emergency.self"
    desk.done(*review, "max")
    assert desk.done("waiting", "--as", "greta") == "Nothing waits.\n"
    assert "BREAK-GLASS" not in desk.run("status").stderr
    assert desk.data("emergency", "list")[0]["reviewed_by"] == "person:max"


def test_what_a_party_ended_comes_back_only_signed_anew(desk: Desk) -> None:
    """The hospital ends its agreement: the project stands still, and the old signatures put nothing in force."""
    desk.done("agreement", "withdraw", "hospital-2026", "--as", "hospital")
    assert desk.data("why", "asha", "diabetes-admissions", "query")["rule"] == "agreement.missing"
    again = ("agreement", "add", str(PAPERS / "agreement-hospital.yaml"), "--as", "lena")
    assert desk.refused(*again).startswith("agreement.")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("person", "add", "x", "--organisation", "haven", "--role", "king"), "data_engineer"),
        (("person", "prove", "asha", "a-wink"), "passport-in-person"),
        (("person", "train", "asha", "dancing", "--score", "90"), "information-governance"),
        (("organisation", "assess", "haven", "X1", "fine", "--ends", "2027-01-01"), "standards-met"),
    ],
)
def test_a_word_that_is_not_known_is_told_with_those_that_are(desk: Desk, words: tuple[str, ...], named: str) -> None:
    """A role, a kind or a status that there is not: the refusal lists what there is."""
    result = desk.run(*words)
    assert named in str(getattr(result.exception, "mend", ""))
