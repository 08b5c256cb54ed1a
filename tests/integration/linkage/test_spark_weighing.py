"""A pair weighs on Spark what it weighs on DuckDB: names of several scripts, slips, and what is not known."""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl

from infra.settings import ROOT
from linkage.matching.engines.spark_levels import IN_SPARK, in_spark
from linkage.matching.engines.spark_process import SparkPlace
from linkage.matching.engines.spark_weighing import WeighedOnSpark
from linkage.matching.residual.weighing import engine_for, people_specification
from linkage.specified.engine import SplinkEngine
from linkage.specified.levels import level_sql
from linkage.standardise.specification import IDENTITY
from tests.fakes.evidence import demo_records
from tests.fakes.linkage_models import made_model

POPULATIONS = ((1, 700), (2, 300), (3, 90))
"""Seed and size: small ones have other slips, and rarer names."""
CLOSE = 1e-6
NEVER_MET = {"nhs_number": {1}}
"""One sign apart: what an NHS number's last digit is for. Two valid ones differ in more."""
PAIRS = 20_000
LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SCRIPTS = {
    "[A-C].*": "ÁßÇÐÉƒĞĤİĴĶŁṀÑÖÞɊŘŠŢÜṼŴẊÝŽ",
    "[D-G].*": "АБЦДЕФГХИЙКЛМНОПЯРСТУВШЩЫЗ",
    "[H-L].*": "ابسدعفغهيجكلمنوپقرشتثڤوخيز",
    "[M-P].*": "李王张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许",
}
"""Into which letters a name that begins so is written: a family's names, with their slips, stay one script's."""
LETTERS = ("ABC", LATIN, "ÀÉÖŠŻß", "АБВГДЕ", "محمدعلي", "李王张", "' -", "\U0001d49ce\u0301")
FUNCTIONS = {
    "jaro_winkler_similarity": 'jaro_winkler_similarity("a", "b")',
    "damerau_levenshtein": 'damerau_levenshtein("a", "b")',
    "levenshtein": 'levenshtein("a", "b")',
    "starts_with": 'starts_with("a", "b")',
    "list_has_any": 'list_has_any("letters_a", "letters_b")',
    "abs": 'abs("n")',
    "coalesce": 'coalesce("a" = "b", TRUE)',
    "length": 'length("a")',
    "cast": 'CAST("a" = "b" AS INT)',
}
JOB = """
import sys
from pathlib import Path
from linkage.matching.engines.spark_likeness import register_likeness
from linkage.matching.engines.spark_session import open_session

folder = Path(sys.argv[1])
session = open_session("local[2]", "1g", folder, rows=1)
register_likeness(session)
session.read.parquet(str(folder / "pairs.parquet")).createOrReplaceTempView("pairs")
session.sql(sys.argv[2]).coalesce(1).write.parquet(str(folder / "values"))
session.stop()
"""


def test_a_pair_weighs_on_spark_what_it_weighs_here(place: SparkPlace) -> None:
    """Under one model's numbers, names' rarity included: to a millionth of a bit, every level being met."""
    people = _people()
    record = pl.col("record")
    shares = people.select("record", surname=(record % 7 + 1) / 5_000, forename=(record % 5 + 1) / 5_000)
    with closing(engine_for(people.select("record", *IDENTITY), test_range=True, shares=shares)) as engine:
        engine.add_pairs("candidates", _alike(people))
        for column, (met, known) in _levels(engine).items():
            assert met == known - NEVER_MET.get(column, set()), (
                f"a level of {column} is not met, so nothing is shown of it"
            )
        here = engine.score(made_model(), "candidates")
        there = WeighedOnSpark(place)(engine, made_model(), "candidates")
    assert here.select("l", "r").equals(there.select("l", "r"))
    assert here["evidence"].n_unique() > 100, "the pairs hardly differ: the test shows little"
    assert (here["evidence"] - there["evidence"]).abs().max() < CLOSE
    assert not list(place.folder.iterdir())


def test_every_function_of_a_level_gives_duckdbs_value(place: SparkPlace, tmp_path: Path) -> None:
    """Of texts in many scripts with slips, empty and unknown ones too; every function that is said for Spark is met."""
    assert set(FUNCTIONS) == set(IN_SPARK)
    _texts(30_000).write_parquet(tmp_path / "pairs.parquet")
    levels = [{"sql_condition": sql, "name": name} for name, sql in FUNCTIONS.items()]
    (said,) = in_spark({"comparisons": [{"comparison_levels": levels}]})["comparisons"]
    select = ", ".join(f"{one['sql_condition']} AS {one['name']}_" for one in said["comparison_levels"])
    subprocess.run(
        [str(place.python), "-c", JOB, str(tmp_path), f"SELECT *, {select} FROM pairs"],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "PYSPARK_PYTHON": str(place.python)},
        stderr=subprocess.DEVNULL,
        timeout=200,
        check=True,
    )
    differs = ", ".join(
        f"count(*) FILTER (({sql})::DOUBLE IS DISTINCT FROM {name}_::DOUBLE)" for name, sql in FUNCTIONS.items()
    )
    found = (
        duckdb.connect()
        .sql(f"SELECT count(*), {differs} FROM read_parquet('{tmp_path}/values/*.parquet')")
        .fetchall()[0]
    )
    assert dict(zip(("rows", *FUNCTIONS), found, strict=True)) == {"rows": 30_000, **dict.fromkeys(FUNCTIONS, 0)}


