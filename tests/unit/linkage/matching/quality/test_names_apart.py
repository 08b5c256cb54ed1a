"""Steps that ask for no name are tried by names."""

from __future__ import annotations

import uuid

import duckdb

from linkage.matching.quality.implausible import NAMELESS_STEPS, names_apart


def test_whoever_agrees_in_no_name_is_told_by_step() -> None:
    """Married: agrees; both names another's: apart; no names, or beside nobody with names: not counted."""
    married, stranger, nameless, named_step = (uuid.uuid4() for _ in range(4))
    rows = [
        # record, person, step, surname, forename, both
        (1, married, 1, 10, 20, 30), (2, married, 1, 11, 20, 31),
        (3, stranger, 2, 12, 21, 32), (4, stranger, 2, 13, 22, 33),
        (5, nameless, 1, None, None, None), (6, nameless, 1, 14, 23, 34),
        (7, named_step, 9, 15, 24, 35), (8, named_step, 9, 16, 25, 36),
    ]  # fmt: skip
    with duckdb.connect() as zone:
        zone.execute("CREATE TABLE rows (record BIGINT, person UUID, step TINYINT, f BIGINT, g BIGINT, nm BIGINT)")
        zone.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", rows)
        zone.execute("CREATE TABLE evidence AS SELECT record, f, g, nm FROM rows")
        zone.execute("CREATE TABLE links AS SELECT record, person, step FROM rows")
        assert names_apart(zone) == [(1, 2, 0), (2, 2, 2)]
    assert set(NAMELESS_STEPS) == {1, 2, 3, 4, 6, 13}
