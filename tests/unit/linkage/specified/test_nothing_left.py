"""A rule of training that holds all that is compared leaves nothing to learn: that is said, and is no fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.specified.errors import CannotTrain
from linkage.specified.proposal import propose_specification
from linkage.specified.service import link_files
from linkage.specified.specification import load_specification

SPECIFICATION = """\
specification: 1
files: 1
columns:
  - {name: sex, means: sex, heading: sex}
  - {name: quarter, means: category, heading: quarter}
comparisons:
  - {of: sex, levels: [same]}
  - {of: quarter, levels: [same]}
blocking:
  - [quarter, sex]
"""


def test_such_a_rule_is_passed_over(tmp_path: Path) -> None:
    """The error says which rules would do."""
    people, specification = tmp_path / "people.csv", tmp_path / "people.yaml"
    rows = [f"{'MF'[n % 2]},{n % 8}" for n in range(400)]
    people.write_text("\n".join(["sex,quarter", *rows]) + "\n", encoding="utf-8")
    specification.write_text(SPECIFICATION, encoding="utf-8")
    with pytest.raises(CannotTrain) as refused:
        link_files(people, None, load_specification(specification))
    assert "left free" in str(refused.value)


def test_a_proposal_says_where_nothing_tells_people_apart(tmp_path: Path) -> None:
    """Sex and a category name nobody; with a name it works as it stands."""
    rows = [f"{'MF'[n % 2]},{n % 8},{'abcdefgh'[n % 8]}{'klmnopqr'[n % 7]}er" for n in range(400)]
    for headings, cut, said in (("sex,quarter", 2, "NO COLUMN WAS FOUND"), ("sex,quarter,surname", 3, "works as it")):
        people = tmp_path / f"{cut}.csv"
        people.write_text("\n".join([headings, *(",".join(row.split(",")[:cut]) for row in rows)]) + "\n", "utf-8")
        assert said in propose_specification([people]).splitlines()[0]
