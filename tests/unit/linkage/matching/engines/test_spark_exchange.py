"""What passes between the zone and the process that runs Spark; here DuckDB runs the ladder in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from audit.progress import Progress, silent
from linkage.matching.engines import spark_process
from linkage.matching.engines.duckdb_tables import DuckDBTables
from linkage.matching.engines.running import in_duckdb
from linkage.matching.engines.spark_process import OnSpark, SparkPlace
from linkage.matching.joining import WORK, join_records
from tests.fakes.engine_runs import left_by
from tests.fakes.evidence import KINDS

HIGH = 1 << 63
"""Tokens lie on both sides of it: Spark's numbers have a sign."""
ZARA = dict.fromkeys(KINDS, 5) | {"n": HIGH + 5}
OMAR = dict.fromkeys(KINDS, HIGH + 7) | {"n": 7}
ABSENT = dict.fromkeys(KINDS) | {"n": 9}


def _ladder_here(_: SparkPlace, told: Mapping[str, Any], progress: Progress = silent) -> None:
    """What the job does (spark_job.run_ladder), in DuckDB: the files of the folder in, and out."""
    folder = Path(told["folder"])
    with duckdb.connect() as job:
        job.execute("SET force_mbedtls_unsafe = 'true'")
        for name in ("evidence", "datasets"):
            job.execute(f"CREATE TABLE {name} AS FROM read_parquet('{folder}/{name}.parquet')").fetchall()
        tables = DuckDBTables(job)
        tables.keep("pool", "SELECT record FROM evidence")
        join_records(tables, progress)
        for name, select in (("links", f"SELECT {', '.join(WORK)} FROM work"), ("doubts", "FROM doubts")):
            (folder / name).mkdir()
            job.execute(f"COPY ({select}) TO '{folder}/{name}/part.parquet' (FORMAT parquet)").fetchall()


def test_what_the_ladder_knew_of_a_cluster_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that the ladder let go, as it is her neighbour's, stays let go: her records hold it all the same."""
    monkeypatch.setattr(spark_process, "run_job", _ladder_here)
    monkeypatch.setattr(spark_process, "_require_parts", lambda _: None)
    rows = [("gp", ZARA), ("gp", OMAR), ("hospital", ZARA | {"n": OMAR["n"]}), ("hospital", OMAR), ("gp", ABSENT)]
    evidence = pl.DataFrame(
        [row | {"record": number, "dataset": dataset} for number, (dataset, row) in enumerate(rows, start=1)], KINDS
    )
    here = left_by(in_duckdb, evidence)
    assert [(cluster, low, high) for _, cluster, _, low, high, *_ in here["work"][:3]] == [
        (1, ZARA["n"], ZARA["n"]),
        (2, OMAR["n"], OMAR["n"]),
        (1, ZARA["n"], ZARA["n"]),
    ]
    assert left_by(OnSpark(SparkPlace(tmp_path / "python", tmp_path / "exchange")), evidence) == here
