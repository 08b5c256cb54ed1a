"""What is compared of a value: dates as far as they are known, letters of every script, several spellings."""

from __future__ import annotations

import polars as pl
import pytest

from linkage.specified.dates import read_date
from linkage.specified.specification import Column
from linkage.specified.written import fold, written


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1915-11-11", "1915-11-11"), ("19151111", "1915-11-11"), ("12/03/1850", "1850-03-12"), ("1.2.1999", "1999-02-01"),
        ("3 März 1850", "1850-03-03"), ("March 3, 1850", "1850-03-03"), ("03-Apr-1950", "1950-04-03"), ("c. 1850", "1850"),
        ("1850", "1850"), ("1850.0", "1850"), ("1850-03", "1850-03"), ("1850-00-00", "1850"), ("XX/03/1950", "1950-03"),
        ("1950-03-04T00:00:00", "1950-03-04"), ("31/12/1950", "1950-12-31"),
        ("1950-03-04 00:00:00+01:00", "1950-03-04"), ("1950年3月4日", "1950-03-04"), ("4.III.1950", "1950-03-04"), ("[1850]", "1850"),
        ("4 de marzo de 1950", "1950-03-04"), ("4.3.1950 г.", "1950-03-04"),
        ("+1850-00-00T00:00:00Z", "1850"), ("+00000001850-03-04T00:00:00Z", "1850-03-04"), ("1850/51", "1851"),
        ("12 Feb 1745/46", "1746-02-12"), ("1799/00", "1800"),
    ],
)  # fmt: skip
def test_a_date_is_known_as_far_as_it_is_written(text: str, date: str) -> None:
    """Days, months, years alone, names of months in several languages."""
    assert str(read_date(text, day_first=True)) == date


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "99", "0000-00-00", "1850-13-40", "12345", "9999", "9999-12-31", "1850s", "1850-1855", "1850/60"],
)
def test_what_is_no_date_is_nothing(text: str) -> None:
    """No date is guessed."""
    assert read_date(text, day_first=True) is None


def test_the_order_of_day_and_month_is_the_columns() -> None:
    """Where both readings are possible, the column decides; where one is not, the other is taken."""
    assert str(read_date("03/04/1950", day_first=False)) == "1950-03-04"
    assert str(read_date("25/04/1950", day_first=False)) == "1950-04-25"


@pytest.mark.parametrize(
    ("text", "form"),
    [("Müller-Lüdenscheidt", "MULLER LUDENSCHEIDT"), ("O'Brien", "OBRIEN"), ("Łukasz", "LUKASZ"), ("Straße 5", "STRASSE 5"),
     ("Иванов", "IVANOV"), ("Παπάς", "PAPAS"), ("山田 太郎", "山田 太郎"), ("  ", "")],
)  # fmt: skip
def test_letters_of_every_script_are_kept(text: str, form: str) -> None:
    """Case, accents and signs go; letters stay, those that have a Latin form in it."""
    assert fold(text) == form


def test_several_spellings_are_a_list_and_the_first_one_blocks() -> None:
    """A cell with a separator gives all its spellings; nothing stays nothing."""
    column = Column(name="surname", means="surname", heading=("s",), separator="|")
    out = written(pl.DataFrame({"s": ["Smith | Smyth", None, "?|Jones"]}), [column], right=False)
    assert out["surname__spellings"].to_list() == [["SMITH", "SMYTH"], None, ["JONES"]]
    assert out["surname"].to_list() == ["SMITH", None, "JONES"]


def test_fillers_and_titles_tell_nothing() -> None:
    """Titles are no part of a name; what stands for nothing is nothing."""
    column = Column(name="name", means="full_name", heading=("n",))
    out = written(pl.DataFrame({"n": ["Dr. Ann Lee", "UNKNOWN", "n/a"]}), [column], right=False)
    assert out["name"].to_list() == ["ANN LEE", None, None]


def test_the_first_of_january_can_stand_for_a_year() -> None:
    """Where the column says so, 1 January is a year only."""
    column = Column(name="born", means="date", heading=("d",), first_of_january="year_only")
    out = written(pl.DataFrame({"d": ["1850-01-01", "1850-01-02"]}), [column], right=False)
    assert out["born"].to_list() == ["1850", "1850-01-02"]
    assert out["born__month"].to_list() == [None, 1]
