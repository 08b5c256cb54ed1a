"""Who is one person? The ladder run over clusters of records, as named SQL in the linkage zone.

A cluster is what is known to be one person so far. On each step clusters that agree on the step's key are joined,
unless a guard says no: then they stay as they are, and the reason is kept. A guard is asked of the key's group, and
again of everything that the step would join in one go. Who was whom before plays no part: see neighbourhood and spine.

Lazily: a cluster with a record in every dataset (where there are several) is settled. After the first step only what is
open, and what lies near it, is looked at: a step costs what is open and not what there is (ladder.STRETCHES).
"""

from __future__ import annotations

import duckdb

from audit.progress import Progress, silent
from linkage.matching.ladder import FIELDS, STRETCHES, Key, LadderStep, Stretch
from linkage.zones import count

LARGEST_GROUP = 200
"""More records than this under one key, and the key says nothing: somebody typed a filler."""
REBUILT_FROM = 50_000
"""More clusters joined at once than this, and the table is written anew: DuckDB updates few rows fast, many slowly."""
SEVERAL = "several_candidates"
CONTRADICTION = "nhs_number_contradicts"

TRAITS = (
    "min(c_n_low) AS n_low, max(c_n_high) AS n_high,"
    " min(c_first) AS first, max(c_last) AS last, bit_or(c_datasets) AS datasets"
)
"""What the guards ask of clusters taken together: NHS numbers, initials, datasets."""
CONTRADICTS = "coalesce(n_low <> n_high, false)"
GOOD = f"NOT {CONTRADICTS}"
ALIKE = " AND coalesce(first = last, true)"
NEW = {
    "cluster": "l.label",
    "c_n_low": "l.n_low",
    "c_n_high": "l.n_high",
    "c_first": "l.first",
    "c_last": "l.last",
    "c_datasets": "l.datasets",
}
"""What a record knows of its cluster, and where `labels` has it after a join."""
OPEN = "c_datasets <> getvariable('every_dataset')"


def join_records(
    zone: duckdb.DuckDBPyConnection, progress: Progress = silent, *, stretches: tuple[Stretch, ...] = STRETCHES
) -> None:
    """Run the ladder over `pool`. Leaves the temporary tables `work` (record, tokens, cluster, step) and `doubts`."""
    _begin(zone)
    keys = sum(len(step.keys) for stretch in stretches for step in stretch.steps)
    done = 0
    for stretch in stretches:
        _look_at(zone, stretch.near)
        for step in stretch.steps:
            for key in step.keys:
                progress(f"step {step.number}: {step.label}", done, keys)
                _join_on(zone, step, key)
                done += 1
        _look_up(zone, stretch.near)
    progress("ladder", keys, keys)


def _begin(zone: duckdb.DuckDBPyConnection) -> None:
    """Every record of `pool` in a cluster of its own."""
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE datasets AS SELECT dataset, 1::HUGEINT << (row_number() OVER () - 1) AS bit"
        " FROM (SELECT DISTINCT dataset FROM evidence)"
    )
    zone.execute(
        "SET VARIABLE every_dataset = (SELECT CASE WHEN count(*) > 1 THEN bit_or(bit) ELSE 0 END FROM datasets)"
    )
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE work AS SELECT e.record, {', '.join('e.' + name for name in FIELDS)},"
        " e.record AS cluster, NULL::UTINYINT AS step, e.n AS c_n_low, e.n AS c_n_high, e.gi AS c_first,"
        " e.gi AS c_last, d.bit AS c_datasets, NULL::BIGINT AS was, NULL::UTINYINT AS touched,"
        " NULL::DOUBLE AS score, NULL::TEXT AS field_scores"
        " FROM evidence e SEMI JOIN pool USING (record) JOIN datasets d USING (dataset)"
    )
    zone.execute("CREATE OR REPLACE TEMP TABLE doubts (record BIGINT, flag TEXT)")


def _look_at(zone: duckdb.DuckDBPyConnection, near: tuple[Key, ...]) -> None:
    """`seen`: the records of a stretch: the open ones, and those that agree with one of them on a key of `near`."""
    if not near:
        zone.execute("ALTER TABLE work RENAME TO seen")
        return
    close = [OPEN]
    for place, key in enumerate(near):
        zone.execute(
            f"CREATE OR REPLACE TEMP TABLE near_{place} AS SELECT DISTINCT {_value(key)} AS k FROM work"
            f" WHERE {OPEN} AND {_present(key)}"
        )
        close.append(f"{_present(key)} AND {_value(key)} IN (SELECT k FROM near_{place})")
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE seen AS SELECT * REPLACE (cluster AS was, NULL::UTINYINT AS touched) FROM work"
        f" WHERE {' OR '.join(close)}"
    )


def _look_up(zone: duckdb.DuckDBPyConnection, near: tuple[Key, ...]) -> None:
    """What the stretch joined goes into `work`, also for the records of a joined cluster that were not looked at."""
    if not near:
        zone.execute("ALTER TABLE seen RENAME TO work")
        return
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE labels AS SELECT was AS cluster, any_value(cluster) AS label,"
        " any_value(c_n_low) AS n_low, any_value(c_n_high) AS n_high,"
        " any_value(c_first) AS first,"
        " any_value(c_last) AS last, any_value(c_datasets) AS datasets, min(touched) AS touched"
        " FROM seen WHERE touched IS NOT NULL GROUP BY was"
    )
    _apply(zone, "work", "l.touched")


