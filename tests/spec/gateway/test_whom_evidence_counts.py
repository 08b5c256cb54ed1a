"""Whom does the evidence of a query count? Never more people than stand behind a figure; where unsure, nobody."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from environments.gateway.evidence.people import NoEvidence
from environments.gateway.gate import Gate
from environments.gateway.listed import _counts, _named

GATE = Gate()
VIEWS, PEOPLE = {"gp", "hosp", "codes"}, {"gp", "hosp"}
RARE = "select count(*) as n from gp where code = 'rare'"


@pytest.fixture(scope="module")
def data() -> duckdb.DuckDBPyConnection:
    """Twenty people with five rows each; two of them have one more row with a rare code."""
    con = duckdb.connect()
    con.execute("create schema house; create table house.unlinked (pseudonym uuid)")
    con.execute("create table gp (pseudonym uuid, code varchar, v double, w double, id integer)")
    con.execute(
        "insert into gp select md5((i // 5)::varchar)::uuid, 'A' || (i % 5), i, case when i < 10 then 1 end, i"
        " from range(100) t(i)"
    )
    con.execute("insert into gp select md5(i::varchar)::uuid, 'rare', 1, 1, 1000 + i from range(2) t(i)")
    con.execute("create table hosp as select pseudonym, code, id from gp")
    con.execute("create table codes as select distinct code from gp")
    return con


def evidence(data: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, object]]:
    """The groups, of a query that the gate allows and that runs."""
    assert GATE.judge(sql, VIEWS)
    data.execute(sql).fetchall()
    asked = GATE.evidence_of(sql, PEOPLE)
    if asked.no_evidence:  # for the brakes alone
        raise NoEvidence(asked.no_evidence)
    return asked.named(data.sql(asked.sql).to_arrow_table()).to_pylist()


@pytest.mark.parametrize(
    ("sql", "people"),
    [
        ("select corr(v, w) from gp", 2),
        ("select arg_max(v, w) from gp", 2),
        ("select regr_count(v, w) from gp", 2),
        ("select count_if(code = 'rare') from gp", 2),
        ("select sum(case when code = 'rare' then 1 else 0 end) from gp", 2),
        ("select count(b.code) from gp a left join hosp b on a.pseudonym = b.pseudonym and b.code = 'rare'", 2),
        ("select quantile_cont(v, 0.5) from gp", 20),
        ("select max(v) filter (where code = 'rare') from gp", 2),
        ("with gp as (select id as pseudonym, code from gp) select count(*) from main.gp where code = 'rare'", 2),
    ],
)
def test_a_figures_people_are_those_whom_it_counts(data: duckdb.DuckDBPyConnection, sql: str, people: int) -> None:
    """Who passes its filter with every value that it needs; of a sum, who adds to it."""
    (row,) = evidence(data, sql)
    assert row["people_0"] == people


@pytest.mark.parametrize(
    "sql",
    [
        "select left(code, 1) as code, count(*) from gp where code <> 'rare' group by code",
        "select left(g.code, 1) as c, count(*) from gp g where code <> 'rare' group by g.code",
        "select b.code, count(*) from gp a join hosp b using (pseudonym) where b.code = 'rare' group by a.code, b.code",
    ],
)
def test_groups_are_those_of_group_by_and_not_of_what_is_shown(data: duckdb.DuckDBPyConnection, sql: str) -> None:
    """As many groups as the result has rows, each with its own people."""
    rows = evidence(data, sql)
    assert len(rows) == len(data.execute(sql).fetchall())
    assert all(int(str(row["people"])) <= 20 for row in rows)
    if "rare" in sql.partition("where")[2] and "<>" not in sql:
        assert all(row["people"] == 2 or row["people"] == 1 for row in rows)


@pytest.mark.parametrize(
    "sql",
    [
        # a person made up
        "select code, count(*) from (select r as pseudonym, g.* from gp g, range(1000) t(r)) s group by code",
        "select count(*) from (select * from range(1000) v(pseudonym) join gp a on a.code = 'rare') s",
        "select count(*) from (select id as pseudonym, pseudonym from gp) s",
        "with s as (select id as pseudonym, pseudonym as p from gp) select count(*) from s",
        "select count(*) from (select * from (select md5(id::varchar)::uuid as x, pseudonym from gp) t where false"
        " union all select * from (select pseudonym, md5((id + r)::varchar)::uuid as y from gp, range(500) q(r)) u) s",
        # figures of others
        f"select max(r.n) from gp a, ({RARE}) r",
        f"select max(r.n) from gp a, lateral ({RARE}) r",
        f"with r as ({RARE}) select max(n) from gp, r",
        f"select max(x) from gp, (values (({RARE}))) t(x)",
        "select max(u) from gp, unnest((select list(v) from gp where code = 'rare')) t(u)",
        "select min(c.n) from gp a left join (select code, count(*) as n from hosp group by code) c using (code)",
        f"select count(*) * 0 + ({RARE}) from gp",
        f"select max(({RARE})) from gp",
        f"select ({RARE}) as n, count(*) from gp group by all",
        f"select ({RARE}) as n, count(*) from gp group by n",
        f"select max(n) from (select pseudonym, ({RARE}) as n from gp) s",
        f"select count(*) from gp where ({RARE}) = 2",
        f"select count(*) filter (where ({RARE}) = 2) from gp",
        f"select code, count(*) from gp group by code limit ({RARE})",
        # chance
        "select (random() * 3)::int as r, count(*) from gp group by 1",
        "select (random() * 3)::int as r, count(*) from gp group by all",
        "select count(*) filter (where random() < 0.5) from gp",
    ],
)
def test_where_people_could_be_made_up_or_others_be_told_of_there_is_none(
    data: duckdb.DuckDBPyConnection, sql: str
) -> None:
    """The gate allows it; the evidence says nothing, and whoever checks its result knows that it says nothing."""
    with pytest.raises(NoEvidence):
        evidence(data, sql)


@pytest.fixture
def partly_linked() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three people, one of them with two rows; and four rows that could not be joined to anybody."""
    with duckdb.connect() as con:
        con.execute("create table gp (pseudonym uuid, code varchar, v double)")
        con.execute("insert into gp select md5(i::varchar)::uuid, 'a', 10 from range(3) t(i)")
        con.execute("insert into gp select md5('0')::uuid, 'a', 10")
        con.execute("insert into gp select md5('u' || i)::uuid, 'a', 15 from range(4) t(i)")
        con.execute("create schema house; create table house.unlinked (pseudonym uuid)")
        con.execute("insert into house.unlinked select md5('u' || i)::uuid from range(4) t(i)")
        con.execute("create table hosp as from gp")
        yield con


