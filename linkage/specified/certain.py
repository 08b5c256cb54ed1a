"""Which records are one person without weighing? Those that agree on all of a key, unless something contradicts.

Guards: two different values of an identifier never make one person; where a key holds no forename, forenames that are
known must begin alike (twins share a surname, a birthday and an address).
"""

from __future__ import annotations

import duckdb

from linkage.specified.pairs import feature, number, pairs_sql
from linkage.specified.specification import CertainStep, Specification

LARGEST_BLOCK = 50  # a key that so many records share is no key of a person


def certain_pairs(con: duckdb.DuckDBPyConnection, specification: Specification) -> int:
    """Fill the table `certain` (l, r) from every step; the number of pairs."""
    selects = [_step_sql(step, specification) for step in specification.certain]
    source = " UNION ".join(selects) if selects else "SELECT 0::BIGINT AS l, 0::BIGINT AS r WHERE FALSE"
    con.execute(f"CREATE OR REPLACE TABLE certain AS {source}").fetchall()
    return number(con, "SELECT count(*) FROM certain")


def _step_sql(step: CertainStep, specification: Specification) -> str:
    on = {key.partition(".")[0] for key in step.on}
    named = any(specification.column(name).means in {"forename", "full_name"} for name in on)
    guards = ["TRUE"]
    for column in specification.columns:
        if column.means == "identifier" and column.name not in on:
            guards.append(f"coalesce(a.{feature(column.name)} = b.{feature(column.name)}, TRUE)")
        if column.means == "forename" and column.name not in on:
            initial = feature(f"{column.name}.initial")
            guards.append(f"coalesce(a.{initial} = b.{initial}, TRUE)")
        if column.means == "sex" and column.name not in on and not named:
            guards.append(f"coalesce(a.{feature(column.name)} = b.{feature(column.name)}, TRUE)")
    columns = ", ".join(feature(key) for key in step.on)
    sides = ["left", "right"] if specification.files == 2 else ["left"]
    both = " UNION ALL ".join(f"SELECT {columns} FROM people_{side}" for side in sides)
    crowded = f"SELECT {columns} FROM ({both}) GROUP BY ALL HAVING count(*) > {LARGEST_BLOCK}"
    not_crowded = " AND ".join(f"c.{feature(key)} = a.{feature(key)}" for key in step.on)
    pairs = pairs_sql(step.on, two=specification.files == 2)
    return f"{pairs} AND {' AND '.join(guards)} AND NOT EXISTS (SELECT 1 FROM ({crowded}) c WHERE {not_crowded})"
