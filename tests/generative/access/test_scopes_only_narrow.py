"""Whatever is approved: a scope holds nothing that some controller did not allow, and a restriction never widens it.

The compiled scope is built by the haven's own SQL over invented rows, and held against a slow reading of the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from access.projects.compiling import compile_scope
from access.projects.file import ProjectFile, TablePart
from access.projects.model import Approval, Outcome
from access.projects.narrowing import FINEST_FIRST, CohortPart, Narrowing, PeriodPart, coarser
from access.projects.scope import Scope
from linkage.scopes import steps
from tests.fakes.havens import GP, HOSPITAL, PROJECT

CATALOGUE = {"gp": GP, "hospital": HOSPITAL}
CONTROLLERS = ("gp", "hospital")
TABLES = {table: (entry.id, columns) for entry in CATALOGUE.values() for table, columns in entry.tables.items()}
COLUMNS = [(dataset, table, column) for table, (dataset, columns) in TABLES.items() for column in columns]
FIRST = date(2020, 1, 1)
DAYS = st.integers(0, 900).map(lambda days: FIRST + timedelta(days=days))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "date": DAYS,
    "code": st.sampled_from(["a", "b", "c"]),
    "integer": st.integers(0, 4),
}
AT = datetime(2026, 3, 1, tzinfo=UTC)


def condition_on(place: tuple[str, str, str]) -> st.SearchStrategy[CohortPart]:
    """A condition of any operator on this column."""
    _, table, column = place
    kind = TABLES[table][1][column]
    value = VALUES[kind].map(lambda one: one.isoformat() if isinstance(one, date) else one)

    def of(op: str) -> st.SearchStrategy[CohortPart]:
        least, most = {"between": (2, 2), "in": (1, 3), "not_in": (1, 3)}.get(op, (1, 1))
        values = st.lists(value, min_size=least, max_size=most)
        return values.map(
            lambda found: CohortPart.model_validate({"table": table, "column": column, "op": op, "values": found})
        )

    operators = ["=", "in", "not_in", ">=", "<=", "between"] if kind != "code" else ["=", "in", "not_in"]
    return st.sampled_from(operators).flatmap(of)


@st.composite
def periods(draw: st.DrawFn, table: str) -> PeriodPart | None:
    """Days of the table's date, short or long; None where it has no date."""
    dates = [name for name, kind in TABLES[table][1].items() if kind == "date"]
    start, end = sorted((draw(DAYS), draw(DAYS)))
    return PeriodPart(column=dates[0], start=start, end=end) if dates else None


@st.composite
def files(draw: st.DrawFn) -> ProjectFile:
    """A project that asks for some columns, by some precision, in some period, of some cohort."""
    asked = sorted(draw(st.sets(st.sampled_from(COLUMNS), min_size=1)))
    datasets: dict[str, Any] = {}
    for dataset, table, column in asked:
        tables = datasets.setdefault(dataset, {"tables": {}})["tables"]
        if table not in tables:
            tables[table] = {"columns": {}, "dates": draw(st.sampled_from(["day", "month", "year"]))}
            if period := draw(st.none() | periods(table)):
                tables[table]["period"] = period.model_dump(by_alias=True)
        tables[table]["columns"][column] = "needed for the question"
    cohort = draw(st.lists(st.sampled_from(asked).flatmap(condition_on), max_size=2))
    plain = [one.model_dump() for one in cohort]
    return ProjectFile.model_validate(PROJECT | {"datasets": datasets, "cohort": plain})


@st.composite
def restrictions(draw: st.DrawFn, controller: str) -> Narrowing:
    """One thing that a controller takes away."""
    table = draw(st.sampled_from([name for name, (dataset, _) in TABLES.items() if dataset == controller]))
    columns = TABLES[table][1]
    period = draw(periods(table))
    kinds = ["without", "dates", "cohort", "ends"] + (["periods"] if period else [])
    match draw(st.sampled_from(kinds)):
        case "without":
            return Narrowing(without={table: (draw(st.sampled_from(sorted(columns))),)})
        case "dates":
            return Narrowing(dates={table: draw(st.sampled_from(["day", "month", "year"]))})
        case "cohort":
            place = (controller, table, draw(st.sampled_from(sorted(columns))))
            return Narrowing(cohort=(draw(condition_on(place)),))
        case "ends":
            return Narrowing(ends=draw(DAYS))
        case _:
            return Narrowing(periods={table: period} if period else {})


