"""What a column is guessed to be: by headings of several languages, by shapes, and never the truth as evidence."""

from __future__ import annotations

import polars as pl
import pytest

from linkage.specified.fields import find_fields
from linkage.specified.guesses import guess
from linkage.specified.looks import heading_words, look_at


def _guessed(heading: str, values: list[str]) -> str:
    return guess(look_at(heading, pl.Series(values))).means


LETTERS = "abcdefghijklmnopqrstuvwxyz"
NAMES = ["Anna", "Ben", "Clara", "David", "Emma", "Finn", "Greta", "Hans", "Ida", "Jan", "Karl", "Lena"] * 5
DATES = [f"{1900 + n}-0{n % 9 + 1}-1{n % 9}" for n in range(60)]


@pytest.mark.parametrize(
    ("heading", "values", "means"),
    [
        ("Vorname", NAMES, "forename"), ("prénom", NAMES, "forename"), ("lastName", NAMES, "surname"), ("lname_c1", NAMES, "surname"),
        ("dob", DATES, "date"), ("fecha_nacimiento", DATES, "date"), ("xyz", DATES, "date"), ("born", [d[:4] for d in DATES], "year"),
        ("PLZ", [f"{10000 + 7 * n}" for n in range(60)], "postcode"), ("kön", ["M", "K"] * 30, "sex"),
        ("cluster", [f"Q{n // 3}" for n in range(60)], "truth"), ("person_id", [str(n // 2) for n in range(60)], "truth"),
        ("rec_id", [f"r{n}" for n in range(60)], "record_id"), ("ref", [f"a{n}" for n in range(60)], "record_id"),
        ("code", [f"rec-{n}-{'org' if n % 2 else 'dup-0'}" for n in range(60)], "record_id"),
        ("x", ["same"] * 60, "ignored"), ("surname", NAMES[:9], "ignored"), ("Wohnort", [n + "stadt" for n in NAMES], "place"),
    ],
)  # fmt: skip
def test_a_column_is_what_heading_and_values_say(heading: str, values: list[str], means: str) -> None:
    """Headings in the usual languages, checked against the values; else the values alone."""
    assert _guessed(heading, values) == means


NUMBERED = [f"rec-{n}-{'org' if n % 2 else 'dup-0'}" for n in range(2000)]


@pytest.mark.parametrize(
    ("heading", "values"),
    [
        ("rec_id", [f"r{n}" for n in range(2000)]),
        ("patient id", [f"{n}" for n in range(2000)]),
        ("shelf", NUMBERED),
        ("zzz", [f"{n}x{n}" for n in range(2000)]),
    ],
)
@pytest.mark.parametrize("last", [None, "of the row before"])
def test_a_record_is_named_only_where_every_row_has_a_name_of_its_own(
    heading: str, values: list[str], last: str | None
) -> None:
    """One row of two thousand without a name, or with another's, and the column names no record; nor is it evidence."""
    assert _guessed(heading, values) == "record_id"
    nearly = [*values[:-1], values[-2] if last else None]
    assert guess(look_at(heading, pl.Series(nearly))).means == "ignored"


def test_any_heading_can_stand_above_values() -> None:
    """Also the words by which values are counted."""
    for heading in ("count", "value", "rows", "proportion"):
        assert look_at(heading, pl.Series(heading, [*NAMES, "unknown"])).fillers == ("unknown",)


def test_headings_are_read_in_words() -> None:
    """Camel case, underscores and hyphens alike."""
    assert heading_words("dateOfBirth") == heading_words("DATE_OF_BIRTH") == heading_words("date-of-birth")


def test_what_says_the_same_twice_is_left_out() -> None:
    """A full name beside its parts, and a year beside its date, would count twice."""
    frame = pl.DataFrame(
        {
            "full_name": [f"{name} Miller{LETTERS[n % 26]}" for n, name in enumerate(NAMES)],
            "first": NAMES,
            "surname": [f"Miller{LETTERS[n % 26]}" for n in range(60)],
            "dob": DATES,
            "birth year": [date[:4] for date in DATES],
        }
    )
    found = find_fields([frame], frozenset())
    assert [one.column.means for one in found.fields] == ["forename", "surname", "date"]
    assert set(found.ignored) == {"full_name", "birth year"}


def test_a_name_that_is_missing_here_and_there_is_told_by_its_parts() -> None:
    """Each of whole and parts is missing in a quarter of the rows: the parts are left where the whole is not."""
    rows = [(name, f"Miller{LETTERS[n % 26]}") for n, name in enumerate(NAMES)]
    known = {
        "full_name": [" ".join(row) if n % 4 else None for n, row in enumerate(rows)],
        "first_name": [row[0] if (n // 4) % 4 else None for n, row in enumerate(rows)],
        "surname": [row[1] if (n // 4 + n) % 4 else None for n, row in enumerate(rows)],
    }
    found = find_fields([pl.DataFrame({**known, "dob": DATES})], frozenset())
    assert [one.column.means for one in found.fields] == ["forename", "surname", "date"]
    assert "first_name and surname" in found.ignored["full_name"]


def test_an_alias_that_says_more_than_the_name_is_a_spelling() -> None:
    """Where the name is missing its words stand nowhere else; an alias that only repeats is left out."""
    names = [f"{name} Miller{LETTERS[n % 26]}" for n, name in enumerate(NAMES)]
    known = [name if n % 4 else None for n, name in enumerate(names)]
    told = find_fields([pl.DataFrame({"name": known, "alias name": names, "dob": DATES})], frozenset())
    assert [one.column.heading for one in told.fields] == [("name", "alias name"), ("dob",)]
    again = find_fields([pl.DataFrame({"name": names, "alias name": names, "dob": DATES})], frozenset())
    assert [one.column.heading for one in again.fields] == [("name",), ("dob",)]


def test_columns_of_two_files_find_each_other() -> None:
    """By heading or by kind, whatever they are called; what only one file has is left out."""
    left = pl.DataFrame({"id": [f"L{n}" for n in range(60)], "Nachname": NAMES, "geb": DATES, "Notiz": DATES[::-1]})
    right = pl.DataFrame({"nr": [f"R{n}" for n in range(60)], "surname": NAMES, "birth date": DATES})
    found = find_fields([left, right], frozenset())
    pairs = {(one.column.left, one.column.right) for one in found.fields}
    assert (("Nachname",), ("surname",)) in pairs
    assert found.record_id == ("id", "nr")


def test_a_named_truth_is_never_evidence() -> None:
    """Whatever the column looks like."""
    look = look_at("surname", pl.Series(NAMES))
    assert guess(look, truth=frozenset({"surname"})).means == "truth"
