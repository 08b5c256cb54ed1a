"""`haven disclosure` as it is called: microdata to a finished table and its attack, each with data for a program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.errors import HavenError
from infra.cli.main import asked_for

TREE = "child,parent\nn1,North\nn2,North\nNorth,All\nSouth,All\n"


def called(*arguments: str, passes: bool = True) -> Any:
    """The data that a command prints."""
    found = CliRunner().invoke(asked_for(["disclosure"]), ["disclosure", *arguments, "--json"])
    if isinstance(found.exception, HavenError):
        raise found.exception
    assert found.exit_code == (0 if passes else 65), found.output
    return json.loads(found.stdout)


@pytest.fixture
def microdata(tmp_path: Path) -> Path:
    """People of areas in a hierarchy of unequal depth, some in two rows."""
    (tmp_path / "tree.csv").write_text(TREE, encoding="utf-8")
    rows = [("n1", "F", n) for n in range(30)] + [("n2", "F", 100 + n) for n in range(4)]
    rows += [("n1", "M", 200 + n) for n in range(25)] + [("n2", "M", 300 + n) for n in range(40)]
    rows += [("South", sex, 400 + n) for n in range(60) for sex in ["FM"[n % 2]]] + [("n1", "F", 1)]
    path = tmp_path / "people.csv"
    lines = "".join(f"{area},{sex},{who},{10 + who % 7}\n" for area, sex, who in rows)
    path.write_text("area,sex,who,cost\n" + lines, encoding="utf-8")
    return path


def test_from_microdata_to_an_attacked_table(microdata: Path, tmp_path: Path) -> None:
    """Checked, hidden to the optimum, and attacked from scratch: counts and amounts, with a hierarchy."""
    source = ["--data", str(microdata), "--by", "area,sex", "--person", "who", "--value", "cost",
              "--hierarchy", f"area={tmp_path / 'tree.csv'}", "--profile", "acro_default"]  # fmt: skip
    checked = called("check", *source, passes=False)
    small = [one["categories"] for one in checked["cells"] if "small_count" in one["rules"]]
    assert small == [{"area": "n2", "sex": "F"}]
    made = called("suppress", *source, "--out", str(tmp_path / "safe.csv"))
    assert made["optimum"] == "proven"
    assert made["primary"] == small
    assert made["cost"]["secondary"] == len(made["secondary"]) == 3
    assert all(one["shown"] == one["shown_value"] == "*" for one in made["cells"] if one["status"] != "shown")
    finished = ["--table", str(tmp_path / "safe.csv"), "--by", "area,sex", "--count", "people", "--value", "value",
                "--hierarchy", f"area={tmp_path / 'tree.csv'}"]  # fmt: skip
    attacked = called("audit", *finished, "--profile", "acro_default")
    intervals = {tuple(one["categories"].values()): one["interval"] for one in made["cells"] if one["interval"]}
    for cell in attacked["cells"]:
        if cell["column"] == "people" and cell["status"] != "ok":
            assert intervals[tuple(cell["categories"].values())] == cell["interval"]


def test_what_is_not_passed_is_not_written(tmp_path: Path) -> None:
    """A full cell that cannot be hidden: the exit status tells, and there is no file."""
    table = tmp_path / "counts.csv"
    table.write_text("g,has,n\na,yes,50\na,no,0\nb,yes,30\nb,no,60\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    made = called("suppress", "--table", str(table), "--by", "g,has", "--count", "n", "--profile", "hes",
                  "--out", str(out), passes=False)  # fmt: skip
    assert "make the categories coarser" in made["problems"][0]
    assert not out.exists()


def test_linked_tables(tmp_path: Path) -> None:
    """Two tables that share a margin are attacked together, with one hierarchy for the one that has it."""
    (tmp_path / "a.csv").write_text("area,sex,n\nn1,F,20\nn1,M,*\nn1,Total,*\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("area,n\nn1,26\nn2,30\nNorth,56\n", encoding="utf-8")
    (tmp_path / "tree.csv").write_text("child,parent\nn1,North\nn2,North\n", encoding="utf-8")
    found = called(
        "audit", "--table", str(tmp_path / "a.csv"), "--by", "area,sex", "--table", str(tmp_path / "b.csv"), "--by",
        "area", "--count", "n", "--hierarchy", f"area={tmp_path / 'tree.csv'}", passes=False,
    )  # fmt: skip
    recovered = {tuple(one["categories"].values()): one["interval"] for one in found["cells"] if one["recovered"]}
    assert recovered == {("n1", "M"): [6, 6], ("n1", "Total"): [26, 26]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--by", "g", "--profile", "hes"], "Either a table or microdata"),
        (["check", "--by", "g", "--profile", "hes", "--table", "{table}"], "Which column counts people"),
        (["check", "--by", "h", "--profile", "hes", "--table", "{table}", "--count", "n"], "There is no column 'h'"),
        (["check", "--by", "g", "--profile", "hes", "--table", "{table}", "--count", "n", "--person", "p"],
         "no rows of"),
        (["check", "--by", "g", "--profile", "hes", "--table", "{table}", "--count", "n", "--hierarchy", "x"],
         "with its"),
        (["check", "--by", "g", "--profile", "hes", "--data", "{table}", "--count", "n"], "people are counted here"),
        (["audit", "--by", "g", "--table", "{table}", "--count", "n", "--only-small"], "Below which threshold"),
        (["check", "--by", "g", "--profile", "hes", "--data", "nowhere.csv"], "There is no such file"),
    ],
)  # fmt: skip
def test_what_was_asked_wrongly_gets_a_sentence(arguments: list[str], said: str, tmp_path: Path) -> None:
    """With the option that was wrong, and how to mend it."""
    table = tmp_path / "table.csv"
    table.write_text("g,n\na,50\n", encoding="utf-8")
    with pytest.raises(HavenError, match=said):
        called(*(one.format(table=table) for one in arguments))
