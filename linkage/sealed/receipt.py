"""Is this what the agent packs, and nothing else? Tokens and payload read into the work file, every column held to it.

The agent has checked the rows; a file that has one bad value was not written by it, and is refused whole. The row keys
of the delivery are replaced by the haven's own: its sender knows them, and another delivery could name the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import duckdb
import polars as pl
import pyarrow as pa

from audit.progress import Progress
from linkage.contracts.contract import DatasetContract, DeliveredFile
from linkage.intake.manifest import PackedFile, TokenManifest
from linkage.intake.parquet import BoundedParquet
from linkage.intake.reasons import Fault
from linkage.intake.report import FileResult
from linkage.intake.smuggled import PayloadSearch
from linkage.intake.sources import Source
from linkage.intake.staging import BATCH, DUCKDB_TYPES, bound_memory
from linkage.intake.tables import quoted, random_row_keys
from linkage.sealed.composites import TOKENS
from linkage.sealed.filters import FILTER, FILTER_BYTES
from linkage.sealed.values import wrong_column

ROW_KEY = "row_key"
ARROW_TYPES = {
    "text": pa.string(),
    "code": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.float64(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}
TOKEN_COLUMNS = {name: pa.uint64() for name in TOKENS}


class SealedRows:
    """The rows of one delivery in mode B in the work file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: DatasetContract, today: date) -> None:
        self._connection = connection
        self._contract = contract
        self._today = today
        self._filters = False
        bound_memory(connection)

    def read(self, held: Mapping[str, Source], manifest: TokenManifest, progress: Progress) -> list[FileResult]:
        """Read all files, held by name; what each payload file holds. Raises Fault."""
        self._filters = manifest.bloom_agreed is not None
        expected = dict(_expected(self._contract))
        packed = {file.name: file for file in manifest.files}
        if extra := packed.keys() - expected.keys():
            raise Fault("file.not_in_contract", where=min(extra))
        if missing := expected.keys() - packed.keys():
            raise Fault("file.missing", where=min(missing))
        for name, (kind, file) in expected.items():
            progress(f"checking {name}", 0, packed[name].rows)
            self._load(held[name], packed[name], kind, file)
        for file in self._contract.files:
            self._require_keys(file)
        return [
            FileResult(name, file.table, packed[name].rows)
            for name, (kind, file) in expected.items()
            if kind == "payload"
        ]

    def token_rows(self, file: DeliveredFile) -> pa.RecordBatchReader:
        """row_key (fresh) and tokens, in random order."""
        return self._stream(
            f"SELECT k.row_key, {', '.join('t.' + name for name in (*TOKENS, FILTER))} FROM {_table('tokens', file)} t"
            f" JOIN {_table('keys', file)} k USING (_theirs) ORDER BY k.row_key"
        )

    def payload_rows(self, file: DeliveredFile) -> pa.RecordBatchReader:
        """row_key (fresh) and payload."""
        columns = "".join(f", p.{quoted(name)}" for name in file.payload)
        return self._stream(
            f"SELECT k.row_key{columns} FROM {_table('payload', file)} p JOIN {_table('keys', self._parent(file))} k"
            " USING (_theirs)"
        )

    def _load(self, source: Source, packed: PackedFile, kind: str, file: DeliveredFile) -> None:
        """One file into its table, batch by batch. Raises Fault."""
        tokens = kind == "tokens"
        columns = {**TOKEN_COLUMNS} if tokens else {name: ARROW_TYPES[of] for name, of in file.payload.items()}
        types = {name: "UBIGINT" if tokens else DUCKDB_TYPES[file.payload[name]] for name in columns}
        if tokens:
            types[FILTER] = "BLOB"
            columns |= {FILTER: pa.binary()} if self._filters else {}
        spelt = "".join(f", {quoted(name)} {of}" for name, of in types.items())
        self._connection.execute(f"CREATE TABLE {_table(kind, file)} (_theirs UUID{spelt})")
        schema = pa.schema([(ROW_KEY, pa.string()), *columns.items()])
        rows, search = 0, PayloadSearch(file)
        try:
            for batch in _batches(source, schema, packed, "tokens.columns" if tokens else "payload.columns"):
                rows += batch.num_rows
                if FILTER in columns and not set(map(len, batch[FILTER].drop_null().to_pylist())) <= {FILTER_BYTES}:
                    raise Fault("tokens.columns")
                wrong = None if tokens else _wrong(pl.DataFrame(pa.table(batch)), file, self._today, search)
                if wrong:
                    raise Fault("payload.value", f"The column '{wrong}' holds what its contract does not allow.")
                self._insert(_table(kind, file), batch)
            if rows != packed.rows:
                raise Fault("file.row_count")
        except Fault as fault:
            fault.where = packed.name
            raise

    def _insert(self, table: str, batch: pa.RecordBatch) -> None:
        names = ", ".join(quoted(name) for name in batch.schema.names[1:])
        columns = f", {names}" if names else ""
        self._connection.register("batch", pa.table(batch))
        try:
            self._connection.execute(
                f"INSERT INTO {table} (_theirs{columns}) SELECT {ROW_KEY}::UUID{columns} FROM batch"
            )
        except duckdb.ConversionException:
            raise Fault("tokens.row_keys") from None
        finally:
            self._connection.unregister("batch")

    def _require_keys(self, file: DeliveredFile) -> None:
        """A row of tokens for each row of payload and the other way round; a child's key is a parent's. Raises Fault.

        Leaves `keys_<table>`: _theirs, and the haven's own fresh row_key.
        """
        if file.joins:
            tokens = _table("tokens", self._parent(file))
            self._refuse_any(f"FROM {_table('payload', file)} ANTI JOIN {tokens} USING (_theirs)")
            return
        tokens, payload = _table("tokens", file), _table("payload", file)
        for table in (tokens, payload):
            self._refuse_any(f"FROM {table} GROUP BY _theirs HAVING count(*) > 1 OR _theirs IS NULL")
        self._refuse_any(f"FROM {tokens} FULL JOIN {payload} p USING (_theirs) WHERE p._theirs IS NULL")
        self._refuse_any(f"FROM {payload} ANTI JOIN {tokens} USING (_theirs)")
        rows = self._connection.execute(f"SELECT count(*) FROM {tokens}").fetchall()[0][0]
        self._connection.register("fresh", pa.table({ROW_KEY: random_row_keys(int(rows))}))
        self._connection.execute(
            f"CREATE TABLE {_table('keys', file)} AS SELECT _theirs, row_key FROM"
            f" (SELECT _theirs, row_number() OVER () AS place FROM {tokens})"
            " JOIN (SELECT row_key, row_number() OVER () AS place FROM fresh) USING (place)"
        )
        self._connection.unregister("fresh")

    def _refuse_any(self, source: str) -> None:
        if self._connection.execute(f"SELECT 1 {source} LIMIT 1").fetchall():
            raise Fault("tokens.row_keys")

    def _parent(self, file: DeliveredFile) -> DeliveredFile:
        return (self._contract.table(file.joins.to) if file.joins else None) or file

    def _stream(self, query: str) -> pa.RecordBatchReader:
        return self._connection.sql(query).to_arrow_reader(BATCH)


def _expected(contract: DatasetContract) -> Iterator[tuple[str, tuple[str, DeliveredFile]]]:
    for file in contract.files:
        if not file.joins:
            yield f"tokens-{file.table}.parquet", ("tokens", file)
        yield f"payload-{file.table}.parquet", ("payload", file)


def _batches(source: Source, schema: pa.Schema, packed: PackedFile, code: str) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file that has exactly these columns in their types. Raises Fault."""
    with source.open() as opened:
        parquet = BoundedParquet(opened, packed.bytes)
        if not parquet.schema.equals(schema):
            raise Fault(code)
        if parquet.rows != packed.rows:
            raise Fault("file.row_count")
        yield from parquet.batches()


def _wrong(rows: pl.DataFrame, file: DeliveredFile, today: date, search: PayloadSearch) -> str | None:
    """A column that the agent would not have let through. Raises Fault for one that is full of identifiers."""
    return wrong_column(rows, file, today) or next(iter(search.reasons(rows, None)), None)


def _table(kind: str, file: DeliveredFile) -> str:
    return quoted(f"{kind}_{file.table}")
