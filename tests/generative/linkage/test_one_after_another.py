"""Deliveries linked one after another, corrected and withdrawn, give the people that linking them at once gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations
from unittest.mock import patch

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.matching import joining
from linkage.matching.residual import settling
from linkage.matching.residual.settling import ResidualPlan
from linkage.matching.residual.weighing import NOTHING_WEIGHED
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import made_model
from tests.fakes.linkage_zone import LinkageZone

DATASETS = ("gp", "hospital", "care")
Row = dict[str, str | None]


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


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 8), deliveries=st.integers(1, 4))
def test_one_after_another_is_at_once(seed: int, count: int, deliveries: int) -> None:
    """Whatever the order, what was withdrawn and which datasets are registers: the same rows are one person's."""
    _hold_together(seed, count, deliveries)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 14), deliveries=st.integers(2, 6))
def test_one_after_another_is_at_once_with_more_of_everything(seed: int, count: int, deliveries: int) -> None:
    """The same with more people, more deliveries and more histories."""
    _hold_together(seed, count, deliveries)


def _hold_together(seed: int, count: int, deliveries: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - invented values
    people = _people(chance, count)
    share = chance.choice((0, 0.5, 1))  # of the datasets that are registers
    registers = [name for name in DATASETS if chance.random() < share]
    steps, once = LinkageZone(registers=registers), LinkageZone(registers=registers)
    with patch.object(joining, "LARGEST_GROUP", chance.choice((3, joining.LARGEST_GROUP))):
        _link_both(chance, people, deliveries, steps, once)
    assert steps.together() == once.together()


def _link_both(
    chance: random.Random, people: list[Row], deliveries: int, steps: LinkageZone, once: LinkageZone
) -> None:
    """steps: one delivery after another, and some withdrawn; once: what is left, in another order and at once."""
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


def _asked(zone: LinkageZone) -> set[tuple[frozenset[frozenset[str]], str]]:
    """Which groups of rows people are asked about; which two rows stand for them may differ."""
    groups = {name: group for group in zone.together() for name in group}
    return {(frozenset(groups[name] for name in pair), why) for pair, why in zone.doubtful()}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 8), deliveries=st.integers(1, 4))
def test_with_a_model_looking_at_everybody_is_at_once(seed: int, count: int, deliveries: int) -> None:
    """With a model a later candidate does not part who was joined before it came; looking at everybody anew does."""
    chance = random.Random(seed)  # noqa: S311 - invented values
    people = _people(chance, count)
    steps, once = _with_a_model(chance, people, deliveries)
    steps.link(everybody=True)
    assert steps.together() == once.together()
    assert _asked(steps) == _asked(once)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 6), deliveries=st.integers(2, 4))
def test_with_a_model_people_are_asked_about_all_that_the_order_made(seed: int, count: int, deliveries: int) -> None:
    """Whoever is one person by the order alone is asked about, and whoever is not one by it."""
    _hold_what_the_order_made(seed, count, deliveries)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 8), deliveries=st.integers(2, 5))
def test_with_a_model_people_are_asked_about_all_that_more_orders_made(seed: int, count: int, deliveries: int) -> None:
    """The same with more people and more deliveries."""
    _hold_what_the_order_made(seed, count, deliveries)


def _hold_what_the_order_made(seed: int, count: int, deliveries: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - invented values
    people = [{**person, "nhs_number": None} if chance.random() < 0.7 else person for person in _people(chance, count)]
    with patch.object(settling, "weigh_in_slices", _made_up_weights(seed)):
        steps, once = _with_a_model(chance, people, deliveries)
    waiting = {name for pair, _ in steps.doubtful() for name in pair}
    asked = {name for group in steps.together() if group & waiting for name in group}
    for pair in _pairs(steps.together()) ^ _pairs(once.together()):
        assert pair & asked


def _pairs(together: set[frozenset[str]]) -> set[frozenset[str]]:
    return {frozenset(pair) for group in together for pair in combinations(group, 2)}


def _made_up_weights(seed: int) -> Callable[..., pl.DataFrame]:
    """In place of the model: what two records weigh follows from their first rows' names, whenever they are weighed.

    The model's own weights go by how common a name is among those who are there.
    """

    def weighed(zone: duckdb.DuckDBPyConnection, *_: object, **__: object) -> pl.DataFrame:
        rows = zone.execute(
            "WITH names AS (SELECT record, min(local_id) AS name FROM identity GROUP BY record)"
            " SELECT l, r, least(a.name, b.name), greatest(a.name, b.name) FROM candidates"
            " JOIN names a ON a.record = l JOIN names b ON b.record = r"
        ).fetchall()
        drawn = [random.Random(f"{seed} {a} {b}").choice((2.0, 5.0, 9.0, 10.0, 16.0, 20.0)) for _, _, a, b in rows]  # noqa: S311
        found = [(left, right, weight, '{"born": 5}') for (left, right, *_), weight in zip(rows, drawn, strict=True)]
        return pl.DataFrame(found, schema=NOTHING_WEIGHED.schema, orient="row")

    return weighed


def _with_a_model(chance: random.Random, people: list[Row], deliveries: int) -> tuple[LinkageZone, LinkageZone]:
    """One delivery after another, and all of them at once in another order; some datasets are registers."""
    plan, registers = ResidualPlan(made_model(), "model"), [name for name in DATASETS if chance.random() < 0.4]
    steps, once = LinkageZone(plan, registers), LinkageZone(plan, registers)
    brought = {str(number): _delivery(chance, number, people) for number in range(deliveries)}
    for name, rows in brought.items():
        steps.bring(name, rows)
        steps.link()
    for name in chance.sample(list(brought), len(brought)):
        once.bring(name, brought[name])
    once.link()
    return steps, once


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 8))
def test_whoever_changes_number_is_told(seed: int, count: int) -> None:
    """A row that has another person after a later delivery has a change that says from whom to whom."""
    chance = random.Random(seed)  # noqa: S311 - invented values
    people = _people(chance, count)
    steps = LinkageZone()
    steps.bring("0", _delivery(chance, 0, people))
    steps.link()
    before = steps.persons()
    steps.bring("1", _delivery(chance, 1, people))
    steps.link()
    after = steps.persons()
    moved = {(before[name], after[name]) for name in before if before[name] != after[name]}
    assert moved == steps.changes()
