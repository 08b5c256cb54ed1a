"""The ladder in pieces: each named SELECT is divided (pieces), and worker processes make a few pieces at a time.

Between one machine's memory and a cluster: no process ever holds more than a piece's rows, so memory is bounded by the
size of a piece and the number of workers, however many records there are. Tables are encrypted Parquet files in a
folder of the run, under a key that is made for it and goes with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb

from linkage.matching.engines.piece_workers import Workers, quoted
from linkage.matching.engines.pieces import PIECE, in_pieces, tables_of
from linkage.matching.engines.port import changed

ROWS_A_PIECE = 5_000_000
KEY_NAME = "run"
ENCRYPTED = f"FORMAT parquet, ENCRYPTION_CONFIG {{footer_key: '{KEY_NAME}'}}"
Make = Callable[[], int]
RunPieces = Callable[[Mapping[str, Make]], list[int]]
"""Makes pieces, each under an opaque name; how many rows each has, in the same order. Raises what a piece raises."""


@dataclass(frozen=True)
class PieceSettings:
    """How much at a time. threads, memory: of each worker; cipher: OpenSSL for DuckDB, as the zones have it.

    folder: where a run's tables lie. run: who makes pieces (a flow makes each a task); None: threads of this process,
    one for each worker.
    """

    folder: Path
    workers: int = 2
    threads: int = 1
    rows_a_piece: int = ROWS_A_PIECE
    memory: str | None = None
    cipher: Path | None = None
    run: RunPieces | None = None


@dataclass
class _Table:
    files: list[Path] = field(default_factory=list)
    rows: int = 0


class PieceTables:
    """The engine behind the ladder's port."""

    def __init__(self, settings: PieceSettings, folder: Path, workers: Workers) -> None:
        self._settings = settings
        self._folder = folder
        self._workers = workers
        self._tables: dict[str, _Table] = {}

    def take(self, zone: duckdb.DuckDBPyConnection, name: str, select: str, rows: int) -> None:
        """A table of the zone, in as many files as so many rows are to have pieces."""
        table = self._tables[name] = _Table(rows=rows)
        parts = self._sizes(name)
        for part in range(parts):
            mine = select if parts == 1 else f"{select} WHERE hash(record) % {parts} = {part}"
            table.files.append(self._folder / f"{uuid.uuid4().hex}.parquet")
            zone.execute(f"COPY ({mine}) TO '{quoted(table.files[-1])}' ({ENCRYPTED})").fetchall()

    def give(self, zone: duckdb.DuckDBPyConnection, name: str) -> None:
        """A table as a temporary one of the zone."""
        files = ", ".join(f"'{quoted(file)}'" for file in self._tables[name].files)
        zone.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS"
            f" FROM read_parquet([{files}], encryption_config = {{footer_key: '{KEY_NAME}'}})"
        ).fetchall()

    def keep(self, name: str, select: str) -> None:
        """A file for each piece; the files of the table that it replaces go."""
        files, makes = [], {}
        for piece, whole, part in in_pieces(select, self._sizes, self._parts):
            read = {one: self._tables[one].files for one in tables_of(piece) if one != PIECE}
            if whole is not None:
                read[PIECE] = self._tables[whole].files[part :: self._parts(whole)]
            files.append(self._folder / f"{uuid.uuid4().hex}.parquet")
            makes[files[-1].stem] = partial(self._make, piece, read, files[-1])
        rows = (self._settings.run or self._in_threads)(makes)
        self.drop(name)
        self._tables[name] = _Table(files, sum(rows))

    def numbers(self, select: str) -> tuple[int, ...]:
        """The row, from one worker."""
        return tuple(self._workers.make(select, {one: self._tables[one].files for one in tables_of(select)}, None))

    def change(self, table: str, columns: Sequence[str], changes: Mapping[str, str]) -> None:
        """Written anew, part by part."""
        self.keep(table, changed(table, columns, changes))

    def drop(self, name: str) -> None:
        """The files."""
        for file in self._tables.pop(name, _Table()).files:
            file.unlink()

    def _sizes(self, name: str) -> int:
        return max(1, -(-self._tables[name].rows // self._settings.rows_a_piece)) if name in self._tables else 1

    def _parts(self, name: str) -> int:
        return min(self._sizes(name), max(1, len(self._tables[name].files)))

    def _make(self, select: str, read: Mapping[str, list[Path]], to: Path) -> int:
        return self._workers.make(select, read, to)[0]

    def _in_threads(self, makes: Mapping[str, Make]) -> list[int]:
        with ThreadPoolExecutor(self._settings.workers) as threads:
            return list(threads.map(lambda make: make(), makes.values()))
