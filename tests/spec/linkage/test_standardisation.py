"""The rule book of standardisation: the vectors that any other implementation can be run against."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import linkage.standardise
from linkage.standardise.specification import IDENTITY, STANDARD, VERSION, standardise

VECTORS = json.loads((Path(linkage.standardise.__file__).parent / "vectors.json").read_text(encoding="utf-8"))


def _standard(received: dict[str, str], *, test_range: bool = True) -> dict[str, str | None]:
    frame = pl.DataFrame({name: pl.Series([received.get(name)], dtype=pl.String) for name in IDENTITY})
    return standardise(frame, test_range=test_range).row(0, named=True)


def test_the_vectors_are_of_this_version() -> None:
    """A changed rule changes the version, and the vectors with it."""
    assert VECTORS["version"] == VERSION


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda v: f"{v['rule']}: {v['in']}")
def test_each_vector_comes_out(vector: dict[str, dict[str, str]]) -> None:
    """What is received becomes what the vector says."""
    found = _standard(vector["in"])
    assert set(vector["out"]) <= set(STANDARD)
    assert {name: found[name] for name in vector["out"]} == vector["out"]


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
