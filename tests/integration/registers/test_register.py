"""The register and housekeeping of a real haven: its own log and records, the command line, and the flow in Prefect."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from access.people.model import Role
from audit.checkpoint import read as read_checkpoint
from audit.errors import AuditUnavailable
from audit.model import organisation, person
from audit.search import SearchIndex, Wanted
from infra.registers.folder import PlaceTaken
from infra.registers.publishing import publish_register
from infra.registers.sources import log_position
from infra.wiring.haven import Haven
from tests.fakes.havens import GP, HOSPITAL, HOUSE, make_live, project_file
from tests.fakes.people import assessed, invented_person

ROOT = Path(__file__).resolve().parents[3]
CANARY = "zqcanaryperson"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A haven with a live project, one that a controller refused, and somebody whose training ends soon."""
    folder = tmp_path_factory.mktemp("h")
    haven = Haven.at(folder)
    today = haven.clock.now().date()
    access = haven.access
    for name in ("university", "gp", "hospital", "haven"):
        access.register_organisation(assessed(name, today=today), by=HOUSE)
    soon = today + timedelta(days=20)
    for name, employer, role in (
        ("asha", "university", Role.RESEARCHER),
        ("ewa", "haven", Role.RESEARCHER),
        ("greta", "haven", Role.CALDICOTT_GUARDIAN),
    ):
        access.register_person(invented_person(name, employer, {role}, today=today), by=HOUSE)
    access.register_person(invented_person(CANARY, "gp", {Role.AUDITOR}, soon, today=today), by=HOUSE)
    for entry in (GP, HOSPITAL):
        access.register_dataset(entry, by=HOUSE)
    ends = today + timedelta(days=200)
    access.apply(project_file(ends=ends), applicant="asha", by=person("asha"))
    make_live(access)
    access.apply(project_file(id="too-wide", ends=ends), applicant="asha", by=person("asha"))
    access.refuse("too-wide", "gp", "The cohort is too wide.", by=organisation("gp"))
    haven.records.engine.dispose()
    haven.audit_log.close()
    return folder


def run(home: Path, *words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "infra.cli", *words, "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def data(home: Path, *words: str) -> Any:
    """The same as data."""
    return json.loads(run(home, *words, "--json"))


def files_of(place: Path) -> dict[str, bytes]:
    """Every file of a register."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def events(home: Path, verb: str) -> list[dict[str, object]]:
    """The details of the entries of this verb."""
    index = SearchIndex(home / "audit", home / "records" / "audit-index.db")
    return [dict(event.details) for _, event in index.find(Wanted(verb=verb))]


def test_built_once_and_then_only_when_something_changed(home: Path) -> None:
    """It says what it wrote; again it writes nothing, and the log has one entry."""
    made = data(home, "register", "build")
    assert "projects/admissions.html" in made["files"]
    first = files_of(home / "register")
    assert set(first) == set(made["files"])
    assert data(home, "register", "build")["unchanged"] is True
    assert files_of(home / "register") == first
    assert len(events(home, "register.published")) == 1
    shown = data(home, "register", "show")
    assert [one["id"] for one in shown["projects"]] == ["admissions", "too-wide"]


def test_the_pages_can_be_held_against_the_log(home: Path) -> None:
    """The signed note beside the pages fits the log, and its size and root are those that the pages tell."""
    run(home, "register", "build")
    note = home / "register" / "checkpoint.txt"
    assert "The log is whole" in run(home, "audit", "verify", "--newest", str(note))
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex((home / "audit" / "log.pub").read_text()))
    checkpoint = read_checkpoint(note.read_text(), key)
    shown = json.loads((home / "register" / "register.json").read_bytes())["log"]
    assert (checkpoint.size, checkpoint.root.hex()) == (shown["size"], shown["root_sha256"])
    assert checkpoint.size > 0


def test_a_log_younger_than_its_first_checkpoint_is_signed_first(tmp_path: Path) -> None:
    """Built in the moment of a haven's first entry, the register tells of it, under a signature."""
    haven = Haven.at(tmp_path / "h")
    organisation_of_today = assessed("university", today=haven.clock.now().date())
    haven.access.register_organisation(organisation_of_today, by=HOUSE)
    publish_register(haven, by=HOUSE)
    place = haven.settings.register_folder
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex((tmp_path / "h" / "audit" / "log.pub").read_text()))
    assert read_checkpoint((place / "checkpoint.txt").read_text(), key).size >= 1
    (haven.settings.audit_folder / "checkpoint").write_text("damaged")
    with pytest.raises(AuditUnavailable):
        log_position(haven)
    haven.records.engine.dispose()
    haven.audit_log.close()


