"""What does a receipt do within one zone? Identifiers into the one, payload into the other, bad rows aside.

Each function works in one zone and is given rows and names; it knows no record, and of the other zone nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import duckdb
import pyarrow as pa

from linkage.errors import ZoneForbids
from linkage.intake.staging import DUCKDB_TYPES, bound_memory
from linkage.intake.tables import (
    INCOMING,
    create_identity,
    create_incoming,
    deliveries_in,
    incoming_tables,
    quoted,
    remove_deliveries_except,
)
from linkage.sealed.tables import ROWS as SEALED
from linkage.sealed.tables import create_sealed
from linkage.separation.ports import Answer, Named, Plain, Room


def put_identity(room: Room, asked: Plain, tables: Iterator[Named]) -> Answer:
    """Rows of row_key and identifiers. asked: delivery, dataset."""
    with room.open() as linkage, _transaction(linkage):
        bound_memory(linkage)
        create_identity(linkage)
        for _, rows in tables:
            _insert(linkage, "identity", rows, delivery=asked["delivery"], dataset=asked["dataset"])
    return Answer()


def put_tokens(room: Room, asked: Plain, tables: Iterator[Named]) -> Answer:
    """Rows of row_key and composite tokens of mode B. asked: delivery, dataset, round, specification."""
    told = {name: asked[name] for name in ("delivery", "dataset", "round", "specification")}
    with room.open() as linkage, _transaction(linkage):
        bound_memory(linkage)
        create_sealed(linkage)
        for _, rows in tables:
            _insert(linkage, SEALED, rows, **told)
    return Answer()


def put_payload(room: Room, asked: Plain, tables: Iterator[Named]) -> Answer:
    """Rows of row_key and payload, by table. asked: delivery; kinds: each table's payload columns with their kind."""
    with room.open() as research, _transaction(research):
        bound_memory(research)
        for table, rows in tables:
            create_incoming(research, table, {n: DUCKDB_TYPES[kind] for n, kind in asked["kinds"][table].items()})
            _insert(research, INCOMING + table, rows, delivery=asked["delivery"])
    return Answer()


def put_quarantine(room: Room, asked: Plain, tables: Iterator[Named]) -> Answer:
    """Where bad rows are and why; their content only where one account runs all. asked: delivery, dataset.

    A row as it came holds identifiers and payload: where accounts are apart no account may have both.
    """
    with room.open() as quarantine, _transaction(quarantine):
        _create_quarantine(quarantine)
        for _, rows in tables:
            if "content" in rows.schema.names and room.apart:
                raise ZoneForbids("A row as it came holds identifiers and payload; it is not kept.", where="quarantine")
            _insert(quarantine, "quarantine", rows, delivery=asked["delivery"], dataset=asked["dataset"])
    return Answer()


def keep_identity(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Remove the rows of all deliveries but these. asked: deliveries."""
    return _keep_only(room.open, asked["deliveries"], lambda _: ["identity", SEALED])


def keep_payload(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Remove the staged rows of all deliveries but these. asked: deliveries."""
    return _keep_only(
        room.open, asked["deliveries"], lambda zone: [INCOMING + table for table in incoming_tables(zone)]
    )


def keep_quarantine(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Remove the bad rows of all deliveries but these. asked: deliveries."""
    return _keep_only(room.open, asked["deliveries"], lambda _: ["quarantine"])


def quarantined(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """rows: file, row number and reasons of a delivery's bad rows; never their content. asked: delivery."""
    with room.open(read_only=True) as connection:
        if asked["delivery"] not in deliveries_in(connection, "quarantine"):
            return Answer({"rows": []})
        found = connection.execute(
            "SELECT file, row_number, reasons FROM quarantine WHERE delivery = ? ORDER BY file, row_number",
            [asked["delivery"]],
        ).fetchall()
    return Answer({"rows": [{"file": file, "row": row, "reasons": list(reasons)} for file, row, reasons in found]})


def _keep_only(
    zone: Callable[..., AbstractContextManager[duckdb.DuckDBPyConnection]],
    kept: list[str],
    tables: Callable[[duckdb.DuckDBPyConnection], list[str]],
) -> Answer:
    """Remove other deliveries' rows from these tables; the zone is only written where there are any."""
    with zone(read_only=True) as connection:
        debris = [name for name in tables(connection) if deliveries_in(connection, name) - set(kept)]
    if debris:
        with zone() as connection:
            remove_deliveries_except(connection, kept, debris)
    return Answer()


def _create_quarantine(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS quarantine (delivery TEXT NOT NULL, dataset TEXT NOT NULL, file TEXT,"
        " tbl TEXT, row_number BIGINT, reasons TEXT[], content TEXT)"
    )


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.RecordBatchReader, **constants: str) -> None:
    """As one stream: DuckDB holds what is registered until the transaction ends, so batch by batch is all at once."""
    columns = ", ".join(quoted(name) for name in rows.schema.names)
    connection.register("rows", rows)
    connection.execute(
        f"INSERT INTO {quoted(table)} ({', '.join(constants)}, {columns}) SELECT {', '.join('?' for _ in constants)},"
        f" {columns} FROM rows",
        list(constants.values()),
    )
    connection.unregister("rows")
