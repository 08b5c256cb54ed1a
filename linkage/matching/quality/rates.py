"""Who is found in another dataset too? Match rates by group, from the research zone; raw counts, not for showing.

Match rates by group are part of the product: recording is unequal, and so is what can be linked (GUILD; RECORD 19.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from linkage.intake.tables import INCOMING, quoted

GROUPS = {
    "year_of_birth": "decade of birth",
    "sex": "sex",
    "ethnic_category": "ethnic category",
    "ethnos": "ethnic category",
    "ethnicity": "ethnic category",
    "imd_decile": "deprivation, decile",
    "imd_quintile": "deprivation, fifth",
    "postcode_district": "postcode district",
    "practice_code": "practice",
    "procode3": "provider",
    "event_date": "year of the record",
    "event_start_date": "year of the record",
    "admidate": "year of the record",
    "date_of_death": "year of the record",
}
"""Columns by which rates are shown where a table has them, each with its word."""
OF_FEW = frozenset({"practice", "provider", "postcode district"})
"""Groups that are one organisation or a small area: their rates stay within the linkage unit."""
MOST_GROUPS = 25
ETHNIC_CATEGORIES = {
    "A": "British",
    "B": "Irish",
    "C": "any other White background",
    "D": "White and Black Caribbean",
    "E": "White and Black African",
    "F": "White and Asian",
    "G": "any other mixed background",
    "H": "Indian",
    "J": "Pakistani",
    "K": "Bangladeshi",
    "L": "any other Asian background",
    "M": "Caribbean",
    "N": "African",
    "P": "any other Black background",
    "R": "Chinese",
    "S": "any other ethnic group",
    "Z": "not stated",
    "99": "not known",
}
"""NHS Data Dictionary: ETHNIC CATEGORY, the codes of 2001."""


@dataclass(frozen=True)
class MatchRate:
    """Of the rows of one group in one table, how many are of people who were found in another dataset too."""

    table: str
    by: str
    group: str
    rows: int
    matched: int


def match_rates(zone: duckdb.DuckDBPyConnection) -> list[MatchRate]:
    """Of each table with people's rows: all rows first, then by each group that the table knows. Raw counts."""
    columns = zone.execute(
        "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE database_name = 'zone'"
        " AND NOT starts_with(table_name, ?) GROUP BY table_name"
        " HAVING list_contains(list(column_name), 'person') ORDER BY table_name",
        [INCOMING],
    ).fetchall()
    tables = {str(table): set(names) for table, names in columns}
    identifying = [table for table, names in tables.items() if "sex" in names or "year_of_birth" in names]
    return [
        rate
        for table in identifying
        if len(identifying) > 1
        for rate in _rates_of(zone, table, tables[table], [other for other in identifying if other != table])
    ]


def _rates_of(zone: duckdb.DuckDBPyConnection, table: str, columns: set[str], others: list[str]) -> list[MatchRate]:
    elsewhere = " UNION ".join(f"SELECT person FROM {quoted(other)}" for other in others)
    found = []
    for column in [None, *(name for name in GROUPS if name in columns)]:
        word = GROUPS[column] if column else "all rows"
        rows = zone.execute(
            f"SELECT coalesce(({_group(column)})::TEXT, 'not recorded') AS g, count(*),"
            f" count(*) FILTER (e.person IS NOT NULL) FROM {quoted(table)} t"
            f" LEFT JOIN ({elsewhere}) e ON t.person = e.person GROUP BY g ORDER BY count(*) DESC LIMIT {MOST_GROUPS}"
        ).fetchall()
        found += [MatchRate(table, word, _named(word, str(g)), int(n), int(m)) for g, n, m in sorted(rows)]
    return found


def _group(column: str | None) -> str:
    """SQL of the group: a year of birth by its decade, a date by its year."""
    if column is None:
        return "'all'"
    if column == "year_of_birth":
        return f"{quoted(column)} // 10 * 10"
    return f"year({quoted(column)})" if GROUPS[column] == "year of the record" else quoted(column)


def _named(word: str, group: str) -> str:
    """A group's code with what it stands for, where that is known."""
    name = ETHNIC_CATEGORIES.get(group) if word == "ethnic category" else None
    return f"{group} {name}" if name else group
