"""What does a project ask for? One YAML file that a person writes; an unknown key is an error with its line."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from access.model import DatasetEntry
from access.scope import ColumnScope, Condition, Operator, Precision, Scope, TableScope

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,59}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2000)]
Purpose = Literal["research", "audit", "commissioning", "population-health-management", "public-health"]
LegalBasis = Literal["section-251", "explicit-consent", "anonymised-before-disclosure", "legal-duty", "synthetic-data"]
FINEST_FIRST: tuple[Precision, ...] = ("day", "month", "year")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PeriodPart(_Part):
    """Rows whose date lies from `from` to `to`, both included."""

    column: Name
    start: date = Field(alias="from")
    end: date = Field(alias="to")


class TablePart(_Part):
    """One table: each column with the necessity for it."""

    columns: dict[Name, Sentence] = Field(min_length=1)
    dates: Literal["day", "month", "year"] = "month"
    period: PeriodPart | None = None


class DatasetPart(_Part):
    """One dataset: the tables asked for."""

    tables: dict[Name, TablePart] = Field(min_length=1)


class CohortPart(_Part):
    """A person belongs to the cohort when some row of theirs meets this, for each condition."""

    table: Name
    column: Name
    op: Operator
    values: list[str | int | float] = Field(min_length=1, max_length=10_000)


class ProjectFile(_Part):
    """A project as its applicant describes it."""

    id: Slug
    title: Sentence
    lay_summary: Sentence
    purpose: Purpose
    legal_basis: LegalBasis
    people: list[Slug] = Field(min_length=1)
    datasets: dict[Name, DatasetPart] = Field(min_length=1)
    cohort: list[CohortPart] = Field(default_factory=list)
    disclosure_profile: Name
    ends: date


def problems_of(project: ProjectFile, catalogue: dict[str, DatasetEntry], people: set[str], today: date) -> list[str]:
    """What must be mended before the project can be submitted: a sentence each, none when it is complete."""
    problems = [f"people: '{name}' is not registered" for name in project.people if name not in people]
    if project.ends <= today:
        problems.append("ends: must lie ahead")
    for name, dataset in project.datasets.items():
        entry = catalogue.get(name)
        if entry is None:
            problems.append(
                f"datasets.{name}: the haven holds no such dataset (it holds: {', '.join(sorted(catalogue))})"
            )
            continue
        for table, part in dataset.tables.items():
            problems += _table_problems(f"datasets.{name}.tables.{table}", table, part, entry)
    return problems + _cohort_problems(project, catalogue)


def _table_problems(place: str, table: str, part: TablePart, entry: DatasetEntry) -> list[str]:
    columns = entry.tables.get(table)
    if columns is None:
        return [f"{place}: the dataset has no such table (it has: {', '.join(sorted(entry.tables))})"]
    problems = [f"{place}.columns.{name}: the table has no such column" for name in part.columns if name not in columns]
    if part.period:
        if columns.get(part.period.column) != "date":
            problems.append(f"{place}.period.column: must be a date column of the table")
        if part.period.start > part.period.end:
            problems.append(f"{place}.period: ends before it begins")
    return problems


def _cohort_problems(project: ProjectFile, catalogue: dict[str, DatasetEntry]) -> list[str]:
    """A cohort may only ask about what its project may see: else it would tell something of columns not approved."""
    problems = []
    asked = {
        (table, column)
        for dataset in project.datasets.values()
        for table, part in dataset.tables.items()
        for column in part.columns
    }
    for number, condition in enumerate(project.cohort):
        if (condition.table, condition.column) not in asked:
            problems.append(f"cohort.{number}: {condition.table}.{condition.column} is not among the columns asked for")
        if condition.op == "between" and len(condition.values) != 2:
            problems.append(f"cohort.{number}: between takes two values")
        if condition.op in ("=", ">=", "<=") and len(condition.values) != 1:
            problems.append(f"cohort.{number}: {condition.op} takes one value")
    return problems


def compile_scope(
    project: ProjectFile, version: int, catalogue: dict[str, DatasetEntry], approved_by: frozenset[str]
) -> Scope:
    """What the project may see, given the controllers whose approval is in force: never more than both allow."""
    tables = []
    for dataset, part in sorted(project.datasets.items()):
        entry = catalogue.get(dataset)
        if entry is None or entry.controller not in approved_by:
            continue
        for table, asked in sorted(part.tables.items()):
            tables.append(_table_scope(entry, table, asked))
    seen = {(table.table, column.name) for table in tables for column in table.columns}
    cohort = tuple(Condition(one.table, one.column, one.op, tuple(one.values)) for one in project.cohort)
    if any((one.table, one.column) not in seen for one in cohort):
        tables = []  # a cohort that cannot be told leaves nobody in it, rather than everybody
    return Scope(project.id, version, tuple(tables), cohort, project.ends, project.disclosure_profile)


def _table_scope(entry: DatasetEntry, table: str, asked: TablePart) -> TableScope:
    kinds = entry.tables[table]
    columns = tuple(
        ColumnScope(name, asked.dates if kinds[name] == "date" else "exact")
        for name in sorted(asked.columns)
        if name in kinds
    )
    period = (asked.period.start, asked.period.end) if asked.period else None
    return TableScope(
        dataset=entry.id,
        controller=entry.controller,
        table=table,
        columns=columns,
        date_column=asked.period.column if asked.period else None,
        period=period,
    )
