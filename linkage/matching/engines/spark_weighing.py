"""What do pairs weigh, asked of Splink on Apache Spark? The model's numbers are DuckDB's; its levels are said anew.

A saved model does not load on another engine: its levels are SQL. So they are built again from the specification and
said in Spark's dialect, and m, u and the prior are carried over as they stand. Names and birthdays of the candidates
leave the haven's process for this, so it is chosen apart from the engine of the ladder (docs/adr/0014-engines.md).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from linkage.matching.engines.errors import EngineFailed
from linkage.matching.engines.piece_workers import quoted
from linkage.matching.engines.spark_process import SparkPlace, exchange, run_job
from linkage.specified.engine import SplinkEngine
from linkage.specified.frozen import FrozenModel

ENGINE = "spark"
IN_SPARK = {
    "jaro_winkler_similarity": "jaro_winkler",  # of the jar that ships with Splink
    "damerau_levenshtein": "damerau_levenshtein",  # the same jar
    "starts_with": "startswith",
    "list_has_any": "arrays_overlap",
    **{same: same for same in ("abs", "coalesce", "length", "levenshtein", "cast")},
}
"""DuckDB's functions in a level, each with Spark's that gives the same value. Others are refused."""
CALL = re.compile(r"\b(\w+)\(")
NAME = re.compile(r'"(\w+)"')
WORDS = {"and", "or", "not", "is", "null", "then", "when"}


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


def in_spark(settings: dict[str, Any]) -> dict[str, Any]:
    """Splink's settings with every level said in Spark's dialect. Raises EngineFailed for what cannot be."""
    comparisons = [
        {**one, "comparison_levels": [_level(level) for level in one["comparison_levels"]]}
        for one in settings["comparisons"]
    ]
    return {**settings, "comparisons": comparisons}


def _level(level: dict[str, Any]) -> dict[str, Any]:
    return {**level, "sql_condition": NAME.sub(r"`\1`", CALL.sub(_function, level["sql_condition"]))}


def _function(call: re.Match[str]) -> str:
    name = call[1]
    if name.lower() in WORDS:
        return call[0]
    if name.lower() not in IN_SPARK:
        raise EngineFailed(
            f"A comparison uses {name}, which is not said for Apache Spark.",
            where="linkage.spark.weigh",
            mend="Weigh on this machine: weigh = false under [linkage.spark] in haven.toml.",
        )
    return f"{IN_SPARK[name.lower()]}("