def _join_on(zone: duckdb.DuckDBPyConnection, step: LadderStep, key: Key) -> None:
    """One key of one step: groups, guards, connected clusters, guards again, join."""
    guard = GOOD + (ALIKE if step.same_initial else "")
    _find_groups(zone, key, guard)
    if not count(zone, "SELECT count(*) FROM groups"):
        return
    _doubt(zone, f"SELECT cluster, {CONTRADICTS} AS contradiction FROM members JOIN groups USING (k) WHERE NOT good")
    if count(zone, "SELECT count(*) - count(DISTINCT cluster) FROM members JOIN groups USING (k) WHERE good"):
        _label_chains(zone, guard)
    else:
        zone.execute("CREATE OR REPLACE TEMP TABLE labels AS SELECT * FROM members JOIN groups USING (k) WHERE good")
    _apply(zone, "seen", str(step.number))


def _find_groups(zone: duckdb.DuckDBPyConnection, key: Key, guard: str) -> None:
    """`groups`: each value k of the key that several clusters share, one of them open, with its verdict; `members`."""
    keyed = f"SELECT {_value(key)} AS k, * FROM seen WHERE {_present(key)}"
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE shared AS SELECT k FROM"
        f" (SELECT {_value(key)} AS k, cluster, c_datasets FROM seen WHERE {_present(key)})"
        f" GROUP BY k HAVING min(cluster) <> max(cluster) AND bool_or({OPEN})"
    )
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE groups AS SELECT *, {guard} AND records <= {LARGEST_GROUP} AS good FROM"
        f" (SELECT k, min(cluster) AS label, count(*) AS records, {TRAITS} FROM ({keyed})"
        " WHERE k IN (SELECT k FROM shared) GROUP BY k)"
    )
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE members AS SELECT DISTINCT k, cluster FROM ({keyed})"
        " WHERE k IN (SELECT k FROM shared)"
    )


def _label_chains(zone: duckdb.DuckDBPyConnection, guard: str) -> None:
    """`labels`: each cluster with the smallest one that a chain of good groups connects it to, where the guards agree.

    A chain joins more than any of its groups shows, so the guards are asked again of all that it connects.
    """
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE edges AS SELECT k, cluster FROM members JOIN groups USING (k) WHERE good"
    )
    zone.execute("CREATE OR REPLACE TEMP TABLE reached AS SELECT DISTINCT cluster AS c, cluster AS label FROM edges")
    while True:
        zone.execute(
            "CREATE OR REPLACE TEMP TABLE nearer AS SELECT e.cluster AS c, min(g.label) AS label FROM edges e JOIN"
            " (SELECT e.k, min(r.label) AS label FROM edges e JOIN reached r ON e.cluster = r.c GROUP BY e.k) g"
            " USING (k) GROUP BY e.cluster"
        )
        changed = count(zone, "SELECT count(*) FROM nearer n JOIN reached r USING (c) WHERE n.label < r.label")
        zone.execute("CREATE OR REPLACE TEMP TABLE reached AS FROM nearer")
        if not changed:
            break
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE chains AS SELECT *, {guard} AS good FROM"
        f" ({_labels('seen JOIN reached r ON cluster = r.c', 'r.label')})"
    )
    _doubt(
        zone,
        f"SELECT c AS cluster, {CONTRADICTS} AS contradiction FROM reached JOIN chains USING (label) WHERE NOT good",
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE labels AS SELECT r.c AS cluster, * FROM reached r JOIN chains USING (label)"
        " WHERE good"
    )


def _apply(zone: duckdb.DuckDBPyConnection, table: str, step: str) -> None:
    """Write the clusters of `labels` into the table; the step that first joined a record stays its step."""
    new = {**NEW, "step": f"coalesce({table}.step, {step})", "touched": f"coalesce({table}.touched, {step})"}
    if count(zone, "SELECT count(*) FROM labels") < REBUILT_FROM:
        changes = ", ".join(f"{name} = {value}" for name, value in new.items())
        zone.execute(f"UPDATE {table} SET {changes} FROM labels l WHERE {table}.cluster = l.cluster")
        return
    changes = ", ".join(
        f"CASE WHEN l.cluster IS NULL THEN {table}.{name} ELSE {value} END AS {name}" for name, value in new.items()
    )
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {table}.* REPLACE ({changes})"
        f" FROM {table} LEFT JOIN labels l ON {table}.cluster = l.cluster"
    )


def _labels(source: str, label: str) -> str:
    return f"SELECT {label} AS label, any_value(cluster) AS cluster, {TRAITS} FROM {source} GROUP BY {label}"


def _value(key: Key) -> str:
    return f"hash({', '.join(key)})"


def _present(key: Key) -> str:
    return "(" + " AND ".join(f"{name} IS NOT NULL" for name in key) + ")"


def _doubt(zone: duckdb.DuckDBPyConnection, clusters: str) -> None:
    """Keep why these clusters (cluster, contradiction) were left apart, for each of their records."""
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE doubts AS FROM doubts UNION SELECT w.record,"
        f" CASE WHEN c.contradiction AND w.n IS NOT NULL THEN '{CONTRADICTION}' ELSE '{SEVERAL}' END AS flag"
        f" FROM seen w JOIN ({clusters}) c USING (cluster)"
    )


def drop_work(zone: duckdb.DuckDBPyConnection) -> None:
    """Remove the temporary tables."""
    names = (
        "work",
        "seen",
        "doubts",
        "shared",
        "groups",
        "members",
        "edges",
        "reached",
        "nearer",
        "chains",
        "labels",
    )
    places = max(len(stretch.near) for stretch in STRETCHES)
    for name in (*names, *(f"near_{place}" for place in range(places))):
        zone.execute(f"DROP TABLE IF EXISTS temp.{name}")