def both(one: Narrowing, other: Narrowing) -> Narrowing:
    """Everything that either takes away."""
    periods = dict(one.periods)
    for table, period in other.periods.items():
        held = periods.get(table)
        start = max(period.start, held.start) if held else period.start
        end = min(period.end, held.end) if held else period.end
        periods[table] = PeriodPart(column=period.column, start=start, end=end)
    without = {t: (*one.without.get(t, ()), *other.without.get(t, ())) for t in one.without | other.without}
    dates = {t: coarser(one.dates.get(t, "day"), other.dates.get(t, "day")) for t in one.dates | other.dates}
    ends = [day for day in (one.ends, other.ends) if day]
    return Narrowing(
        without=without,
        dates=dates,  # type: ignore[arg-type]
        periods=periods,
        cohort=(*one.cohort, *other.cohort),
        ends=min(ends) if ends else None,
    )


def narrowings(controller: str) -> st.SearchStrategy[Narrowing]:
    """Several restrictions together."""

    def joined(found: list[Narrowing]) -> Narrowing:
        whole = Narrowing()
        for one in found:
            whole = both(whole, one)
        return whole

    return st.lists(restrictions(controller), max_size=2).map(joined)


def approvals_of(found: dict[str, Narrowing]) -> dict[str, Approval]:
    """These controllers approve, each with its narrowing."""
    return {name: Approval(name, f"organisation:{name}", AT, narrowing=one) for name, one in found.items()}


approved = st.fixed_dictionaries({}, optional={name: narrowings(name) for name in CONTROLLERS})


@pytest.fixture(scope="module")
def zone() -> Iterator[duckdb.DuckDBPyConnection]:
    """A research zone in memory: 40 people with rows whose values go round."""
    yield _zone()


@cache
def _zone() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS zone")
    kinds = {"date": "DATE", "code": "TEXT", "integer": "INTEGER"}
    for number, (table, (_, columns)) in enumerate(sorted(TABLES.items())):
        declared = ", ".join(f"{name} {kinds[kind]}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE zone.main.{table} (person INTEGER, linked BOOLEAN, {declared})")
        for row in range(120):
            values = [_value(kind, row * (number + 3) + place) for place, kind in enumerate(columns.values())]
            marks = ", ".join("?" for _ in values)
            person = (row * 7 + number) % 40
            connection.execute(f"INSERT INTO zone.main.{table} VALUES (?, true, {marks})", [person, *values])
    return connection


def _value(kind: str, seed: int) -> object:
    if kind == "date":
        return FIRST + timedelta(days=(seed * 37) % 900)
    return "abc"[seed % 3] if kind == "code" else seed % 5


def people_in(connection: duckdb.DuckDBPyConnection, scope: Scope) -> set[int]:
    """Who is in the cohort, by the haven's own SQL."""
    if not scope.tables:
        return set()
    sql, values = steps.cohort(scope)
    connection.execute(sql, values)
    return {row[0] for row in connection.execute("FROM cohort").fetchall()}


def shown(connection: duckdb.DuckDBPyConnection, scope: Scope) -> set[tuple[object, ...]]:
    """(table, column, person, rowid) of each cell that the project would see."""
    people = people_in(connection, scope)
    cells: set[tuple[object, ...]] = set()
    for table in scope.tables:
        where, values = "true", []
        if table.date_column and table.period:
            where, values = f"{table.date_column} BETWEEN ? AND ?", list(table.period)
        found = connection.execute(
            f"SELECT rowid, person FROM zone.main.{table.table} WHERE {where}", values
        ).fetchall()
        cells |= {
            (table.table, column.name, person, row)
            for row, person in found
            if person in people
            for column in table.columns
        }
    return cells


@given(file=files(), decided=approved, data=st.data())
@settings(deadline=None, max_examples=150)
def test_a_restriction_never_widens(file: ProjectFile, decided: dict[str, Narrowing], data: st.DataObject) -> None:
    """With one restriction more, no column, row, person, precision or day is in the scope that was not before."""
    connection = _zone()
    before = compile_scope(file, 1, CATALOGUE, approvals_of(decided))
    if not decided:
        assert not before.tables
        return
    controller = data.draw(st.sampled_from(sorted(decided)))
    more = decided | {controller: both(decided[controller], data.draw(restrictions(controller)))}
    after = compile_scope(file, 1, CATALOGUE, approvals_of(more))
    assert shown(connection, after) <= shown(connection, before)
    assert after.ends <= before.ends
    finer = {(t.table, c.name): c.precision for t in before.tables for c in t.columns}
    for table in after.tables:
        for column in table.columns:
            was = finer[table.table, column.name]
            assert FINEST_FIRST.index(column.precision) >= FINEST_FIRST.index(was)


