"""How does each pair of a table look? By column the level that fits it, and how rare the value is that it agrees on."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from linkage.specified.engine import SplinkEngine
from linkage.specified.levels import level_sql, sql_levels
from linkage.specified.mixture import Seen
from linkage.specified.specification import Comparison


def seen(engine: SplinkEngine, pairs: str) -> tuple[pl.DataFrame, Seen]:
    """The table's pairs (l, r) in their order, and how each looks."""
    comparisons = engine.specification.comparisons
    levels = [
        f"coalesce({level_sql(one, engine.specification)}, -1)::TINYINT AS {one.of}__level" for one in comparisons
    ]
    rare = {place: sql for place, one in enumerate(comparisons) if (sql := _rarity_sql(engine, one))}
    joins = "".join(_join_sql(engine, comparisons[place].of) for place in rare)
    table = engine.con.sql(
        f"SELECT j.l, j.r, {', '.join([*levels, *rare.values()])} FROM {pairs} j JOIN people_left a ON a.rid = j.l"
        f" JOIN {'people_right' if engine.two else 'people_left'} b ON b.rid = j.r{joins} ORDER BY j.l, j.r"
    ).to_arrow_table()
    frame = pl.DataFrame(table)
    rarity = {place: frame[f"{comparisons[place].of}__bits"].fill_null(math.nan).to_numpy() for place in rare}
    found = frame.select(f"{one.of}__level" for one in comparisons).to_numpy()
    looks = Seen(found.astype(np.int8).reshape(frame.height, len(comparisons)), rarity, np.ones(frame.height))
    return frame.select("l", "r"), looks


def _rarity_sql(engine: SplinkEngine, comparison: Comparison) -> str:
    """Bits of the commoner of both values; nothing where the level does not weigh by frequency."""
    name, stated = comparison.of, sql_levels(comparison, engine.specification)
    places = ", ".join(str(place) for place, one in enumerate(stated) if one.by_frequency)
    share = f"greatest({name}_a.tf_{name}, {name}_b.tf_{name})"
    return f"CASE WHEN {name}__level IN ({places}) THEN -log2({share}) END::FLOAT AS {name}__bits" if places else ""


def _join_sql(engine: SplinkEngine, name: str) -> str:
    table = engine.given_shares.get(name) or _how_common(engine, name)
    return "".join(f' LEFT JOIN {table} {name}_{side} ON {name}_{side}.{name} = {side}."{name}"' for side in "ab")


def _how_common(engine: SplinkEngine, name: str) -> str:
    """A table of each value's share among these records."""
    sides = ["left", "right"] if engine.two else ["left"]
    both = " UNION ALL ".join(f"SELECT {name} FROM people_{side} WHERE {name} IS NOT NULL" for side in sides)
    engine.con.execute(
        f"CREATE TABLE IF NOT EXISTS common_{name} AS"
        f" SELECT {name}, count(*) / sum(count(*)) OVER () AS tf_{name} FROM ({both}) GROUP BY ALL"
    ).fetchall()
    return f"common_{name}"