def _people() -> pl.DataFrame:
    """Several populations as one; names in several scripts, some empty, each column sometimes unknown."""
    people = pl.concat([demo_records(size, seed=seed) for seed, size in POPULATIONS])
    people = people.with_columns(record=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    for name in ("surname", "forenames"):
        column = pl.col(name).str.to_uppercase()
        for begins, letters in SCRIPTS.items():
            written = column.str.replace_many(list(LATIN), list(letters))
            people = people.with_columns(
                pl.when(column.str.contains(f"^{begins}$")).then(written).otherwise(name).alias(name)
            )
        people = people.with_columns(pl.when(pl.col("record") % 53 == 0).then(pl.lit("")).otherwise(name).alias(name))
    slipped = pl.col("postcode").str.replace("[A-Z]$", "X")
    people = people.with_columns(
        pl.when(pl.col("record") % 11 == 0).then(slipped).otherwise("postcode").alias("postcode")
    )
    unknown = enumerate(("surname", "forenames", "sex", "date_of_birth", "postcode", "nhs_number"))
    return people.with_columns(
        pl.when(pl.col("record") % 31 != place).then(name).alias(name) for place, name in unknown
    ).with_columns(full_name=pl.lit(None, pl.String))


def _alike(people: pl.DataFrame) -> pl.DataFrame:
    """l, r: the places of records that share a birthday, a surname's beginning and sex, or a postcode's."""
    placed = people.with_row_index("place").with_columns(
        pl.col("place").cast(pl.Int64), pl.col("surname").str.slice(0, 3).alias("begins")
    )
    found = []
    for key in (["nhs_number"], ["date_of_birth"], ["begins", "sex"], ["postcode"]):
        known = placed.drop_nulls(key)
        found.append(known.join(known, on=key, suffix="_r").filter(pl.col("place") < pl.col("place_r")))
    both = pl.concat([one.select(l="place", r="place_r") for one in found]).unique().sort("l", "r")
    return both.sample(min(PAIRS, both.height), seed=1).sort("l", "r")


def _levels(engine: SplinkEngine) -> dict[str, tuple[set[int | None], set[int | None]]]:
    """The levels of each column that the candidates meet, and those that there are."""
    found = {}
    for comparison in people_specification().comparisons:
        rows = engine.con.execute(
            f"SELECT DISTINCT {level_sql(comparison, people_specification())} FROM candidates j"
            " JOIN people_left a ON a.rid = j.l JOIN people_left b ON b.rid = j.r"
        ).fetchall()
        found[comparison.of] = ({level for (level,) in rows}, {None, *range(len(comparison.levels) + 1)})
    return found


def _texts(number: int) -> pl.DataFrame:
    """a, b, their letters, n: two thirds are slips of one another."""
    chance = random.Random(1)  # noqa: S311 - invented values
    rows: list[tuple[str | None, str | None]] = [
        (None, "A"),
        ("A", None),
        (None, None),
        ("", ""),
        ("TURNER", "TURRNER"),
    ]
    while len(rows) < number:
        text = _word(chance)
        rows.append((text, _slipped(text, chance) if chance.random() < 2 / 3 else _word(chance)))
    letters = [[None if text is None else list(text) for text in row] for row in rows]
    return pl.DataFrame(
        {
            "a": [a for a, _ in rows],
            "b": [b for _, b in rows],
            "letters_a": [a for a, _ in letters],
            "letters_b": [b for _, b in letters],
            "n": [chance.randrange(-9, 9) for _ in rows],
        }
    )


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(chance.choice(LETTERS), k=chance.randrange(14)))


def _slipped(text: str, chance: random.Random) -> str:
    """One to three letters are put in, left out, exchanged, or written otherwise."""
    for _ in range(chance.randrange(1, 4)):
        place, other = chance.randrange(len(text) + 1), chance.choice("ABCéД李")
        before, after = text[:place], text[place:]
        text = before + chance.choice((other + after, after[1:], after[1:2] + after[:1] + after[2:], other + after[1:]))
    return text
