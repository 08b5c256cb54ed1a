"""Which rows and columns of the research zone make a scope? Named SQL steps; nothing approved is ever widened here.

In each step `zone` is the research zone and `scope` the project's new file. Rows are written in the order of the
pseudonym: the order in which they lie in the zone would join two projects.
"""

from __future__ import annotations

from collections.abc import Iterable

from access.projects.scope import ColumnScope, Condition, Operator, Scope, TableScope
from linkage.intake.tables import quoted

Statement = tuple[str, list[object]]
PLACE: dict[Operator, str] = {"=": "= ?", ">=": ">= ?", "<=": "<= ?", "between": "BETWEEN ? AND ?"}


def cohort(scope: Scope) -> Statement:
    """`cohort`(person): people who meet every condition in rows that the project may see; else all in its tables."""
    tables = {table.table: table for table in scope.tables}
    if not scope.cohort:
        parts = [_people_of(table, None) for table in scope.tables]
        joined = " UNION ".join(sql for sql, _ in parts)
    else:
        parts = [_people_of(tables[condition.table], condition) for condition in scope.cohort]
        joined = " INTERSECT ".join(sql for sql, _ in parts)
    values = [value for _, found in parts for value in found]
    return f"CREATE OR REPLACE TEMP TABLE cohort AS SELECT person FROM ({joined})", values


def left_out(*, changes: bool) -> str:
    """`left_out`(person): whom the build leaves out, with the persons who became one of them by a merge.

    changes: has anybody in this zone ever become somebody else?
    """
    if not changes:
        return "CREATE OR REPLACE TEMP TABLE left_out AS SELECT person::UUID AS person FROM given_left_out"
    merged = "SELECT c.was FROM person_changes c JOIN gone g ON c.now = g.person WHERE c.kind = 'merge'"
    return (
        "CREATE OR REPLACE TEMP TABLE left_out AS WITH RECURSIVE gone AS (SELECT person::UUID AS person"
        f" FROM given_left_out UNION {merged}) FROM gone"
    )


def without_them() -> str:
    """`cohort` without whom the build leaves out: as only its people's rows are taken, nothing of them remains."""
    return "DELETE FROM cohort USING left_out l WHERE cohort.person = l.person"


def rows_of_cohort(table: TableScope) -> Statement:
    """How many rows `material` would take of this table for the cohort as it stands."""
    condition, values = _period(table)
    name = quoted(table.table)
    return (
        f"SELECT count(*) FROM zone.main.{name} t SEMI JOIN cohort c ON t.person = c.person WHERE {condition}",
        values,
    )


def material(table: TableScope) -> Statement:
    """`scope.material.<table>`: the approved columns of the cohort's rows in the period, under pseudonyms."""
    columns = "".join(f", {_column(column)}" for column in table.columns)
    condition, values = _period(table)
    name = quoted(table.table)
    return (
        f"CREATE TABLE scope.material.{name} AS SELECT p.pseudonym, t.linked{columns} FROM zone.main.{name} t"
        f" JOIN pseudonyms p ON t.person = p.person WHERE {condition} ORDER BY p.pseudonym",
        values,
    )


def view(table: TableScope) -> str:
    """The view that researchers name."""
    name = quoted(table.table)
    columns = "".join(f", {quoted(column.name)}" for column in table.columns)
    return f"CREATE VIEW scope.main.{name} AS SELECT pseudonym, linked{columns} FROM scope.material.{name}"


def unlinked(tables: Iterable[TableScope]) -> str:
    """`scope.house.unlinked`(pseudonym): under whom rows stand that could not be joined to a person.

    The gateway's evidence counts them as one person (environments.gateway.evidence.unlinked); no query can name it.
    """
    parts = [f"SELECT pseudonym FROM scope.material.{quoted(one.table)} WHERE NOT linked" for one in tables]
    return f"CREATE TABLE scope.house.unlinked AS {' UNION '.join(parts)} ORDER BY 1"


