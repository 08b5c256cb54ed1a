"""How is Spark started, so that nothing leaves? No page, no event log, only this machine unless a cluster is named.

Runs in the environment `spark` only. What Spark writes beside its results (spilled rows, shuffles) is encrypted under a
key of the session, in the job's own folder.
"""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

LOOPBACK = "127.0.0.1"
PARTS = "spark.sql.shuffle.partitions"
ROWS_A_PARTITION = 250_000
FEW = 1_000_000
"""With fewer rows, compiling each query (Spark's to Java, Java's to the machine) costs more than it saves."""
UNCOMPILED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.io.encryption.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.cleaner.periodicGC.interval": "5min",
    # What is known of a column under several names (a cluster is a record, both initials are one) is multiplied out
    # over the names: with `work` that does not end.
    "spark.sql.constraintPropagation.enabled": "false",
}
BETWEEN_MACHINES = {"spark.authenticate": "true", "spark.network.crypto.enabled": "true"}
"""Who takes part proves it, and what passes between machines is encrypted; the cluster must be set up for it."""


def is_local(master: str) -> bool:
    """Does this master use no other machine?"""
    return master == "local" or master.startswith("local[")


def open_session(master: str, memory: str, folder: Path, *, rows: int = FEW) -> SparkSession:
    """A session whose files lie in `folder`, for so many rows. memory: of this process, as Java says it (4g)."""
    few = rows < FEW
    told = {
        **QUIET,
        **(UNCOMPILED if few else {}),
        "spark.driver.memory": memory,
        "spark.local.dir": str(folder / "spill"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": " ".join(
            [f"-Djava.io.tmpdir={folder}", f"-Dderby.system.home={folder}", *([QUICK_START] if few else [])]
        ),
    }
    if is_local(master):
        told |= {"spark.driver.bindAddress": LOOPBACK, "spark.driver.host": LOOPBACK}
    else:
        told |= BETWEEN_MACHINES
    builder = SparkSession.builder.appName("haven").master(master)
    for name, value in told.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def divide_for(session: SparkSession, rows: int) -> None:
    """As many parts as the rows ask for: one, or at the least one for each core."""
    parts = rows // ROWS_A_PARTITION
    cores = session.sparkContext.defaultParallelism
    session.conf.set(PARTS, str(max(cores, parts) if parts else 1))
