"""How is a level of a comparison said in Spark's dialect? Pure text: neither Spark nor DuckDB here.

A function is said only where a test has compared its values with DuckDB's; for every other the weighing is refused.
"""

from __future__ import annotations

import re
from typing import Any

from linkage.matching.engines.errors import EngineFailed

LIKENESS = {
    "jaro_winkler_similarity": "haven_jaro_winkler",
    "damerau_levenshtein": "haven_damerau_levenshtein",
    "levenshtein": "haven_levenshtein",
}
"""DuckDB's functions of two texts that Spark runs as they are (spark_likeness), each with its name there."""
IN_SPARK = {
    **LIKENESS,
    "starts_with": "startswith",
    "list_has_any": "arrays_overlap",
    **{same: same for same in ("abs", "coalesce", "length", "cast")},
}
"""DuckDB's functions in a level, each with Spark's that gives the same value. Others are refused."""
CALL = re.compile(r"\b(\w+)\(")
NAME = re.compile(r'"(\w+)"')
WORDS = {"and", "or", "not", "is", "null", "then", "when"}


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
