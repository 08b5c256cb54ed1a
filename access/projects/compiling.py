"""What follows from an approval? The scope, computed from the project's file and the decisions in force, and no more.

Every decision in force can only take away: columns, precision, days, people, time (Caldicott 3). What cannot be
computed leaves nobody in the scope, never everybody. Tested by properties: tests/generative/access.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from access.organisations.model import DatasetEntry
from access.projects.file import ProjectFile, TablePart
from access.projects.model import Approval
from access.projects.narrowing import CohortPart, Narrowing, PeriodPart, coarser
from access.projects.scope import ColumnScope, Condition, Precision, Scope, TableScope, Value

EARLIEST = date.min


def compile_scope(
    project: ProjectFile, version: int, catalogue: Mapping[str, DatasetEntry], approvals: Mapping[str, Approval]
) -> Scope:
    """What the project may see under these decisions: never more than the file asks and every controller allows."""
    in_force = {name: one for name, one in approvals.items() if one.in_force}
    tables = []
    for dataset, part in sorted(project.datasets.items()):
        entry = catalogue.get(dataset)
        if entry is None or entry.controller not in in_force:
            continue
        narrowing = in_force[entry.controller].narrowing
        tables += [_table_scope(entry, table, asked, narrowing) for table, asked in sorted(part.tables.items())]
    tables = [table for table in tables if table.columns]
    cohort = _cohort(project, catalogue, in_force, tables)
    if cohort is None:
        tables, cohort = [], ()  # a cohort that cannot be told leaves nobody in it, rather than everybody
    ends = min([project.ends, *(one.narrowing.ends for one in in_force.values() if one.narrowing.ends)])
    return Scope(project.id, version, tuple(tables), cohort, ends, project.disclosure_profile)


def _table_scope(entry: DatasetEntry, table: str, asked: TablePart, narrowing: Narrowing) -> TableScope:
    kinds = entry.tables.get(table, {})
    taken = set(narrowing.without.get(table, ()))
    dates = coarser(asked.dates, narrowing.dates.get(table, asked.dates))
    columns = tuple(
        ColumnScope(name, dates if kinds[name] == "date" else "exact")
        for name in sorted(asked.columns)
        if name in kinds and name not in taken
    )
    column, period = _period(_told(asked, taken, dates), narrowing.periods.get(table))
    return TableScope(
        dataset=entry.id,
        controller=entry.controller,
        table=table,
        columns=columns,
        date_column=column,
        period=period,
    )


def _told(asked: TablePart, taken: set[str], dates: Precision) -> PeriodPart | None:
    """The period asked for, as far as it tells no more than the column may: whole months or years, or no day at all.

    A period of one day on a column that is seen by the year would tell the day.
    """
    period = asked.period
    if period is None or (period.column not in taken and dates == asked.dates):
        return period
    start, end = period.start, period.end
    if period.column in taken or start > end:
        return _days(period.column, EARLIEST, EARLIEST)
    try:
        first = start if _cut(start, dates) == start else _next(start, dates)
        last = end if _end(_cut(end, dates), dates) == end else _cut(end, dates) - timedelta(days=1)
    except OverflowError:  # no whole month or year is left before the calendar's end
        return _days(period.column, EARLIEST, EARLIEST)
    return _days(period.column, first, last) if first <= last else _days(period.column, EARLIEST, EARLIEST)


def _days(column: str, start: date, end: date) -> PeriodPart:
    return PeriodPart.model_validate({"column": column, "from": start, "to": end})


def _next(day: date, precision: Precision) -> date:
    """The first day of the period after this day's."""
    return _end(_cut(day, precision), precision) + timedelta(days=1)


def _period(asked: PeriodPart | None, allowed: PeriodPart | None) -> tuple[str | None, tuple[date, date] | None]:
    """The days in both. Two that speak of different columns cannot be held together: then no day is left."""
    if asked is None or allowed is None:
        one = asked or allowed
        return (one.column, _between(one.start, one.end)) if one else (None, None)
    if asked.column != allowed.column:
        return asked.column, (EARLIEST, EARLIEST)
    return asked.column, _between(max(asked.start, allowed.start), min(asked.end, allowed.end))


