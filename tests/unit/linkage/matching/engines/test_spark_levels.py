"""Levels of a comparison said for Spark, and what is not said there."""

from __future__ import annotations

import hashlib

import pytest

from linkage.matching.engines.errors import EngineFailed
from linkage.matching.engines.spark_levels import in_spark
from linkage.matching.engines.spark_weighing import carried_over
from tests.fakes.linkage_models import made_model


def _settings(sql: str) -> dict[str, object]:
    return {"comparisons": [{"output_column_name": "x", "comparison_levels": [{"sql_condition": sql, "m": 0.9}]}]}


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ('"x_l" IS NULL OR "x_r" IS NULL', "`x_l` IS NULL OR `x_r` IS NULL"),
        ('jaro_winkler_similarity("x_l", "x_r") >= 0.92', "haven_jaro_winkler(`x_l`, `x_r`) >= 0.92"),
        (
            'starts_with("x_l", "x_r") OR starts_with("x_r", "x_l")',
            "startswith(`x_l`, `x_r`) OR startswith(`x_r`, `x_l`)",
        ),
        ("ELSE", "ELSE"),
    ],
)
def test_a_level_is_said_in_sparks_words(here: str, there: str) -> None:
    """Names in Spark's quotes, functions by Spark's names; the numbers of the level stay."""
    (comparison,) = in_spark(_settings(here))["comparisons"]
    assert comparison["comparison_levels"] == [{"sql_condition": there, "m": 0.9}]


def test_an_unknown_function_is_refused() -> None:
    """A level that was never compared between the engines is not weighed on Spark."""
    with pytest.raises(EngineFailed, match="best_spelling"):
        in_spark(_settings('best_spelling("x_l", "x_r") >= 0.9'))


def test_a_carried_over_model_says_for_what_and_from_where() -> None:
    """The numbers are the approved model's; the engine is another."""
    carried = carried_over(made_model())
    digest = hashlib.sha256(made_model().model_dump_json().encode()).hexdigest()
    assert (carried.model.engine, carried.made_from) == ("spark", digest)
    assert carried.model.comparisons == made_model().comparisons
    assert carried.model.prior == made_model().prior
