"""When are a person's queries told of, slowed down, stopped? By how many of a sort they asked within the hour."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest

from access.decisions import RefusedError
from environments.gateway.brakes.counting import Behind, Brakes, Reached
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
    (row,) = duckdb.connect().execute(TREE, [sql]).fetchall()
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
        "select p from (select pseudonym as p from t) where p = 'x'",
        "select * from t as renamed(a, b) where a = 'x'",
        "with c(a, p) as (select age, pseudonym from t) select a from c where p in ('x')",
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
        "select code, count(distinct pseudonym) as n from t group by code having n = 12",
        "select * from t join (values ('E11'), ('E10')) codes(code) using (code) where codes.code = 'E11'",
        "with c(p, a) as (select pseudonym, age from t) select count(*) from c where a = 40",
    ],
)
def test_a_join_by_person_is_no_look_up(sql: str) -> None:
    """It names nobody."""
    assert not like(sql).look_up


SINGLING_OUT = [
    "select * from t where pseudonym like '0a3%'",
    "select * from t where pseudonym between 'a' and 'b'",
    "select * from t where pseudonym <= 'a'",
    "select * from t where pseudonym || '' = 'x'",
    "select * from t where hash(pseudonym) % 100000 = 7",
    "select * from t where list_contains(['x'], pseudonym)",
    "select * from t where pseudonym = (select min(pseudonym) from t)",
    "select * from t where (select pseudonym || 'x') = 'yx'",
    "select * from t join (values ('x')) v(pseudonym) using (pseudonym)",
    "select * from t join (select 'x' as who) v on t.pseudonym = v.who",
    "select * from t natural join (select 'x' as pseudonym)",
    "select * from t, unnest(['x']) v(who) where t.pseudonym = who",
    "select * from t where pseudonym in (select 'x')",
    "select part, age from (select left(pseudonym, 6) as part, age from t) where part = '0a3b5c'",
    "select count(*) filter (where pseudonym like 'x') from t",
    "select sum(case when pseudonym like 'x' then cost end) from t",
    "select * from t qualify row_number() over (order by pseudonym) = 7",
    "select * from (select *, row_number() over (order by pseudonym) as place from t) where place = 7",
    "select * from t where {'p': pseudonym}.p = 'x'",
    "select * from t where t::varchar like '%x%'",
    "select * from t where columns('pseu.*') = 'x'",
    "select * from t as renamed(a, b) where a like 'x%'",
]
BRINGING_TOGETHER = [
    "select count(distinct pseudonym) from t where age > 40",
    "select * from t join u on t.pseudonym = u.pseudonym where u.code = 'E11'",
    "select * from t semi join u using (pseudonym)",
    "select * from t where pseudonym in (select pseudonym from u where code = 'E11')",
    "select * from t where exists (select 1 from u where u.pseudonym = t.pseudonym)",
    "select * from t qualify row_number() over (partition by pseudonym order by date desc) = 1",
    "select pseudonym, count(*) from t group by pseudonym having count(*) > 3",
    "select code, count(distinct pseudonym) as n from t group by code having n > 12",
    "with p as (select pseudonym as who from t) select count(*) from p join u on p.who = u.pseudonym where u.age > 3",
]


@pytest.mark.parametrize("sql", SINGLING_OUT)
def test_other_spellings_of_a_look_up_count_where_few_people_are_chosen(brakes: Brakes, sql: str) -> None:
    """The same statement about many people is ordinary work: a sample by hash, say."""
    assert not like(sql).look_up
    for behind, rows, expected in ((Behind(3), 50, True), (Behind(50), 50, False), (None, 3, True)):
        reached = [one.sort for _ in range(2) for one in brakes.completed(ASHA, like(sql), behind, rows)]
        assert (Sort.LOOK_UP in reached) is expected
        brakes = Brakes(POLICY, Clock())


@pytest.mark.parametrize("sql", BRINGING_TOGETHER)
def test_rows_of_one_person_may_be_brought_together(brakes: Brakes, sql: str) -> None:
    """However few people that is about, it is narrow and no look-up."""
    reached = [one.sort for _ in range(2) for one in brakes.completed(ASHA, like(sql), Behind(3), 3)]
    assert reached == [Sort.NARROW]


def test_a_look_up_is_counted_once(brakes: Brakes) -> None:
    """When it is asked; not again by its few people."""
    one = like("select count(*) from t where pseudonym = 'x' and pseudonym like 'x'")
    assert steps(brakes.asked(ASHA, one)) == []
    assert brakes.completed(ASHA, one, Behind(1), 1) == []
    assert steps(brakes.asked(ASHA, one)) == [Step.TOLD]


def test_failures_are_counted(brakes: Brakes) -> None:
    """Whether a query fails can say what one person's value is."""
    assert steps([one for _ in range(4) for one in brakes.failed(ASHA)]) == [Step.TOLD, Step.SLOWED]
    assert brakes.delay(ASHA) == POLICY.delay_seconds


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
    behind = None if people is None else Behind(people)
    reached = [one for _ in range(2) for one in brakes.completed(ASHA, like(sql), behind, rows)]
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
        reached = _both(brakes, before, after, Behind(base), Behind(base + 3))
    assert [one.sort for one in brakes.completed(ASHA, like(COUNT), Behind(5_000), 1)] == []
    told = [one.sort for one in reached] + [one.sort for one in brakes.completed(BRYN, like(after), Behind(2_004), 1)]
    assert (Sort.NEAR_PAIR in told) is near


def _both(brakes: Brakes, before: str, after: str, one: Behind, other: Behind) -> list[Reached]:
    return brakes.completed(ASHA, like(before), one, 1) + brakes.completed(BRYN, like(after), other, 1)


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        ({"a": 500, "b": 20}, {"a": 498, "b": 900}, True),  # hidden in the sum
        ({"a": 500, "b": 20}, {"a": 300, "b": 900}, False),
        ({"a": 500, "b": 20}, {"a": 500, "b": 900}, False),  # the same again
        ({"a": 500}, {"b": 498, "a": 900}, False),  # another group
        ({"a": 16, "c": 80}, {"a": 12, "c": 300}, False),  # small groups halve by any further condition
        ({"a": 8, "c": 80}, {"a": 7, "c": 300}, False),  # few people, and no secret of a pair
    ],
)
def test_near_pairs_are_found_in_groups(
    brakes: Brakes, first: dict[str, int], second: dict[str, int], near: bool
) -> None:
    """A group of many that changes by few, whatever became of the others."""
    one, other = (
        Behind.of(pa.table({"key_0": list(groups), "people": list(groups.values())})) for groups in (first, second)
    )
    told = [reached for _ in range(2) for reached in _both(brakes, COUNT, COUNT.replace("40", "41"), one, other)]
    assert (Sort.NEAR_PAIR in [reached.sort for reached in told]) is near


def test_of_very_many_groups_the_sum_is_compared() -> None:
    """They are not kept."""
    behind = Behind.of(pa.table({"key_0": range(501), "people": [1] * 501}))
    assert (behind.people, behind.groups) == (501, {})
    assert Behind.of(pa.table({"people": [7]})).groups == Behind.of(pa.table({"people": [7]})).groups


def test_the_same_again_and_far_apart_are_no_pair(brakes: Brakes) -> None:
    """The same number of people tells nothing new; ten or more hide each other."""
    for people in (100, 100, 110, 130, 100):
        assert brakes.completed(ASHA, like(COUNT), Behind(people), 1) == []
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
