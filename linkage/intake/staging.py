"""Which rows of the whole delivery are good? Keys are unique and children have parents, decided over all files.

A work file (encrypted under a key that is never kept) holds the checked rows until the delivery is known to be
acceptable; only then do they go to the zones. Row keys are made here, fresh and random.
"""

from __future__ import annotations

import duckdb
import polars as pl
import pyarrow as pa

from linkage.contracts.contract import DatasetContract, DeliveredFile
from linkage.intake.checks import IDENTITY, PAYLOAD, BadRow
from linkage.intake.tables import IDENTIFIERS, quoted, random_row_keys

DUCKDB_TYPES = {
    "text": "TEXT",
    "code": "TEXT",
    "integer": "BIGINT",
    "decimal": "DOUBLE",
    "date": "DATE",
    "boolean": "BOOLEAN",
}
MEMORY = "1GB"
BATCH = 200_000


class Staging:
    """The checked rows of one delivery in the work file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: DatasetContract) -> None:
        self._connection = connection
        self._contract = contract
        bound_memory(connection)
        connection.execute(
            "CREATE TABLE bad (file TEXT, tbl TEXT, row_number BIGINT, reasons TEXT[], key TEXT, content TEXT)"
        )
        for file in contract.files:
            self._create(file)

    def add_good(self, file: DeliveredFile, name: str, rows: pl.DataFrame) -> None:
        """Keep checked rows; each row of a file that stands by itself gets its fresh row key."""
        table = rows.to_arrow()
        keys = pa.nulls(rows.height, pa.uuid()) if file.joins else random_row_keys(rows.height)
        batch = table.append_column("row_key", keys)
        self._connection.register("batch", batch)
        columns = ", ".join(quoted(column) for column in batch.column_names)
        self._connection.execute(f"INSERT INTO {_stage(file)} (file, {columns}) SELECT ?, {columns} FROM batch", [name])
        self._connection.unregister("batch")

    def add_bad(self, file: DeliveredFile, name: str, rows: list[BadRow]) -> None:
        """Keep bad rows for the quarantine."""
        if not rows:
            return
        batch = pa.table(
            {
                "row_number": [row.row for row in rows],
                "reasons": pa.array([list(row.reasons) for row in rows], pa.list_(pa.string())),
                "key": pa.array([row.key for row in rows], pa.string()),
                "content": pa.array([row.content for row in rows], pa.string()),
            }
        )
        self._connection.register("batch", batch)
        self._connection.execute(
            "INSERT INTO bad SELECT ?, ?, row_number, reasons, key, content FROM batch", [name, file.table]
        )
        self._connection.unregister("batch")

    def settle(self) -> None:
        """Over all files: a record's key once, each child with its parent. The others join the bad rows."""
        for file in self._contract.files:
            if file.with_role("row_key"):
                self._set_duplicates_aside(file)
        for file in self._contract.files:
            if file.joins:
                self._set_orphans_aside(file)

    def rows(self) -> dict[str, int]:
        """The good rows, by table."""
        return {file.table: self._count(f"SELECT count(*) FROM {_stage(file)}") for file in self._contract.files}

    def reasons(self) -> dict[tuple[str, str], int]:
        """The bad rows, by file and first reason."""
        found = self._connection.execute(
            "SELECT file, split_part(reasons[1], ':', 1), count(*) FROM bad GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        return {(str(file), str(reason)): int(count) for file, reason, count in found}

    def columns_concerned(self) -> list[tuple[str, str, str, int]]:
        """The bad rows by file, column and reason, each of a row's reasons counted."""
        found = self._connection.execute(
            "SELECT file, split_part(r, ':', 2), split_part(r, ':', 1), count(*)"
            " FROM (SELECT file, unnest(reasons) AS r FROM bad) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        return [(str(file), str(column), str(reason), int(count)) for file, column, reason, count in found]

    def identity_rows(self, file: DeliveredFile) -> pa.RecordBatchReader:
        """row_key and identifiers, in random order: the order of rows must not tie identity to payload."""
        have = set(_identifiers(file))
        columns = [f"{quoted(IDENTITY + n)} AS {n}" if n in have else f"NULL::TEXT AS {n}" for n in IDENTIFIERS]
        return self._stream(f"SELECT row_key, {', '.join(columns)} FROM {_stage(file)} ORDER BY row_key")

    def payload_rows(self, file: DeliveredFile) -> pa.RecordBatchReader:
        """row_key and payload; a child's row key is its parent's, found by the controller's own key."""
        columns = ", ".join(f"c.{quoted(PAYLOAD + name)} AS {quoted(name)}" for name in file.payload)
        columns = f", {columns}" if columns else ""
        parent = self._contract.table(file.joins.to) if file.joins else None
        if parent is None:
            return self._stream(f"SELECT c.row_key{columns} FROM {_stage(file)} c")
        return self._stream(
            f"SELECT p.row_key{columns} FROM {_stage(file)} c JOIN {_stage(parent)} p ON c.join_key = p.key"
        )

    def bad_rows(self, limit: int | None, *, with_content: bool = True) -> pa.RecordBatchReader:
        """The rows for the quarantine: file, row number, reasons, and their content. limit: at most so many."""
        at_most = f" LIMIT {limit}" if limit is not None else ""
        content = ", content" if with_content else ""
        return self._stream(f"SELECT file, tbl, row_number, reasons{content} FROM bad{at_most}")

    def _create(self, file: DeliveredFile) -> None:
        columns = [f"{quoted(IDENTITY + name)} TEXT" for name in _identifiers(file)]
        columns += [f"{quoted(PAYLOAD + name)} {DUCKDB_TYPES[kind]}" for name, kind in file.payload.items()]
        self._connection.execute(
            f"CREATE TABLE {_stage(file)} (file TEXT, row BIGINT, row_key UUID, key TEXT, join_key TEXT,"
            f" content_hash UBIGINT{''.join(', ' + column for column in columns)})"
        )

    def _set_duplicates_aside(self, file: DeliveredFile) -> None:
        """The same row twice: the first stays. One key in rows that differ: none can be trusted, all go."""
        stage = _stage(file)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE duplicated AS SELECT key, count(DISTINCT content_hash) AS contents,"
            f" min((file, row)) AS first FROM {stage} WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1"
        )
        unwanted = f"FROM {stage} s JOIN duplicated d USING (key) WHERE d.contents > 1 OR (s.file, s.row) <> d.first"
        code = "CASE WHEN d.contents > 1 THEN 'key.duplicate:' ELSE 'key.repeated_row:' END"
        key_column = file.with_role("row_key")
        self._move(file, f"SELECT s.file, s.row, [{code} || ?] AS reasons, s.key, to_json(s) AS content {unwanted}",
                   [key_column.name if key_column else ""])  # fmt: skip

    def _set_orphans_aside(self, file: DeliveredFile) -> None:
        parent = self._contract.table(file.joins.to) if file.joins else None
        if parent is None or file.joins is None:
            return
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE quarantined_parents AS"
            " SELECT DISTINCT key FROM bad WHERE tbl = ? AND key IS NOT NULL",
            [parent.table],
        )
        self._move(
            file,
            "SELECT s.file, s.row,"
            " [CASE WHEN q.key IS NULL THEN 'join.no_parent:' ELSE 'join.parent_quarantined:' END || ?] AS reasons,"
            " s.key, to_json(s) AS content"
            f" FROM {_stage(file)} s ANTI JOIN {_stage(parent)} p ON s.join_key = p.key"
            " LEFT JOIN quarantined_parents q ON s.join_key = q.key",
            [file.joins.on],
        )

    def _move(self, file: DeliveredFile, selection: str, values: list[str]) -> None:
        """Move the selected rows of a stage to the bad ones."""
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE moved AS {selection}", values)
        self._connection.execute("INSERT INTO bad SELECT file, ?, row, reasons, key, content FROM moved", [file.table])
        self._connection.execute(
            f"DELETE FROM {_stage(file)} s WHERE EXISTS (SELECT 1 FROM moved m WHERE m.file = s.file AND m.row = s.row)"
        )

    def _stream(self, query: str) -> pa.RecordBatchReader:
        return self._connection.sql(query).to_arrow_reader(BATCH)

    def _count(self, query: str) -> int:
        return int(self._connection.execute(query).fetchall()[0][0])


def bound_memory(connection: duckdb.DuckDBPyConnection) -> None:
    """What does not fit is spilled beside the zone's file: a delivery may be larger than memory."""
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute("SET preserve_insertion_order = false")  # keeping the order of rows would hold them back


def _identifiers(file: DeliveredFile) -> list[str]:
    """What the file's columns identify; its record key is the controller's own id of the record."""
    names: list[str] = [column.identifies for column in file.columns if column.identifies]
    return [*names, "local_id"] if file.with_role("row_key") and not file.joins else names


def _stage(file: DeliveredFile) -> str:
    return quoted(f"stage_{file.table}")
