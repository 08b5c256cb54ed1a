"""Which pairs are weighed at all? Those that agree on a blocking key, one of them found in one dataset only.

Keys are tokens that the linkage zone has, so that no identifier is read before it is known to be needed. The pairs of
each key are counted from the sizes of its blocks before any pair is made; above the budget nothing is compared. What
too many records share is not compared by, and is counted (`crowded`).
"""

from __future__ import annotations

from typing import Any

import duckdb

from linkage.matching.ladder import Key
from linkage.matching.residual.errors import TooManyCandidates
from linkage.zones import count

BLOCKING: tuple[Key, ...] = (
    ("n",),
    ("b", "fs"),
    ("b", "p"),
    ("b", "gi", "s"),
    ("p", "g"),
    ("p", "b_md"),
    ("f", "g", "b_y"),
    ("f", "g", "b_md"),
)
BLOCKED_ON = tuple(dict.fromkeys(name for key in BLOCKING for name in key))
LARGEST_BLOCK = 200
"""More records than this under one key, and the key says nothing: somebody typed a filler."""

SIDE = "record, cluster, n_low, n_high, first, last, datasets, pool, lone"
"""The columns of `sides`."""
REGISTERS = "SELECT coalesce(bit_or(bit), 0) FROM datasets WHERE register"
"""The bits of the datasets in which everybody is once."""


def prepare_crowded(zone: duckdb.DuckDBPyConnection) -> None:
    """The table of what the last weighing left out: by key (its names, blanks between), and a row of no key for all."""
    zone.execute(
        "CREATE TABLE IF NOT EXISTS crowded (key TEXT, blocks BIGINT NOT NULL, records BIGINT NOT NULL,"
        " with_nobody BIGINT)"
    )


