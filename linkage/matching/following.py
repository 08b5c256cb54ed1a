"""What becomes of payload when a run makes a record somebody else? It follows its subject, in the research zone.

A subject is the random name of one record (one way in which one dataset records one person). Which runs have been
carried over is kept beside the payload, so that a run that was killed between the zones is carried over by the next.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from linkage.intake.tables import quoted


def applied_runs(zone: duckdb.DuckDBPyConnection) -> list[str]:
    """The runs whose outcome the payload shows."""
    if not _is_there(zone, "applied_runs"):
        return []
    return [str(run) for (run,) in zone.execute("SELECT run::TEXT FROM applied_runs ORDER BY 1").fetchall()]


def follow_subjects(zone: duckdb.DuckDBPyConnection, tables: list[str], subjects: pa.Table, changes: pa.Table) -> None:
    """Carry new runs over. subjects: subject, person, linked, run; changes: was, now, kind, as_at, run."""
    zone.execute("CREATE TABLE IF NOT EXISTS applied_runs (run UUID PRIMARY KEY)")
    zone.execute(
        "CREATE TABLE IF NOT EXISTS person_changes"
        " (was UUID NOT NULL, now UUID NOT NULL, kind TEXT NOT NULL, as_at TIMESTAMP NOT NULL)"
    )
    zone.register("subjects", subjects)
    zone.register("changes", changes)
    for table in tables:
        if _is_there(zone, table):
            zone.execute(
                f"UPDATE {quoted(table)} AS t SET person = s.person, linked = s.linked FROM subjects s"
                " WHERE t.subject = s.subject AND (t.person <> s.person OR t.linked <> s.linked)"
            )
    zone.execute("INSERT INTO person_changes SELECT was, now, kind, as_at FROM changes")
    zone.execute("INSERT INTO applied_runs SELECT run FROM subjects UNION SELECT run FROM changes")
    zone.unregister("subjects")
    zone.unregister("changes")


def _is_there(zone: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = zone.execute("SELECT 1 FROM duckdb_tables() WHERE database_name = 'zone' AND table_name = ?", [table])
    return bool(found.fetchall())
