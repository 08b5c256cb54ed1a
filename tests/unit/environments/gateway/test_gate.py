"""The gate: every hostile statement refused, every ordinary one allowed and run; its lists held to DuckDB's."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.decisions import Refused
from environments.gateway.functions import ALLOWED_FUNCTIONS, TABLE_FUNCTIONS
from environments.gateway.functions_refused import why_refused
from environments.gateway.gate import LONGEST_STATEMENT, Gate
from environments.gateway.gate_walk import DEEPEST

HERE = Path(__file__).parent
VIEWS = {"gp_patients", "gp_events", "hospital_episodes", "care_events", "deaths"}
CANARY = "9990000018"


def _statements(name: str) -> list[str]:
    text = (HERE / name).read_text(encoding="utf-8")
    return [part.strip() for part in text.split(";\n") if part.strip()]


HOSTILE = _statements("hostile.sql")
ORDINARY = _statements("ordinary.sql")


@pytest.fixture(scope="module")
def gate() -> Gate:
    """One gate."""
    return Gate()


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    """A scope with views, and beside them a table that no statement may reach."""
    connection = duckdb.connect(config={"python_enable_replacements": False})
    connection.execute(
        """
        create schema material;
        create table material.gp_patients as select uuid() as pseudonym, true as linked, 'F' as sex,
            1950 + i % 50 as year_of_birth, 'A' || (i % 3) as practice_code from range(200) r(i);
        create table material.gp_events as select p.pseudonym, true as linked, date '2020-01-01' + (i % 900)::int as
            event_date, '4405400' || (i % 9) as code, i * 1.5 as value
            from material.gp_patients p, range(5) r(i);
        create table material.hospital_episodes as select pseudonym, true as linked, date '2021-02-03' as admidate,
            'E11' as diag_01, '21' as admimeth from material.gp_patients limit 80;
        create table material.care_events as select pseudonym, true as linked, date '2021-02-03' as event_start_date
            from material.gp_patients limit 20;
        create table material.deaths as select pseudonym, true as linked, date '2022-02-03' as date_of_death,
            'I21' as cause_code from material.gp_patients limit 10;
        create table secret as select uuid() as pseudonym, '9990000018' as nhs_number, 1 as a, 2 as b, 'F' as sex;
        """
    )
    for view in sorted(VIEWS):
        connection.execute(f"create view {view} as select * from material.{view}")
    return connection


def test_the_lists_are_long_enough() -> None:
    """The hostile list has more than 200 statements, the ordinary one more than 60, none twice."""
    assert len(set(HOSTILE)) == len(HOSTILE) > 200
    assert len(set(ORDINARY)) == len(ORDINARY) > 60


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_hostile_statement_is_refused(gate: Gate, statement: str) -> None:
    """Refused with a rule, a reason and a way to mend it; nothing of the statement's literals is repeated."""
    decision = gate.judge(statement, VIEWS)
    assert isinstance(decision, Refused), statement
    assert decision.code.startswith("gate.")
    assert decision.mend
    assert "/etc/passwd" not in decision.reason


@pytest.mark.parametrize("statement", ORDINARY)
def test_an_ordinary_statement_is_allowed_and_runs(
    gate: Gate, database: duckdb.DuckDBPyConnection, statement: str
) -> None:
    """What researchers write passes, and DuckDB runs it."""
    decision = gate.judge(statement, VIEWS)
    assert not isinstance(decision, Refused), f"{statement}: {decision}"
    values: object = [] if "?" not in statement else ["2020-01-01", "44054006"]
    if "$from" in statement:
        values = {"from": "2020-01-01", "code": "44054006"}
    try:
        rows = database.execute(statement, values).fetchall()
    except duckdb.ConversionException:
        return  # a cast that this data does not bear: the gate's question is another
    assert CANARY not in repr(rows)


