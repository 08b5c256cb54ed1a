"""`haven delivery` and `haven contract` as a controller and a data engineer use them, in words and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from access.people.model import Role
from infra.wiring.haven import Haven
from tests.fakes.damaged_rows import DAMAGES
from tests.fakes.deliveries import CANARY, as_csv, events, intact, patients
from tests.fakes.havens import HOUSE
from tests.fakes.people import assessed, invented_person


class Commands:
    """The command line on a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "HAVEN_HOME": str(folder / "home")}

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """What a command did."""
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def json(self, *words: str | Path) -> Any:
        """What a command gives to a program."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def engineered(self, name: str = "daria", role: Role = Role.DATA_ENGINEER) -> str:
        """Register a data engineer (or who has another role) of the haven; their name."""
        haven = Haven.at(self.folder / "home")
        today = haven.clock.now().date()
        haven.access.register_organisation(assessed("haven", today=today), by=HOUSE)
        haven.access.register_person(invented_person(name, "haven", {role}, today=today), by=HOUSE)
        haven.records.engine.dispose()
        haven.audit_log.close()
        return name


@pytest.fixture
def haven(tmp_path: Path) -> Commands:
    """A new haven, with a data engineer."""
    haven = Commands(tmp_path)
    haven.engineered()
    return haven


def test_a_delivery_from_packing_to_its_report(haven: Commands, tmp_path: Path) -> None:
    """Packed, received with a bad row, listed and shown: the same counts everywhere, row numbers, and never a value."""
    folder = intact(tmp_path / "out")
    next(d for d in DAMAGES if d.name == "a code not agreed").make(folder)
    packed = haven.json("delivery", "pack", folder, "--contract", "gp", "--name", "spring")
    assert {file["name"]: file["rows"] for file in packed["files"]} == {"patients.csv": 40, "events.csv": 80}
    received = haven.json("delivery", "receive", folder, "--as", "daria")
    bad = {"value.not_allowed": 1, "join.parent_quarantined": 2}
    assert (received["rows"], received["quarantined"]) == ({"gp_patients": 39, "gp_events": 78}, bad)
    (listed,) = haven.json("delivery", "list")
    shown = haven.json("delivery", "show", "spring", "--rows")
    assert listed["quarantined"] == shown["quarantined"] == bad
    assert {"file": "patients.csv", "row": 3, "reasons": ["value.not_allowed:ethnic_category"]} in shown[
        "quarantined_rows"
    ]
    words = haven.run("delivery", "show", "spring", "--rows").stdout
    assert "patients.csv row 3: value.not_allowed:ethnic_category" in words
    page = Path(shown["reports"][0]).read_text(encoding="utf-8")
    assert "<svg" in page
    assert CANARY not in (words + page + json.dumps(shown)).casefold()


def test_a_refusal_says_what_where_and_how_to_mend_it(haven: Commands, tmp_path: Path) -> None:
    """A refused delivery ends with its exit status and reason, in words and as JSON, and a report."""
    folder = intact(tmp_path / "out")
    next(d for d in DAMAGES if d.name == "semicolons").make(folder)
    words = haven.run("delivery", "receive", folder, "--as", "daria")
    assert words.returncode == 65
    assert "reason csv.delimiter" in words.stderr
    assert "separated by semicolons" in words.stderr
    assert "Export the file with commas" in words.stderr
    assert "Delivery report for the controller" in words.stderr
    told = haven.run("delivery", "receive", folder, "--as", "daria", "--json")
    assert told.returncode == 65
    assert json.loads(told.stderr)["error"]["reason"] == "csv.delimiter"
    assert haven.run("delivery", "show", "never").returncode == 66
    assert haven.run("delivery", "pack", folder, "--contract", "gp", "--period", "2026").returncode == 65


REFUSALS = (
    ("nobody", "person.unknown", "An administrator registers people."),
    ("haven", "delivery.no_person", "haven delivery receive PATH --as NAME"),
    ("service:inbox-sweep", "person.unknown", "An administrator registers people."),
    ("rosa", "delivery.no_engineer", "--role data_engineer"),
    ("suspended", "person.suspended", "An administrator can lift it."),
)


def test_only_a_data_engineer_takes_a_delivery_in(haven: Commands, tmp_path: Path) -> None:
    """Anybody else is told the rule and how to mend it, and nothing was read; each refusal is in the log."""
    folder = intact(tmp_path / "out")
    haven.engineered("rosa", Role.LINKAGE_REVIEWER)
    haven.engineered("suspended")
    assert haven.run("person", "suspend", "suspended").returncode == 0
    for name, rule, mend in REFUSALS:
        told = haven.run("delivery", "receive", folder, "--as", name)
        assert told.returncode == 77, told.stderr
        assert f"rule {rule}" in told.stderr
        assert mend in told.stderr
    assert haven.run("delivery", "receive", folder).returncode == 2  # nobody receives without a name
    assert haven.json("delivery", "list") == []
    told = haven.run("audit", "search", "--verb", "delivery.receive_refused").stdout
    assert [rule for _, rule, _ in REFUSALS if rule in told] == [rule for _, rule, _ in REFUSALS]
    assert haven.json("delivery", "receive", folder, "--as", "daria")["state"] == "received"


def test_the_flow_takes_a_delivery_in_as_who_staged_it(haven: Commands, tmp_path: Path) -> None:
    """`flow run ingest` asks the same of the same person; without a name, or with one for another flow, it ends."""
    folder = intact(tmp_path / "out")
    haven.engineered("rosa", Role.LINKAGE_REVIEWER)
    assert "--as NAME" in haven.run("flow", "run", "ingest", folder).stderr
    assert "without --as" in haven.run("flow", "run", "link", "--as", "daria").stderr
    refused = haven.run("flow", "run", "ingest", folder, "--as", "rosa")
    assert (refused.returncode, "rule delivery.no_engineer" in refused.stderr) == (77, True), refused.stderr
    assert haven.json("delivery", "list") == []
    taken = haven.run("flow", "run", "ingest", folder, "--as", "daria")
    assert taken.returncode == 0, taken.stderr
    assert haven.json("delivery", "list")[0]["by"] == "person:daria"


def test_a_new_dataset_from_samples_to_its_first_delivery(haven: Commands, tmp_path: Path) -> None:
    """A contract is proposed, refused while a guess is not confirmed, confirmed, installed, and delivered under."""
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "people.csv").write_bytes(as_csv(patients(50)).encode())
    (samples / "tests.csv").write_bytes(as_csv(events(100, 50)).encode())
    out = tmp_path / "clinic.yaml"
    new: list[str | Path] = ["contract", "new", samples / "people.csv", samples / "tests.csv", "--dataset", "clinic"]
    assert haven.run(*new, "--controller", "gp", "--out", out).returncode == 0
    assert haven.run(*new, "--out", out).returncode == 65  # what a person has begun to confirm is not written over
    unconfirmed = haven.run("contract", "install", out, "--as", "daria")
    assert unconfirmed.returncode == 65
    assert "guesses are not confirmed" in unconfirmed.stderr
    confirmed = [line.partition("# CONFIRM:")[0].rstrip() for line in out.read_text(encoding="utf-8").splitlines()]
    out.write_text("\n".join(confirmed) + "\n", encoding="utf-8")
    assert haven.json("contract", "check", out)["valid"]
    assert haven.run("contract", "install", out).returncode == 77  # in the name of nobody
    assert haven.json("contract", "install", out, "--as", "daria")["in_force"]
    assert haven.run("delivery", "pack", samples, "--contract", out).returncode == 0
    assert haven.json("delivery", "receive", samples, "--as", "daria")["rows"] == {"people": 50, "tests": 100}
    known = {(each["dataset"], each["in_force"]) for each in haven.json("contract", "list")}
    assert {("clinic", True), ("gp", False)} <= known
    assert "identifier" in haven.run("contract", "show", "clinic").stdout
