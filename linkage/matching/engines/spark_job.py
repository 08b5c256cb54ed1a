"""The process that runs Spark: Parquet of tokens in, Parquet of links and doubts out; or pairs in, their weights out.

Started by spark_process, in the environment `spark`; told by one line of JSON, tells by lines of JSON. It ends when its
standard input closes: it never outlives the run that asked. For the ladder it is given tokens, and never an identifier.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from linkage.matching.engines.spark_session import divide_for, open_session
from linkage.matching.engines.spark_tables import SparkTables
from linkage.matching.joining import WORK, join_records

FAILED = 70
MEMORY = "memory"
"""The kind of failure when Java's memory was not enough (spark_process knows it by this word)."""


def main() -> int:
    """0 when the results are written."""
    told = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    try:
        run_ladder(told) if "weigh" not in told else weigh_pairs(told)
    except Exception as error:  # noqa: BLE001 - of whatever happens in the JVM only the kind is told, never its words
        _tell({"failed": _kind(error)})
        return FAILED
    _tell({"done": True})
    return 0


def run_ladder(told: dict[str, Any]) -> None:
    """The ladder over `evidence.parquet` and `datasets.parquet` of the folder."""
    folder = Path(told["folder"])
    with _session(told) as session:
        tables = SparkTables(session)
        for name in ("evidence", "datasets"):
            tables.read(name, folder / f"{name}.parquet")
        tables.keep("pool", "SELECT record FROM evidence")
        join_records(tables, lambda step, done, total: _tell({"progress": [step, done, total]}))
        session.sql(f"SELECT {', '.join(WORK)} FROM work").write.parquet(str(folder / "links"))
        session.sql("SELECT record, flag FROM doubts").write.parquet(str(folder / "doubts"))


def weigh_pairs(told: dict[str, Any]) -> None:
    """Pairs of the folder under a frozen model (spark_splink)."""
    from linkage.matching.engines.spark_splink import weigh

    with _session(told) as session:
        weigh(session, Path(told["folder"]), told["weigh"])


@contextmanager
def _session(told: dict[str, Any]) -> Iterator[SparkSession]:
    session = open_session(told["master"], told["memory"], Path(told["folder"]), rows=told["rows"])
    try:
        divide_for(session, told["rows"])
        yield session
    finally:
        session.stop()


def _kind(error: Exception) -> str:
    """What sort of failure it is: one word, none of Java's text."""
    if "OutOfMemoryError" in str(error):
        return MEMORY
    condition = error.getCondition() if isinstance(error, PySparkException) else None
    return condition or type(error).__name__


def _tell(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - this is the protocol


def _end_with_caller() -> None:
    sys.stdin.read()
    os._exit(FAILED)


if __name__ == "__main__":
    # The interpreter's ordinary end would wait for the thread that reads.
    status = main()
    sys.stdout.flush()
    os._exit(status)
