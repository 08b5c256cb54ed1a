"""Identifiers among payload: which values, rows and columns are told, and which are chance."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from linkage.contracts.contract import DeliveredFile
from linkage.intake.checks import RowChecks
from linkage.intake.csv_rows import RowBatch
from linkage.intake.reasons import Fault
from tests.fakes.deliveries import nhs_number

ROWS = 60
SURNAMES = [f"{a}{b}smith" for a in "BCDFGHJKLM" for b in "aeiouy"]


def _file(kind: str = "text", **column: Any) -> DeliveredFile:
    note = {"header": "note", "name": "note", "type": kind, "role": "payload", "meaning": "Note"} | column
    columns = [
        {"header": "id", "name": "id", "type": "text", "role": "row_key", "meaning": "Key"},
        {"header": "s", "name": "s", "type": "text", "role": "identifier", "identifies": "surname", "meaning": "S"},
        {"header": "b", "name": "b", "type": "date", "role": "identifier", "identifies": "date_of_birth",
         "meaning": "Born"},
        note,
    ]  # fmt: skip
    return DeliveredFile.model_validate({"pattern": "x*", "table": "x", "columns": columns})


def _reasons(notes: list[str | None], file: DeliveredFile | None = None) -> dict[int, tuple[str, ...]]:
    count = len(notes)
    frame = pl.DataFrame(
        {
            "id": [f"k{n}" for n in range(count)],
            "s": [SURNAMES[n % len(SURNAMES)] for n in range(count)],
            "b": [f"19{50 + n % 40}-01-{1 + n % 28:02d}" for n in range(count)],
            "note": pl.Series(notes, dtype=pl.String),
        }
    )
    checks = RowChecks(file or _file(), date(2026, 1, 1))
    return {bad.row: bad.reasons for bad in checks.check(RowBatch(frame, np.arange(count))).bad}


def _among_others(value: str) -> list[str | None]:
    return [value, *["seen in clinic"] * (ROWS - 1)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("9434765919", "nhs_number"),
        ("943 476 5919", "nhs_number"),
        ("no. 943-476-5919, seen", "nhs_number"),
        ("LS1 2AB", "postcode"),
        ("lives at ls11 2ab now", "postcode"),
        ("1950-01-01", "date_of_birth"),
        ("01/01/1950", "date_of_birth"),
        ("19500101", "date_of_birth"),
        ("Mrs BASMITH was seen", "name"),
    ],
)
def test_one_identifier_sets_its_row_aside(value: str, kind: str) -> None:
    """A single value among texts is enough, in whatever way it is written."""
    assert _reasons(_among_others(value)) == {0: (f"identifier.{kind}:note",)}


@pytest.mark.parametrize(
    "value",
    ["9434765918", "94347659190", "C10FJ", "E01011234", "8480-6", "1950-01-02", "LS1", "basmithson", "Y94141", "2AB"],
)
def test_what_only_looks_like_one_is_payload(value: str) -> None:
    """Another check digit, another length, a code, somebody else's day, half a postcode, a longer word."""
    assert _reasons(_among_others(value)) == {}


def test_a_text_of_several_people_names_none_of_them() -> None:
    """A term in which one person's surname happens to stand, and which others have too, is a term."""
    assert _reasons(["Basmith syndrome", "Basmith syndrome", *[None] * 10]) == {}


@pytest.mark.parametrize("kind", ["text", "integer"])
def test_ten_digit_codes_are_valid_by_chance(kind: str) -> None:
    """Of random ten-digit codes one in eleven passes the check: none of their rows is set aside."""
    codes = [str(7_000_000_000 + 104_729 * n) for n in range(400)]
    assert _reasons(codes, _file(kind)) == {}


@pytest.mark.parametrize(
    ("notes", "word"),
    [
        ([nhs_number(n) for n in range(ROWS)], "NHS numbers"),
        ([f"LS{1 + n % 9} {n % 10}AB" for n in range(ROWS)], "postcodes"),
        ([f"LS{1 + n % 9}{n % 10}AB" for n in range(ROWS)], "postcodes"),
        ([f"19{50 + n % 40}01{1 + n % 28:02d}" for n in range(ROWS)], "birth"),
        ([f"Dear {SURNAMES[n % len(SURNAMES)]}" for n in range(ROWS)], "name"),
    ],
    ids=["NHS numbers", "postcodes", "postcodes without a blank", "birthdays", "names"],
)
def test_a_column_of_identifiers_refuses_the_delivery(notes: list[str | None], word: str) -> None:
    """The column is named with what it holds and how it is declared; no value is."""
    with pytest.raises(Fault) as refused:
        _reasons(notes)
    assert refused.value.code == "column.identifier"
    assert "'note'" in refused.value.what
    assert word in refused.value.what
    assert "may_hold" in refused.value.mend
    assert not any(note in refused.value.what for note in notes if note)


def test_a_contract_declares_what_a_column_may_hold() -> None:
    """With the reason in the contract the same column is payload; what it does not name is looked for still."""
    file = _file(may_hold={"nhs_number": "device numbers, which pass the check by chance"})
    notes: list[str | None] = [nhs_number(n) for n in range(ROWS)]
    assert _reasons(notes, file) == {}
    assert _reasons([*notes, "LS1 2AB"], file) == {ROWS: ("identifier.postcode:note",)}


def test_only_payload_may_hold() -> None:
    """An exception for an identifier has no meaning, and is refused."""
    with pytest.raises(ValueError, match="may_hold is for payload"):
        _file(role="identifier", identifies="address", may_hold={"name": "why"})
