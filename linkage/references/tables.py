"""Where do reference tables lie? In the linkage zone: superseded NHS numbers are identifiers."""

from __future__ import annotations

import duckdb
import polars as pl

from linkage.standardise.references import References, no_table, resolve
from linkage.zones import count

REFERENCE_TABLES = ("reference_tables", "reference_rows")


def prepare_references(zone: duckdb.DuckDBPyConnection) -> None:
    """The tables; nothing happens where they are there. Versions go on counting after a table was removed."""
    zone.execute(
        "CREATE TABLE IF NOT EXISTS reference_tables (kind TEXT NOT NULL, version INTEGER NOT NULL,"
        " digest TEXT NOT NULL, rows BIGINT NOT NULL, as_at TIMESTAMP NOT NULL, in_force BOOLEAN NOT NULL)"
    )
    zone.execute("CREATE TABLE IF NOT EXISTS reference_rows (kind TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL)")


def in_force(zone: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str, int]]:
    """kind, version, digest and rows of each table that counts, by kind."""
    if not _is_there(zone):
        return []
    rows = zone.execute("SELECT kind, version, digest, rows FROM reference_tables WHERE in_force ORDER BY kind")
    return [(str(kind), int(version), str(digest), int(many)) for kind, version, digest, many in rows.fetchall()]


def references_in(zone: duckdb.DuckDBPyConnection) -> References:
    """What standardisation follows, from the tables in force."""
    if not _is_there(zone):
        return References()
    return References(_resolved(zone, "superseded-nhs-numbers"), _resolved(zone, "postcode-history"))


def _resolved(zone: duckdb.DuckDBPyConnection, kind: str) -> pl.DataFrame:
    rows = zone.sql("SELECT old, new FROM reference_rows WHERE kind = ?", params=[kind]).to_arrow_table()
    return resolve(pl.DataFrame(rows)) if rows.num_rows else no_table()


def _is_there(zone: duckdb.DuckDBPyConnection) -> bool:
    return bool(count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reference_tables'"))
