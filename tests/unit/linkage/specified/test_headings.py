"""Columns of other countries are known by their headings, in the alphabet of the country, and their values."""

from __future__ import annotations

import polars as pl
import pytest

from linkage.specified.dates import read_date
from linkage.specified.fields import find_fields
from linkage.specified.guesses import guess
from linkage.specified.looks import look_at
from linkage.specified.written import written

NAMES = [f"Name{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60)]
NUMBERS = [str(10_000_000_000 + 7919 * n) for n in range(60)]


@pytest.mark.parametrize(
    ("heading", "values", "means"),
    [
        ("Фамилия", NAMES, "surname"),
        ("Отчество", NAMES, "forename"),
        ("midl_name", NAMES, "forename"),
        ("姓名", NAMES, "full_name"),
        ("nome_mae", NAMES, "full_name"),
        ("性别", ["男", "女"] * 30, "sex"),
        ("cpf", NUMBERS, "identifier"),
        ("pc", [f"{1000 + n} AB" for n in range(60)], "postcode"),
        ("age", [str(20 + n) for n in range(60)], "number"),
        ("data urodzenia", [f"{1 + n % 28} października {1950 + n}" for n in range(60)], "date"),
    ],
)
def test_a_heading_says_what_it_is(heading: str, values: list[str], means: str) -> None:
    """Where the values bear it out."""
    assert guess(look_at(heading, pl.Series(heading, values))).means == means


WHOLE = [f"{name} Berg" for name in NAMES]


@pytest.mark.parametrize(
    "heading",
    ["nombre y apellidos", "Nachname, Vorname", "Vor- und Nachname", "Nom et prénom", "cognome e nome", "Ad Soyad"]
    + ["first and last name", "Name, Vorname", "Фамилия Имя Отчество", "voornaam en achternaam", "imię i nazwisko"],
)
def test_a_heading_that_says_both_names_is_of_the_whole(heading: str) -> None:
    """And not of the one that is found in it first; where the cells hold one word it is not."""
    assert guess(look_at(heading, pl.Series(heading, WHOLE))).means == "full_name"
    assert guess(look_at("nom", pl.Series("nom", WHOLE))).means == "surname"


@pytest.mark.parametrize(
    ("heading", "values", "means"),
    [
        ("patient_id", [str(10_000_000 + 7919 * (n // 2)) for n in range(120)], "ignored"),
        ("kennziffer", [str(12_320_267 + 7919 * (n // 2)) for n in range(120)], "ignored"),
        ("customer_no", [str(1000 + n // 2) for n in range(400)], "ignored"),
        ("customer_no", [str(1900 + n // 2) for n in range(60)], "ignored"),
        ("xq", [str(1800 + n) for n in range(200)], "record_id"),
        ("num", [str(1 + n) for n in range(120)], "record_id"),
        ("num", [str(1 + n % 40) for n in range(120)], "house_number"),
        ("xq", [f"0{113_496_000 + 7919 * n}" for n in range(60)], "phone"),
        ("xq", [f"+44 113 {496_000 + 79 * n}" for n in range(60)], "phone"),
        ("xq", [str(1900 + n * 7 % 90) for n in range(400)], "year"),
    ],
)
def test_codes_of_persons_are_no_evidence(heading: str, values: list[str], means: str) -> None:
    """Digits alone are no telephone number, and a number of customers or rows is neither a year nor a house."""
    assert guess(look_at(heading, pl.Series(heading, values))).means == means


def test_months_of_other_languages() -> None:
    """Polish, Turkish and Russian, as they stand in a date."""
    for text in ("3 września 1956", "3 Eylül 1956", "3 сентября 1956"):
        assert str(read_date(text, day_first=True)) == "1956-09-03"


def test_a_heading_that_says_nothing_is_known_by_the_other_files_values() -> None:
    """Codes are never guessed from their shape alone; the other file's postcodes say what these are."""
    codes = [f"{1000 + n // 2}AB" for n in range(180)]
    left = pl.DataFrame({"surname": NAMES * 3, "postcode": codes})
    right = pl.DataFrame({"surname": NAMES * 3, "xq": codes})
    found = {one.column.means: one.column.headings(True) for one in find_fields([left, right], frozenset()).fields}
    assert found["postcode"] == ("xq",)


def test_a_whole_name_is_held_against_its_pieces_in_the_other_file() -> None:
    """Where one file has in one column what the other has in several; in the other file's order."""
    others = [f"Other{name}" for name in NAMES]
    left = pl.DataFrame({"card": NUMBERS, "name": NAMES, "father": others, "town": ["Ulm", "Köln"] * 30})
    right = pl.DataFrame({"patient": [f"{a} {b}" for a, b in zip(NAMES, others, strict=True)], "town": left["town"]})
    for frames in ([left, right], [right, left]):
        (whole,) = (one.column for one in find_fields(frames, frozenset()).fields if one.column.means == "full_name")
        assert whole.in_parts
        assert {whole.left, whole.right} == {("name", "father"), ("patient",)}
        sides = [written(frame, [whole], right=bool(place))["full_name"] for place, frame in enumerate(frames)]
        assert sides[0].to_list() == sides[1].to_list()
