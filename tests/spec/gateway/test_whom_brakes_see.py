"""Which queries about one person do the brakes see, and which honest ones do they leave alone?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import duckdb
import pytest

from environments.gateway.brakes.counting import Behind, Brakes
from environments.gateway.brakes.likeness import Likeness
from environments.gateway.brakes.policies import BrakePolicy, Counts, Sort
from environments.gateway.evidence.people import NoEvidence
from environments.gateway.gate import Gate
from environments.gateway.model import Asker
from infra.demo.notebook import COUNTS
from tests.fakes.canary import VIEWS, canary_scope, statements
from tests.spec.gateway.test_when_queries_are_braked import like

ASHA, GATE = Asker("asha", "study"), Gate()
PERSON = "(select pseudonym from t where cost = 7)"
UNLINKED = "create schema house; create table house.unlinked (pseudonym uuid)"
TABLES = {"t", "u", "p", "d"}
PARAMETERS = {"from": "2020-01-01", "code": "44054006", "codes": ["44054006"], "most": 5}

HIDING = [
    "select max(if(pseudonym::varchar between ? and ?, cost, 0)) from t",
    "select max(case when pseudonym like 'x%' then cost else -1 end) from t",
    "select max(case when pseudonym like 'x%' then 1000 + cost when true then 0 end) from t",
    "select max(case when pseudonym like 'x%' or cost < 1 then cost end) from t",
    "select max(cost * (pseudonym like 'x%')::int) from t",
    "select sum(cost * (pseudonym between 'x' and 'y')::int) from t",
    "select max(coalesce(nullif(starts_with(pseudonym, 'x'), false)::int * cost, 0)) from t",
    "select count(distinct nullif(pseudonym, 'x')) from t",
    "select count_if(pseudonym like 'x%' or code = 'a') from t",
    "select max(cost) filter (where pseudonym like 'x%' or cost < 1) from t",
    "select max(cost) from t where pseudonym like 'x%' or cost < 1",
    "select max(cost * list_contains(['x'], pseudonym)::int) from t",
    "select max(cost * regexp_matches(pseudonym, '^x')::int) from t",
    "select max(cost * (position('x' in pseudonym) = 1)::int) from t",
    "select max((hash(pseudonym) % 100000 // 99999) * cost) from t",
    "select max(hit * cost) from (select *, (pseudonym like 'x%')::int as hit from t) g",
    "select max(v) from (select pseudonym, if(pseudonym like 'x%', cost, 0) as v from t) g",
    "select max(v) from (select pseudonym, if(pseudonym like 'x%', cost, 0) from t) g(who, v)",
    "with g as (select *, pseudonym like 'x%' as hit from t) select max(if(hit, cost, 0)) from g",
    "select max(if(place = 7, cost, 0)) from (select *, dense_rank() over (order by pseudonym) as place from t) g",
    "select arg_max(cost, pseudonym) from t",
    "select first(cost order by pseudonym) from t",
    "select max(v) from (select *, nth_value(cost, 7) over (order by pseudonym) as v from t) g",
    "select code from t group by code having count_if(pseudonym like 'x%') > 0",
    "select code from t group by code order by count_if(pseudonym like 'x%') desc limit 20",
    "select code, count(*) from t where code in (select code from t where pseudonym like 'x%') group by code",
    "select max(cost * coalesce(k, 0)) from t left join (select 1 as k) v on t.pseudonym like 'x%'",
    "select max(cost * coalesce(k, 0)) from t left join (values ('x', 1)) v(pseudonym, k) using (pseudonym)",
    "with v(pseudonym, k) as (values ('x', 1)) select max(cost * coalesce(k, 0)) from t left join v using (pseudonym)",
    "select max(if(t.pseudonym = v.pseudonym, cost, 0)) from t, (select 'x' as pseudonym) v",
    "select max(cost * v.k) from t join (values ('x%', 1), ('%', 0)) v(pattern, k) on t.pseudonym like v.pattern",
    "select max(if(pseudonym like 'x%', cost, 0)) over () from t limit 20",
    "select max(if(columns('pseu.*') = 'x', cost, 0)) from t",
    "select max(if(t::varchar like '%x%', cost, 0)) from t",
    "select count(distinct pseudonym) from (select nullif(pseudonym, 'x') as pseudonym from t) g",
    "select count(*) from t having min(pseudonym) = 'x'",
    "select max(greatest(pseudonym, 'x')) from t",
    "select list_max(list(if(pseudonym > 'x', cost, 0))) from t",
    "select bool_or(pseudonym like 'x%' and code = 'a') from t",
    "select max((pseudonym in (select unnest(['x'])))::int * cost) from t",
    "select max(if(pseudonym[1:8] = '0a3b5c7d', cost, 0)) from t",
    "select max(struct_extract({'x1': cost}, left(pseudonym, 2))) from t",
    "select max(map {'x': cost}[pseudonym]) from t",
    "select mode(if(pseudonym like 'x%', code, 'none')) from t",
    "select string_agg(replace(pseudonym, 'x', code)) from t",
    "select max(list_filter([cost], lambda c: pseudonym like 'x%')[1]) from t",
    "select max(format('{}', case pseudonym::varchar[1] when 'x' then cost else 0 end)) from t",
    "select max(cost) from t qualify pseudonym like 'x%' or cost < 1",
    "select max(cost) from t where case when pseudonym like 'x%' then true else cost < 1 end",
    "select max(cost) from t where coalesce(nullif(pseudonym like 'x%', false), cost < 1)",
    "select max(cost) from t where (pseudonym like 'x%')::int + (cost < 1)::int > 0",
    "select max(cost) from t where greatest(pseudonym like 'x%', cost < 1)",
]

OF_ONE_PERSON = [
    "select max(cost) filter (where pseudonym::varchar between '{p}' and '{p}') from t",
    "select max(if(pseudonym::varchar between '{p}' and '{p}', cost, null)) from t",
    "select count_if(cost is not null and pseudonym::varchar like '{p}%') from t",
    "select max(cost) filter (where pseudonym::varchar like '{p}%' and code = 'never') from t",
    "select sum(case when pseudonym::varchar like '{p}' then cost else 0 end) from t",
    "select avg(case when pseudonym::varchar like '{p}' then cost end) from t",
    "select date, max(cost) filter (where pseudonym::varchar like '{p}%') from t group by date",
    "select max(cost) from t group by pseudonym::varchar like '{p}%'",
    "select pseudonym::varchar like '{p}%' as hit, max(cost) from t group by hit",
    "select pseudonym::varchar like '{p}%' as hit, max(cost) from t group by all",
    "select max(cost) from t group by rollup (starts_with(pseudonym::varchar, '{p}'))",
    "select count_if(pseudonym::varchar like '{p}%' ), (select 1) from t",
    "select date, count(*), (select 1) from t where pseudonym::varchar like '{p}%' group by date",
    "select cost from t order by pseudonym::varchar like '{p}%' desc limit 1",
    "select cost from t, range(20) where pseudonym::varchar like '{p}%'",
    "select cost from (select cost from t where pseudonym::varchar like '{p}%') g, range(20)",
]

HONEST = [
    "select count(distinct case when code = 'a' then pseudonym end) from t",
    "select count(distinct if(code = 'a', pseudonym, null)) from t",
    "select count(distinct pseudonym || code), count(distinct concat(pseudonym, date)), count(distinct "
    "(pseudonym, date)) from t",
    "select count(distinct coalesce(t.pseudonym, u.pseudonym)) from t full join u using (pseudonym)",
    "select sum(case when d.pseudonym is not null then 1 else 0 end) as died, avg((d.pseudonym is "
    "null)::int) from t left join d using (pseudonym)",
    "select count(*) filter (where d.pseudonym is not null) as died, count(*) as n, died / n from t left "
    "join d on d.pseudonym = t.pseudonym and d.date > t.date",
    "select avg(died / n) from (select t.practice, count_if(d.pseudonym is not null) as died, count(*) as n "
    "from t left join d using (pseudonym) group by t.practice) g",
    "select count(*) from t where pseudonym not in (select pseudonym from d) and age > 3",
    "select count(*) from t left join d using (pseudonym) where d.pseudonym is null or d.date > t.date",
    "select count(*) from t a join t b on a.sex = b.sex and a.pseudonym <> b.pseudonym and abs(a.age - b.age) < 2",
    "select count(*) from t where (pseudonym, date) in (select pseudonym, min(date) from t group by pseudonym)",
    "with first as (select pseudonym as who, min(date) as d from t group by 1) select count(distinct who) "
    "from first left join u on u.pseudonym = first.who and u.date > first.d",
    "select avg(len(codes)) from (select pseudonym, list(code order by date) as codes from t group by pseudonym) g",
    "select avg(n) from (select pseudonym, count(*) as n from t group by pseudonym) g",
    "select count(distinct id) from (select dense_rank() over (order by pseudonym) as id from t) g",
    "select avg(g.value) from (select *, row_number() over (partition by pseudonym order by date) as n from "
    "t) g join u using (pseudonym) where n < 99 group by u.pseudonym",
    "select avg(case when n = 1 then value else 0 end) from (select *, row_number() over (partition by "
    "pseudonym order by date) as n from t) g",
    "select avg(value - before) from (select *, lag(value) over (partition by pseudonym order by date) as "
    "before from t) g",
    "select p.*, (select max(value) from t where t.pseudonym = p.pseudonym) as highest from p",
    "select practice, count(distinct pseudonym) as people, people / count(*) from t group by all having "
    "people >= 10 order by people desc",
    "select code, count(*) from t group by code having count(distinct pseudonym) > 10",
    "select sum(sum(case when t.code = 'a' then 1 else 0 end)) over (order by t.year) from t join u on "
    "t.pseudonym = u.pseudonym group by t.year",
    "select max((select count(*) from u where u.pseudonym = t.pseudonym and u.code = 'a')) from t",
    "select count(*) from t where exists (select 1 from u where u.pseudonym = t.pseudonym and u.date > t.date)",
    "select sum((columns('diag_.*') = 'E11')::int) from t",
    "select max(columns(* exclude (pseudonym))::varchar || 'x') from t",
    "select t.code, string_agg(distinct t.pseudonym, ',' order by t.pseudonym) from t group by t.code",
    "select admissions / people from (select count(*) as admissions, count(distinct pseudonym) as people from t) g",
    "with deaths as (select pseudonym, count(*) as deaths from t group by pseudonym) select sum(deaths / "
    "2) from deaths",
    "select having_it, count(*) from (select pseudonym, bool_or(code = 'a') as having_it from t group by "
    "pseudonym) g group by having_it",
    "select m.month, count(e.pseudonym) from generate_series(date '2019-01-01', date '2020-01-01', "
    "interval 1 month) m(month) left join (t e join p using (pseudonym)) on date_trunc('month', e.date) = "
    "m.month group by all",
    "select hash(pseudonym) % 5 as fold, avg(value) from t group by fold order by fold",
    "select *, hash(pseudonym) % 5 as fold from t",
    "select avg(value) filter (where fold < 4), avg(case when fold = 4 then value end) from (select *, "
    "hash(pseudonym) % 5 as fold from t) g",
    "select case when hash(pseudonym) % 10 < 7 then 'train' else 'test' end as part, count(*) from t group by part",
    "select * from t order by hash(pseudonym || 'seed') limit 100",
    "select * from t where pseudonym > ? order by pseudonym limit 1000",
]

COUNTED_AS_BEFORE = {
    "select count(*) from gp_events where event_date between date '2020-01-01' and current_date": "narrow",
    "select count(distinct pseudonym) from gp_events where code = '44054006' and event_date >=": "narrow",
    "select * from gp_patients where year_of_birth >= all": "narrow",
    "select count(*) from gp_events where code in ('a', 'b') and not": "narrow",
    "select * from gp_events where event_date > $from and code = $code": "narrow",
    "select * from gp_events where event_date > ? and code = ?": "narrow",
    "select * from gp_events where code in (select unnest($codes))": "narrow",
    "select * from gp_events where list_contains($codes, code) limit $most": "narrow",
    "with recursive chain(step, n)": "narrow",
    "with recursive reach(code, depth)": "narrow",
    "select * from gp_patients tablesample system(10%) where hash(pseudonym) % 10 = 0": "narrow look-up",
    "select pseudonym from gp_events where code = 'a' union": "narrow",
    "select exists (from deaths where cause_code = 'I21')": "narrow",
}
"""Of the ordinary statements, by their beginnings, those behind which few of the 200 people stand."""
SHIPPED = [
    "select count(*) as n from gp_events",
    "select 1 as one, 'text' as two",
    "select year(event_date) as year, count(*) as n from gp_events group by all order by all",
    "select sex, count(*) as people from gp_patients group by sex",
    "select count(*) from gp_events where event_date >= date '2019-04-01'",
    "select count(*) as n from gp_events where code = '44054006'",
    "select code, count(*) as n from gp_events where event_date >= date '2019-04-01' group by code",
    "select year(admidate) as year, count(distinct pseudonym) as people from hospital_episodes group by year",
    "select count(*) as rows_outside from gp_patients where pseudonym not in"
    " (select pseudonym from gp_events where code = 'none')",
    "select count(*) as n from gp_patients where year_of_birth >= 1950",
    "select 20 * ((2026 - year_of_birth) // 20) as age_band, sex, count(distinct pseudonym) as people"
    " from gp_patients where sex in ('F', 'M') group by all order by all",
    COUNTS,
]
"""What the tutorial's notebook, the demo's and the pages ask, on the tables that are here."""


class Counting:
    """Asks on an engine, and counts as the gateway does."""

    def __init__(self, data: duckdb.DuckDBPyConnection, tables: Collection[str]) -> None:
        self.data, self.tables = data, tables
        self.brakes = Brakes(BrakePolicy(counts={sort: Counts(10_000, 0, 0) for sort in Sort}))

    def ask(self, sql: str, parameters: object = None) -> set[str]:
        """As what this query was counted."""
        judged = GATE.judged(sql, self.tables)
        assert isinstance(judged, Likeness), sql
        rows = len(self.data.execute(sql, parameters).fetchall())
        before = self._counts()
        self.brakes.asked(ASHA, judged)
        self.brakes.completed(ASHA, judged, self._behind(sql, parameters, needed=judged.needs_people), rows)
        return {sort.value for sort in self._counts() - before}

    def _behind(self, sql: str, parameters: object, *, needed: bool) -> Behind | None:
        try:
            asked = GATE.evidence_of(sql, self.tables)
        except NoEvidence:
            return None
        if asked.no_evidence and not needed:
            return None
        found = self.data.sql(asked.sql, params=asked.parameters(parameters))  # type: ignore[arg-type]
        return Behind.of(asked.named(found.to_arrow_table()), whole=not asked.no_evidence)

    def _counts(self) -> Counter[Sort]:
        return Counter({sort: len(times) for (_, sort), times in self.brakes._own.items()})


@pytest.fixture(scope="module")
def data() -> duckdb.DuckDBPyConnection:
    """Three hundred people with twelve rows each, under four names."""
    con = duckdb.connect()
    con.execute(UNLINKED)
    con.execute(
        "create table t as select md5((i // 12)::varchar)::uuid as pseudonym, ['a', 'b', 'c'][1 + i % 3] as code,"
        " date '2019-01-01' + (i % 12)::integer as date, i as value, i % 90 as age, i % 2 as sex,"
        " (i // 12) % 5 as practice, i as cost, 2019 + i % 2 as year, ['E11', 'I21'][1 + i % 2] as diag_01,"
        " 'E11' as diag_02 from range(3600) r(i)"
    )
    for name in ("u", "p", "d"):
        con.execute(f"create table {name} as select * from t where practice < 4")
    return con


@pytest.mark.parametrize("sql", HIDING)
def test_judging_one_person_where_nobody_can_count_whom_is_a_look_up(sql: str) -> None:
    """It is counted when it is asked: everybody stands behind such a figure, and it is about one."""
    assert like(sql).look_up


@pytest.mark.parametrize("sql", OF_ONE_PERSON)
def test_one_persons_figure_or_rows_are_seen(data: duckdb.DuckDBPyConnection, sql: str) -> None:
    """By the people of each figure, and where these cannot be counted by the statement."""
    found = data.execute(PERSON).fetchone()
    assert found is not None
    assert "look-up" in Counting(data, TABLES).ask(sql.format(p=found[0]))


@pytest.mark.parametrize("sql", HONEST)
def test_bringing_together_counting_and_sampling_people_is_ordinary_work(
    data: duckdb.DuckDBPyConnection, sql: str
) -> None:
    """Nothing is counted, however the pseudonym is spoken of."""
    parameters = [data.execute("select min(pseudonym) from t").fetchone()[0]] if "?" in sql else None  # type: ignore[index]
    assert Counting(data, TABLES).ask(sql, parameters) == set()


def test_ordinary_statements_count_as_they_did() -> None:
    """One after the other, as of one person: no more than before figures had people of their own."""
    counting = Counting(canary_scope(), VIEWS)
    counting.data.execute(UNLINKED)
    for _, sql in statements("ordinary.sql"):
        names = duckdb.extract_statements(sql)[0].named_parameters
        given: object = {name: PARAMETERS[name] for name in names if name in PARAMETERS} or None
        if names and not given:
            given = ["2020-01-01", "44054006"]
        expected = next((sorts for start, sorts in COUNTED_AS_BEFORE.items() if sql.startswith(start)), "")
        assert counting.ask(sql, given) <= set(expected.split()), sql


def test_what_is_shipped_counts_nothing() -> None:
    """Each query of the tutorial, the demo and the pages, several times over."""
    counting = Counting(canary_scope(), VIEWS)
    counting.data.execute(UNLINKED)
    for sql in SHIPPED * 3:
        assert counting.ask(sql) == set(), sql


def test_differencing_is_seen_where_nobody_was_counted(data: duckdb.DuckDBPyConnection) -> None:
    """In a shape without evidence: by the people of its rows, or by its likeness where these cannot be counted."""
    places = data.execute("select pseudonym from (select distinct pseudonym from t) order by 1").fetchall()
    one, other = places[200][0], places[202][0]
    for sql in (
        "select sum(cost), (select 1) from t where pseudonym <= '{}'",
        "select sum(cost) over () from (select sum(cost) as cost from t where pseudonym <= '{}') g",
        "select sum(cost) filter (where pseudonym <= '{}') from t",
        "select sum(cost) filter (where pseudonym <= '{}'), (select 1) from t",
        "select count(*) from t where pseudonym <= '{}' union all select 1",
    ):
        counting = Counting(data, TABLES)
        assert "near-pair" not in counting.ask(sql.format(one))
        assert "near-pair" not in counting.ask(sql.format(one)), sql
        assert "near-pair" in counting.ask(sql.format(other)), sql
