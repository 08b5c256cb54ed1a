"""The airlock from the command line, with the real log and records; and the page that teaches it, run as it stands."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from access.people.model import Role
from audit.model import person
from environments.disclosure.tables import MOST_BYTES
from infra.wiring.haven import Haven
from tests.acceptance.docs_runner import commands_of, run_commands
from tests.fakes.havens import GP, HOSPITAL, HOUSE, make_live, project_file
from tests.fakes.leaving_files import picture, with_place
from tests.fakes.packages import sha256_of, wheel
from tests.fakes.people import assessed, invented_person
from tests.fakes.query_evidence import QUERY, TRUE_COUNTS, as_sealed, counted

ROOT = Path(__file__).resolve().parents[4]
PAGE = ROOT / "docs" / "output-checking.md"
BLOCKS = dict(re.findall(r"^```(csv|yaml)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
COUNTS = "age,sex,people\n0-39,F,121\n0-39,M,134\n40+,F,209\n40+,M,4\n"
PEOPLE = {
    "asha": Role.RESEARCHER,
    "ewa": Role.RESEARCHER,
    "cara": Role.OUTPUT_CHECKER,
    "dev": Role.OUTPUT_CHECKER,
    "aud": Role.AUDITOR,
    "enid": Role.DATA_ENGINEER,
    "greta": Role.CALDICOTT_GUARDIAN,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A haven with a live project and five people, set up as its administrators would."""
    folder = tmp_path_factory.mktemp("h")
    haven = Haven.at(folder)
    today = haven.clock.now().date()
    ends = today + timedelta(days=200)
    for name in ("university", "gp", "hospital"):
        haven.access.register_organisation(assessed(name, today=today), by=HOUSE)
    for name, role in PEOPLE.items():
        haven.access.register_person(invented_person(name, "university", {role}, ends, today), by=HOUSE)
    for entry in (GP, HOSPITAL):
        haven.access.register_dataset(entry, by=HOUSE)
    haven.access.apply(project_file(ends=_later(ends)), applicant="asha", by=person("asha"))
    make_live(haven.access, controllers=("gp", "hospital"))
    haven.records.engine.dispose()
    haven.audit_log.close()
    return folder


def _later(day: date) -> date:
    return day + timedelta(days=100)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's own table, with its context beside it."""
    folder = tmp_path_factory.mktemp("t")
    (folder / "admissions.csv").write_text(BLOCKS["csv"])
    (folder / "context.yaml").write_text(BLOCKS["yaml"])
    return folder / "admissions.csv"


def haven(home: Path, *words: str, status: int = 0) -> Any:
    """Run a command with --json; its data, or its error."""
    command = [sys.executable, "-m", "infra.cli", *words, "--home", str(home), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, cwd=ROOT)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout or done.stderr)


def submit(home: Path, table: Path, status: int = 0) -> Any:
    """Asha submits."""
    context = str(table.with_name("context.yaml"))
    words = ("release", "submit", "admissions", str(table), "--context", context, "--as", "asha")
    return haven(home, *words, status=status)


def test_from_the_table_to_the_outbox_and_back(home: Path, table: Path) -> None:
    """Submitted, shown to a checker, decided by two, released, verified by its recipient, recalled."""
    request = submit(home, table)["id"]
    shown = haven(home, "release", "show", request, "--as", "cara", "--table")
    assert shown["tables"][0]["text"] == BLOCKS["csv"]
    assert shown["tables"][0]["context"]["population"].startswith("Everybody in the project's cohort")
    refused = haven(home, "release", "decide", request, "--approve", "--as", "asha", status=77)
    assert refused["error"]["where"] == "rule release.own_output"
    haven(home, "release", "decide", request, "--approve", "--as", "cara")
    assert haven(home, "release", "show", request, "--as", "dev")["verdicts"] == []
    assert len(haven(home, "release", "show", request, "--as", "aud")["verdicts"]) == 1
    assert haven(home, "release", "decide", request, "--approve", "--as", "dev")["state"] == "approved"
    released = haven(home, "release", "release", request, "--as", "cara")
    assert haven(home, "release", "verify", released["folder"])["request"] == request
    key = json.loads(Path(released["manifest"]).read_text())["signature"]["public_key"]
    assert haven(home, "release", "verify", released["folder"], "--key", key)["scope_version"] == 1
    recalled = haven(
        home, "release", "recall", request, "--reason", "Wrong year.", "--incident", "INC-1", "--as", "dev"
    )
    assert recalled["state"] == "recalled"
    assert haven(home, "release", "acknowledge", request, "asha", "--as", "asha")["recipients_told"][0]["acknowledged"]
    assert submit(home, table, status=77)["error"]["where"] == "rule release.recalled_before"
    assert haven(home, "release", "list", "--state", "recalled")[0]["id"] == request


