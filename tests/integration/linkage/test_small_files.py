"""A few rows: nothing can be proposed or learned from them, and who is who can be asked all the same."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from infra.cli.main import asked_for

PEOPLE = (
    ("Miller", "Anna", "1950-01-02"), ("Smith", "Ben", "1960-03-04"), ("Jones", "Carl", "1970-05-06"),
    ("Brown", "Dora", "1980-07-08"), ("Green", "Eva", "1990-09-10"),
)  # fmt: skip
SPECIFICATION = """
specification: 1
files: 2
record_id: [id]
columns:
  - {name: surname, means: surname, heading: surname}
  - {name: forename, means: forename, heading: forename}
  - {name: born, means: date, heading: dob}
comparisons:
  - {of: surname, levels: [same, jaro_winkler: 0.85]}
  - {of: forename, levels: [same, jaro_winkler: 0.85]}
  - {of: born, levels: [same]}
blocking:
  - [born]
  - [surname.sound]
link: {one_to_one: true, threshold: 0}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three of five people in both, one of them spelt otherwise; and the specification."""
    right = [*PEOPLE[:2], ("Jones", "Karl", "1970-05-06"), ("Vane", "Olga", "1999-12-11")]
    for name, rows in (("left", PEOPLE), ("right", right)):
        columns = dict(zip(("surname", "forename", "dob"), map(list, zip(*rows, strict=True)), strict=True))
        pl.DataFrame({"id": [f"{name}{n}" for n in range(len(rows))], **columns}).write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "people.yaml").write_text(SPECIFICATION, encoding="utf-8")
    (tmp_path / "truth.csv").write_text(
        "left,right\n" + "".join(f"left{n},right{n}\n" for n in range(3)), encoding="utf-8"
    )
    return [str(tmp_path / "left.csv"), str(tmp_path / "right.csv")]


def _haven(*words: str) -> Result:
    return CliRunner().invoke(asked_for(["linkage"]), ["linkage", *words])


def test_a_file_that_is_too_small_to_be_understood_is_named(files: list[str]) -> None:
    """Which file, why, and what can be done: by a written specification it is linked."""
    said = str(_haven("spec", *files).exception)
    assert "fewer than 10 rows" in said
    assert f"({files[0]})" in said
    assert "--spec" in said


def test_a_few_rows_are_linked_by_a_written_specification(files: list[str], tmp_path: Path) -> None:
    """Columns weigh what is usual, and that is said; it is no model to keep."""
    asked = [*files, "--spec", str(tmp_path / "people.yaml")]
    done = _haven("files", *asked, "--out", str(tmp_path / "links.csv"))
    assert done.exit_code == 0, done.output
    assert "learned    nothing" in done.output
    links = pl.read_csv(tmp_path / "links.csv")
    assert set(zip(links["left"], links["right"], strict=True)) == {(f"left{n}", f"right{n}") for n in range(3)}
    model = str(tmp_path / "model.json")
    measured = _haven("evaluate", *asked, "--truth", str(tmp_path / "truth.csv"), "--json", "--save-model", model)
    assert "no model to keep" in str(measured.exception)
    found = json.loads(measured.stdout)
    assert (found["f1"], found["learned"]) == (1.0, False)
    assert not Path(model).exists()
