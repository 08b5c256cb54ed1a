"""The ladder on Apache Spark, in a process beside the haven's: tokens go out, who is whom comes back.

The folder between both is private to this account and is removed whatever happens. The process gets a bare environment,
is told its work on standard input, and ends when that closes. Of its failures only the kind is told: Java's words may
quote a value.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

import linkage
from audit.progress import Progress, silent
from linkage.matching.engines.errors import EngineFailed, EngineMissing
from linkage.matching.engines.piece_workers import CLOSED, quoted
from linkage.matching.engines.running import number_datasets
from linkage.matching.joining import OF_CLUSTER, WORK
from linkage.matching.ladder import FIELDS
from linkage.private_folders import private_folder
from linkage.zones import count

JOB = "linkage.matching.engines.spark_job"
CODE = Path(linkage.__file__).resolve().parent.parent
KEPT_VARIABLES = ("PATH", "JAVA_HOME", "LANG", "HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_CONF_DIR")
"""What the process needs of the haven's environment to find Java and a cluster's configuration."""
SECONDS_TO_END = 20
MEMORY = "memory"
"""The kind of failure that the job tells when Java's memory was not enough."""
SIGNED = 1 << 63
"""Tokens are unsigned, and Spark has no such numbers: shifted by this they keep their order."""
TOKENS = tuple(name for name in OF_CLUSTER if name != "c_datasets")
"""What is known of a cluster as tokens, which come back shifted as they went."""


@dataclass(frozen=True)
class SparkPlace:
    """Where Spark runs. python: of the environment `spark`; folder: where what is exchanged lies for the while.

    master: as Spark says it (`local[*]`, `spark://...`, `yarn`); memory: of the process that drives it (`4g`).
    """

    python: Path
    folder: Path
    master: str = "local[*]"
    memory: str = "4g"


class OnSpark:
    """The ladder past one machine (engines.running.RunLadder)."""

    name = "spark"

    def __init__(self, place: SparkPlace) -> None:
        self._place = place

    def __call__(self, zone: duckdb.DuckDBPyConnection, progress: Progress = silent) -> None:
        """The ladder over `pool`; leaves what `in_duckdb` leaves. Raises EngineMissing, EngineFailed, LinkageError."""
        number_datasets(zone)
        with exchange(self._place) as folder:
            rows = _write(zone, folder)
            run_job(self._place, {"folder": str(folder), "rows": rows}, progress)
            _read(zone, folder)


@contextmanager
def exchange(place: SparkPlace) -> Iterator[Path]:
    """A folder of this account only, gone afterwards. Raises EngineMissing before anything is written."""
    _require_parts(place)
    with private_folder(place.folder, "spark") as folder:
        yield folder


def run_job(place: SparkPlace, told: Mapping[str, Any], progress: Progress = silent) -> None:
    """One job from its beginning to its end. Raises EngineFailed."""
    job = subprocess.Popen(
        [str(place.python), *CLOSED, "-m", JOB],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_bare_environment(Path(told["folder"]), place.python),
        cwd=told["folder"],
        start_new_session=True,
        text=True,
    )
    try:
        failed = _follow(job, {**told, "master": place.master, "memory": place.memory}, progress)
    finally:
        _end(job)
    if failed is not None:
        raise _failure(failed, job.returncode, place)


def _follow(job: subprocess.Popen[str], told: Mapping[str, Any], progress: Progress) -> str | None:
    """Show how far the job is; None when it says that it is done, else the kind of its failure, or nothing known."""
    if job.stdin is None or job.stdout is None:  # never: both are pipes
        return ""
    try:
        job.stdin.write(json.dumps(told) + "\n")
        job.stdin.flush()
    except BrokenPipeError:
        return ""
    for line in job.stdout:
        match json.loads(line):
            case {"progress": [str(step), int(done), total]}:
                progress(step, done, total)
            case {"done": True}:
                return None
            case {"failed": str(kind)}:
                return kind
    return ""