def test_a_checker_is_told_how_the_file_stands_to_the_evidence(home: Path, tmp_path: Path) -> None:
    """A glance where every cell agrees; nothing of it for the author; the sentence where the evidence is damaged.

    The people behind the query cannot be told here, and the request is returned for that.
    """
    there = Haven.at(home)
    there.evidence.seal(as_sealed(counted(TRUE_COUNTS | {("40+", "F"): 219}, "age", "sex"), "admissions"))
    there.records.engine.dispose()
    there.audit_log.close()
    file, context = tmp_path / "admissions.csv", tmp_path / "context.yaml"
    right = BLOCKS["csv"].replace("210", "220")
    file.write_text(right.replace("120", "125").replace("M,*", "M,10"))
    context.write_text(f"{BLOCKS['yaml']}queries: [{QUERY}]\n")
    returned = submit(home, file, status=65)
    assert any("Not what the query gave" in problem for problem in returned["problems"])
    shown = haven(home, "release", "show", returned["id"], "--as", "cara")["evidence"]["admissions.csv"]
    wrong = [(one["cell"], one["shown"], one["should_say"]) for one in shown["cells"] if one["match"] == "differs"]
    assert wrong == [("people [age=0-39, sex=F]", "125", "120"), ("people [age=40+, sex=M]", "10", "*")]
    show = (sys.executable, "-m", "infra.cli", "release", "show", returned["id"], "--as", "cara", "--home", str(home))
    said = subprocess.run(show, capture_output=True, text=True, timeout=400, check=True, cwd=ROOT).stdout
    assert "people [age=40+, sex=M]: differs, shown 10, should say *" in said
    file.write_text(right)
    words = ("release", "submit", "admissions", str(file), "--context", str(context), "--as", "asha")
    again = haven(home, *words, "--request", returned["id"], status=65)
    assert "haven scope publish" in again["problems"][0]  # nothing is published: nobody can say whom the cells count
    request = again["id"]
    shown = haven(home, "release", "show", request, "--as", "dev")["evidence"]["admissions.csv"]
    assert shown["whole"]
    assert shown["summary"] == f"Every cell agrees with the sealed evidence of query {QUERY} (4 cells)."
    for who in (("--as", "asha"), ("--as", "aud"), ()):
        assert haven(home, "release", "show", request, *who)["evidence"] == {}
    sealed = next(home.rglob(f"{QUERY}.evidence"))
    sealed.write_bytes(sealed.read_bytes()[:-1])
    broken = haven(home, "release", "show", request, "--as", "dev")["evidence"]["evidence"]
    assert "does not verify" in broken


def test_a_figure_beside_its_table(home: Path, table: Path, tmp_path: Path) -> None:
    """Both in one command; a checker reads what to look at and takes the new picture to open; its author cannot."""
    drawn, context = tmp_path / "figure.jpg", tmp_path / "context.yaml"
    drawn.write_bytes(picture("JPEG", exif=with_place()))
    counts = tmp_path / "counts.csv"
    counts.write_text(BLOCKS["csv"].replace("120", "225"))
    said = "files:\n  figure.jpg:\n    description: The same counts, drawn as bars.\n"
    words = ("release", "submit", "admissions", str(counts), str(drawn), "--context", str(context), "--as", "asha")
    context.write_text(BLOCKS["yaml"] + said)
    returned = haven(home, *words, status=65)
    assert returned["problems"][0].startswith("figure.jpg: No underlying counts beside it")
    context.write_text(BLOCKS["yaml"] + said + "    counts: [counts.csv]\n")
    request = haven(home, *words, "--request", returned["id"])["id"]
    look = ("release", "show", request, "--file", "figure.jpg", "--out", str(tmp_path / "look"))
    shown = haven(home, *look, "--as", "cara")
    (judged,) = shown["tables"]
    assert (judged["text"], judged["written_anew"], judged["problems"]) == (None, True, [])
    assert {"location"} == {one["code"] for one in judged["inspection"]["mended"]}
    assert judged["look_at"][-1] == "Compare it with its counts: counts.csv."
    (file,) = [one for one in shown["files"] if one["name"] == "figure.jpg"]
    taken = Path(shown["taken"]).read_bytes()
    assert hashlib.sha256(taken).hexdigest() == file["sha256"] != file["inspection"]["offered_sha256"]
    assert haven(home, *look, "--as", "asha", status=77)["error"]["where"] == "rule release.own_output"
    plain = (sys.executable, "-m", "infra.cli", *look[:5], "--as", "cara", "--home", str(home))
    said = subprocess.run(plain, capture_output=True, text=True, timeout=400, check=True, cwd=ROOT).stdout
    assert "look: Open it" in said
    assert "was in it and is gone: The picture says where it was taken." in said


def test_one_that_does_not_pass(home: Path, table: Path, tmp_path: Path) -> None:
    """Status 65, the problems, and the way on with the same request."""
    (tmp_path / "context.yaml").write_text(BLOCKS["yaml"])
    exact = tmp_path / "admissions.csv"
    exact.write_text(COUNTS)
    returned = submit(home, exact, status=65)
    assert returned["state"] == "returned"
    assert any("Not rounded" in problem for problem in returned["problems"])
    assert haven(home, "release", "withdraw", returned["id"], "--as", "asha")["state"] == "withdrawn"


