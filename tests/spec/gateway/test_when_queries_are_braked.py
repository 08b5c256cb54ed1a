"""When are a person's queries told of, slowed down, stopped? By how many of a sort they asked within the hour."""

from __future__ import annotations

import json

import duckdb
import pytest

from access.decisions import RefusedError
from environments.gateway.brakes.counting import Brakes, Reached
from environments.gateway.brakes.likeness import Likeness, likeness_of
from environments.gateway.brakes.policies import BrakePolicy, Counts, Sort, Step
from environments.gateway.model import Asker

ASHA, BRYN, ELSE = Asker("asha", "study"), Asker("bryn", "study"), Asker("asha", "other")
POLICY = BrakePolicy(counts={sort: Counts(2, 4, 6) for sort in Sort}, window_seconds=100, project_times=2)
TREE = "SELECT json_serialize_sql(?::VARCHAR, skip_null := false, skip_empty := false, skip_default := false)"
COUNT = "select count(*) from t where age > 40"


class Clock:
    """Seconds that are set."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """At nought."""
    return Clock()


@pytest.fixture
def brakes(clock: Clock) -> Brakes:
    """With two, four and six of each sort."""
    return Brakes(POLICY, clock)


def like(sql: str) -> Likeness:
    """Of a statement, by DuckDB's own tree."""
    row = duckdb.execute(TREE, [sql]).fetchone()
    assert row is not None
    return likeness_of(json.loads(row[0])["statements"][0])


def steps(reached: list[Reached]) -> list[Step]:
    """The steps alone."""
    return [one.step for one in reached]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from t where pseudonym = 'x'",
        "select * from t where age > 3 and 'x' = t.pseudonym",
        "select * from t where Pseudonym in ('x', 'y')",
        "select * from t where pseudonym::varchar = ?",
        "select * from t where age = (select max(age) from t u where u.pseudonym = $who)",
        "select count(*) filter (where pseudonym = 'x') from t",
    ],
)
def test_a_look_up_asks_for_one_pseudonym(sql: str) -> None:
    """Wherever in the statement it stands, and on whichever side."""
    assert like(sql).look_up


@pytest.mark.parametrize(
    "sql",
    [
        "select pseudonym from t",
        "select * from t join u on t.pseudonym = u.pseudonym",
        "select * from t where code = 'x'",
    ],
)
def test_a_join_by_person_is_no_look_up(sql: str) -> None:
    """It names nobody."""
    assert not like(sql).look_up


def test_look_ups_are_told_slowed_and_stopped(brakes: Brakes, clock: Clock) -> None:
    """Each step once in the log; from the fourth on a query waits, from the sixth on none starts, for an hour."""
    one = like("select * from t where pseudonym = 'x'")
    told = []
    for _ in range(6):
        brakes.delay(ASHA)
        told += brakes.asked(ASHA, one)
    assert steps(told) == [Step.TOLD, Step.SLOWED, Step.STOPPED]
    assert [reached.own for reached in told] == [2, 4, 6]
    with pytest.raises(RefusedError) as refused:
        brakes.delay(ASHA)
    assert refused.value.refused.code == "query.brake"
    assert refused.value.refused.mend
    assert brakes.delay(ELSE) == 0
    clock.seconds = 101
    assert brakes.delay(ASHA) == 0
    assert steps(brakes.asked(ASHA, one) + brakes.asked(ASHA, one)) == [Step.TOLD]


def test_a_projects_people_are_counted_together(brakes: Brakes) -> None:
    """Two who share the work reach the project's numbers: here twice a person's."""
    one = like("select * from t where pseudonym = 'x'")
    for asker in (ASHA, BRYN) * 4:
        brakes.asked(asker, one)
    assert brakes.delay(Asker("cleo", "study")) == POLICY.delay_seconds
    assert brakes.delay(ELSE) == 0


@pytest.mark.parametrize(
    ("sql", "people", "rows", "narrow"),
    [
        (COUNT, 9, 1, True),
        (COUNT, 10, 1, False),
        ("select * from t where age = 99", None, 9, True),
        ("select * from t limit 5", None, 5, False),
        ("select * from t where age = 99", None, 10, False),
    ],
)
def test_a_narrow_query_has_few_people_behind_it(
    brakes: Brakes, sql: str, people: int | None, rows: int, narrow: bool
) -> None:
    """Where people were not counted, rows that a condition chose; a look at the first rows is none."""
    reached = [one for _ in range(2) for one in brakes.completed(ASHA, like(sql), people, rows)]
    assert [one.sort for one in reached] == ([Sort.NARROW] if narrow else [])


@pytest.mark.parametrize(
    ("before", "after", "near"),
    [
        (COUNT, "select count(*) from t where age > 41", True),
        (COUNT, "select count(*) from t where age > ?", True),
        (COUNT, "select sex, sum(cost) from t where code <> 'rare' and age > 40 group by sex", True),
        ("select count(*) from t where age > 40 and code <> 'rare'", COUNT, True),
        (COUNT, "select count(*) from t where code = 'a'", False),
        (COUNT, "select count(*) from u where age > 40 and code <> 'rare'", False),
    ],
)
def test_near_pairs_differ_in_few_people(brakes: Brakes, before: str, after: str, near: bool) -> None:
    """Alike but for values, or with one condition more: counted when one to nine people lie between them."""
    for base in (1_000, 2_000):
        reached = brakes.completed(ASHA, like(before), base, 1) + brakes.completed(BRYN, like(after), base + 3, 1)
    assert [one.sort for one in brakes.completed(ASHA, like(COUNT), 5_000, 1)] == []
    told = [one.sort for one in reached] + [one.sort for one in brakes.completed(BRYN, like(after), 2_004, 1)]
    assert (Sort.NEAR_PAIR in told) is near


def test_the_same_again_and_far_apart_are_no_pair(brakes: Brakes) -> None:
    """The same number of people tells nothing new; ten or more hide each other."""
    for people in (100, 100, 110, 130, 100):
        assert brakes.completed(ASHA, like(COUNT), people, 1) == []
    assert brakes.delay(ASHA) == 0


def test_asking_right_after_a_refusal(brakes: Brakes, clock: Clock) -> None:
    """Within ten seconds it is counted, once for each refusal; later it is not."""
    for wait, expected in ((5, []), (5, [Step.TOLD]), (30, []), (5, [])):
        brakes.refused(ASHA)
        clock.seconds += wait
        assert steps(brakes.asked(ASHA, like(COUNT))) == expected
        assert brakes.asked(ASHA, like(COUNT)) == []


def test_nought_is_never() -> None:
    """A number of nought turns a step off."""
    assert Counts(0, 0, 0).step(10_000) is Step.NOTHING
    assert Counts(1, 0, 3).step(2) is Step.TOLD
