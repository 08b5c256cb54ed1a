"""`haven optout` as a data engineer, a controller and a reviewer use it, on a home of its own and the real sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.mesh.sandbox import Sandbox
from infra.mesh.spine import SimulatedSpine, answering
from infra.wiring.haven import Haven
from tests.fakes.deliveries import PEOPLE, intact, nhs_number
from tests.fakes.papers import approve_all

PROJECT = """\
id: pressures
title: Blood pressure of patients
lay_summary: How many patients of the practice have a high blood pressure.
purpose: research
legal_basis: section-251
support: 26/CAG/0001
ethics: 26/LO/0001
benefit: Patients of the practice with a high blood pressure
impact_assessment: {reference: DPIA-1, review_due: 2039-01-01}
data_use:
  article6: 6(1)(e)
  article9: 9(2)(j)
  sector: academia
  technical_summary: Counts of admissions by month, age band and area, with rates by person-year.
  frequency: one-off
  funders: [An example research council]
lead: asha
people: [asha]
datasets: {gp: {tables: {gp_events: {columns: {code: What was measured}}}}}
disclosure_profile: nhs_england_sde
ends: 2039-03-01
"""


class Commands:
    """The command line on a home of its own."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        (folder / "home").mkdir()
        table = "".join(
            f'{key} = "{getattr(sandbox.settings, key)}"\n'
            for key in ("url", "mailbox", "recipient", "password_file", "shared_key_file")
        )
        self.settings = f"[optouts]\nlongest_age_days = 7\n[optouts.mesh]\n{table}"
        (folder / "home" / "haven.toml").write_text(self.settings, encoding="utf-8")

    def run(self, *words: str | Path, status: int = 0, typed: str | None = None) -> str:
        """All that a command printed."""
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", *map(str, words)],
            cwd=self.folder,
            env={**os.environ, "HAVEN_HOME": str(self.folder / "home")},
            input=typed,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, *words: str | Path) -> Any:
        """What a command gives to a program."""
        return json.loads(self.run(*words, "--json"))


@pytest.fixture(scope="module")
def haven(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Commands]:
    """A practice's patients, linked; an engineer, and a live project on section 251."""
    folder = tmp_path_factory.mktemp("o")
    commands = Commands(folder, sandbox)
    intact(folder / "gp1")
    (folder / "project.yaml").write_text(PROJECT, encoding="utf-8")
    for words in (
        "organisation add university Uni --invented",
        "organisation add haven Team --invented",
        "person add asha --name Asha --organisation university --role researcher --invented",
        "person add emrys --name Emrys --organisation haven --role data_engineer --invented",
        "delivery receive gp1 --as emrys",
        "linkage run",
        "project apply project.yaml --as asha",
    ):
        commands.run(*words.split())
    house = Haven.at(folder / "home")
    approve_all(house.access, house.access.newest("pressures").file)
    house.records.engine.dispose()
    house.audit_log.close()
    yield commands
    for scope in folder.glob("home/scopes/*"):
        scope.chmod(0o700)


def test_the_story_of_a_list(haven: Commands, sandbox: Sandbox) -> None:
    """Blocked without a list; asked, applied and certified; an objection and a linkage narrow; purged, certified."""
    assert "optouts.no_list" in haven.run("scope", "publish", "pressures", status=77)
    with answering(SimulatedSpine(sandbox, [nhs_number(1)])):
        assert "in force" in haven.run("optout", "refresh", "--wait", "--as", "emrys")
    haven.run("scope", "publish", "pressures")
    (certificate,) = haven.json("optout", "certificates")
    assert certificate["applied"]
    assert certificate["people"] == {"before": str(PEOPLE), "after": str(PEOPLE), "left_out": "fewer than 10"}
    assert certificate["certificate"] in haven.run("optout", "certificate", certificate["certificate"])
    assert haven.json("optout", "flows", "pressures")[0]["applies"]
    _object(haven, nhs_number(2))
    haven.run("scope", "publish", "pressures")
    assert len(haven.json("optout", "certificates", "--project", "pressures")) == 2
    intact(haven.folder / "gp2", day=1)
    haven.run("delivery", "receive", "gp2", "--as", "emrys")
    assert haven.json("linkage", "run")["to_publish"] == ["pressures"]
    assert "optouts.outdated" in haven.run("why", "asha", "pressures", "query", status=77)
    assert "pressures version 1 is published" in haven.run("flow", "run", "link")
    assert haven.json("linkage", "run")["to_publish"] == []
    assert len(haven.json("optout", "certificates", "--project", "pressures")) == 3
    assert "purged.json" in haven.run("optout", "purge", "--everything", "--out", "purged.json", "--as", "emrys")
    assert json.loads((haven.folder / "purged.json").read_text())["statement"]["kept"] is None
    assert "optouts.no_list" in haven.run("scope", "publish", "pressures", status=77)
    assert haven.json("optout", "status")["lists"][0]["state"] == "purged"


def _object(haven: Commands, number: str) -> None:
    letter = haven.folder / "letter"
    letter.write_text(number, encoding="ascii")
    assert "readable by other accounts" in haven.run("optout", "name-objector", "--number-file", letter, status=78)
    letter.chmod(0o600)
    name = haven.run("optout", "name-objector", "--number-file", letter).split()[-1]
    assert name in haven.run("optout", "status")
    told = haven.run("optout", "object", name, "--to", "controller:gp", "--wish", "No research.", "--as", "gp")
    assert "heeded" in told
    words = ("--answer", "upheld", "--considered", "It is theirs to say.", "--as", "gp")
    haven.run("optout", "answer", name, "--to", "controller:gp", *words)
    (shown,) = haven.json("optout", "objections")
    assert (shown["state"], shown["target"]["name"]) == ("upheld", "gp")
    everything = haven.run("audit", "log", "--limit", "50")
    assert number not in everything


def test_a_decision_with_its_reference_and_one_without(haven: Commands) -> None:
    """Said plainly whether it exempts; another basis's case is refused, and so are the same days without."""
    decide = ("optout", "decide", "pressures", "gp", "--as", "gp", "--case")
    assert "apply: the evidence is missing" in haven.run(*decide, "section-251")
    assert "do not apply" in haven.run(*decide, "section-251", "--evidence", "21/CAG/0123")
    assert "optouts.with_and_without" in haven.run("scope", "publish", "pressures", status=77)
    assert "optouts.other_basis" in haven.run(*decide, "explicit-consent", "--evidence", "Form 2", status=77)
    assert "no such case" in haven.run(*decide, "because", status=66)


def test_a_haven_for_real_data_asks_nobody_in_a_sandbox(tmp_path: Path, sandbox: Sandbox) -> None:
    """With real data only https is taken, and the sandbox does not start."""
    haven = Commands(tmp_path, sandbox)
    issuer = '[identity]\nissuer = "https://login.example/realms/haven"\n'
    real = f"real_data = true\n{issuer}"
    (haven.folder / "home" / "haven.toml").write_text(f"{real}{haven.settings}", encoding="utf-8")
    assert "must be https" in haven.run("optout", "status", status=78)
    (haven.folder / "home" / "haven.toml").write_text(real, encoding="utf-8")
    assert "sandbox" in haven.run("optout", "sandbox", "--opted-out", "none.txt", status=78)