def test_a_wrong_context_names_its_line(home: Path, table: Path, tmp_path: Path) -> None:
    """A misspelt key of context.yaml, with its line."""
    wrong = tmp_path / "context.yaml"
    wrong.write_text(BLOCKS["yaml"] + "purpos: x\n")
    words = ("release", "submit", "admissions", str(table), "--context", str(wrong), "--as", "asha")
    error = haven(home, *words, status=65)["error"]
    assert "unknown key 'purpos'" in error["what"]
    assert "line 10" in error["what"]


def test_the_way_of_an_import(home: Path, tmp_path: Path) -> None:
    """Asked for, looked at, refused to its own author, approved, in its folder; recalled, and never again."""
    codes = tmp_path / "codes.csv"
    codes.write_text("code,meaning\nA00,Cholera\n")
    why = ("--why", "ICD-10 codes with their meaning, from the public tables.")
    request = haven(home, "import", "request", "admissions", str(codes), *why, "--as", "asha")["id"]
    shown = haven(home, "import", "show", request, "--file", "codes.csv", "--as", "cara")
    assert (shown["state"], shown["text"]) == ("requested", codes.read_text())
    own = haven(home, "import", "approve", request, "--why", "Fine.", "--as", "asha", status=77)
    assert own["error"]["where"] == "rule release.own_output"
    assert haven(home, "import", "approve", request, "--why", "Public.", "--as", "cara")["state"] == "delivered"
    there = home / "imports" / "admissions" / request
    assert sorted(path.name for path in there.iterdir()) == ["codes.csv", "manifest.json"]
    words = ("--reason", "A mistake.", "--incident", "INC-8", "--as", "dev")
    assert haven(home, "import", "recall", request, *words)["state"] == "recalled"
    again = haven(home, "import", "request", "admissions", str(codes), *why, "--as", "asha", status=77)
    assert again["error"]["where"] == "rule import.recalled_before"
    assert [one["id"] for one in haven(home, "import", "list", "--state", "recalled")] == [request]


def test_the_way_of_a_package(home: Path, tmp_path: Path) -> None:
    """Asked for by an engineer, reviewed, mirrored by hash, listed with its status; removed."""
    file = wheel(tmp_path)
    why = ("--why", "Prints the tables of the paper.")
    request = haven(home, "package", "request", "admissions", "tiny-haven==1.0", *why, "--as", "enid")["id"]
    assert haven(home, "package", "list", "--state", "requested")[0]["id"] == request
    early = haven(home, "package", "mirror", request, str(file), "--sha256", "0", "--as", "enid", status=77)
    assert early["error"]["where"] == "rule package.not_its_turn"
    haven(home, "package", "review", request, "--approve", "--why", "Well known.", "--as", "cara")
    named = ("--sha256", sha256_of(file))
    own = haven(home, "package", "mirror", request, str(file), *named, "--as", "asha", status=77)
    assert own["error"]["where"] == "rule package.own_project"
    assert haven(home, "package", "mirror", request, str(file), *named, "--as", "enid")["state"] == "mirrored"
    there = home / "packages" / "admissions" / "simple" / "tiny-haven"
    assert (there / file.name).read_bytes() == file.read_bytes()
    assert haven(home, "package", "remove", request, "--why", "A weakness.", "--as", "dev")["state"] == "removed"
    assert [path.name for path in there.iterdir()] == ["index.html"]


def test_files_that_may_not_come_in(home: Path, tmp_path: Path) -> None:
    """An archive is refused with how to mend it; a file larger than may be is not read whole."""
    for name, content in (("codes.csv", b"PK\x03\x04"), ("large.csv", b"a" * (MOST_BYTES + 2))):
        (tmp_path / name).write_bytes(content)
        words = ("--why", "ICD-10 codes with their meaning.", "--as", "asha")
        error = haven(home, "import", "request", "admissions", str(tmp_path / name), *words, status=65)["error"]
        assert error["code"] == "import.unfit"
        assert error["mend"]


def test_the_pages_commands_work(tmp_path: Path) -> None:
    """docs/output-checking.md, its table, its counts and its commands, as a reader would run them."""
    (tmp_path / "counts.csv").write_text(COUNTS)
    (tmp_path / "admissions.csv").write_text(BLOCKS["csv"])
    commands = commands_of(PAGE)
    outcome = run_commands(commands, tmp_path, {"PYTHONPATH": str(ROOT), "HAVEN_HOME": str(tmp_path / "h")})
    assert outcome.statuses == [0] * len(commands), outcome.printed
    assert len(commands) >= 4
    assert (tmp_path / "admissions.csv").read_text().strip() == BLOCKS["csv"].strip()
