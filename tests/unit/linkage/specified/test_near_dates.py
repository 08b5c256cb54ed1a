"""How near are two dates? Days are counted as they pass, months by the calendar."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import polars as pl
import pytest

from linkage.specified.engine import SplinkEngine
from linkage.specified.levels import level_sql
from linkage.specified.specification import Specification
from linkage.specified.written import written


def _agree(level: dict[str, Any], one: str, other: str) -> bool:
    specification = Specification.model_validate(
        {
            "specification": 1,
            "files": 1,
            "columns": [{"name": "born", "means": "date", "heading": "born"}],
            "comparisons": [{"of": "born", "levels": [level]}],
            "blocking": [["born"]],
        }
    )
    people = written(pl.DataFrame({"born": [one, other]}), specification.columns, right=False)
    with closing(SplinkEngine(specification, people, None)) as engine:
        sql = level_sql(specification.comparisons[0], specification)
        found = engine.con.execute(f"SELECT {sql} FROM people_left a, people_left b WHERE a.rid <> b.rid").fetchall()
    assert found[0] == found[1]  # whichever is the earlier
    return found == [(0,), (0,)]


@pytest.mark.parametrize(
    ("one", "other", "days"),
    [
        ("1950-02-28", "1950-03-01", 1),
        ("1952-02-28", "1952-03-01", 2),  # a leap year
        ("1900-02-28", "1900-03-01", 1),  # none
        ("2000-02-28", "2000-03-01", 2),
        ("1950-01-31", "1950-03-01", 29),
        ("1949-12-31", "1950-01-01", 1),
        ("1950-04-30", "1950-05-01", 1),
        ("1951-06-01", "1952-06-01", 366),
    ],
)
def test_days_are_those_that_passed(one: str, other: str, days: int) -> None:
    """Across the ends of months and years there are as many days as the calendar has."""
    assert _agree({"days": days}, one, other)
    assert not _agree({"days": days - 1}, one, other)


@pytest.mark.parametrize(
    ("one", "other", "months"),
    [
        ("1950-01-31", "1950-02-28", 1),
        ("1950-01-31", "1950-03-01", 2),
        ("1950-02-28", "1950-03-28", 1),
        ("1950-02-28", "1950-03-29", 2),
        ("1952-02-29", "1953-02-28", 12),
        ("1952-02-29", "1953-03-01", 13),
        ("1949-12-15", "1950-01-15", 1),
        ("1950-07-01", "1950-07-31", 1),
    ],
)
def test_months_are_the_calendars(one: str, other: str, months: int) -> None:
    """A month later is the same day of the next month, or its last one."""
    assert _agree({"months": months}, one, other)
    if months > 1:
        assert not _agree({"months": months - 1}, one, other)


@pytest.mark.parametrize("level", [{"days": 40_000}, {"months": 1200}])
def test_only_a_whole_date_is_near(level: dict[str, Any]) -> None:
    """Of a month or a year nobody knows how many days it is away."""
    assert not _agree(level, "1950-02", "1950-03-01")


@pytest.mark.parametrize("months", [0, -1, 1.5])
def test_months_are_whole(months: float) -> None:
    """A half month has no length."""
    with pytest.raises(ValueError, match="whole number"):
        _agree({"months": months}, "1950-01-01", "1950-01-02")
