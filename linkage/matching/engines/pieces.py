"""How is a SELECT of the ladder made piece by piece? Rewritten so that no piece holds more than its share of the rows.

Two rules, both exact. A SELECT that groups: what falls into one group has the group's values, so the groups whose
values hash to one number are made from the rows whose values do. A SELECT that does not: each row of its first table
gives its rows whatever the others are, so that table can be read part by part. What fits neither is made in one piece.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

PIECE = "piece__"
"""The name under which a SELECT's first table is read part by part."""
Sizes = Callable[[str], int]
"""Into how many pieces a table's rows are to be divided."""
Piece = tuple[str, str | None, int]
"""A SELECT, the table that it reads in part (as PIECE), and which part; where none is, groups are divided by value."""


def tables_of(select: str) -> set[str]:
    """The tables that the SELECT reads."""
    return {table.name for table in _parsed(select).find_all(exp.Table)}


def in_pieces(select: str, sizes: Sizes, files: Sizes) -> list[Piece]:
    """SELECTs that together give what this one gives. files: into how many parts a table can be read."""
    return _pieces_of(_parsed(select), sizes, files)


def _parsed(select: str) -> exp.Query:
    found = sqlglot.parse_one(select, read="duckdb")
    if not isinstance(found, exp.Query):
        raise TypeError("a table is kept as what a SELECT gives")
    return found


def _pieces_of(query: exp.Query, sizes: Sizes, files: Sizes) -> list[Piece]:
    if isinstance(query, exp.Union) and not query.args.get("distinct"):
        return [piece for side in (query.left, query.right) for piece in _pieces_of(side, sizes, files)]
    if not isinstance(query, exp.Select):
        return [(query.sql(dialect="duckdb"), None, 0)]
    grouping = _grouping(query)
    if grouping is not None:
        return _by_value(query, grouping, max(map(sizes, _names(query))))
    return _by_part(query, files)


def _grouping(query: exp.Select) -> exp.Select | None:
    """The SELECT that groups: this one, or the one within that it only shows."""
    if query.args.get("group") or query.args.get("distinct"):
        return query
    source = _first(query)
    if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Select) and not query.args.get("joins"):
        return _grouping(source.this)
    return None


def _by_value(query: exp.Select, grouping: exp.Select, parts: int) -> list[Piece]:
    """One table's columns of the group decide, where they are of several: its rows are then divided before a join."""
    group = grouping.args.get("group")
    columns = group.expressions if group else [one.unalias() for one in grouping.expressions]
    chosen = [one for one in columns if one.table == columns[0].table]
    pieces: list[Piece] = []
    for part in range(parts):
        mine = query.copy() if parts > 1 else query
        if parts > 1:
            inner = _grouping(mine)
            divided = f"hash({', '.join(_sql(one) for one in chosen)}) % {parts} = {part}"
            if inner is not None:
                inner.where(sqlglot.parse_one(divided, read="duckdb"), copy=False)
        pieces.append((_sql(mine), None, 0))
    return pieces


def _by_part(query: exp.Select, files: Sizes) -> list[Piece]:
    table = _first(query)
    aggregates = query.find(exp.AggFunc, exp.Window)
    parts = files(table.name) if isinstance(table, exp.Table) and not aggregates else 1
    if parts == 1 or not isinstance(table, exp.Table):
        return [(_sql(query), None, 0)]
    whole = table.name
    table.replace(exp.to_table(PIECE).as_(table.alias or whole, table=True))
    return [(_sql(query), whole, part) for part in range(parts)]


def _first(query: exp.Select) -> exp.Expression | None:
    source = query.args.get("from_") or query.args.get("from")
    return source.this if source is not None else None


def _names(query: exp.Query) -> set[str]:
    return {table.name for table in query.find_all(exp.Table)}


def _sql(expression: exp.Expression) -> str:
    return expression.sql(dialect="duckdb")
