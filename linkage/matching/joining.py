"""Who is one person? The ladder run over clusters of records, as named SQL in the linkage zone.

A cluster is what is known to be one person so far; persons of the spine are clusters that never join each other. On
each step clusters that agree on the step's key are joined, unless a guard says no: then they stay as they are, and the
reason is kept. A guard is asked of the key's group, and again of everything that the step would join in one go.
"""

from __future__ import annotations

import duckdb

from audit.progress import Progress, silent
from linkage.matching.ladder import FIELDS, LADDER, LadderStep
from linkage.zones import count

LARGEST_GROUP = 200
"""More clusters than this under one key, and the key says nothing: somebody typed a filler."""
SEVERAL = "several_candidates"
CONTRADICTION = "nhs_number_contradicts"

STRONG = "count(DISTINCT t.n) <= 1 AND count(*) FILTER (t.held) <= 1"
ALIKE = " AND coalesce(min(t.first_initial) = max(t.last_initial), true)"


def join_records(zone: duckdb.DuckDBPyConnection, progress: Progress = silent) -> None:
    """Run the ladder. Leaves the temporary tables `work` (record, tokens, cluster, held, step) and `doubts`."""
    _begin(zone)
    keys = [(step, key) for step in LADDER for key in step.keys]
    for done, (step, key) in enumerate(keys):
        progress(f"step {step.number}: {step.label}", done, len(keys))
        _join_on(zone, step, key)
    progress("ladder", len(keys), len(keys))


def _begin(zone: duckdb.DuckDBPyConnection) -> None:
    """Every record known, new ones each in a cluster of its own, others in their person's (a negative number)."""
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE persons AS SELECT person, -row_number() OVER (ORDER BY person) AS cluster"
        " FROM (SELECT DISTINCT person FROM links)"
    )
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE work AS SELECT e.record, {', '.join('e.' + name for name in FIELDS)},"
        " coalesce(p.cluster, e.record) AS cluster, p.cluster IS NOT NULL AS held, NULL::UTINYINT AS step"
        " FROM evidence e LEFT JOIN links l USING (record) LEFT JOIN persons p USING (person)"
    )
    zone.execute("CREATE OR REPLACE TEMP TABLE doubts (record BIGINT, flag TEXT)")


def _join_on(zone: duckdb.DuckDBPyConnection, step: LadderStep, key: tuple[str, ...]) -> None:
    """One key of one step: groups, guards, connected clusters, guards again, join."""
    _find_groups(zone, key)
    if not count(zone, "SELECT count(*) FROM members"):
        return
    guard = STRONG + (ALIKE if step.same_initial else "")
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE verdicts AS SELECT m.k,"
        f" {guard} AND count(*) <= {LARGEST_GROUP} AS good, count(DISTINCT t.n) > 1 AS contradiction"
        " FROM members m JOIN traits t USING (cluster) GROUP BY m.k"
    )
    _doubt(zone, "SELECT m.cluster, v.contradiction FROM members m JOIN verdicts v USING (k) WHERE NOT v.good")
    zone.execute("DELETE FROM members WHERE k IN (SELECT k FROM verdicts WHERE NOT good)")
    _connect(zone)
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE refused AS SELECT l.label, count(DISTINCT t.n) > 1 AS contradiction"
        f" FROM labels l JOIN traits t USING (cluster) GROUP BY l.label HAVING NOT ({guard})"
    )
    _doubt(zone, "SELECT l.cluster, r.contradiction FROM labels l JOIN refused r USING (label)")
    zone.execute("DELETE FROM labels WHERE label IN (SELECT label FROM refused)")
    zone.execute(
        "UPDATE work SET step = coalesce(step, ?), cluster = l.label FROM labels l WHERE work.cluster = l.cluster",
        [step.number],
    )


def _find_groups(zone: duckdb.DuckDBPyConnection, key: tuple[str, ...]) -> None:
    """`members`: clusters that share a value of the key; `traits`: what the guards ask of each cluster."""
    present = " AND ".join(f"{name} IS NOT NULL" for name in key)
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE keyed AS SELECT DISTINCT hash({', '.join(key)}) AS k, cluster"
        f" FROM work WHERE {present}"
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE members AS SELECT k, cluster FROM keyed"
        " WHERE k IN (SELECT k FROM keyed GROUP BY k HAVING count(*) > 1)"
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE traits AS SELECT cluster, max(n) AS n, bool_or(held) AS held,"
        " min(gi) AS first_initial, max(gi) AS last_initial FROM work"
        " WHERE cluster IN (SELECT cluster FROM members) GROUP BY cluster"
    )


def _connect(zone: duckdb.DuckDBPyConnection) -> None:
    """`labels`: each cluster with the smallest cluster that a chain of groups connects it to."""
    zone.execute("CREATE OR REPLACE TEMP TABLE labels AS SELECT DISTINCT cluster, cluster AS label FROM members")
    while True:
        zone.execute(
            "CREATE OR REPLACE TEMP TABLE nearer AS SELECT m.cluster, min(g.label) AS label FROM members m JOIN"
            " (SELECT m.k, min(l.label) AS label FROM members m JOIN labels l USING (cluster) GROUP BY m.k) g"
            " USING (k) GROUP BY m.cluster"
        )
        changed = count(zone, "SELECT count(*) FROM nearer n JOIN labels l USING (cluster) WHERE n.label < l.label")
        zone.execute("CREATE OR REPLACE TEMP TABLE labels AS FROM nearer")
        if not changed:
            return


def _doubt(zone: duckdb.DuckDBPyConnection, clusters: str) -> None:
    """Keep why these clusters (cluster, contradiction) were left apart, for their new records."""
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE doubts AS FROM doubts UNION SELECT w.record,"
        f" CASE WHEN c.contradiction AND w.n IS NOT NULL THEN '{CONTRADICTION}' ELSE '{SEVERAL}' END AS flag"
        f" FROM work w JOIN ({clusters}) c USING (cluster) WHERE NOT w.held"
    )


def drop_work(zone: duckdb.DuckDBPyConnection) -> None:
    """Remove the temporary tables."""
    for name in ("persons", "work", "doubts", "keyed", "members", "traits", "verdicts", "labels", "nearer", "refused"):
        zone.execute(f"DROP TABLE IF EXISTS temp.{name}")
