"""A record that is written in two ways is one person who was written: never a mixture of both rows."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from linkage.intake.tables import create_identity
from linkage.matching.records_to_link import prepare
from linkage.matching.residual.shown import AskedPair, both_records
from linkage.matching.residual.weighing import identity_of
from linkage.standardise.specification import IDENTITY
from linkage.writings import writings_sql

SUBJECTS = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")
OFTEN = {"surname": "Young", "forenames": "Zoe", "date_of_birth": "1990-01-01"}
SELDOM = {"surname": "Abel", "forenames": "Una", "date_of_birth": "1999-01-01", "nhs_number": "9990000018"}
EARLIER = {"surname": "Evans", "forenames": "Yan", "date_of_birth": "1980-01-01"}
LATER = {"surname": "Evans", "forenames": "Zed", "date_of_birth": "1970-01-01", "postcode": "AA1 1AA"}


@pytest.fixture
def zone() -> Iterator[duckdb.DuckDBPyConnection]:
    """Record 1 came in twice as OFTEN and once as SELDOM; record 2 once each as LATER and as EARLIER."""
    with duckdb.connect() as zone:
        create_identity(zone)
        prepare(zone)
        for record, row in ((1, SELDOM), (1, OFTEN), (1, OFTEN), (2, LATER), (2, EARLIER)):
            told = {"delivery": "d", "dataset": "gp", "record": record, **row}
            zone.execute(
                f"INSERT INTO identity ({', '.join(told)}) VALUES ({', '.join('?' * len(told))})", list(told.values())
            )
        for record, subject in enumerate(SUBJECTS, 1):
            zone.execute("INSERT INTO evidence (record, subject, dataset) VALUES (?, ?, 'gp')", [record, subject])
        yield zone


def _whole(row: dict[str, str]) -> tuple[str | None, ...]:
    return tuple(row.get(name) for name in IDENTITY)


def test_the_most_frequent_row_speaks_and_of_equals_the_first_by_its_values(zone: duckdb.DuckDBPyConnection) -> None:
    """What is renewed, and compared with sealed records."""
    rows = zone.execute(f"SELECT {', '.join(IDENTITY)} FROM ({writings_sql()}) ORDER BY record").fetchall()
    expected = min((EARLIER, LATER), key=lambda row: [row.get(name, "~") for name in IDENTITY])
    assert rows == [_whole(OFTEN), _whole(expected)]


def test_what_is_weighed_and_shown_is_one_row(zone: duckdb.DuckDBPyConnection) -> None:
    """The model and the reviewer look at what somebody wrote, and both at the same."""
    weighed = identity_of(zone, [1, 2]).select(IDENTITY).rows()
    assert weighed[0] == _whole(OFTEN)
    assert weighed[1] in (_whole(EARLIER), _whole(LATER))
    shown = both_records(zone, AskedPair("p", *SUBJECTS, why=""))
    assert shown is not None
    for side, row in enumerate(weighed):
        written = dict(zip(IDENTITY, row, strict=True))
        assert {field.name: field.written[side] or None for field in shown.fields} == {
            field.name: written[field.name] for field in shown.fields
        }
