"""People to learn from are drawn so that how their records differ does not decide who is drawn."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from linkage.intake.tables import create_identity
from linkage.matching.residual.drawing import draw_people
from tests.fakes.deliveries import nhs_number

PEOPLE = 400


def _zone(numbered: int = PEOPLE) -> duckdb.DuckDBPyConnection:
    """Everybody twice; every fourth has another birthday the second time, and the number in another form."""
    zone = duckdb.connect()
    create_identity(zone)
    rows = [
        {
            "delivery": "one",
            "dataset": dataset,
            "nhs_number": (f"{nhs_number(n)[:3]} {nhs_number(n)[3:]}" if dataset == "gp" else nhs_number(n))
            if n < numbered
            else None,
            "surname": f"S{n}",
            "date_of_birth": f"19{40 + (n + (dataset == 'gp' and n % 4 == 0)) % 50}-03-{1 + n % 28:02d}",
        }
        for n in range(PEOPLE)
        for dataset in ("gp", "hospital")
    ]
    zone.register("people", pl.DataFrame(rows).to_arrow())
    zone.execute("INSERT INTO identity BY NAME SELECT *, uuid() AS row_key FROM people")
    return zone


def _pairs(people: pl.DataFrame) -> pl.DataFrame:
    gp, hospital = (people.filter(pl.col("dataset") == name) for name in ("gp", "hospital"))
    return gp.join(hospital, on="surname", suffix="_h")


def test_few_people_are_all_taken() -> None:
    """Nothing is left out below the limit."""
    drawn = draw_people(_zone(), most=2 * PEOPLE)
    assert (drawn.people.height, drawn.part, drawn.drawn_by) == (2 * PEOPLE, 1, "all")


def test_a_persons_records_are_drawn_together_whatever_their_birthdays() -> None:
    """Among those drawn as many differ in their birthday as among all, and nobody is drawn by half."""
    drawn = draw_people(_zone(), most=PEOPLE)
    pairs = _pairs(drawn.people)
    assert (drawn.part, drawn.drawn_by) == (2, "NHS number")
    assert 2 * pairs.height == drawn.people.height
    differing = pairs.filter(pl.col("date_of_birth") != pl.col("date_of_birth_h")).height / pairs.height
    assert differing == pytest.approx(0.25, abs=0.08)


def test_without_nhs_numbers_people_are_drawn_by_birthday() -> None:
    """Then it is said so."""
    drawn = draw_people(_zone(numbered=PEOPLE // 4), most=PEOPLE)
    assert (drawn.part, drawn.drawn_by) == (2, "birthday")
    assert 0 < drawn.people.height < 2 * PEOPLE
