"""How did the linkage go? Links per step and dataset, and the match rate by group; small numbers hidden.

Match rates by group are part of the product: recording is unequal, and so is what can be linked (GUILD; RECORD).
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from audit.reports import Report
from audit.suppression import SMALLEST_SHOWN, shown_count
from linkage.intake.tables import INCOMING, quoted
from linkage.matching.ladder import LADDER, NOT_JOINED
from linkage.standardise.specification import VERSION
from linkage.zones import count

GROUPS = {
    "sex": "sex",
    "year_of_birth": "decade of birth",
    "ethnic_category": "ethnic category",
    "ethnos": "ethnic category",
    "ethnicity": "ethnic category",
    "practice_code": "practice",
    "procode3": "provider",
    "postcode_district": "postcode district",
}
"""Columns by which rates are shown where a table has them, each with its word."""
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


def summarise(zone: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Counts in the linkage zone: rows by dataset and step, flags, people. Raw: suppress before showing."""
    steps = zone.execute(
        "SELECT i.dataset, l.step, count(*) FROM identity i JOIN links l USING (record) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    flags = zone.execute(
        "SELECT i.dataset, l.flag, count(*) FROM identity i JOIN links l USING (record) WHERE l.flag IS NOT NULL"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {
        "steps": [[dataset, int(step), int(rows)] for dataset, step, rows in steps],
        "flags": [[dataset, flag, int(rows)] for dataset, flag, rows in flags],
        "people": count(zone, "SELECT count(DISTINCT person) FROM links"),
    }


def match_rates(zone: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int, int]]:
    """table, group's word, group, rows, rows of people found in another dataset's deliveries too (raw)."""
    columns = zone.execute(
        "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE database_name = 'zone'"
        " AND NOT starts_with(table_name, ?) GROUP BY table_name"
        " HAVING list_contains(list(column_name), 'person') ORDER BY table_name",
        [INCOMING],
    ).fetchall()
    tables = {str(table): set(names) for table, names in columns}
    identifying = [table for table, names in tables.items() if "sex" in names or "year_of_birth" in names]
    rates: list[tuple[str, str, str, int, int]] = []
    for table in identifying:
        others = [other for other in identifying if other != table]
        if others:
            rates += _rates_of(zone, table, tables[table], others)
    return rates


def _rates_of(
    zone: duckdb.DuckDBPyConnection, table: str, columns: set[str], others: list[str]
) -> list[tuple[str, str, str, int, int]]:
    elsewhere = " UNION ".join(f"SELECT person FROM {quoted(other)}" for other in others)
    found = []
    for column in [None, *(name for name in GROUPS if name in columns)]:
        group = "'all'" if column is None else quoted(column)
        if column == "year_of_birth":
            group = f"({group} // 10 * 10)"
        rows = zone.execute(
            f"SELECT coalesce({group}::TEXT, 'not recorded') AS g, count(*), count(*) FILTER (e.person IS NOT NULL)"
            f" FROM {quoted(table)} t LEFT JOIN ({elsewhere}) e ON t.person = e.person GROUP BY g"
            f" ORDER BY count(*) DESC LIMIT {MOST_GROUPS}"
        ).fetchall()
        word = GROUPS[column] if column else "all rows"
        found += [(table, word, _named(word, str(g)), int(all_), int(matched)) for g, all_, matched in sorted(rows)]
    return found


def _named(word: str, group: str) -> str:
    """A group's code with what it stands for, where that is known."""
    name = ETHNIC_CATEGORIES.get(group) if word == "ethnic category" else None
    return f"{group} {name}" if name else group


def write_report(
    folder: Path, run: str, counts: dict[str, Any], rates: list[tuple[str, str, str, int, int]], at: datetime
) -> tuple[Path, Path]:
    """linkage-report.html and .json of this run; every count suppressed or rounded."""
    place = folder / run
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = {
        "run": run,
        "at": at.isoformat(),
        "specification": VERSION,
        "people": shown_count(counts["people"]),
        "steps": [[d, step, _label(step), shown_count(n)] for d, step, n in counts["steps"]],
        "not_joined_because": [[d, flag, shown_count(n)] for d, flag, n in counts["flags"]],
        "match_rates": [[t, word, g, shown_count(n), _rate(n, m)] for t, word, g, n, m in rates],
    }
    path = place / "linkage-report.json"
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")
    draft.replace(path)
    return _page(data, counts).write(place / "linkage-report.html"), path


def _page(data: dict[str, Any], counts: dict[str, Any]) -> Report:
    page = Report("Linkage report", f"Specification {VERSION} · {data['at'][:16].replace('T', ' ')} UTC")
    page.note(f"People on the spine: {data['people']}. Counts under {SMALLEST_SHOWN} are hidden, others rounded to 5.")
    page.heading("Rows by the step that joined them")
    steps = (NOT_JOINED, *(step.number for step in LADDER))
    totals = {step: sum(n for _, s, n in counts["steps"] if s == step) for step in steps}
    shown = {step: n for step, n in totals.items() if n >= SMALLEST_SHOWN}
    rounded = [float(5 * ((n + 2) // 5)) for n in shown.values()]
    page.bars("Rows by step, all datasets", [f"{step} {_label(step)}"[:60] for step in shown], rounded, "rows")
    page.table("Rows by dataset and step", ["dataset", "step", "agreement", "rows"], data["steps"])
    page.table("Rows that no step joined, and why", ["dataset", "reason", "rows"], data["not_joined_because"])
    page.heading("Match rate by group")
    page.text("The share of a table's rows whose person was found in another dataset too.")
    for table in dict.fromkeys(row[0] for row in data["match_rates"]):
        rows = [row[1:] for row in data["match_rates"] if row[0] == table]
        page.table(f"Match rate of {table}", ["by", "group", "rows", "matched, %"], rows)
    return page


def _rate(rows: int, matched: int) -> str:
    """A percentage, unless rows, matched or unmatched are so few that it would tell of few people."""
    if rows < SMALLEST_SHOWN or 0 < matched < SMALLEST_SHOWN or 0 < rows - matched < SMALLEST_SHOWN:
        return "hidden"
    return f"{100 * matched / rows:.1f}"


def _label(step: int) -> str:
    return next((one.label for one in LADDER if one.number == step), "joined to no other record")
