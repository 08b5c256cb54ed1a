"""A linkage's ladder in pieces: tables out of the zone, the ladder over them, who is whom back into the zone."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from audit.progress import Progress, silent
from linkage.matching.engines.piece_tables import KEY_NAME, PieceSettings, PieceTables
from linkage.matching.engines.piece_workers import Workers
from linkage.matching.engines.running import number_datasets
from linkage.matching.joining import join_records
from linkage.matching.ladder import FIELDS, STRETCHES, Stretch
from linkage.private_folders import private_folder
from linkage.zones import count


class InPieces:
    """The ladder of the middle range (engines.running.RunLadder)."""

    def __init__(self, settings: PieceSettings, *, stretches: tuple[Stretch, ...] = STRETCHES) -> None:
        self._settings = settings
        self._stretches = stretches

    def __call__(self, zone: duckdb.DuckDBPyConnection, progress: Progress = silent) -> None:
        """The ladder over `pool`; leaves what `in_duckdb` leaves. Raises EngineFailed, LinkageError."""
        number_datasets(zone)
        with self._tables(zone) as tables:
            of_pool = f"SELECT record, dataset, {', '.join(FIELDS)} FROM evidence SEMI JOIN pool USING (record)"
            tables.take(zone, "evidence", of_pool, count(zone, "SELECT count(*) FROM pool"))
            tables.take(zone, "datasets", "SELECT * FROM datasets", 1)
            tables.keep("pool", "SELECT record FROM evidence")
            join_records(tables, progress, stretches=self._stretches)
            for name in ("work", "doubts"):
                tables.give(zone, name)

    @contextmanager
    def _tables(self, zone: duckdb.DuckDBPyConnection) -> Iterator[PieceTables]:
        """The tables of one run, under a key of its own."""
        settings = self._settings
        key = base64.b64encode(os.urandom(32)).decode("ascii")
        zone.execute(f"PRAGMA add_parquet_key('{KEY_NAME}', '{key}')").fetchall()
        with private_folder(settings.folder, "pieces") as folder:
            told = {
                "key": key,
                "spill": str(folder / "spill"),
                "threads": settings.threads,
                "memory": settings.memory,
                "cipher": str(settings.cipher) if settings.cipher else None,
            }
            workers = Workers(settings.workers, folder, told)
            try:
                yield PieceTables(settings, folder, workers)
            finally:
                workers.end()