def _end(job: subprocess.Popen[str]) -> None:
    """Its input closes, upon which it ends; whatever of it is left then, Java included, is killed."""
    for pipe in (job.stdin, job.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    with suppress(subprocess.TimeoutExpired):
        job.wait(SECONDS_TO_END)
    with suppress(ProcessLookupError):
        os.killpg(job.pid, signal.SIGKILL)
    job.wait()


def _bare_environment(folder: Path, python: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "PYTHONPATH": str(CODE),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Spark starts interpreters of its own: this one's, and as closed as this one.
        "PYSPARK_PYTHON": str(python),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
    }


def _require_parts(place: SparkPlace) -> None:
    if not place.python.exists():
        raise EngineMissing(
            "The environment for Apache Spark is not there.",
            where=str(place.python.parent.parent),
            mend="Make it: python3 scripts/install.py spark (or choose another engine in haven.toml).",
        )
    java_home = os.environ.get("JAVA_HOME")
    if not (Path(java_home) / "bin" / "java").exists() if java_home else shutil.which("java") is None:
        raise EngineMissing(
            "Apache Spark needs Java 17 or newer, and there is none.",
            where="JAVA_HOME" if java_home else "PATH",
            mend="Install it (Debian: apt-get install openjdk-17-jre-headless), or choose another engine.",
        )


def _failure(kind: str, status: int, place: SparkPlace) -> EngineFailed:
    if kind == MEMORY:
        return EngineFailed(
            "Apache Spark had not memory enough. The zone is as it was.",
            where=f"memory {place.memory}",
            mend="Raise `memory` of [linkage.spark] in haven.toml, or give the work to a cluster (`master`).",
        )
    if kind:
        return EngineFailed(
            f"Apache Spark failed ({kind}). The zone is as it was.",
            where=f"master {place.master}",
            mend="See `master` of [linkage.spark] in haven.toml, whether the cluster answers and the disk of its"
            " `folder` has room; then run it again.",
        )
    how = f"was killed (signal {-status})" if status < 0 else f"ended (status {status})"
    return EngineFailed(
        f"The process that runs Apache Spark {how} before it was done. The zone is as it was.",
        where="linkage",
        mend="The system kills what takes too much memory: lower `memory` of [linkage.spark], or run it again.",
    )


def _write(zone: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """`evidence` of the pool and `datasets`, as Parquet; the records. No subject, no controller's key: tokens only."""
    fields = ", ".join(f"({name}::HUGEINT - {SIGNED})::BIGINT AS {name}" for name in FIELDS)
    selects = {
        "evidence": f"SELECT record, dataset, {fields} FROM evidence SEMI JOIN pool USING (record)",
        "datasets": "FROM datasets",
    }
    for name, select in selects.items():
        zone.execute(f"COPY ({select}) TO '{quoted(folder / name)}.parquet' (FORMAT parquet)").fetchall()
    return count(zone, "SELECT count(*) FROM pool")


def _read(zone: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """`work` and `doubts`. What is known of a cluster is the ladder's to say: it is less than its records hold."""
    tokens = ", ".join(f"({name}::HUGEINT + {SIGNED})::UBIGINT AS {name}" for name in TOKENS)
    zone.execute(
        f"CREATE OR REPLACE TEMP TABLE work AS SELECT {', '.join(WORK)} FROM"
        f" (SELECT * REPLACE ({tokens}) FROM read_parquet('{quoted(folder)}/links/*.parquet'))"
    ).fetchall()
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE doubts AS"
        f" SELECT record, flag FROM read_parquet('{quoted(folder)}/doubts/*.parquet')"
    ).fetchall()
    (lost,) = zone.execute("SELECT (SELECT count(*) FROM pool) - (SELECT count(DISTINCT record) FROM work)").fetchall()[
        0
    ]
    if lost:
        raise EngineFailed(
            "Apache Spark gave back fewer records than it was given. The zone is as it was.",
            where="linkage",
            mend="On a cluster, `folder` of [linkage.spark] must be the same folder on all machines.",
        )