@given(file=files(), decided=approved)
@settings(deadline=None, max_examples=150)
def test_a_scope_holds_only_what_every_controller_in_force_allows(
    file: ProjectFile, decided: dict[str, Narrowing]
) -> None:
    """Columns asked for and not taken away, of datasets whose controller approved; rows and people of both."""
    connection = _zone()
    scope = compile_scope(file, 1, CATALOGUE, approvals_of(decided))
    asked = {
        (name, table, column)
        for name, dataset in file.datasets.items()
        for table, part in dataset.tables.items()
        for column in part.columns
    }
    people = people_in(connection, scope)
    for table in scope.tables:
        assert table.controller in decided
        mine = decided[table.controller]
        for column in table.columns:
            assert (table.dataset, table.table, column.name) in asked
            assert column.name not in mine.without.get(table.table, ())
            if TABLES[table.table][1][column.name] == "date":
                part = file.datasets[table.dataset].tables[table.table]
                assert column.precision == coarser(part.dates, mine.dates.get(table.table, "day"))
        if held := mine.periods.get(table.table):
            assert table.period is not None
            assert held.start <= table.period[0] <= table.period[1] <= held.end or table.period[1] < FIRST
    for controller, mine in decided.items():
        for condition in mine.cohort:
            assert controller in CONTROLLERS
            assert people <= _who_meets(connection, condition)
    parts = {table: part for dataset in file.datasets.values() for table, part in dataset.tables.items()}
    for condition in file.cohort:
        assert people <= _who_meets(connection, condition, parts[condition.table])
    cells = shown(connection, scope)
    assert {person for _, _, person, _ in cells} <= people
    for table_name, part in parts.items():
        if part.period is not None:
            seen = {row for found, _, _, row in cells if found == table_name}
            assert seen <= _rows_within(connection, table_name, part.period)


@given(file=files(), decided=approved, withdrawn=st.sampled_from(CONTROLLERS))
@settings(deadline=None, max_examples=60)
def test_a_withdrawn_or_refused_approval_gives_nothing(
    file: ProjectFile, decided: dict[str, Narrowing], withdrawn: str
) -> None:
    """No table of a controller whose approval is not in force, whatever else is approved."""
    found = approvals_of(decided | {withdrawn: Narrowing()})
    for gone in (
        replace(found[withdrawn], withdrawn=True),
        replace(found[withdrawn], outcome=Outcome.REFUSED),
    ):
        scope = compile_scope(file, 1, CATALOGUE, found | {withdrawn: gone})
        assert all(table.controller != withdrawn for table in scope.tables)


def _who_meets(
    connection: duckdb.DuckDBPyConnection, condition: CohortPart, asked: TablePart | None = None
) -> set[int]:
    """The people with a row that meets the condition: read row by row.

    A controller's is met by the exact value; the file's (asked) by what it asks to see: its dates, in its period.
    """
    kind = TABLES[condition.table][1][condition.column]
    values = [date.fromisoformat(str(one)) if kind == "date" else one for one in condition.values]
    rows = connection.execute(f"SELECT rowid, person, {condition.column} FROM zone.main.{condition.table}").fetchall()
    within = _rows_within(connection, condition.table, asked.period) if asked and asked.period else None
    precision = asked.dates if asked and kind == "date" else "day"
    meets = {
        "=": lambda one: one == values[0],
        "in": lambda one: one in values,
        "not_in": lambda one: one not in values,
        ">=": lambda one: one >= values[0],
        "<=": lambda one: one <= values[0],
        "between": lambda one: values[0] <= one <= values[1],
    }[condition.op]
    return {person for row, person, one in rows if (within is None or row in within) and meets(_by(one, precision))}


def _by(value: Any, precision: str) -> Any:
    """A day as one sees it by the month or by the year: the first of it."""
    if precision == "year":
        return date(value.year, 1, 1)
    return date(value.year, value.month, 1) if precision == "month" else value


def _rows_within(connection: duckdb.DuckDBPyConnection, table: str, period: PeriodPart) -> set[int]:
    """The rows of these days, both ends included: read row by row."""
    rows = connection.execute(f"SELECT rowid, {period.column} FROM zone.main.{table}").fetchall()
    return {row for row, day in rows if period.start <= day <= period.end}
