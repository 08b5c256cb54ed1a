"""Tokens of records that are made together: each record's are those it has alone; repeated rows are one record."""

from __future__ import annotations

from unittest.mock import patch

import polars as pl
import pytest

from linkage.matching import evidence, records_to_link
from linkage.matching.evidence import UNIT, distinct_rows, tokens_of
from linkage.matching.ladder import FIELDS
from linkage.standardise.specification import IDENTITY, VERSION, standardise
from linkage.tokens import tokenise
from tests.fakes.linkage_zone import ADA, KEY, LinkageZone, Row

PEOPLE = pl.DataFrame(
    [
        (None, "Smith", "Ann Mary", None, "F", "1951-03-14", "LS1 1AA"),
        (None, "smith", "ANN", None, "F", "1951-14-03", "ls11aa"),
        ("9990000018", "Smith", "Pat", None, "M", "1951-01-01", None),
        ("9990000018", "Smith", "Pat", None, "F", "1951-01-01", "ZZ99 3VZ"),
        ("9990000018", "Smith", "Pat", None, None, "no date", ""),
        (None, None, None, "van der Berg, Jo", "1", None, "SW1A 1AA"),
        (None, "", "", "Jo van der Berg", "1", "", "SW1A 1AA"),
        (None, "Li", "X", "Li X", "9", "1900-01-01", "SW1A 1AA"),
        (None, None, None, None, None, None, None),
    ],
    schema=dict.fromkeys(IDENTITY, pl.String),
    orient="row",
).with_row_index("record")


def test_tokens_are_those_of_the_standardised_values() -> None:
    """Field by field, as they are when every row is standardised and hashed for itself."""
    made = tokens_of(PEOPLE, KEY, test_range=True).sort("record")
    values = standardise(PEOPLE, test_range=True)
    names = [sorted((f, g)) if f and g else None for f, g in values.select("surname", "forename").iter_rows()]
    expected = {
        "n": values["nhs_number"],
        "f": values["surname"],
        "g": values["forename"],
        "gi": values["initial"],
        "fs": values["sound"],
        "nm": pl.Series([UNIT.join(both) if both else None for both in names], dtype=pl.String),
        "s": values["sex"],
        "b": values["born"],
        "b_y": values["year"],
        "p": values["postcode"],
    }
    for field, text in expected.items():
        assert made[field].to_list() == tokenise(text, f"{VERSION}/{field}", KEY).to_list(), field
    assert made["b_known"].null_count() == made["b"].null_count() + 2  # of 1 January


def test_tokens_do_not_depend_on_who_else_is_there() -> None:
    """Made one at a time, in another order or many times over, they are the same."""
    together = tokens_of(PEOPLE, KEY, test_range=True).sort("record")
    alone = pl.concat([tokens_of(one, KEY, test_range=True) for one in PEOPLE.iter_slices(1)])
    assert together.equals(alone)
    many = tokens_of(pl.concat([PEOPLE.reverse(), PEOPLE]), KEY, test_range=True)
    assert many.sort("record").gather_every(2).equals(together)
    assert many.sort("record").gather_every(2, 1).equals(together)


def test_the_rows_keep_their_order() -> None:
    """Whatever they hold: what leaves the zone must not lie by birthdays. What else the frame holds goes along."""
    rows = PEOPLE.sample(fraction=1, shuffle=True, seed=1).with_columns(also=pl.col("record").cast(pl.String))
    made = tokens_of(rows, KEY, test_range=True)
    assert made.select("record", "also").equals(rows.select("record", "also"))


def test_nobody_has_no_tokens() -> None:
    """A frame without rows gives the same columns."""
    empty = tokens_of(PEOPLE.clear(), KEY, test_range=True)
    assert (empty.height, empty.columns) == (0, ["record", *FIELDS])


@pytest.mark.parametrize("most", [1, 10, 1 << 62])
@pytest.mark.parametrize("columns", [["a"], ["a", "b"], ["b", "a", "c"]])
def test_distinct_rows_stand_for_all(columns: list[str], most: int) -> None:
    """Each once, nothing and an empty text told apart; by its place every row is found again, however many they are."""
    rows = pl.DataFrame(
        {
            "a": ["x", "x", None, "", "x", None, ""],
            "b": ["1", "1", "2", "2", None, "2", "2"],
            "c": pl.Series([None] * 7, dtype=pl.String),
        }
    ).select(columns)
    with patch.object(evidence, "MOST_NUMBERS", most):
        places, distinct = distinct_rows(rows)
    assert distinct.select(pl.all().gather(places)).equals(rows)
    assert distinct.height == rows.n_unique()


def test_rows_of_one_identity_are_one_record() -> None:
    """Also where they lie far apart; the lowest of the controller's keys speaks, and pages end between them."""
    rows: list[Row] = [
        {**ADA, "dataset": dataset, "forenames": name, "local_id": local_id}
        for dataset, name, local_id in (
            ("hospital", "Ada", "9"),
            ("gp", "Ada", "1"),
            ("hospital", "Bea", None),
            ("hospital", "Ada", "3"),
            ("hospital", "Bea", None),
            ("hospital", "Ada", "5"),
            ("gp", "Cora", "7"),
        )
    ]
    zone = LinkageZone()
    zone.bring("one", rows)
    with patch.object(records_to_link, "AT_ONCE", 2):
        zone.link()
    found = zone.zone.execute(
        "SELECT e.dataset, i.forenames, count(*), count(DISTINCT e.record), any_value(e.l) FROM identity i"
        " JOIN evidence e USING (record) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    keys = tokenise(pl.Series(["1", "7", "3", None]), "local_id", KEY).to_list()
    assert found == [
        ("gp", "Ada", 1, 1, keys[0]),
        ("gp", "Cora", 1, 1, keys[1]),
        ("hospital", "Ada", 3, 1, keys[2]),
        ("hospital", "Bea", 2, 1, keys[3]),
    ]


def test_hashes_that_meet_join_nobody() -> None:
    """Rows whose hash is another's are compared by what they hold."""
    zone = LinkageZone()
    zone.bring("one", [{**ADA, "dataset": "gp", "forenames": name, "local_id": name} for name in ("Ada", "Bea", "Ada")])
    zone.zone.execute("CREATE TEMP MACRO hash(a, b, c, d, e, f, g, h) AS 1::UBIGINT")
    zone.link()
    records = zone.zone.execute("SELECT forenames, count(DISTINCT record) FROM identity GROUP BY ALL ORDER BY ALL")
    assert records.fetchall() == [("Ada", 1), ("Bea", 1)]
    assert zone.zone.execute("SELECT count(*) FROM evidence").fetchall() == [(2,)]
