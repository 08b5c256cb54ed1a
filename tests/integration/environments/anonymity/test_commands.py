"""Anonymity from the command line, as its page shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from audit.errors import HavenError
from infra.cli.main import app

ROWS = "age,sex,diagnosis\n01,F,asthma\n01,F,gout\n01,F,asthma\n1,,asthma\nNA,F,cough\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Five rows, two of them alone."""
    path = tmp_path / "microdata.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def ran(*words: object) -> Result:
    """One command of `haven disclosure`."""
    return CliRunner().invoke(app, ["disclosure", *map(str, words)])


def test_what_falls_short_is_named_by_class_and_row(file: Path) -> None:
    """For a program: k, l and t at the top, violations by class and by row, and an exit status that is not 0."""
    done = ran("anonymity", file, "--quasi", "age,sex", "--sensitive", "diagnosis", "--k", 3, "--l", 2, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 65
    assert (found["k"], found["l"], found["classes"], found["rows"], found["people"]) == (1, 1, 3, 5, None)
    assert found["t"] == pytest.approx(0.8)
    by_class = [(one["class"], one["size"], one["lines"]) for one in found["violations"]["by_class"]]
    assert by_class == [({"age": "1", "sex": None}, 1, [5]), ({"age": "NA", "sex": "F"}, 1, [6])]
    assert [(one["line"], one["fails"]) for one in found["violations"]["by_row"]] == [(5, ["k", "l"]), (6, ["k", "l"])]


def test_people_read_classes_and_no_sensitive_value(file: Path) -> None:
    """The person's reading names each class and its lines."""
    done = ran("anonymity", file, "--quasi", "age,sex", "--sensitive", "diagnosis", "--k", 3)
    assert "age=1, sex=(empty): 1 row" in done.stdout
    assert not {"asthma", "gout", "cough"} & set(done.stdout.replace(",", " ").split())


def test_what_is_met_ends_well(file: Path) -> None:
    """Exit status 0, also where no column is sensitive; nothing is asked but k."""
    done = ran("anonymity", file, "--quasi", "sex", "--k", 1, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (found["passed"], found["l"], found["t"], found["violations"]["by_row"]) == (True, None, None, [])


def test_nulls_that_match_are_asked_for(file: Path) -> None:
    """With wildcards the empty cell is counted with what it may be; another word is refused."""
    done = ran("anonymity", file, "--quasi", "sex", "--k", 5, "--nulls", "wildcard", "--json")
    assert (done.exit_code, json.loads(done.stdout)["k"]) == (0, 5)
    assert isinstance(ran("anonymity", file, "--quasi", "sex", "--nulls", "none").exception, HavenError)
