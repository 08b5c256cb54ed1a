"""Splink on Spark: pairs that were found elsewhere, weighed by a model that was made elsewhere.

Runs in the environment `spark` only. Likeness is measured by DuckDB's functions, not by those of the jar that ships
with Splink: they differ (spark_likeness).
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from splink import Linker, SparkAPI

from linkage.matching.engines.spark_likeness import register_likeness


def weigh(session: SparkSession, folder: Path, told: dict[str, Any]) -> None:
    """`people`, `blocked` and the shares of the folder to `weights`: l, r, evidence (log2 of the odds, no prior)."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    register_likeness(session)
    api = SparkAPI(  # type: ignore[no-untyped-call]
        spark_session=session, break_lineage_method="persist", register_udfs_automatically=False
    )
    names = [*told["people"], "blocked", *told["shares"].values()]
    frames = {
        name: api.register(session.read.parquet(str(folder / f"{name}.parquet")), dataset_display_name=name)
        for name in names
    }
    people = [frames[name] for name in told["people"]]
    settings = told["settings"]
    linker = Linker(people if len(people) > 1 else people[0], settings, log_level=None, validate_settings=False)
    for column, shares in told["shares"].items():
        linker.table_management.register_term_frequency_lookup(frames[shares], column)
    linker.table_management.register_blocked_pairs_for_predict(frames["blocked"])
    found = linker.inference.predict(warning_mode="never")
    prior = settings["probability_two_random_records_match"]
    weights = math.log2(prior / (1 - prior))
    session.sql(
        f"SELECT unique_id_l AS l, unique_id_r AS r, match_weight - {weights!r}D AS evidence FROM {found.physical_name}"
    ).write.parquet(str(folder / "weights"))
