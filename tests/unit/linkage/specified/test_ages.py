"""Ages of files taken years apart, and ages beside years of birth: both become years of birth, without labels."""

from __future__ import annotations

import polars as pl
import pytest

from linkage.specified.age_values import age_in_years, years_of_birth
from linkage.specified.fields import Fields, find_fields
from linkage.specified.specification import Column
from linkage.specified.written import written

COUNT = 400


def _people(column: str, told: list[int]) -> pl.DataFrame:
    """The same people in every file, some of one name; only the last column is told otherwise."""
    return pl.DataFrame(
        {
            "forename": [f"An{'abcdefghij'[n % 10]}" for n in range(COUNT)],
            "surname": [f"Mil{'abcdefghijklmnopqrst'[n // 10 % 20]}er" for n in range(COUNT)],
            column: [str(value) for value in told],
        }
    )


AGES = [20 + n * 7 % 61 for n in range(COUNT)]
BORN = [1881 - age for age in AGES]


def _found(left: tuple[str, list[int]], right: tuple[str, list[int]]) -> Fields:
    return find_fields([_people(*left), _people(*right)], frozenset())


@pytest.mark.parametrize(
    ("left", "right", "apart"),
    [
        (("age", AGES), ("age", [age + 10 for age in AGES]), 10),
        (("age", [age + 3 for age in AGES]), ("alter", [age - (n % 3 == 0) for n, age in enumerate(AGES)]), -3),
        (("age", AGES), ("age", AGES), 0),
    ],
)
def test_how_far_apart_ages_were_told_is_found(
    left: tuple[str, list[int]], right: tuple[str, list[int]], apart: int
) -> None:
    """From pairs of one name; a birthday not yet passed does not hide it."""
    (column,) = [one.column for one in _found(left, right).fields if one.column.ages_of]
    assert column.means == "year"
    assert column.ages_of["right"] - column.ages_of["left"] == apart


@pytest.mark.parametrize(
    ("left", "right", "ages_of"),
    [
        (("age", AGES), ("birth_year", BORN), {"left": 1881}),
        (("year_of_birth", BORN), ("age", AGES), {"right": 1881}),
    ],
)
def test_an_age_meets_a_year_of_birth(
    left: tuple[str, list[int]], right: tuple[str, list[int]], ages_of: dict[str, int]
) -> None:
    """The year in which the ages were told is found from both; written alike, they are the same years."""
    (column,) = [one.column for one in _found(left, right).fields if one.column.ages_of]
    assert column.ages_of == ages_of
    frames = [_people(*left), _people(*right)]
    years = [written(frame, [column], right=place == 1)[column.name] for place, frame in enumerate(frames)]
    assert years[0].equals(years[1])


def test_ages_that_no_year_makes_births_of_are_left_out() -> None:
    """Then they are no evidence, and the proposal says why."""
    mixed = [1700 + n * 37 % 97 for n in range(COUNT)]
    found = _found(("age", AGES), ("birth_year", mixed))
    assert not [one for one in found.fields if one.column.ages_of]
    assert "no year makes" in found.ignored["age"]


def test_ages_of_which_no_names_tell_how_far_apart_they_are_stay_out() -> None:
    """They could be ten years apart: they are no evidence, and the proposal says why."""
    left, right = _people("age", AGES), _people("age", AGES).with_columns(surname=pl.col("surname").str.reverse())
    found = find_fields([left, right], frozenset())
    assert not [one for one in found.fields if one.column.ages_of]
    assert "not known how many years apart" in found.ignored["age"]


@pytest.mark.parametrize(
    ("age", "years"),
    [
        ("10 years 6 months", 10), ("2y 6m", 2), ("12 yrs 6 mos", 12), ("34 f", 34), ("45.0", 45), ("18 months", 1),
        ("6 months", 0), ("6mo", 0), ("3w", 0), ("5 days", 0), ("7/12", 0), ("1015", None), ("-1", None),
        ("12/03/1950", None), ("121", None), ("unknown", None), ("aged 30", 30),
    ],
)  # fmt: skip
def test_an_age_is_its_years(age: str, years: int | None) -> None:
    """Months count where no years stand before them."""
    assert age_in_years(age) == years


@pytest.mark.parametrize(
    ("ages", "years"),
    [
        (["6M", "18 M", "34F", "3w"], [6, 18, 34, 0]),  # a woman stands among them: M is a man
        (["6M", "37m"], [6, 37]),  # nobody is 37 months old
        (["6M", "18M", "36M"], [0, 1, 3]),
        (["6m", "34 yrs"], [0, 34]),
        (["34M", "28W", "41m", "30d"], [34, 28, 41, 30]),  # Mann, weiblich, divers
        (["3w", "52W"], [0, 1]),
        (["3w", "53W"], [3, 53]),
        (["20d", "6M", None], [0, 0, None]),
    ],
)
def test_a_letter_behind_an_age_is_what_the_column_says(ages: list[str | None], years: list[int | None]) -> None:
    """A sex where women stand among them or a number is more than is told in months or weeks; else the unit."""
    born = years_of_birth(pl.Series(ages), 2000).to_list()
    assert born == [None if age is None else str(2000 - age) for age in years]


def test_infants_and_impossible_ages() -> None:
    """Months are no years; what nobody reaches is no age."""
    column = Column.model_validate({"name": "born", "means": "year", "heading": "age", "ages_of": {"left": 1881}})
    frame = pl.DataFrame({"age": ["30", "30 yrs", "6 months", "3w", "1/2", "999", "unknown", None]})
    years = written(frame, [column], right=False)["born"].to_list()
    assert years == ["1851", "1851", "1881", "1881", "1881", None, None, None]
