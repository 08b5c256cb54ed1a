"""What do pairs weigh, asked of Splink on Apache Spark? The model's numbers are DuckDB's; its levels are said anew.

A saved model does not load on another engine: its levels are SQL. So they are built again from the specification and
said in Spark's dialect, and m, u and the prior are carried over as they stand. Names and birthdays of the candidates
leave the haven's process for this, so it is chosen apart from the engine of the ladder (docs/adr/0014-engines.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import duckdb
import polars as pl

from linkage.matching.engines.piece_workers import quoted
from linkage.matching.engines.spark_levels import in_spark
from linkage.matching.engines.spark_process import SparkPlace, exchange, run_job
from linkage.specified.engine import SplinkEngine
from linkage.specified.frozen import FrozenModel

ENGINE = "spark"


@dataclass(frozen=True)
class CarriedModel:
    """A model's numbers for another engine. model: bound to that engine now; made_from: the id of the approved one."""

    model: FrozenModel
    made_from: str


def carried_over(model: FrozenModel) -> CarriedModel:
    """The same m, u and prior for Spark. Who approved the numbers approved these: nothing is learned anew."""
    made_from = hashlib.sha256(model.model_dump_json().encode()).hexdigest()  # a model's id (residual.models)
    return CarriedModel(model.model_copy(update={"engine": ENGINE}), made_from)


class WeighedOnSpark:
    """Asks Spark instead of the engine itself (weighing.Score)."""

    def __init__(self, place: SparkPlace) -> None:
        self._place = place

    def __call__(self, engine: SplinkEngine, model: FrozenModel, pairs: str) -> pl.DataFrame:
        """l, r and the evidence of each pair, as SplinkEngine.score gives it. Raises EngineMissing, EngineFailed."""
        with exchange(self._place) as folder:
            told = engine.write_for(folder, carried_over(model).model, pairs)
            settings = in_spark(told["settings"])
            run_job(self._place, {"folder": str(folder), "rows": told["rows"], "weigh": {**told, "settings": settings}})
            with duckdb.connect() as reading:
                found = reading.sql(
                    f"SELECT l, r, evidence FROM read_parquet('{quoted(folder)}/weights/*.parquet') ORDER BY l, r"
                ).to_arrow_table()
        return pl.DataFrame(found)
