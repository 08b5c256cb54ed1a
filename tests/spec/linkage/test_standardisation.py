"""The rule book of standardisation: the vectors that any other implementation can be run against."""

from __future__ import annotations

import ast
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import linkage.standardise
from linkage.standardise import page
from linkage.standardise.addresses import address_keys
from linkage.standardise.dates import are_swapped, birth_faults
from linkage.standardise.names import soundex, sounds
from linkage.standardise.nhs_numbers import nhs_number_faults
from linkage.standardise.pet_forms import BY_SEX, FAMILIES, PET_FORMS
from linkage.standardise.references import References, no_table, resolve
from linkage.standardise.sexes import sex_meanings
from linkage.standardise.specification import IDENTITY, STANDARD, VERSION, standardise

VECTORS = json.loads((Path(linkage.standardise.__file__).parent / "vectors.json").read_text(encoding="utf-8"))
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "standardisation.md"
Vector = dict[str, Any]


def _standard(received: dict[str, str], *, test_range: bool = True) -> dict[str, str | None]:
    frame = pl.DataFrame({name: pl.Series([received.get(name)], dtype=pl.String) for name in IDENTITY})
    return standardise(frame, test_range=test_range).row(0, named=True)


def _all_at_once(
    vectors: list[Vector], *, test_range: bool, today: date | None, references: References
) -> pl.DataFrame:
    """Every column a vector can name, of many vectors as one frame."""
    columns = (*IDENTITY, "address", "other_date")
    received = pl.DataFrame({c: pl.Series([v["in"].get(c) for v in vectors], dtype=pl.String) for c in columns})
    born = received["date_of_birth"]
    return standardise(received, test_range=test_range, references=references, today=today).with_columns(
        nhs_number_fault=nhs_number_faults(received["nhs_number"], test_range=test_range),
        sex_meaning=sex_meanings(received["sex"]),
        birth_fault=birth_faults(born, today=today),
        address_key=address_keys(received["address"]),
        swapped=received.select(are_swapped(pl.col("date_of_birth"), pl.col("other_date"))).to_series(),
    )


def _table(vector: Vector, kind: str) -> pl.DataFrame:
    rows = vector.get("references", {}).get(kind)
    return resolve(pl.DataFrame(rows, schema=["old", "new"], orient="row")) if rows else no_table()


def _arguments(vector: Vector) -> dict[str, Any]:
    return {
        "test_range": vector.get("test_range", VECTORS["test_range"]),
        "today": date.fromisoformat(vector["today"]) if "today" in vector else None,
        "references": References(_table(vector, "superseded-nhs-numbers"), _table(vector, "postcode-history")),
    }


def test_the_vectors_are_of_this_version() -> None:
    """A changed rule changes the version, and the vectors with it."""
    assert VECTORS["version"] == VERSION


def test_every_column_and_rule_has_vectors() -> None:
    """There are enough of them, sorted by rule, and none twice."""
    vectors = VECTORS["vectors"]
    assert len(vectors) >= 150
    assert {name for vector in vectors for name in vector["out"]} >= set(STANDARD)
    subjects = [vector["rule"].split(":")[0] for vector in vectors]
    assert subjects == [name for name in dict.fromkeys(subjects) for _ in range(subjects.count(name))]
    assert len({json.dumps(vector) for vector in vectors}) == len(vectors)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['rule']}: {v['in']}")
def test_each_vector_comes_out(vector: Vector) -> None:
    """What is received becomes what the vector says."""
    found = _all_at_once([vector], **_arguments(vector)).row(0, named=True)
    assert {name: found[name] for name in vector["out"]} == vector["out"]


def test_in_a_long_column_they_come_out_the_same() -> None:
    """Many rows at once, alike and unlike, in any order: each row's outcome is its own."""
    plain = [v for v in VECTORS["vectors"] if not {"references", "test_range", "today"} & set(v)] * 3
    found = _all_at_once(plain, test_range=True, today=None, references=References())
    for vector, row in zip(plain, found.iter_rows(named=True), strict=True):
        assert {name: row[name] for name in vector["out"]} == vector["out"]


def test_the_test_range_stands_for_nobody_where_real_data_are() -> None:
    """With real data an NHS number of the test range is nothing."""
    assert _standard({"nhs_number": "9990000018"}, test_range=False)["nhs_number"] is None
    assert _standard({"nhs_number": "9990000018"}, test_range=True)["nhs_number"] == "9990000018"


def test_rows_keep_their_order_and_number() -> None:
    """Many rows, alike and unlike, with nothing in some: one row out for each, in order."""
    names = ["Ann", None, "Bill", "Ann", "", "José"] * 50
    frame = pl.DataFrame({name: pl.Series([None] * 300, dtype=pl.String) for name in IDENTITY})
    frame = frame.with_columns(forenames=pl.Series(names), surname=pl.lit("Hale"))
    found = standardise(frame, test_range=True)
    assert found["forename"].to_list() == ["ANN", None, "WILLIAM", "ANN", None, "JOSE"] * 50


def test_nobody_at_all_is_standardised_too() -> None:
    """No rows in, no rows out, with every column."""
    assert standardise(pl.DataFrame(schema=dict.fromkeys(IDENTITY, pl.String)), test_range=True).columns == list(
        STANDARD
    )


def test_a_name_belongs_to_one_family() -> None:
    """No form stands in two families, and no family's name is a form of another: else the order would decide."""
    shorts = [short for forms in FAMILIES.values() for short in forms.split()]
    assert sorted(shorts) == sorted(set(shorts))
    assert not set(shorts) & set(FAMILIES)
    assert not set(shorts) & set(BY_SEX)
    assert all(PET_FORMS.get(name, name) == name for names in BY_SEX.values() for name in names)


def test_the_rules_need_nothing_but_polars() -> None:
    """They are copied to where nothing of the haven is: no other package, no file but the vectors, no clock."""
    allowed = {"polars", "linkage", *sys.stdlib_module_names}
    for path in sorted(Path(linkage.standardise.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed
            assert all(name.startswith("linkage.standardise") for name in names if name.startswith("linkage"))


def test_the_page_is_current() -> None:
    """docs/reference/standardisation.md is what the rules and the vectors give."""
    assert PAGE.read_text(encoding="utf-8") == page.page()


def test_both_soundexes_are_one() -> None:
    """A name by itself and a column of names sound alike."""
    names = [
        "ROBERT",
        "ASHCRAFT",
        "PFISTER",
        "TYMCZAK",
        "HHHWA",
        "WWHITE",
        "A",
        "LLOYD",
        "SCHWARZ",
        "BOOTHDAVIS",
        "KHAN",
    ]
    names += sorted(PET_FORMS)
    found = pl.Series("n", names).to_frame().select(sounds(pl.col("n"))).to_series().to_list()
    assert found == [soundex(name) for name in names]