@pytest.mark.parametrize(
    "sql",
    [
        "select code, sum(v) from gp group by code",
        "select sum(v) from gp",
        "with unlinked as (select pseudonym, v from gp), house as (from unlinked) select sum(v) from house",
        "select sum(a.v) from gp a semi join hosp b using (pseudonym)",
    ],
)
def test_rows_of_nobody_known_count_as_one_person(partly_linked: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Never more people than there are; never a smaller largest share: the four rows could be one person's."""
    (row,) = evidence(partly_linked, sql)
    assert (row["people"], row["people_0"], row["rows"]) == (4, 4, 8)
    assert row["largest_0"] == [60, 20]
    assert row["total_0"] == 100


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from gp",
        "select code, count(v), sum(v), avg(v) filter (where code <> 'A1') from gp group by code",
        "select a.code, count(b.code) from gp a join hosp b on a.pseudonym = b.pseudonym group by a.code",
    ],
)
def test_the_listing_counts_as_the_evidence_does(
    data: duckdb.DuckDBPyConnection, partly_linked: duckdb.DuckDBPyConnection, sql: str
) -> None:
    """Also where rows of nobody known are people of their own in its lists: its counts are the evidence's."""
    for con in (data, partly_linked):
        counted, listed = GATE.evidence_of(sql, PEOPLE), GATE.evidence_of(sql, PEOPLE, listed=True)
        named = _named(con.sql(listed.sql).to_arrow_table(), len(counted.keys), len(counted.figures))
        evidence = counted.named(con.sql(counted.sql).to_arrow_table())
        assert _counts(named, len(counted.keys), len(counted.figures)) == _counts(
            evidence, len(counted.keys), len(counted.figures)
        )


def test_no_query_can_name_the_list_of_such_rows() -> None:
    """It is the house's own."""
    for name in ("house.unlinked", "unlinked", "scope.house.unlinked"):
        assert not GATE.judge(f"select count(*) from {name}", VIEWS)
