"""What lies in the zones after a receipt? `identity` in the linkage zone, `incoming_<table>` in the research zone.

The two are joined only by `row_key`: fresh random, never derived, dropped in both zones after linkage
(design section 1, separation of functions).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

IDENTIFIERS = (
    "nhs_number",
    "surname",
    "forenames",
    "full_name",
    "sex",
    "date_of_birth",
    "postcode",
    "address",
    "local_id",
)
"""What an identifying column can identify; the columns of `identity`, as received (dates as ISO text when read)."""

INCOMING = "incoming_"
UUID_BYTES = 16


def create_identity(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the linkage zone's table of identifiers as received, one row per identifying row."""
    columns = ", ".join(f"{name} TEXT" for name in IDENTIFIERS)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS identity (delivery TEXT NOT NULL, dataset TEXT NOT NULL, row_key UUID, {columns})"
    )


def create_incoming(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    """Make the research zone's staging table; columns: payload name to DuckDB type. Later columns are added."""
    payload = "".join(f", {quoted(name)} {kind}" for name, kind in columns.items())
    name = quoted(INCOMING + table)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} (delivery TEXT NOT NULL, row_key UUID{payload})")
    for column, kind in columns.items():
        connection.execute(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {quoted(column)} {kind}")


def incoming_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The research zone's staging tables, without their prefix."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'zone' AND starts_with(table_name, ?) ORDER BY 1",
        [INCOMING],
    ).fetchall()
    return [str(name).removeprefix(INCOMING) for (name,) in rows]


def remove_deliveries_except(connection: duckdb.DuckDBPyConnection, kept: Iterable[str], tables: Iterable[str]) -> None:
    """Remove from these tables the rows of every delivery that is not kept: debris of a crash, or superseded."""
    for table in tables:
        connection.execute(f"DELETE FROM {quoted(table)} WHERE NOT list_contains(?, delivery)", [list(kept)])


def deliveries_in(connection: duckdb.DuckDBPyConnection, table: str, condition: str = "true") -> set[str]:
    """The deliveries that a table of the zone holds rows of, where the condition is met; none if there is no table."""
    known = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'zone' AND table_name = ?", [table]
    ).fetchall()
    if not known:
        return set()
    found = connection.execute(f"SELECT DISTINCT delivery FROM {quoted(table)} WHERE {condition}").fetchall()
    return {str(delivery) for (delivery,) in found}


def random_row_keys(count: int) -> pa.Array[Any]:
    """`count` fresh random row keys (UUID version 4) as text-free Arrow values that DuckDB reads as UUID."""
    raw = np.frombuffer(os.urandom(count * UUID_BYTES), dtype=np.uint8).reshape(count, UUID_BYTES).copy()
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    storage = pa.Array.from_buffers(pa.binary(UUID_BYTES), count, [None, pa.py_buffer(raw.tobytes())])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def quoted(name: str) -> str:
    """An SQL identifier. Names come from contracts, which allow lower-case words only; quoted all the same."""
    return '"' + name.replace('"', '""') + '"'
