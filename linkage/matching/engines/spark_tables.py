"""The ladder in Apache Spark: each named SELECT is said in Spark's dialect and kept as a view of what it gave.

Runs in the environment `spark` only. Every result is computed once and cut from how it was made: a plan that grew with
each of the ladder's keys would soon cost more than the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlglot
from pyspark.sql import SparkSession

from linkage.matching.engines.port import changed
from linkage.matching.engines.spark_session import PARTS


class SparkTables:
    """The engine past one machine. What is kept is in the executors' memory, else on their disks (encrypted)."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._together = session.conf.get(PARTS) == "1"

    def read(self, name: str, file: Path) -> None:
        """A view of what lies in a file."""
        self._show(name, self._session.read.parquet(str(file))._jdf)

    def keep(self, name: str, select: str) -> None:
        """A view of the result.

        A checkpoint takes along how large Spark guesses the result to be and how it lies. Each join multiplies the
        guess, which soon has millions of digits; what is made of the rows alone guesses nothing.
        """
        made = self._session.sql(_said(select)).localCheckpoint(eager=True)._jdf
        rows = made.queryExecution().toRdd()
        self._show(name, self._session._jsparkSession.internalCreateDataFrame(rows, made.schema(), False))

    def numbers(self, select: str) -> tuple[int, ...]:
        """The row."""
        return tuple(int(number) for number in self._session.sql(_said(select)).collect()[0])

    def change(self, table: str, columns: Sequence[str], changes: Mapping[str, str]) -> None:
        """Written anew: nothing is changed in place here."""
        self.keep(table, changed(table, columns, changes))

    def drop(self, name: str) -> None:
        """The view; its data go when nothing refers to them."""
        self._session.catalog.dropTempView(name)

    def _show(self, name: str, table: Any) -> None:
        """As a view. Of few rows Spark is told that they lie together: else it moves them before each join."""
        (table.coalesce(1) if self._together else table).createOrReplaceTempView(name)


def _said(select: str) -> str:
    """DuckDB's dialect in Spark's."""
    (said,) = sqlglot.transpile(select, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    return said
