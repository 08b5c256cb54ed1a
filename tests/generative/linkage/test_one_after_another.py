"""Deliveries linked one after another, corrected and withdrawn, give the people that linking them at once gives."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.keys import HeldKey
from linkage.intake.tables import IDENTIFIERS, create_identity, random_row_keys
from linkage.matching import neighbourhood
from linkage.matching.records_to_link import prepare
from linkage.matching.residual.settling import prepare_residual
from linkage.matching.service import link_zone
from tests.fakes.deliveries import nhs_number

KEY = HeldKey("token/test", 1, b"k" * 32, "check")
AT = datetime(2026, 1, 1, tzinfo=UTC)
DATASETS = ("gp", "hospital")
Row = dict[str, str | None]
Together = set[frozenset[str]]


def _people(chance: random.Random, count: int) -> list[Row]:
    """People with so few names, birthdays and postcodes that many are alike."""
    return [
        {
            "nhs_number": nhs_number(chance.randrange(3 * count)),
            "surname": chance.choice(["Amin", "Brown", "Clark"]),
            "forenames": chance.choice(["Ada", "Ben", "Cora", "Adam"]),
            "sex": chance.choice("FM"),
            "date_of_birth": f"19{chance.randrange(50, 53)}-0{chance.randrange(1, 4)}-1{chance.randrange(0, 2)}",
            "postcode": chance.choice(["LS1 1AA", "LS2 2BB"]),
        }
        for _ in range(count)
    ]


def _delivery(chance: random.Random, number: int, people: list[Row]) -> list[Row]:
    """Some of the people, each field now and then missing or somebody else's."""
    dataset = chance.choice(DATASETS)
    rows = []
    for place, person in enumerate(chance.choices(people, k=chance.randrange(1, 2 + len(people)))):
        row: Row = {"dataset": dataset, "local_id": f"{number}-{place}"}
        for name, value in person.items():
            luck = chance.random()
            row[name] = value if luck < 0.75 else None if luck < 0.9 else chance.choice(people)[name]
        rows.append(row)
    return rows


class _Zone:
    """A linkage zone in memory. counting: deliveries whose rows count now."""

    def __init__(self) -> None:
        self.zone = duckdb.connect()
        self.counting: list[str] = []
        create_identity(self.zone)
        prepare(self.zone)
        prepare_residual(self.zone)

    def bring(self, name: str, rows: list[Row]) -> None:
        """Put rows into the zone, as a receipt does."""
        self.counting.append(name)
        keys = random_row_keys(len(rows)).to_pylist()
        for key, row in zip(keys, rows, strict=True):
            values = [name, row["dataset"], key, *(row.get(column) for column in IDENTIFIERS)]
            self.zone.execute(f"INSERT INTO identity BY POSITION SELECT {', '.join('?' * len(values))}, NULL", values)

    def link(self) -> None:
        """Link what counts, looking at the neighbourhood of what is new however large it is."""
        with patch.object(neighbourhood, "WHOLE_FROM", 2.0):
            self._link()

    def _link(self) -> None:
        link_zone(self.zone, self.counting, "00000000-0000-4000-8000-000000000000", KEY, AT, True)

    def together(self) -> Together:
        """Which rows are one person's."""
        found = self.zone.execute(
            "SELECT list(i.local_id) FROM identity i JOIN links l USING (record) GROUP BY l.person"
        ).fetchall()
        return {frozenset(names) for (names,) in found}

    def persons(self) -> dict[str, str]:
        """Each row's person."""
        rows = self.zone.execute("SELECT i.local_id, l.person::TEXT FROM identity i JOIN links l USING (record)")
        return {str(name): str(person) for name, person in rows.fetchall()}

    def changes(self) -> set[tuple[str, str]]:
        """Who became whom."""
        return {(str(was), str(now)) for was, now in self.zone.execute("SELECT was, now FROM changes").fetchall()}


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 8), deliveries=st.integers(1, 4))
def test_one_after_another_is_at_once(seed: int, count: int, deliveries: int) -> None:
    """Whatever the order and whatever was withdrawn: the same rows are one person's."""
    _hold_together(seed, count, deliveries)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 14), deliveries=st.integers(2, 6))
def test_one_after_another_is_at_once_with_more_of_everything(seed: int, count: int, deliveries: int) -> None:
    """The same with more people, more deliveries and more histories."""
    _hold_together(seed, count, deliveries)


def _hold_together(seed: int, count: int, deliveries: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - invented values
    people = _people(chance, count)
    steps, once = _Zone(), _Zone()
    brought = {str(number): _delivery(chance, number, people) for number in range(deliveries)}
    for name, rows in brought.items():
        steps.bring(name, rows)
        if chance.random() < 0.7:
            steps.link()
    steps.link()
    for name in [name for name in brought if chance.random() < 0.25]:
        steps.counting.remove(name)
        steps.link()
    for name in chance.sample(steps.counting, len(steps.counting)):
        once.bring(name, brought[name])
    once.link()
    assert steps.together() == once.together()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 8))
def test_whoever_changes_number_is_told(seed: int, count: int) -> None:
    """A row that has another person after a later delivery has a change that says from whom to whom."""
    chance = random.Random(seed)  # noqa: S311 - invented values
    people = _people(chance, count)
    steps = _Zone()
    steps.bring("0", _delivery(chance, 0, people))
    steps.link()
    before = steps.persons()
    steps.bring("1", _delivery(chance, 1, people))
    steps.link()
    after = steps.persons()
    moved = {(before[name], after[name]) for name in before if before[name] != after[name]}
    assert moved == steps.changes()
