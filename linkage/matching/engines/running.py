"""Which ladder does a linkage run? The one definition on DuckDB in this process, unless another engine is given."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from audit.progress import Progress, silent
from linkage.errors import LinkageError
from linkage.matching.engines.duckdb_tables import DuckDBTables
from linkage.matching.joining import join_records
from linkage.matching.ladder import STRETCHES, Stretch

MOST_DATASETS = 63
"""A cluster's datasets are the bits of a signed number of 64 bits: every engine has those."""
RunLadder = Callable[[duckdb.DuckDBPyConnection, Progress], None]
"""The ladder over `pool` of the linkage zone; leaves the temporary tables `datasets`, `work` and `doubts` there."""


def in_duckdb(
    zone: duckdb.DuckDBPyConnection, progress: Progress = silent, *, stretches: tuple[Stretch, ...] = STRETCHES
) -> None:
    """The ladder of one machine. Raises LinkageError."""
    number_datasets(zone)
    join_records(DuckDBTables(zone), progress, stretches=stretches)


def number_datasets(zone: duckdb.DuckDBPyConnection) -> None:
    """`datasets`: a bit for each dataset of `evidence`, and whether it is one of `registers`.

    Raises LinkageError when there are more datasets than bits.
    """
    tables = DuckDBTables(zone)
    (datasets,) = tables.numbers("SELECT count(DISTINCT dataset) FROM evidence")
    if datasets > MOST_DATASETS:
        raise LinkageError(
            f"One linkage holds at most {MOST_DATASETS} datasets; here are {datasets}.",
            where="linkage zone",
            mend="Withdraw deliveries of datasets that are no longer used.",
        )
    tables.keep(
        "datasets",
        "SELECT dataset, (1::BIGINT << (row_number() OVER (ORDER BY dataset) - 1))::BIGINT AS bit,"
        " dataset IN (SELECT dataset FROM registers) AS register FROM (SELECT DISTINCT dataset FROM evidence)",
    )
