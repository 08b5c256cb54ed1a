"""The ladder in DuckDB: each named SELECT is a temporary table of the zone's connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from linkage.matching.engines.port import changed

REBUILT_FROM = 50_000
"""More clusters joined at once than this, and the table is written anew: DuckDB updates few rows fast, many slowly."""


class DuckDBTables:
    """The engine of one machine. Spills into the zone's own folder, encrypted (linkage.zones)."""

    def __init__(self, zone: duckdb.DuckDBPyConnection) -> None:
        self._zone = zone

    def keep(self, name: str, select: str) -> None:
        """A temporary table."""
        self._zone.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}")

    def numbers(self, select: str) -> tuple[int, ...]:
        """The row, read to its end: DuckDB 2 wants that before anything else."""
        return tuple(int(number) for number in self._zone.execute(select).fetchall()[0])

    def change(self, table: str, columns: Sequence[str], changes: Mapping[str, str]) -> None:
        """In place where few rows change."""
        if self.numbers("SELECT count(*) FROM labels")[0] >= REBUILT_FROM:
            self.keep(table, changed(table, columns, changes))
            return
        values = ", ".join(f"{name} = {value}" for name, value in changes.items())
        self._zone.execute(f"UPDATE {table} SET {values} FROM labels l WHERE {table}.cluster = l.cluster")

    def drop(self, name: str) -> None:
        """Only the temporary table of this name."""
        self._zone.execute(f"DROP TABLE IF EXISTS temp.{name}")
