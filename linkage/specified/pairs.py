"""Which pairs of records are compared at all? Blocking rules, counted before any pair is made.

The pairs of a rule are counted from the sizes of its blocks (no pair is made for that). Above the budget the widest
rules are drawn tighter with one more part, then left out; when even that is too much, nothing is compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from linkage.specified.errors import TooManyPairs
from linkage.specified.specification import Specification

Key = tuple[str, ...]


@dataclass
class Blocking:
    """The rules that are used, each with its pairs, and what was done to keep the budget."""

    rules: dict[Key, int]
    changed: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        """The sum over rules; a pair that several rules let through counts in each."""
        return sum(self.rules.values())


def feature(key: str) -> str:
    """The table's column for `name` or `name.part`, quoted."""
    return '"' + key.replace(".", "__") + '"'


def count_pairs(con: duckdb.DuckDBPyConnection, key: Key, *, two: bool) -> int:
    """Pairs of records that agree on all of the key."""
    columns = ", ".join(feature(part) for part in key)
    known = " AND ".join(f"{feature(part)} IS NOT NULL" for part in key)
    blocks = [
        f"(SELECT {columns}, count(*)::HUGEINT AS n FROM people_{side} WHERE {known} GROUP BY ALL)"
        for side in (("left", "right") if two else ("left",))
    ]
    sql = (
        f"SELECT sum(a.n * b.n) FROM {blocks[0]} a JOIN {blocks[1]} b USING ({columns})"
        if two
        else f"SELECT sum(n * (n - 1) // 2) FROM {blocks[0]}"
    )
    return number(con, sql)


def number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that a query gives, its result finished."""
    rows = con.execute(sql).fetchall()
    return int(rows[0][0] or 0)


def choose_blocking(con: duckdb.DuckDBPyConnection, specification: Specification) -> Blocking:
    """The specification's rules within its budget. Raises TooManyPairs."""
    two, budget = specification.files == 2, specification.link.most_pairs
    blocking = Blocking({rule: count_pairs(con, rule, two=two) for rule in specification.blocking})
    parts = list(dict.fromkeys(part for rule in specification.blocking for part in rule))
    while blocking.pairs > budget:
        widest = max(blocking.rules, key=lambda rule: (blocking.rules[rule], rule))
        count = blocking.rules.pop(widest)
        tighter = _tighter(con, widest, parts, set(blocking.rules), most=min(count // 2, budget // 2), two=two)
        if tighter is not None:
            blocking.rules[tighter[0]] = tighter[1]
            blocking.changed.append(f"{' + '.join(widest)} drawn tighter to {' + '.join(tighter[0])}")
        elif blocking.rules:
            blocking.changed.append(f"{' + '.join(widest)} left out")
        else:
            raise TooManyPairs(
                f"Blocking lets through more than {budget:,} pairs; nothing was compared.",
                where="blocking",
                mend="Add a part to each blocking rule (a name's sound, a year), or raise link.most_pairs.",
            )
    return blocking


def _tighter(
    con: duckdb.DuckDBPyConnection, rule: Key, parts: list[str], known: set[Key], *, most: int, two: bool
) -> tuple[Key, int] | None:
    """The rule with the one more part that keeps most pairs within the limit."""
    columns = {part.partition(".")[0] for part in rule}
    tried = {
        candidate: count_pairs(con, candidate, two=two)
        for part in parts
        if part.partition(".")[0] not in columns
        and (candidate := (*rule, part)) not in known
        and not any(set(other) <= set(candidate) for other in known)
    }
    fitting = {candidate: count for candidate, count in tried.items() if 0 < count <= most}
    if not fitting:
        return None
    best = max(fitting, key=lambda candidate: (fitting[candidate], candidate))
    return best, fitting[best]


def make_pairs(con: duckdb.DuckDBPyConnection, rules: list[Key], table: str, *, two: bool) -> int:
    """A table of the distinct pairs (l, r) that any rule lets through; their number."""
    selects = [pairs_sql(rule, two=two) for rule in rules]
    con.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT DISTINCT l, r FROM ({' UNION ALL '.join(selects)})"
    ).fetchall()
    return number(con, f"SELECT count(*) FROM {table}")


def pairs_sql(rule: Key, *, two: bool) -> str:
    """The pairs of one rule."""
    other = "right" if two else "left"
    agree = " AND ".join(f"a.{feature(part)} = b.{feature(part)}" for part in rule)
    once = "" if two else " AND a.rid < b.rid"
    return f"SELECT a.rid AS l, b.rid AS r FROM people_left a JOIN people_{other} b ON {agree}{once}"