def test_every_function_of_the_engine_is_allowed_or_refused_on_purpose() -> None:
    """Each allowed name is one of DuckDB 2.0.0's, so that a new version's functions are reviewed before they pass."""
    assert duckdb.__version__ == "2.0.0"
    rows = duckdb.connect().execute("select distinct lower(function_name) from duckdb_functions()").fetchall()
    known = {name for (name,) in rows}
    assert known >= ALLOWED_FUNCTIONS
    assert not [name for name in known if name not in ALLOWED_FUNCTIONS and not why_refused(name)]
    assert not [name for name in ALLOWED_FUNCTIONS if why_refused(name)]
    dangerous = re.compile(r"^(read_|duckdb_|pragma_|pg_|parquet_|current_(setting|query|user)|getenv|query)")
    assert not [name for name in ALLOWED_FUNCTIONS | TABLE_FUNCTIONS if dangerous.match(name)]


def test_too_long_too_deep_and_no_text_are_refused(gate: Gate) -> None:
    """Size, depth and signs that are no text have a limit each; none brings the gate down."""
    for statement in (
        "select " + "1 + " * LONGEST_STATEMENT + "1",
        "select " + "(" * 3000 + "1" + ")" * 3000,
        "select * from " + "(select * from " * (DEEPEST + 50) + "gp_patients" + ")" * (DEEPEST + 50),
        "select '\x00'",
        "select '\ud800'",
        "",
        "   ",
    ):
        assert isinstance(gate.judge(statement, VIEWS), Refused)
    assert gate.judge("select 1", VIEWS)


def test_names_are_of_their_scope(gate: Gate) -> None:
    """A name after WITH stands only where SQL lets it stand."""
    assert gate.judge("with x as (select 1) select * from x", VIEWS)
    assert gate.judge("with x as (select 1), y as (select * from x) select * from y", VIEWS)
    assert not gate.judge("with y as (select * from x), x as (select 1) select * from y", VIEWS)
    assert not gate.judge("select * from (with x as (select 1) select * from x) a, x", VIEWS)
    assert gate.judge("with GP_PATIENTS as (select 1 as a) select a from gp_patients", VIEWS)


def test_a_project_without_tables_gets_none(gate: Gate) -> None:
    """What one project may name says nothing of another's."""
    assert not gate.judge("select * from gp_patients", set())
    assert gate.judge("select * from GP_Patients", {"gp_patients"})


FRAGMENTS = [
    "secret", "material.gp_patients", "main.secret", "'x.csv'", "read_csv('/etc/passwd')", "duckdb_tables()",
    "(describe secret)",
    "query('select 1')", "(select nhs_number from secret)", "getenv('HOME')", "information_schema.tables", "error('x')",
]  # fmt: skip


@given(
    base=st.sampled_from([one for one in ORDINARY if "?" not in one and "$from" not in one]),
    fragment=st.sampled_from(FRAGMENTS),
    place=st.integers(min_value=0, max_value=40),
)
@settings(max_examples=300, deadline=None)
def test_whatever_passes_reads_nothing_but_the_views(base: str, fragment: str, place: int) -> None:
    """Two oracles: a word of an ordinary statement replaced by a hostile one. What the gate allows names no table but
    the views' in DuckDB's own plan, or does not bind."""
    words = base.split(" ")
    words[place % len(words)] = fragment
    statement = " ".join(words)
    if not _SHARED.judge(statement, VIEWS):
        return
    connection = _plan_database()
    try:
        plan = repr(connection.execute(f"explain {statement}").fetchall())
    except duckdb.Error:
        return
    assert "secret" not in plan.replace(statement, "")


_SHARED = Gate()
_DATABASES: list[duckdb.DuckDBPyConnection] = []


def _plan_database() -> duckdb.DuckDBPyConnection:
    if not _DATABASES:
        connection = duckdb.connect(config={"python_enable_replacements": False})
        connection.execute(
            "create schema material; create table secret (pseudonym uuid, nhs_number varchar, sex varchar)"
        )
        for view in VIEWS:
            connection.execute(f"create table material.{view} (pseudonym uuid, sex varchar, code varchar)")
            connection.execute(f"create view {view} as select * from material.{view}")
        connection.execute("set enable_external_access = false")
        _DATABASES.append(connection)
    return _DATABASES[0]
