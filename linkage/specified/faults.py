"""What do wrong and missed pairs have in common? For each column: alike, nearly, different or unknown; only counts."""

from __future__ import annotations

import polars as pl

from linkage.specified.engine import SplinkEngine
from linkage.specified.levels import level_sql


def disagreements(engine: SplinkEngine, pairs: pl.DataFrame) -> dict[str, dict[str, int]]:
    """For each compared column, how many of the pairs are alike, nearly alike, different, or unknown in one."""
    if pairs.is_empty():
        return {}
    comparisons = engine.specification.comparisons
    engine.con.register("faulty", pairs.select("l", "r").to_arrow())
    right = "people_right" if engine.two else "people_left"
    cases = ", ".join(f"{level_sql(c, engine.specification)} AS c_{c.of}" for c in comparisons)
    table = engine.con.sql(
        f"SELECT {cases} FROM faulty f JOIN people_left a ON a.rid = f.l JOIN {right} b ON b.rid = f.r"
    ).to_arrow_table()
    engine.con.unregister("faulty")
    found = pl.DataFrame(table)
    return {c.of: _counts(found[f"c_{c.of}"], len(c.levels)) for c in comparisons}


def _counts(levels: pl.Series, last: int) -> dict[str, int]:
    return {
        "alike": int((levels == 0).sum()),
        "nearly": int(levels.is_between(1, last - 1).sum()),
        "different": int((levels == last).sum()),
        "unknown": levels.null_count(),
    }
