"""Which pairs are weighed at all? Those that agree on a blocking key, one of them found in one dataset only.

Keys are tokens that the linkage zone has, so that no identifier is read before it is known to be needed. The pairs of
each key are counted from the sizes of its blocks before any pair is made; above the budget nothing is compared.
"""

from __future__ import annotations

import duckdb

from linkage.matching.ladder import FIELDS, Key
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
LARGEST_BLOCK = 200
"""More records than this under one key, and the key says nothing: somebody typed a filler."""


def gather_candidates(zone: duckdb.DuckDBPyConnection, most_pairs: int) -> int:
    """`candidates` (l, r: records, l < r) among `sides`; how many. Raises TooManyCandidates, before any is made."""
    expected = sum(_expected(zone, key) for key in BLOCKING)
    if expected > most_pairs:
        raise TooManyCandidates(
            f"About {expected:,} pairs of records would have to be weighed; the budget is {most_pairs:,}.",
            where="linkage.most_pairs",
            mend="Raise it in haven.toml if the machine can bear it; else look for fillers in what was delivered.",
        )
    selects = " UNION ALL ".join(_pairs(key) for key in BLOCKING)
    zone.execute(f"CREATE OR REPLACE TEMP TABLE candidates AS SELECT DISTINCT l, r FROM ({selects})")
    return count(zone, "SELECT count(*) FROM candidates")


def gather_sides(zone: duckdb.DuckDBPyConnection) -> None:
    """`sides`: every record with its cluster and what the guards ask of that.

    The pool is as the ladder left it; all others are in the clusters that their persons are. lone: found in one dataset
    only. pool: looked at in this run; two that are not were weighed when they came.
    """
    fields = ", ".join(FIELDS)
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE sides AS SELECT record, subject, {fields}, cluster, n_low, n_high, first, last,"
        " datasets, pool, bit_count(datasets) = 1 AS lone FROM ("
        f" SELECT w.record, e.subject, {', '.join('w.' + name for name in FIELDS)}, w.cluster, w.c_n_low AS n_low,"
        " w.c_n_high AS n_high, w.c_first AS first, w.c_last AS last, w.c_datasets AS datasets, true AS pool"
        " FROM work w JOIN evidence e USING (record)"
        f" UNION ALL SELECT e.record, e.subject, {', '.join('e.' + name for name in FIELDS)},"
        " min(e.record) OVER person, min(e.n) OVER person, max(e.n) OVER person, min(e.gi) OVER person,"
        " max(e.gi) OVER person, bit_or(d.bit) OVER person, false FROM evidence e JOIN links l USING (record)"
        " JOIN datasets d USING (dataset) ANTI JOIN pool USING (record) WINDOW person AS (PARTITION BY l.person))"
    )


def _expected(zone: duckdb.DuckDBPyConnection, key: Key) -> int:
    """Pairs of the key, from the sizes of its blocks: the lone with all others, and among themselves."""
    return count(
        zone,
        "SELECT coalesce(sum(lone * (everybody - lone) + lone * (lone - 1) // 2), 0)::BIGINT FROM"
        " (SELECT count(*) AS everybody, count(*) FILTER (lone) AS lone FROM sides"
        f" WHERE {_present(key)} GROUP BY hash({', '.join(key)})"
        f" HAVING bool_or(pool) AND everybody <= {LARGEST_BLOCK})",
    )


def _pairs(key: Key) -> str:
    side = (
        f"SELECT hash({', '.join(key)}) AS k, record, cluster, n_low, n_high, first, last, pool, lone FROM sides"
        f" WHERE {_present(key)}"
        f" WINDOW block AS (PARTITION BY hash({', '.join(key)}))"
        f" QUALIFY count(*) OVER block BETWEEN 2 AND {LARGEST_BLOCK} AND bool_or(pool) OVER block"
        " AND bool_or(lone) OVER block"
    )
    return (
        f"SELECT a.record AS l, b.record AS r FROM ({side}) a JOIN ({side}) b ON a.k = b.k AND a.record < b.record"
        " AND a.cluster <> b.cluster WHERE (a.pool OR b.pool) AND (a.lone OR b.lone)"
        " AND coalesce(least(a.n_low, b.n_low) = greatest(a.n_high, b.n_high), true)"
        " AND coalesce(least(a.first, b.first) = greatest(a.last, b.last), true)"
    )


def _present(key: Key) -> str:
    return "(" + " AND ".join(f"{name} IS NOT NULL" for name in key) + ")"