CHANGES = "pseudonym_changes"


def seen_before(tables: Iterable[str]) -> str:
    """The pseudonyms that the project has had in these tables of its file `before`."""
    parts = [f"SELECT pseudonym FROM before.material.{quoted(table)}" for table in tables if table != CHANGES]
    return " UNION ".join(parts)


def carried(tables: Iterable[str]) -> str:
    """The changes that the project was told of in its file `before`: none where that has none."""
    if CHANGES in tables:
        return f"FROM before.material.{CHANGES}"
    return (
        "SELECT NULL::UUID AS old_pseudonym, NULL::UUID AS new_pseudonym, NULL::TEXT AS kind, NULL::DATE AS day"
        " WHERE false"
    )


def changes() -> str:
    """`scope.material.pseudonym_changes`: what became of pseudonyms that the project has had, and was told before.

    renamed: all changes; seen: the pseudonyms that it has had; carried: what it was told before; gone: the pseudonyms
    of whom the build leaves out, of which nothing is told. Who became somebody that became somebody else since is told
    of as that one; by a chain with a split in it, as split.
    """
    return (
        f"CREATE TABLE scope.material.{CHANGES} AS WITH RECURSIVE followed AS"
        " (SELECT r.* FROM renamed r SEMI JOIN seen s ON r.old_pseudonym = s.pseudonym"
        " UNION SELECT f.old_pseudonym, r.new_pseudonym, greatest(f.kind, r.kind), r.day, r.at"
        " FROM followed f JOIN renamed r ON r.old_pseudonym = f.new_pseudonym AND r.at > f.at)"
        " SELECT * FROM (SELECT f.old_pseudonym, f.new_pseudonym, f.kind, f.day FROM followed f ANTI JOIN"
        " (FROM renamed WHERE kind = 'merge') m ON m.old_pseudonym = f.new_pseudonym AND m.at > f.at"
        " UNION FROM carried)"
        " WHERE old_pseudonym NOT IN (FROM gone) AND new_pseudonym NOT IN (FROM gone) ORDER BY ALL"
    )


def changes_view() -> str:
    """The view of changes that researchers name."""
    return f"CREATE VIEW scope.main.{CHANGES} AS FROM scope.material.{CHANGES}"


def _people_of(table: TableScope, condition: Condition | None) -> Statement:
    where, values = _period(table)
    if condition is not None:
        seen = next((one.precision for one in table.columns if one.name == condition.column), "exact")
        precision = condition.precision or seen
        met, wanted = _met(condition, _cut(f"t.{quoted(condition.column)}", precision))
        where, values = f"{where} AND {met}", [*values, *wanted]
    return f"SELECT DISTINCT t.person FROM zone.main.{quoted(table.table)} t WHERE {where}", values


def _met(condition: Condition, column: str) -> Statement:
    """A cohort condition asks of the value as the project sees it, at its precision."""
    if condition.op in ("in", "not_in"):
        negated = "NOT " if condition.op == "not_in" else ""
        marks = ", ".join("?" for _ in condition.values)
        return f"{column} {negated}IN ({marks})", list(condition.values)
    return f"{column} {PLACE[condition.op]}", list(condition.values)


def _period(table: TableScope) -> Statement:
    if table.date_column is None or table.period is None:
        return "true", []
    start, end = table.period
    return f"t.{quoted(table.date_column)} BETWEEN ? AND ?", [start, end]


def _column(column: ColumnScope) -> str:
    return f"{_cut(f't.{quoted(column.name)}', column.precision)} AS {quoted(column.name)}"


def _cut(expression: str, precision: str) -> str:
    """A date at the approved precision: the first day of its month or year."""
    if precision in ("exact", "day"):
        return expression
    if precision in ("month", "year"):
        return f"date_trunc('{precision}', {expression})::DATE"
    raise ValueError(f"no such precision: {precision}")