def crowded(zone: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Of the last weighing, raw; empty where nothing was left out.

    keys: names of the key, its values that more than LARGEST_BLOCK records share, the records found in one dataset
    only that have one. values, records: of all keys, each record once; with_nobody: those in no pair by another key.
    """
    rows = zone.execute("SELECT key, blocks, records, with_nobody FROM crowded").fetchall()
    found = {key: (blocks, records) for key, blocks, records, _ in rows if key is not None}
    in_order = [" ".join(key) for key in BLOCKING]
    keys = [[key, *found[key]] for key in in_order if key in found]
    total = [{"values": row[1], "records": row[2], "with_nobody": row[3]} for row in rows if row[0] is None]
    return {"keys": keys, **total[0]} if total else {}


def gather_candidates(zone: duckdb.DuckDBPyConnection, most_pairs: int) -> int:
    """`candidates` (l, r: records, l < r) among `sides`; how many. Raises TooManyCandidates, before any is made."""
    _gather_sought(zone)
    zone.execute("CREATE OR REPLACE TEMP TABLE crowds (record BIGINT)")
    others = count(zone, "SELECT count(*) FROM sought WHERE NOT lone")
    expected = sum(_find_blocks(zone, place, key, bool(others)) for place, key in enumerate(BLOCKING))
    if expected > most_pairs:
        raise TooManyCandidates(
            f"About {expected:,} pairs of records would have to be weighed; the budget is {most_pairs:,}.",
            where="linkage.most_pairs",
            mend="Raise it in haven.toml if the machine can bear it; else look for fillers in what was delivered.",
        )
    for place, key in enumerate(BLOCKING):
        _fill_blocks(zone, place, key)
    selects = " UNION ALL ".join(_pairs(place, key) for place, key in enumerate(BLOCKING))
    zone.execute(f"CREATE OR REPLACE TEMP TABLE candidates AS SELECT DISTINCT l, r FROM ({selects})")
    _count_crowds(zone)
    for table in ("sought", "crowds", *(f"blocked_{place}" for place in range(len(BLOCKING)))):
        zone.execute(f"DROP TABLE temp.{table}")
    return count(zone, "SELECT count(*) FROM candidates")


def gather_sides(zone: duckdb.DuckDBPyConnection) -> None:
    """`sides`: every record with its cluster and what the guards ask of that.

    All are as the ladder left them, so that whoever comes later is weighed with whom they would have been weighed with
    at once; outside the pool that is a person, or a part of one (`ladder_left`). lone: found in one dataset only.
    pool: looked at in this run; two that are not were weighed when they came.
    """
    number = "CASE WHEN t.contested THEN NULL ELSE e.n END"
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE sides AS SELECT *, bit_count(datasets) = 1 AS lone FROM ("
        " SELECT w.record, w.cluster, w.c_n_low AS n_low, w.c_n_high AS n_high, w.c_first AS first,"
        " w.c_last AS last, w.c_datasets AS datasets, true AS pool FROM work w"
        f" UNION ALL SELECT e.record, min(e.record) OVER part, min({number}) OVER part, max({number}) OVER part,"
        " min(e.gi) OVER part, max(e.gi) OVER part, bit_or(d.bit) OVER part, false"
        " FROM evidence e JOIN links l USING (record) JOIN datasets d USING (dataset)"
        " LEFT JOIN ladder_left t USING (record) ANTI JOIN pool USING (record)"
        " WINDOW part AS (PARTITION BY l.person, t.part))"
    )


def _gather_sought(zone: duckdb.DuckDBPyConnection) -> None:
    """`sought`: the sides that could be in a pair, with their tokens.

    Where all who are lone are in registers, who is in every register already is nobody's missing record.
    """
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE sought AS SELECT s.*, {', '.join(BLOCKED_ON)} FROM (SELECT sides.* FROM sides,"
        f" (SELECT ({REGISTERS}) AS bits, (SELECT count(*) FROM sides WHERE lone AND datasets & ({REGISTERS}) = 0)"
        " AS free) r WHERE r.free > 0 OR datasets & r.bits <> r.bits) s JOIN evidence USING (record)"
    )


def _find_blocks(zone: duckdb.DuckDBPyConnection, place: int, key: Key, others: bool) -> int:
    """`block_<place>`: the key's values that the lone have and that say something; how many pairs they would make.

    From the sizes of the blocks: the lone with all others, and among themselves. others: are there any? Else whose
    values these are need not be asked.
    """
    columns = ", ".join(key)
    theirs = f" SEMI JOIN (SELECT DISTINCT {columns} FROM sought WHERE lone AND {_present(key)}) USING ({columns})"
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE block_{place} AS SELECT {columns}, count(*) AS everybody,"
        f" count(*) FILTER (lone) AS lone FROM sought{theirs if others else ''} WHERE {_present(key)}"
        f" GROUP BY {columns} HAVING bool_or(pool) AND everybody > 1"
    )
    if count(zone, f"SELECT count(*) FROM block_{place} WHERE everybody > {LARGEST_BLOCK}"):
        _leave_crowds(zone, place, key)
    return count(
        zone,
        f"SELECT coalesce(sum(lone * (everybody - lone) + lone * (lone - 1) // 2), 0)::BIGINT FROM block_{place}",
    )


def _leave_crowds(zone: duckdb.DuckDBPyConnection, place: int, key: Key) -> None:
    """`block_<place>` without the blocks that are too large; those are counted, and their lone put into `crowds`."""
    large = f"FROM block_{place} WHERE everybody > {LARGEST_BLOCK}"
    zone.execute(
        f"INSERT INTO crowded SELECT ?, count(*), sum(lone), NULL {large}",
        [" ".join(key)],
    )
    columns = ", ".join(key)
    zone.execute(
        f"INSERT INTO crowds SELECT record FROM sought SEMI JOIN (SELECT {columns} {large}) USING ({columns})"
        " WHERE lone"
    )
    zone.execute(f"DELETE {large}")


def _count_crowds(zone: duckdb.DuckDBPyConnection) -> None:
    """The row of all keys, where any left something out."""
    zone.execute(
        "INSERT INTO crowded SELECT NULL, (SELECT sum(blocks) FROM crowded), count(*), count(*) FILTER (alone)"
        " FROM (SELECT record, record NOT IN (SELECT unnest([l, r]) FROM candidates) AS alone"
        " FROM (SELECT DISTINCT record FROM crowds)) HAVING count(*) > 0"
    )


def _fill_blocks(zone: duckdb.DuckDBPyConnection, place: int, key: Key) -> None:
    """`blocked_<place>`: who is in a block of the key, for `block_<place>`."""
    columns = ", ".join(key)
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE blocked_{place} AS SELECT {SIDE}, {columns}"
        f" FROM sought SEMI JOIN block_{place} USING ({columns})"
    )
    zone.execute(f"DROP TABLE temp.block_{place}")


def _pairs(place: int, key: Key) -> str:
    """The lone of each block with all of it that is not contradicted; two who are lone once."""
    same = " AND ".join(f"a.{name} = b.{name}" for name in key)
    return (
        "SELECT least(a.record, b.record) AS l, greatest(a.record, b.record) AS r"
        f" FROM blocked_{place} a JOIN blocked_{place} b ON {same}"
        " WHERE a.lone AND a.cluster <> b.cluster AND (NOT b.lone OR a.record < b.record) AND (a.pool OR b.pool)"
        f" AND a.datasets & b.datasets & ({REGISTERS}) = 0"
        " AND coalesce(least(a.n_low, b.n_low) = greatest(a.n_high, b.n_high), true)"
        " AND coalesce(least(a.first, b.first) = greatest(a.last, b.last), true)"
    )


def _present(key: Key) -> str:
    return "(" + " AND ".join(f"{name} IS NOT NULL" for name in key) + ")"
