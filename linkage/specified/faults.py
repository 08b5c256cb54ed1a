"""What do wrong and missed pairs have in common? For each column: alike, nearly, different or unknown; only counts."""

from __future__ import annotations

import re

import polars as pl

from linkage.specified.engine import SplinkEngine
from linkage.specified.levels import null_sql, sql_levels

SIDES = re.compile(r'"(\w+)_([lr])"')


def disagreements(engine: SplinkEngine, pairs: pl.DataFrame) -> dict[str, dict[str, int]]:
    """For each compared column, how many of the pairs are alike, nearly alike, different, or unknown in one."""
    if pairs.is_empty():
        return {}
    specification = engine.specification
    engine.con.register("faulty", pairs.select("l", "r").to_arrow())
    right = "people_right" if engine.two else "people_left"
    cases = []
    for comparison in specification.comparisons:
        first, *others = sql_levels(comparison, specification)
        near = " OR ".join(f"({level.sql})" for level in others) or "FALSE"
        null = null_sql(specification.column(comparison.of))
        sql = (
            f"CASE WHEN {null} THEN 'unknown' WHEN {first.sql} THEN 'alike' WHEN {near} THEN 'nearly'"
            " ELSE 'different' END"
        )
        cases.append(f"{SIDES.sub(_side, sql)} AS c_{comparison.of}")
    rows = engine.con.sql(
        f"SELECT {', '.join(cases)} FROM faulty f JOIN people_left a ON a.rid = f.l JOIN {right} b ON b.rid = f.r"
    ).to_arrow_table()
    engine.con.unregister("faulty")
    found = pl.DataFrame(rows)
    return {
        comparison.of: {
            word: int((found[f"c_{comparison.of}"] == word).sum())
            for word in ("alike", "nearly", "different", "unknown")
        }
        for comparison in specification.comparisons
    }


def _side(match: re.Match[str]) -> str:
    return f'{"a" if match[2] == "l" else "b"}."{match[1]}"'
