"""A linkage zone's evidence before the ladder, and what an engine's ladder left of it: for comparing engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import polars as pl

from linkage.matching.engines.running import RunLadder


@contextmanager
def zone_with(evidence: pl.DataFrame, registers: frozenset[str] = frozenset()) -> Iterator[duckdb.DuckDBPyConnection]:
    """A zone in memory, everybody in the pool."""
    with duckdb.connect() as zone:
        zone.execute("SET force_mbedtls_unsafe = 'true'")
        zone.register("arriving", evidence.to_arrow())
        zone.execute("CREATE TABLE evidence AS FROM arriving")
        zone.execute("CREATE TABLE registers AS SELECT unnest(?::TEXT[]) AS dataset", [sorted(registers)])
        zone.execute("CREATE TEMP TABLE pool AS SELECT record FROM evidence")
        yield zone


Left = dict[str, list[tuple[Any, ...]]]


def left_by(ladder: RunLadder, evidence: pl.DataFrame, registers: frozenset[str] = frozenset()) -> Left:
    """What an engine leaves: `work` with its columns' types, `doubts`, `datasets`."""
    with zone_with(evidence, registers) as zone:
        ladder(zone, lambda *_: None)
        return {
            "columns": zone.execute("SELECT column_name, column_type FROM (DESCRIBE work)").fetchall(),
            "work": zone.execute("FROM work ORDER BY record").fetchall(),
            "doubts": zone.execute("SELECT DISTINCT record, flag FROM doubts ORDER BY ALL").fetchall(),
            "datasets": zone.execute("FROM datasets ORDER BY dataset").fetchall(),
        }
