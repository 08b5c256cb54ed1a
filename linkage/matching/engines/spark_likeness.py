"""How alike are two texts, on Spark? As DuckDB says: its own functions, over Spark's columns, where the rows are.

Runs in the environment `spark` only. The jar that ships with Splink gives other values: it halves an odd number of
transpositions where DuckDB rounds down (TURNER and TURRNER: 0.91, not 0.93), counts letters where DuckDB counts bytes,
and calls two empty texts equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow
from pyspark.sql import SparkSession
from pyspark.sql.functions import ArrowUDFType, arrow_udf

from linkage.matching.engines.spark_levels import LIKENESS

CLOSED: dict[str, Any] = {"autoinstall_known_extensions": False, "enable_external_access": False, "threads": 1}


def register_likeness(session: SparkSession) -> None:
    """Each function of LIKENESS under its name on Spark."""
    for name, there in LIKENESS.items():
        session.udf.register(there, arrow_udf(_asked_of_duckdb(name), "double", ArrowUDFType.SCALAR_ITER))


def _asked_of_duckdb(name: str) -> Callable[..., Any]:
    """A function of two columns, batch by batch.

    Spark sends an inner function whole, and only an outer one by its name: the executors need no code of the haven.
    """
    closed = dict(CLOSED)

    def likeness(batches: Iterator[tuple[Any, Any]]) -> Iterator[Any]:
        with duckdb.connect(config=closed) as con:
            for left, right in batches:
                con.register("pairs", pyarrow.table({"l": left, "r": right}))
                found = con.sql(f"SELECT {name}(l, r)::DOUBLE AS alike FROM pairs").to_arrow_table()
                yield found.column("alike").combine_chunks()

    return likeness
