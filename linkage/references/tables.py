"""Where do reference tables lie? In the linkage zone: superseded NHS numbers are identifiers."""

from __future__ import annotations

from datetime import datetime

import duckdb
import polars as pl
import pyarrow as pa

from linkage.standardise.references import References, no_table, resolve
from linkage.zones import count

REFERENCE_TABLES = ("reference_tables", "reference_rows")


def prepare_references(zone: duckdb.DuckDBPyConnection) -> None:
    """The tables; nothing happens where they are there. Versions go on counting after a table was removed.

    A table waits until it is approved: it has rows then, and is not in force. Of each kind one waits at the most.
    """
    zone.execute(
        "CREATE TABLE IF NOT EXISTS reference_tables (kind TEXT NOT NULL, version INTEGER NOT NULL,"
        " digest TEXT NOT NULL, rows BIGINT NOT NULL, as_at TIMESTAMP NOT NULL, in_force BOOLEAN NOT NULL)"
    )
    zone.execute("ALTER TABLE reference_tables ADD COLUMN IF NOT EXISTS loaded_by TEXT")
    zone.execute("CREATE TABLE IF NOT EXISTS reference_rows (kind TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL)")
    zone.execute("ALTER TABLE reference_rows ADD COLUMN IF NOT EXISTS version INTEGER")
    zone.execute(
        "UPDATE reference_rows r SET version = t.version FROM reference_tables t"
        " WHERE r.version IS NULL AND t.kind = r.kind AND t.in_force"
    )


def put_rows(
    zone: duckdb.DuckDBPyConnection, kind: str, rows: pa.Table, digest: str, at: datetime, by: str | None
) -> int:
    """A table of old, new that waits, in the place of one of its kind that waited; its version."""
    zone.execute("BEGIN")
    version = 1 + count(zone, "SELECT coalesce(max(version), 0) FROM reference_tables WHERE kind = ?", [kind])
    zone.execute(
        "DELETE FROM reference_rows WHERE kind = ? AND version NOT IN"
        " (SELECT version FROM reference_tables WHERE kind = ? AND in_force)",
        [kind, kind],
    )
    zone.execute(
        "INSERT INTO reference_tables (kind, version, digest, rows, as_at, in_force, loaded_by)"
        " VALUES (?, ?, ?, ?, ?, false, ?)",
        [kind, version, digest, rows.num_rows, at, by],
    )
    zone.register("given", rows)
    zone.execute("INSERT INTO reference_rows SELECT ?, old, new, ? FROM given", [kind, version])
    zone.unregister("given")
    zone.execute("COMMIT")
    return version


def bring_into_force(zone: duckdb.DuckDBPyConnection, kind: str, version: int) -> None:
    """From now on this version of its kind counts, and no other is kept."""
    zone.execute("BEGIN")
    zone.execute("UPDATE reference_tables SET in_force = (version = ?) WHERE kind = ?", [version, kind])
    zone.execute("DELETE FROM reference_rows WHERE kind = ? AND version <> ?", [kind, version])
    zone.execute("COMMIT")


def in_force(zone: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str, int]]:
    """kind, version, digest and rows of each table that counts, by kind."""
    if not _is_there(zone):
        return []
    rows = zone.execute("SELECT kind, version, digest, rows FROM reference_tables WHERE in_force ORDER BY kind")
    return [(str(kind), int(version), str(digest), int(many)) for kind, version, digest, many in rows.fetchall()]


def loaded_tables(zone: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """kind, version, digest, rows, in_force, by of each table that counts or waits, by kind and version."""
    if not _is_there(zone):
        return []
    found = zone.execute(
        "SELECT kind, version, digest, rows, in_force, loaded_by FROM reference_tables t WHERE in_force"
        " OR EXISTS (FROM reference_rows r WHERE r.kind = t.kind AND r.version = t.version) ORDER BY kind, version"
    )
    names = ("kind", "version", "digest", "rows", "in_force", "by")
    return [dict(zip(names, one, strict=True)) for one in found.fetchall()]


def references_in(zone: duckdb.DuckDBPyConnection) -> References:
    """What standardisation follows, from the tables in force."""
    if not _is_there(zone):
        return References()
    return References(_resolved(zone, "superseded-nhs-numbers"), _resolved(zone, "postcode-history"))


def _resolved(zone: duckdb.DuckDBPyConnection, kind: str) -> pl.DataFrame:
    rows = zone.sql(
        "SELECT r.old, r.new FROM reference_rows r JOIN reference_tables t USING (kind, version)"
        " WHERE kind = ? AND t.in_force",
        params=[kind],
    ).to_arrow_table()
    return resolve(pl.DataFrame(rows)) if rows.num_rows else no_table()


def _is_there(zone: duckdb.DuckDBPyConnection) -> bool:
    """Since a table can wait, rows say of which version they are; before that nothing is followed until prepared."""
    return bool(
        count(
            zone,
            "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'reference_rows' AND column_name = 'version'",
        )
    )