def _between(start: date, end: date) -> tuple[date, date]:
    """These days; where the end lies before the start, a day on which there is nothing."""
    return (start, end) if start <= end else (EARLIEST, EARLIEST)


def _cohort(
    project: ProjectFile,
    catalogue: Mapping[str, DatasetEntry],
    in_force: Mapping[str, Approval],
    tables: list[TableScope],
) -> tuple[Condition, ...] | None:
    """The conditions of the file and of the controllers; None when one cannot be told of what the project sees."""
    by_name = {table.table: table for table in tables}
    found: list[Condition] = []
    for one in project.cohort:
        table = by_name.get(one.table)
        column = next((c for c in table.columns if c.name == one.column), None) if table else None
        asked = _asked_dates(project, one.table)
        condition = None if column is None else _at_precision(one, asked, column.precision)
        if condition is None:
            return None
        found.append(condition)
    for controller, approval in sorted(in_force.items()):
        for one in approval.narrowing.cohort:
            table = by_name.get(one.table)
            if table is None or table.controller != controller or one.column not in _columns(catalogue, table):
                return None
            kind = _columns(catalogue, table)[one.column]
            precision: Precision = _dates(project, table, approval.narrowing) if kind == "date" else "exact"
            condition = _at_precision(one, "day", precision)
            if condition is None:
                return None
            found.append(replace(condition, precision=precision))  # also of a column that the project does not see
    return tuple(found)


def _dates(project: ProjectFile, table: TableScope, narrowing: Narrowing) -> Precision:
    """How exact the dates of this table may be."""
    asked = _asked_dates(project, table.table)
    return coarser(asked, narrowing.dates.get(table.table, asked))


def _columns(catalogue: Mapping[str, DatasetEntry], table: TableScope) -> Mapping[str, str]:
    return catalogue[table.dataset].tables.get(table.table, {})


def _asked_dates(project: ProjectFile, table: str) -> Precision:
    return next((part.tables[table].dates for part in project.datasets.values() if table in part.tables), "year")


def _at_precision(one: CohortPart, asked: Precision, seen: Precision) -> Condition | None:
    """The condition as it holds for certain when dates are coarser than asked; None when it never can.

    A date is compared as the project sees it: the first day of its month or year. Made coarser, `<=` would let more
    rows through; so it asks that the last day of the period meets it, which only the period's first day tells.
    """
    if seen in ("exact", asked) or asked == "exact":
        return Condition(one.table, one.column, one.op, tuple(one.values))
    values = [_as_date(value) for value in one.values]
    if None in values or one.op in ("=", "in"):
        return None
    days = [day for day in values if day is not None]
    new: list[Value]
    match one.op:
        case ">=":
            new = [days[0].isoformat()]
        case "<=":
            new = [_last_whole(days[0], asked, seen).isoformat()]
        case "between":
            new = [days[0].isoformat(), _last_whole(days[1], asked, seen).isoformat()]
        case _:  # not_in: no day of the period is one of them
            new = [str(day) for day in sorted({_cut(day, seen) for day in days})]
    return Condition(one.table, one.column, one.op, tuple(new))


def _last_whole(day: date, asked: Precision, seen: Precision) -> date:
    """The first day of the last period (`seen`) whose last day, at the precision asked for, is not after `day`."""
    start = _cut(day, seen)
    if _cut(_end(start, seen), asked) <= day:
        return start
    return EARLIEST if start == EARLIEST else _cut(start - timedelta(days=1), seen)


def _end(start: date, precision: Precision) -> date:
    """The last day of the period that begins here."""
    if precision == "year":
        return start.replace(month=12, day=31)
    return start.replace(day=monthrange(start.year, start.month)[1]) if precision == "month" else start


def _cut(day: date, precision: Precision) -> date:
    if precision == "year":
        return day.replace(month=1, day=1)
    return day.replace(day=1) if precision == "month" else day


def _as_date(value: Value) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
