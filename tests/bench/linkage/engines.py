"""The ladder on DuckDB, in pieces and on Spark, side by side: seconds, CPU and memory of each, and whether all agree.

Each engine runs in a process of its own (`--run ENGINE --folder FOLDER`), whose children (workers, Java) are counted
with it. Memory is the largest sum over its processes, sampled each 0.2 seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb
import polars as pl

from infra.settings import ROOT
from linkage.errors import LinkageError
from linkage.matching.engines.piece_tables import PieceSettings
from linkage.matching.engines.running import RunLadder, in_duckdb
from linkage.matching.engines.running_in_pieces import InPieces
from linkage.matching.engines.spark_process import OnSpark, SparkPlace
from tests.fakes.evidence import demo_evidence

PEOPLE, FEW = 200_000, 20_000
PIECES = 4
ENGINES = ("duckdb", "partitioned", "spark")
EVERY = 0.2
NAME = "the ladder on DuckDB, in pieces and on Spark: the same links, side by side"
Measured = tuple[str, float, str]


def run(quick: bool) -> list[Measured]:
    """Seconds, CPU and memory of each. Raises AssertionError where they do not leave the same."""
    people = FEW if quick else PEOPLE
    with tempfile.TemporaryDirectory() as folder:
        demo_evidence(people).write_parquet(Path(folder) / "evidence.parquet")
        found = {engine: _started(engine, Path(folder)) for engine in ENGINES}
    if len({one["digest"] for one in found.values()}) != 1:
        raise AssertionError("the engines did not leave the same links, steps and doubts")
    rows: list[Measured] = [("people, nine in ten on each side", float(people), "")]
    for engine, one in found.items():
        rows += [
            (f"{engine}: time", float(one["seconds"]), "s"),
            (f"{engine}: CPU", float(one["cpu"]), "CPU s"),
            (f"{engine}: memory, peak", float(one["memory"]) / 2**30, "GiB"),
        ]
    return rows


def main() -> None:
    """One engine, for `run`: prints what it took."""
    told = argparse.ArgumentParser()
    told.add_argument("--run", choices=ENGINES, required=True)
    told.add_argument("--folder", type=Path, required=True)
    given = told.parse_args()
    print(json.dumps(_run(given.run, given.folder)))


def _started(engine: str, folder: Path) -> dict[str, float | str]:
    command = [sys.executable, __file__, "--run", engine, "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    peak, ticks = [0], dict[int, int]()
    threading.Thread(target=_watch, args=(process, peak, ticks), daemon=True).start()
    said, _ = process.communicate()
    if process.returncode:
        raise LinkageError(
            f"The engine {engine} failed; what it said stands above.",
            mend="Spark needs Java 17 or newer: past-one-machine.md.",
        )
    told = json.loads(said)
    return {**told, "memory": peak[0], "cpu": told["cpu"] + sum(ticks.values()) / os.sysconf("SC_CLK_TCK")}


def _watch(process: subprocess.Popen[str], peak: list[int], ticks: dict[int, int]) -> None:
    """The most memory of all processes together; of each child the last CPU seen: Java is nobody's child at its end."""
    while process.poll() is None:
        family = _family(process.pid)
        peak[0] = max(peak[0], sum(_resident(pid) for pid in family))
        for pid in family:
            if pid != process.pid:
                ticks[pid] = max(ticks.get(pid, 0), _ticks(pid))
        time.sleep(EVERY)


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        threads = [one.name for one in Path(f"/proc/{pid}/task").iterdir() if one.name != str(pid)]
        for thread in threads:
            children += Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _run(engine: str, folder: Path) -> dict[str, float | str]:
    evidence = pl.read_parquet(folder / "evidence.parquet")
    environments = Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs"))
    ladders: dict[str, RunLadder] = {
        "duckdb": in_duckdb,
        "partitioned": InPieces(PieceSettings(folder, rows_a_piece=-(-evidence.height // PIECES))),
        "spark": OnSpark(SparkPlace(environments / "spark" / "bin" / "python", folder, "local[2]", "4g")),
    }
    with duckdb.connect() as zone:
        zone.execute("SET force_mbedtls_unsafe = 'true'")
        zone.register("arriving", evidence.to_arrow())
        zone.execute("CREATE TABLE evidence AS FROM arriving")
        zone.execute("CREATE TABLE registers AS SELECT 'gp' AS dataset")
        zone.execute("CREATE TEMP TABLE pool AS SELECT record FROM evidence")
        started, before = time.monotonic(), _cpu()
        ladders[engine](zone, lambda *_: None)
        seconds, cpu = time.monotonic() - started, _cpu() - before
        left = zone.execute("FROM work ORDER BY record").fetchall()
        left += zone.execute("SELECT DISTINCT record, flag FROM doubts ORDER BY ALL").fetchall()
    return {"seconds": seconds, "cpu": cpu, "digest": hashlib.sha256(repr(left).encode()).hexdigest()}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
