"""The ladder over one form of tokens, in a process of its own so that its CPU and memory are its own.

`python tests/bench/linkage/_ladder.py prepare FORM FOLDER` makes FORM.duckdb from evidence.parquet (record, dataset,
FIELDS as 64-bit numbers); `... measure FILE` runs the ladder on it and prints as JSON what that took, and who is whom.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

from linkage.matching.engines.running import in_duckdb
from linkage.matching.ladder import FIELDS
from tests.bench.linkage._memory import peak

FORMS = {
    "numbers": "{0}",
    "text": "CASE WHEN {0} IS NOT NULL THEN sha256({0}::TEXT) END",
}
"""What stands for a token of 64 bits: itself, or text of the length in which HMAC-SHA256 is mostly kept."""


def prepare(form: str, folder: Path) -> None:
    """FORM.duckdb in the folder: the evidence in this form, in a file as a zone's is."""
    path = folder / f"{form}.duckdb"
    tokens = ", ".join(f"{FORMS[form].format(name)} AS {name}" for name in FIELDS)
    with duckdb.connect(str(path)) as zone:
        zone.execute(f"CREATE TABLE evidence AS SELECT record, dataset, {tokens} FROM '{folder}/evidence.parquet'")
        zone.execute("CREATE TABLE pool AS SELECT record FROM evidence")
        zone.execute("CREATE TABLE registers AS SELECT DISTINCT dataset FROM evidence")


def measured(path: Path) -> dict[str, float | int]:
    """seconds of CPU, gigabytes that the ladder needed at its peak; who: a number that tells who is whom."""
    with duckdb.connect(str(path)) as zone:
        before, needed = time.process_time(), peak()
        in_duckdb(zone)
        seconds, gigabytes = time.process_time() - before, peak() - needed
        (who,) = zone.execute("SELECT bit_xor(hash(record, cluster, coalesce(step, 0))) FROM work").fetchall()[0]
    return {"seconds": seconds, "gigabytes": gigabytes, "who": who}


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2], Path(sys.argv[3]))
    else:
        print(json.dumps(measured(Path(sys.argv[2]))))
