"""On what does this haven link? The engine that its settings name, for the process that opens the linkage zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.settings import Settings
from linkage.private_folders import EXCHANGE

if TYPE_CHECKING:
    from linkage.matching.engines.choice import LinkageEngine
    from linkage.matching.engines.piece_tables import RunPieces
    from linkage.matching.engines.running import RunLadder
    from linkage.matching.engines.spark_process import SparkPlace
    from linkage.matching.residual.slices import Weighing


def linkage_engine(settings: Settings, run_pieces: RunPieces | None = None) -> LinkageEngine:
    """run_pieces: who makes the pieces of a partitioned linkage; None: processes of this one."""
    from linkage.matching.engines.choice import LinkageEngine

    own, named = settings.linkage_zone / EXCHANGE, settings.linkage.spark.folder
    exchanges = (own, named) if named else (own,)
    return LinkageEngine(settings.linkage.engine, _ladder(settings, run_pieces), _weighing(settings), exchanges)


def spark_place(settings: Settings) -> SparkPlace:
    """Where Apache Spark runs."""
    from linkage.matching.engines.spark_process import SparkPlace

    told = settings.linkage.spark
    return SparkPlace(
        python=settings.environments_folder / "spark" / "bin" / "python",
        folder=told.folder or settings.linkage_zone / EXCHANGE,
        master=told.master,
        memory=told.memory,
    )


def _weighing(settings: Settings) -> Weighing:
    """Who weighs what the ladder leaves."""
    from linkage.matching.engines.spark_weighing import WeighedOnSpark
    from linkage.matching.residual.slices import Weighing

    told = settings.linkage
    return (
        Weighing(WeighedOnSpark(spark_place(settings))) if told.engine == "spark" and told.spark.weigh else Weighing()
    )


def _ladder(settings: Settings, run_pieces: RunPieces | None) -> RunLadder:
    """The ladder on the engine that the settings name."""
    from linkage.matching.engines.piece_tables import PieceSettings
    from linkage.matching.engines.running import in_duckdb
    from linkage.matching.engines.running_in_pieces import InPieces
    from linkage.matching.engines.spark_process import OnSpark

    if settings.linkage.engine == "spark":
        return OnSpark(spark_place(settings))
    if settings.linkage.engine == "duckdb":
        return in_duckdb
    told = settings.linkage.partitions
    return InPieces(
        PieceSettings(
            settings.linkage_zone / EXCHANGE,
            workers=told.workers,
            threads=told.threads,
            rows_a_piece=told.rows,
            memory=told.memory,
            cipher=settings.duckdb_httpfs,
            run=run_pieces,
        )
    )
