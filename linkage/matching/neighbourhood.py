"""Who must be looked at again? New records, and everybody whom any step of the ladder could compare with them.

What the ladder makes of a record depends on the records that share a key with it, on those that share one with them,
and so on; on nothing else. Linking that neighbourhood anew therefore gives the people that linking everything at once
would give, however the records came in (tests/generative/linkage/test_one_after_another.py holds it to that).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from linkage.matching.decisions import PairDecision
from linkage.matching.ladder import LADDER
from linkage.zones import count

WHOLE_FROM = 0.2
"""A greater share of all records than this to look at, and looking at all of them costs less than finding out which."""

COMPARED = tuple(dict.fromkeys(("n",) if "n" in key else key for step in LADDER for key in step.keys))
"""By what a record can matter to another: the steps' keys; for NHS numbers the number alone, which may be contested."""


def gather_pool(
    zone: duckdb.DuckDBPyConnection, decisions: Sequence[PairDecision] = (), *, everybody: bool = False
) -> int:
    """`pool`(record): the neighbourhood of what is new or `forgotten`; how many. Nothing new: nothing in it.

    New is what has no link, and what people have decided otherwise than it is or while it was doubtful. Where much is
    new everybody is looked at; also when a dataset appears or vanishes: which clusters are settled depends on those.
    """
    new = count(zone, "SELECT count(*) FROM evidence ANTI JOIN links USING (record)")
    if everybody or new > WHOLE_FROM * count(zone, "SELECT count(*) FROM evidence"):
        zone.execute("CREATE OR REPLACE TEMP TABLE pool AS SELECT record FROM evidence")
        return count(zone, "SELECT count(*) FROM pool")
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE frontier AS SELECT * FROM evidence ANTI JOIN links USING (record)"
        " UNION ALL FROM forgotten UNION ALL SELECT e.* FROM evidence e SEMI JOIN"
        " (SELECT unnest([x.record, y.record]) AS record FROM"
        "  (SELECT unnest(?::UUID[]) AS a, unnest(?::UUID[]) AS b, unnest(?::BOOLEAN[]) AS same) d"
        "  JOIN evidence x ON x.subject = d.a JOIN evidence y ON y.subject = d.b JOIN links p ON p.record = x.record"
        "  JOIN links q ON q.record = y.record WHERE (p.person = q.person) <> d.same"
        "  OR [least(d.a, d.b), greatest(d.a, d.b)]"
        "  IN (SELECT [least(subject_a, subject_b), greatest(subject_a, subject_b)] FROM doubtful)) USING (record)",
        [[d.subject_a for d in decisions], [d.subject_b for d in decisions], [d.same for d in decisions]],
    )
    zone.execute("CREATE OR REPLACE TEMP TABLE pool AS SELECT record FROM frontier SEMI JOIN evidence USING (record)")
    while count(zone, "SELECT count(*) FROM frontier"):
        if _is_most(zone):
            zone.execute("CREATE OR REPLACE TEMP TABLE pool AS SELECT record FROM evidence")
            break
        _widen(zone)
    zone.execute("DROP TABLE IF EXISTS temp.frontier; DROP TABLE IF EXISTS temp.met")
    return count(zone, "SELECT count(*) FROM pool")


def _is_most(zone: duckdb.DuckDBPyConnection) -> bool:
    pool, everybody = count(zone, "SELECT count(*) FROM pool"), count(zone, "SELECT count(*) FROM evidence")
    other_datasets = count(
        zone,
        "SELECT count(*) FROM (SELECT DISTINCT dataset FROM evidence) now FULL JOIN (SELECT DISTINCT dataset FROM"
        " (FROM evidence UNION ALL FROM forgotten) SEMI JOIN links USING (record)) before USING (dataset)"
        " WHERE now.dataset IS NULL OR before.dataset IS NULL",
    )
    return bool(other_datasets) or pool > WHOLE_FROM * everybody


def _widen(zone: duckdb.DuckDBPyConnection) -> None:
    """Put into the pool who shares a key or a person with its frontier; they are the next frontier."""
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE met AS SELECT record FROM links WHERE person IN"
        " (SELECT person FROM links SEMI JOIN frontier USING (record))"
    )
    for key in COMPARED:
        value = f"hash({', '.join(key)})"
        present = " AND ".join(f"{name} IS NOT NULL" for name in key)
        zone.execute(
            f"INSERT INTO met SELECT record FROM evidence WHERE {present} AND {value} IN"
            f" (SELECT {value} FROM frontier WHERE {present})"
        )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE frontier AS SELECT * FROM evidence WHERE record IN (SELECT record FROM met)"
        " AND record NOT IN (SELECT record FROM pool)"
    )
    zone.execute("INSERT INTO pool SELECT record FROM frontier")