def test_waiting_times_and_refusals_from_the_command_line(home: Path) -> None:
    """By decider, and each refusal with its reason; the same as data."""
    told = run(home, "project", "waiting")
    assert "gp refused too-wide version 1: The cohort is too wide." in told
    found = data(home, "project", "waiting")
    assert {one["decider"] for one in found["times"]} == {"gp", "hospital", "caldicott-guardian", "going-live"}


def test_housekeeping_as_the_flow_that_is_deployed(home: Path) -> None:
    """In the real Prefect: the first run tells of what it did, the second that all was done; and names nobody."""
    first = run(home, "flow", "run", "housekeeping")
    assert "The day's housekeeping is done." in first
    assert "training: 1" in first
    second = run(home, "flow", "run", "housekeeping")
    assert "Everything was done already today." in second
    assert "nothing was written" in second
    (reminder,) = [one for one in events(home, "reminder.raised") if one["kind"] == "training"]
    assert reminder["subject"] == f"{CANARY}/information-governance"
    assert len(events(home, "housekeeping.completed")) == 1
    kept = [path for path in (home / "prefect").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if CANARY.encode() in path.read_bytes()]


def test_housekeeping_from_the_command_line(home: Path) -> None:
    """What falls due, the most urgent first, who must act; run by hand after the flow it has nothing to do."""
    due = data(home, "housekeeping", "show")
    assert due[0]["subject"] == f"{CANARY}/information-governance"
    assert due[0]["days_left"] == 20
    assert data(home, "housekeeping", "run") == []
    assert run(home, "housekeeping", "run") == "Everything was done already today.\n"


def test_without_its_entry_in_the_log_nothing_is_published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log's writer is away: the register that stands there stays, byte for byte."""
    run(home, "register", "build")
    before = files_of(home / "register")
    haven = Haven.at(home)
    haven.access.apply(
        project_file(id="later", ends=haven.clock.now().date() + timedelta(days=200)),
        applicant="asha", by=person("asha"),
    )  # fmt: skip

    def away(*_: object, **__: object) -> None:
        raise AuditUnavailable("The log's writer does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(haven.records, "note", away)
        with pytest.raises(AuditUnavailable):
            publish_register(haven, by=HOUSE)
    assert files_of(home / "register") == before
    made = publish_register(haven, by=HOUSE)
    assert "projects/later.html" in made.files
    assert (home / "register" / "projects" / "later.html").exists()
    haven.records.engine.dispose()
    haven.audit_log.close()


def test_another_place_gets_the_same_pages(home: Path, tmp_path: Path) -> None:
    """What is built elsewhere says what the home's own register says; somebody's own folder is not taken."""
    run(home, "register", "build")
    run(home, "register", "build", str(tmp_path / "public"))
    there, here = (
        json.loads((place / "register.json").read_bytes()) for place in (tmp_path / "public", home / "register")
    )
    assert there["content_sha256"] == here["content_sha256"]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    haven, told = Haven.at(home), len(events(home, "register.published"))
    with pytest.raises(PlaceTaken):
        publish_register(haven, mine, by=HOUSE)
    assert len(events(home, "register.published")) == told
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    haven.records.engine.dispose()
    haven.audit_log.close()
