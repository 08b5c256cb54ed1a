"""Anonymity from the command line; and the page that teaches it, run as it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from audit.errors import HavenError
from infra.cli.main import asked_for
from infra.settings import ROOT
from tests.acceptance.docs_runner import commands_of, run_commands

PAGE = ROOT / "docs" / "anonymity.md"
ROWS = "age,sex,diagnosis\n01,F,asthma\n01,F,gout\n01,F,asthma\n1,,asthma\nNA,F,cough\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Five rows, two of them alone."""
    path = tmp_path / "microdata.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def ran(*words: object) -> Result:
    """One command of `haven disclosure`."""
    return CliRunner().invoke(asked_for(["disclosure"]), ["disclosure", *map(str, words)])


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


class TestGeneralise:
    """Made coarser until k holds."""

    @pytest.fixture
    def ages(self, tmp_path: Path) -> Path:
        """A hierarchy of the ages in the file."""
        path = tmp_path / "ages.csv"
        path.write_text("01,0-4,all\n1,0-4,all\nNA,unknown,all\n", encoding="utf-8")
        return path

    def test_the_rows_are_written_without_the_others(self, file: Path, ages: Path, tmp_path: Path) -> None:
        """The least loss that reaches k; quasi-identifiers and sensitive columns alone, sorted; what was lost."""
        out = tmp_path / "out.csv"
        words = ["--quasi", "age", "--sensitive", "diagnosis", "--hierarchy", f"age={ages}", "--k", 4]
        done = ran("generalise", file, *words, "--suppress", 0.2, "--out", out, "--json")
        found = json.loads(done.stdout)
        assert done.exit_code == 0
        assert found["generalisation"]["levels"] == {"age": 1}
        assert (found["generalisation"]["suppressed"], found["k"], found["passed"]) == (1, 4, True)
        assert found["generalisation"]["loss"] == pytest.approx((4 * 0.5 + 1) / 5)
        assert out.read_text(encoding="utf-8").splitlines() == ["age,diagnosis", *["0-4,asthma"] * 3, "0-4,gout"]

    def test_people_read_levels_and_loss(self, file: Path, ages: Path) -> None:
        """Without a row left out all ages are one."""
        done = ran("generalise", file, "--quasi", "age", "--hierarchy", f"age={ages}", "--k", 4)
        assert done.exit_code == 0
        assert "age: level 2 of 2, loses 1.0000" in done.stdout

    def test_what_cannot_be_reached_is_said(self, file: Path, ages: Path, tmp_path: Path) -> None:
        """And nothing is written."""
        out = tmp_path / "out.csv"
        done = ran("generalise", file, "--quasi", "age", "--hierarchy", f"age={ages}", "--k", 6, "--out", out)
        assert isinstance(done.exception, HavenError)
        assert not out.exists()

    def test_the_file_itself_is_never_overwritten(self, file: Path, ages: Path) -> None:
        """Its own name as --out is refused."""
        done = ran("generalise", file, "--quasi", "age", "--hierarchy", f"age={ages}", "--k", 4, "--out", file)
        assert isinstance(done.exception, HavenError)
        assert file.read_text(encoding="utf-8") == ROWS

    def test_a_formula_is_not_written(self, tmp_path: Path) -> None:
        """A cell that a spreadsheet would run is refused in a CSV; a negative number is none."""
        source, out = tmp_path / "in.csv", tmp_path / "out.csv"
        source.write_text("q,s\n-1,=1+1\n", encoding="utf-8")
        words = ["generalise", source, "--sensitive", "s", "--k", 1, "--out"]
        assert isinstance(ran(*words, out, "--quasi", "q").exception, HavenError)
        assert not out.exists()
        assert ran(*words, tmp_path / "out.parquet", "--quasi", "q").exit_code == 0
        source.write_text("q,s\n-1,1+1\n", encoding="utf-8")
        assert ran(*words, out, "--quasi", "q").exit_code == 0

    @pytest.mark.parametrize("given", ["age", "other=ages.csv"])
    def test_a_hierarchy_of_nothing_is_refused(self, file: Path, given: str) -> None:
        """It names a quasi-identifier and a file."""
        done = ran("generalise", file, "--quasi", "age", "--hierarchy", given)
        assert isinstance(done.exception, HavenError)


def test_the_page_works_as_it_stands(tmp_path: Path) -> None:
    """Each command of docs/anonymity.md, on the example data that it names."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    outcome = run_commands(commands_of(PAGE), tmp_path, {})
    assert set(outcome.statuses) == {0}, outcome.printed
    patients = (ROOT / "docs/examples/disclosure/patients.csv").read_text(encoding="utf-8")
    assert (tmp_path / "coarse.csv").read_text(encoding="utf-8").count("\n") == patients.count("\n")
