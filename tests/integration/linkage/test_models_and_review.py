"""From training to a reviewer's word at the command line, as the people of a linkage unit use it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.cli.linkage_review import shown_lines
from infra.demo.people import make_deliveries
from infra.wiring.haven import Haven
from linkage.contracts.registry import find_contract
from linkage.intake.pack import pack
from linkage.matching.residual.explained import HELD_BACK, START
from linkage.matching.residual.kept_models import kept_model
from linkage.matching.residual.shown import AskedPair, both_records
from linkage.matching.residual.weighing import weigh

PEOPLE = 3000
FIGURE = re.compile(r"[+-]?\d+\.\d\d$")


class Unit:
    """The command line of a linkage unit, with the demo's people received and nobody linked."""

    told: str  # what the first run of the linkage said

    def __init__(self, folder: Path) -> None:
        self.environment = {**os.environ, "HAVEN_HOME": str(folder / "home")}
        self.truth = make_deliveries(folder, people=PEOPLE)
        self.ok("organisation", "add", "unit", "Linkage unit", "--invented")
        for name, role in (("daria", "data_engineer"), ("rosa", "linkage_reviewer")):
            self.ok("person", "add", name, "--organisation", "unit", "--role", role, "--invented")
        for dataset in ("gp", "hospital", "social_care", "deaths"):
            pack(folder / dataset, find_contract(dataset), name=f"{dataset}-first")
            self.ok("delivery", "receive", str(folder / dataset), "--as", "daria")

    def run(self, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """What a command did. said: what is typed."""
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", *words],
            env=self.environment,
            input=said,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ok(self, *words: str, said: str = "") -> str:
        """What it printed, when it went well."""
        done = self.run(*words, said=said)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        """What it gives to a program."""
        return json.loads(self.ok(*words, "--json"))


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Unit:
    """A linkage unit with an approved model that has been linked once."""
    unit = Unit(tmp_path_factory.mktemp("unit"))
    trained = unit.json("linkage", "train", "--as", "daria")
    unit.ok("linkage", "approve", trained["id"][:12], "--as", "rosa")
    unit.told = unit.ok("linkage", "run")
    return unit


def test_who_trained_cannot_approve_and_what_waits_is_said(unit: Unit) -> None:
    """An engineer's approval is refused with the rule and exit status; the model that is in force is marked."""
    (model,) = unit.json("linkage", "models")
    assert (model["trained_by"], model["approved_by"], model["in_force"]) == ("person:daria", "person:rosa", True)
    refused = unit.run("linkage", "approve", model["id"], "--as", "daria")
    assert refused.returncode == 77
    assert "linkage.wrong_role" in refused.stderr
    card = unit.ok("linkage", "models", model["id"][:8])
    assert "joins from weight 8.0, asks people from 4.0" in card


SAID = (
    r"Linked 4 deliveries; people on the spine: [\d,]+\.",
    r"Rows that came in: [\d,]+",
    r" +[\d,]+  joined by certain steps \(the NHS number agrees\)",
    r" +[\d,]+  joined by steps of names, birthday, sex and postcode",
    r" +(fewer than 10|[\d,]+)  joined by the approved model's weight",
    r" +(fewer than 10|[\d,]+)  joined by what a reviewer decided",
    r" +[\d,]+  joined to no other record",
    r"Doubtful pairs that wait for a reviewer: (fewer than 10|[\d,]+)\. Decide: haven linkage review --as NAME",
    r"Report, with why others were left alone and how right this is: \S+/linkage-report\.html",
)


def test_a_run_says_what_it_did(unit: Unit) -> None:
    """In nine lines: what came in, how it was joined, who waits, where more is told; the parts make up the whole."""
    lines = unit.told.splitlines()
    assert len(lines) == len(SAID), unit.told
    for line, said in zip(lines, SAID, strict=True):
        assert re.fullmatch(said, line), line
    whole, *parts = [int(re.sub(r"\D", "", line.split("  joined")[0])) for line in lines[1:7]]
    assert abs(whole - sum(parts)) <= 30  # each is rounded to five, or hidden under ten
    assert Path(lines[-1].rsplit(": ", 1)[1]).is_file()


def test_every_step_that_the_run_named_is_listed(unit: Unit) -> None:
    """The report's steps are those that `haven linkage steps` explains, in the same words."""
    listed = {str(one["step"]): one["label"] for one in unit.json("linkage", "steps") if one["mode"] == "A"}
    named = {step: label for step, label, _ in unit.json("linkage", "report")["sections"]["steps"]["rows"]}
    assert {"0", "1"} <= named.keys()
    assert named.items() <= listed.items()


def test_the_steps_are_listed_with_the_last_runs_estimates(unit: Unit) -> None:
    """Each with its interval as the report has it, in words too; a step without one says how to get it."""
    listed = {one["step"]: one for one in unit.json("linkage", "steps") if one["mode"] == "A"}
    rows = unit.json("linkage", "report")["sections"]["precision_by_step"]["rows"]
    tried = {int(step): right for step, _, _, right, _ in rows if right not in ("hidden", "not tried")}
    assert len(tried) > 2
    words = unit.ok("linkage", "steps")
    for step, right in tried.items():
        assert listed[step]["estimated_precision"][0]["right"] == right
        assert f"estimated precision: {right} % of " in words
    without = [one for one in listed.values() if one["step"] and not one["estimated_precision"]]
    assert without
    assert all(one["no_estimate_because"] for one in without)
    assert all(f"estimated precision: none; {one['no_estimate_because']}" in words for one in without)


def test_the_report_and_the_statement(unit: Unit) -> None:
    """The command shows the trials and where both files lie; the statement is what may leave."""
    shown = unit.ok("linkage", "report")
    assert "missed without an NHS number" in shown
    statement = Path(shown.rsplit("What may leave the linkage unit: ", 1)[1].strip())
    assert statement.read_text(encoding="utf-8").startswith("# Statement on the linkage of ")
    sections = unit.json("linkage", "report")["sections"]
    assert sections["trials"]["may_leave"] and not sections["thresholds"]["may_leave"]


def test_precision_and_recall_with_the_model(unit: Unit) -> None:
    """Against the truth of the invented people, also by ethnic category; before anybody has decided a pair."""
    found = unit.json("linkage", "truth", str(unit.truth), "--by", "ethnic_category")
    assert found[0]["precision"] >= 0.999
    assert found[0]["recall"] >= 0.985
    by_group = [one for one in found if one["left"] == "ethnic_category"]
    assert len(by_group) > 5
    assert all(one["precision"] >= 0.99 for one in by_group)


class _NotKept(Exception):
    """What was tried in the zone is dropped with its draft."""


WEIGHED = (
    "CREATE TEMP TABLE candidates AS SELECT l, r FROM (SELECT a.record AS l, b.record AS r, row_number() OVER"
    " (PARTITION BY a.b = b.b, a.p = b.p, a.f = b.f, a.g = b.g, a.s = b.s ORDER BY a.record, b.record) AS place"
    " FROM evidence a JOIN evidence b ON a.record < b.record AND (a.b = b.b OR a.p = b.p OR a.f = b.f))"
    " WHERE place <= 4"
)
"""Some of each kind of agreement, one person's or not."""


def test_the_weights_of_every_pair_add_up_before_the_readers_eyes(unit: Unit) -> None:
    """Of what waits after the run, and of pairs of every kind that the trained model weighs: the lines give the total
    that is printed, which is what the linkage kept, and none of it is left unsaid."""
    haven = Haven.at(Path(unit.environment["HAVEN_HOME"]))
    digest = haven.linker.models.in_force()
    assert digest is not None
    with pytest.raises(_NotKept), haven.zones.linkage() as zone:
        zone.execute(WEIGHED)
        zone.register("weighed", weigh(zone, kept_model(zone, digest), test_range=True).to_arrow())
        zone.execute(
            "INSERT INTO doubtful BY NAME SELECT x.subject AS subject_a, y.subject AS subject_b, weight, fields,"
            " 'tried' AS why, uuid() AS run, ? AS model, true AS test_range FROM weighed"
            " JOIN evidence x ON x.record = weighed.l"
            " JOIN evidence y ON y.record = weighed.r",
            [digest],
        )
        asked = zone.execute("SELECT subject_a::TEXT, subject_b::TEXT, weight, why FROM doubtful").fetchall()
        shown = [(both_records(zone, AskedPair("p", a, b, why)), weight) for a, b, weight, why in asked]
        raise _NotKept
    assert len(shown) > 40
    assert {why for *_, why in asked} > {"tried"}
    said = set()
    for pair, weight in shown:
        assert pair is not None
        assert sum(pair.parts) == pytest.approx(weight, abs=0.01)
        assert {what for what, _ in pair.others} <= {START, HELD_BACK}
        figures = [round(100 * float(line.split()[-1])) for line in shown_lines(pair) if FIGURE.search(line)]
        assert sum(figures[:-1]) == figures[-1] == round(100 * weight)
        said |= {field.agreement for field in pair.fields}
        said |= {"rarity"} if any(field.rarity for field in pair.fields) else set()
    assert {"same", "differs", "rarity"} <= said
    assert said - {"same", "differs", "rarity", None}  # levels in between too: which, the order of records says


def test_a_reviewer_decides_at_the_terminal(unit: Unit) -> None:
    """Both records side by side; what was answered stands, what was passed over waits; the log names the look."""
    drawn = unit.json("linkage", "sample", "--size", "3", "--as", "rosa")["pairs"]
    assert drawn == 3
    before, heaviest = len(queue := unit.json("linkage", "queue")), queue[0]["weight"]
    shown = unit.ok("linkage", "review", "--as", "rosa", said="x\ns\nlooked up\nn\nq\n")
    assert "date of birth" in shown
    (total,) = [line.split()[-1] for line in shown.splitlines() if line.strip().startswith("together")]
    assert float(total) == pytest.approx(heaviest, abs=0.006)
    assert f"1 of {before} pairs decided." in shown
    assert len(unit.json("linkage", "queue")) == before - 1
    log = unit.ok("audit", "log")
    assert "looked at both records of a doubtful pair" in log
    assert "decided whether two records are one person's" in log
    again = unit.ok("linkage", "run")
    assert again.startswith("Looked again at what was linked")
    assert "Rows that came in" not in again
    assert "All rows that are linked now: " in again
    assert unit.ok("linkage", "run").startswith("Everything that was received is linked already")


def test_nobody_else_reviews(unit: Unit) -> None:
    """An engineer is refused at the first pair, before a field of it is shown."""
    refused = unit.run("linkage", "review", "--as", "daria", said="s\n\n")
    assert refused.returncode == 77
    assert "date of birth" not in refused.stdout


def test_the_queue_names_nobody(unit: Unit) -> None:
    """No surname or number of the deliveries stands in what everybody may list."""
    listed = unit.ok("linkage", "queue") + json.dumps(unit.json("linkage", "queue"))
    lines = (unit.truth.parent / "gp" / "patients.csv").read_text(encoding="utf-8-sig").splitlines()[1:200]
    numbers = {line.split(",")[1].replace(" ", "") for line in lines if line.split(",")[1]}
    assert numbers
    assert not [number for number in numbers if number in listed.replace(" ", "")]
