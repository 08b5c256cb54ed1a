"""Steps of the NHS number, and those without names, are tried by what they did not ask for."""

from __future__ import annotations

import uuid

import duckdb
import pytest

from linkage.matching.ladder import LADDER
from linkage.matching.quality.implausible import UNASKED, apart_elsewhere

COLUMNS = ("record", "person", "step", "f", "g", "nm", "b", "b_y", "b_ym", "b_yd", "b_md", "b_swap")
BORN = dict(zip(COLUMNS[6:], range(50, 56), strict=True))
MISHEARD = {**BORN, "b": 60, "b_ym": 62, "b_yd": 63, "b_md": 64, "b_swap": 65}
"""Only the year is right."""
ANOTHER = {name: value + 100 for name, value in BORN.items()}


def _told(*pairs: tuple[int, dict[str, int], dict[str, int]]) -> list[tuple[int, int, int]]:
    """Of two records of one person each, joined by a step."""
    rows = []
    for place, (step, *two) in enumerate(pairs):
        person = uuid.uuid4()
        rows += [{"record": 2 * place + n, "person": person, "step": step, **one} for n, one in enumerate(two)]
    with duckdb.connect() as zone:
        types = dict.fromkeys(COLUMNS, "BIGINT") | {"person": "UUID", "step": "TINYINT"}
        zone.execute(f"CREATE TABLE rows ({', '.join(f'{name} {types[name]}' for name in COLUMNS)})")
        zone.executemany(
            f"INSERT INTO rows VALUES ({', '.join('?' * len(COLUMNS))})",
            [[row.get(name) for name in COLUMNS] for row in rows],
        )
        zone.execute("CREATE TABLE evidence AS SELECT * EXCLUDE (person, step) FROM rows")
        zone.execute("CREATE TABLE links AS SELECT record, person, step FROM rows")
        return apart_elsewhere(zone)


def _named(f: int, g: int, nm: int) -> dict[str, int]:
    return {"f": f, "g": g, "nm": nm}


def test_whoever_agrees_in_no_name_is_told_by_step() -> None:
    """Married: agrees; both names another's: apart; no names, or beside nobody with names: not counted."""
    assert _told(
        (1, _named(10, 20, 30), _named(11, 20, 31)),
        (2, _named(12, 21, 32), _named(13, 22, 33)),
        (1, {}, _named(14, 23, 34)),
        (9, _named(15, 24, 35), _named(16, 25, 36)),
    ) == [(1, 2, 0), (2, 2, 2)]


@pytest.mark.parametrize(("other", "apart"), [(BORN, 0), (MISHEARD, 0), (ANOTHER, 2)])
def test_number_and_names_are_tried_by_the_birthday(other: dict[str, int], apart: int) -> None:
    """A part of it is enough; of a father and a son under one number no part agrees; unknown is not counted."""
    assert _told((5, BORN, other), (5, BORN, {})) == [(5, 2, apart)]


def test_number_and_forename_are_tried_by_the_surname() -> None:
    """Agreeing, exchanged with the forename, another's."""
    agreeing = (7, _named(1, 2, 3), _named(1, 2, 3))
    exchanged = (7, _named(4, 5, 6), _named(5, 4, 6))
    of_another = (7, _named(7, 8, 9), _named(1, 8, 2))
    assert _told(agreeing, exchanged, of_another) == [(7, 6, 2)]


def test_every_step_is_tried_by_something_that_it_does_not_ask() -> None:
    """By this, or by hidden numbers, which try every step that asks for no number."""
    assert {step.number for step in LADDER if step.certain} <= set(UNASKED)
    assert {number for number, unasked in UNASKED.items() if "name" in unasked.what} == {1, 2, 3, 4, 6, 7, 13}
