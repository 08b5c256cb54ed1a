"""The one place that knows Splink 5 and its DuckDB: what is trained, and what each pair weighs.

Splink's rule: every result is finished before the next call on the connection. A model is kept as plain numbers per
level, so that it can be mended where a level was never seen, frozen, and used again (frozen.py).
"""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import splink
from splink import DuckDBAPI, Linker

from audit.progress import Progress, silent
from linkage.private_folders import Spilling, spill_into
from linkage.specified.errors import CannotTrain
from linkage.specified.frozen import ComparisonModel, FrozenModel, LevelModel
from linkage.specified.levels import level_sql, null_sql, sql_levels
from linkage.specified.pairs import Key, count_pairs, feature
from linkage.specified.specification import Specification

ROUNDS = (40, 12, 5)
"""At most so many of expectation maximisation, then fewer."""
SEED = 20_260
PAIRS_FOR_U = 2_000_000
PAIRS_FOR_EM = 600_000
FEWEST_FOR_EM = 30
FEW_POSSIBLE = 10_000  # pairs of files so small that they are linked without learning: some hundred rows
START_M = 0.9  # of one person's pairs agree best in a column of which nothing was learned
FIGURES = 6  # significant figures kept, so that the order of a sum cannot show
RESERVE = 0.01
MOST_FOR_RARITY = 6.0  # bits that a rare value adds at most
SEPARATOR = "-__-"  # Splink's, between a file's name and a record's number
VERSION = splink.__version__
MACROS = (
    "CREATE OR REPLACE MACRO best_spelling(x, y) AS"
    " list_max(list_transform(x, lambda a : list_max(list_transform(y, lambda b : jaro_winkler_similarity(a, b)))))",
)


class SplinkEngine:
    """The people of one or two files in DuckDB, trained and scored by Splink."""

    def __init__(
        self,
        specification: Specification,
        left: pl.DataFrame,
        right: pl.DataFrame | None,
        *,
        spilling: Spilling | None = None,
    ) -> None:
        """spilling: where memory is spilled, and how; without it in a private folder of the system's temporary one."""
        logging.getLogger("splink").setLevel(logging.ERROR)
        self.specification = specification
        self.two = right is not None
        self.sizes = (left.height, right.height if right is not None else 0)
        self.learned = True  # or is m what is usual?
        self._shares: dict[str, str] = {}
        self._open = ExitStack()
        with ExitStack() as opening:  # what fails here leaves nothing behind
            self.con = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})
            opening.enter_context((spilling or _in_a_temporary_folder)(self.con))
            opening.callback(self.con.close)
            for macro in MACROS:
                self.con.execute(macro).fetchall()
            self._load("left", left, 0)
            if right is not None:
                self._load("right", right, left.height)
            self._open = opening.pop_all()

    def close(self) -> None:
        """Let go of the memory, and of what was spilled from it (encrypted)."""
        self._open.close()

    @property
    def given_shares(self) -> dict[str, str]:
        """By column: the table of how common its values are, where that is told from elsewhere (use_shares)."""
        return dict(self._shares)

    @property
    def possible_pairs(self) -> int:
        """All pairs there could be."""
        left, right = self.sizes
        return left * right if self.two else left * (left - 1) // 2

    def train(self, rules: list[Key], prior: float, progress: Progress = silent, *, few: bool = False) -> FrozenModel:
        """m and u without labels: u from random pairs, m by expectation maximisation within each rule's pairs.

        few: is m what is usual where no rule has pairs enough, and hardly more could be? Raises CannotTrain else.
        """
        linker = self._linker(self._settings(prior))
        training = linker.training
        progress("chance agreement", 0, len(rules) + 1)
        training.estimate_u_using_random_sampling(
            max_pairs=PAIRS_FOR_U, seed=SEED, min_count_per_level=None, num_chunks=1
        )
        sessions = 0
        for number, rule in enumerate(rules, 1):
            progress("learning from " + " + ".join(rule), number, len(rules) + 1)
            compared = {one.of for one in self.specification.comparisons}
            if compared <= set(rule) or count_pairs(self.con, rule, two=self.two) < FEWEST_FOR_EM:
                continue  # where all agrees that is compared, nothing is left to learn
            sessions += self._one_session(linker, rule)
        self.learned = bool(sessions)
        if not sessions and not (few and self.possible_pairs <= FEW_POSSIBLE):
            raise CannotTrain(
                "There are too few pairs to learn from without labels.",
                where="training",
                mend="Name wider rules under 'training', each with a compared column left free, or use a model that was"
                " trained elsewhere: --model.",
            )
        return self._read_model(linker.misc.save_model_to_json(), prior)

    def _one_session(self, linker: Linker, rule: Key) -> bool:
        """One rule's pairs; False where nothing can be learned of them.

        The m of a level that hardly any of them shows shrinks with each round, in the end below what Splink takes
        (1e-300): then it is learned again in fewer rounds.
        """
        sql = " AND ".join(f"l.{feature(part)} = r.{feature(part)}" for part in rule)
        for rounds in ROUNDS:
            settings = linker._settings_obj
            settings.training_settings = replace(settings.training_settings, max_iterations=rounds)
            # a session that fails leaves it without the columns of the rule
            before = settings.core_model_settings.copy()  # type: ignore[no-untyped-call]
            try:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    sql,
                    estimate_without_term_frequencies=True,
                    max_pairs=PAIRS_FOR_EM,
                    record_sample_proportion=1.0,
                )
            except splink.internals.exceptions.EMTrainingException:
                settings.core_model_settings = before
                return False
            except ValueError:
                settings.core_model_settings = before
            else:
                return True
        return False

    def score(self, model: FrozenModel, pairs: str) -> pl.DataFrame:
        """l, r and the evidence (log2 of the odds, without the prior) of each pair of the table."""
        linker = self._linker(self._settings(model.prior, model))
        self.con.execute(f"CREATE OR REPLACE TABLE blocked AS {self._blocked_sql(pairs)}").fetchall()
        linker.table_management.register_blocked_pairs_for_predict(linker._db_api.register("blocked"))
        found = linker.inference.predict(warning_mode="never")
        prior = math.log2(model.prior / (1 - model.prior))
        table = self.con.sql(
            f"SELECT unique_id_l AS l, unique_id_r AS r, match_weight - {prior!r} AS evidence"
            f" FROM {found.physical_name} ORDER BY l, r"
        ).to_arrow_table()
        found.drop_table_from_database_and_remove_from_cache()
        return pl.DataFrame(table)

    def write_for(self, folder: Path, model: FrozenModel, pairs: str) -> dict[str, Any]:
        """What another engine needs to score these pairs, as Parquet in the folder; what lies there, and the settings.

        The settings' levels are in this engine's SQL. rows: the pairs.
        """
        people = ["people_left", "people_right"] if self.two else ["people_left"]
        selects = {name: f"FROM {name}" for name in (*people, *self._shares.values())}
        selects["blocked"] = self._blocked_sql(pairs)
        for name, select in selects.items():
            place = str(folder / f"{name}.parquet").replace("'", "''")
            self.con.execute(f"COPY ({select}) TO '{place}' (FORMAT parquet)").fetchall()
        (rows,) = self.con.execute(f"SELECT count(*) FROM {pairs}").fetchall()[0]
        settings = self._settings(model.prior, model)
        return {"people": people, "shares": dict(self._shares), "settings": settings, "rows": int(rows)}

    def add_pairs(self, table: str, pairs: pl.DataFrame) -> None:
        """A table of pairs that were found elsewhere. pairs: l, r, the records' places, l < r."""
        self.con.register("incoming", pairs.select("l", "r").to_arrow())
        self.con.execute(
            f"CREATE TABLE {table} AS SELECT least(l, r) AS l, greatest(l, r) AS r FROM incoming"
        ).fetchall()
        self.con.unregister("incoming")

    def use_shares(self, column: str, shares: pl.DataFrame) -> None:
        """How common each value is (column, and tf_ before its name) where these records are only a part of all."""
        table = f"shares_{column}"
        self.con.register("incoming", shares.to_arrow())
        self.con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM incoming").fetchall()
        self.con.unregister("incoming")
        self._shares[column] = table

    def field_weights(self, model: FrozenModel, pairs: str) -> pl.DataFrame:
        """l, r and fields: JSON of each column's weight in log2; a column that is not known on both sides is left out.

        They add up to the pair's evidence, where shares are told for each column whose rare values count for more.
        """
        parts, joins = [], ""
        for comparison in self.specification.comparisons:
            name = comparison.of
            levels, numbers = sql_levels(comparison, self.specification), model.comparison(name).levels
            weights = [math.log2(one.m / one.u) for one in numbers]
            rarity = [place < len(levels) and levels[place].by_frequency for place in range(len(weights))]
            if shares := self._shares.get(name):
                for side in "ab":
                    joins += f" LEFT JOIN {shares} {name}_{side} ON {name}_{side}.{name} = {side}.{name}"
                bits = _rarity_sql(name, numbers[0].u)
            cases = " ".join(
                f"WHEN {place} THEN round({weight:.{FIGURES}g}{' + ' + bits if shares and rare else ''}, 3)"
                for place, (weight, rare) in enumerate(zip(weights, rarity, strict=True))
            )
            parts.append(f"{name} := CASE ({level_sql(comparison, self.specification)}) {cases} END")
        other = "people_right" if self.two else "people_left"
        table = self.con.sql(
            f"SELECT j.l, j.r, to_json(struct_pack({', '.join(parts)}))::TEXT AS fields FROM {pairs} j"
            f" JOIN people_left a ON a.rid = j.l JOIN {other} b ON b.rid = j.r{joins}"
        ).to_arrow_table()
        return pl.DataFrame(table)

    def levels(self, pairs: str) -> dict[str, int | None]:
        """By column: the number of the level of the table's one pair, from 0 for the best; None: not known on both."""
        made = [f"{level_sql(one, self.specification)} AS {one.of}" for one in self.specification.comparisons]
        other = "people_right" if self.two else "people_left"
        rows = self.con.execute(
            f"SELECT {', '.join(made)} FROM {pairs} j JOIN people_left a ON a.rid = j.l JOIN {other} b ON b.rid = j.r"
        ).fetchall()
        return dict(zip([one.of for one in self.specification.comparisons], rows[0], strict=True))

    def _blocked_sql(self, pairs: str) -> str:
        if not self.two:
            return f"SELECT l AS join_key_l, r AS join_key_r, '0' AS match_key FROM {pairs}"
        return (
            f"SELECT 'people_left{SEPARATOR}' || l AS join_key_l, 'people_right{SEPARATOR}' || r AS join_key_r,"
            f" '0' AS match_key FROM {pairs}"
        )

    def _load(self, side: str, people: pl.DataFrame, first: int) -> None:
        copies = {
            str(value)
            for comparison in self.specification.comparisons
            for level in comparison.levels
            for name, value in level.items()
            if name == "swapped_with"
        }
        frame = people.with_columns(pl.col(name).alias(f"{name}__copy") for name in sorted(copies))
        frame = frame.with_columns(pl.int_range(first, first + people.height, dtype=pl.Int64).alias("rid"))
        frame = frame.with_columns(pl.col("rid").alias("unique_id"))
        self.con.register("incoming", frame.to_arrow())
        self.con.execute(f"CREATE TABLE people_{side} AS SELECT * FROM incoming").fetchall()
        self.con.unregister("incoming")

    def _linker(self, settings: dict[str, Any]) -> Linker:
        api = DuckDBAPI(self.con)
        tables = ["people_left", "people_right"] if self.two else ["people_left"]
        frames = [api.register(table, dataset_display_name=table) for table in tables]
        linker = Linker(frames if self.two else frames[0], settings, log_level=None, validate_settings=False)
        for column, table in self._shares.items():
            linker.table_management.register_term_frequency_lookup(api.register(table), column)
        return linker

    def _settings(self, prior: float, model: FrozenModel | None = None) -> dict[str, Any]:
        return {
            "link_type": "link_only" if self.two else "dedupe_only",
            "probability_two_random_records_match": prior,
            "comparisons": [self._comparison(c.of, model) for c in self.specification.comparisons],
            "blocking_rules_to_generate_predictions": [],
            "retain_matching_columns": False,
            "retain_intermediate_calculation_columns": False,
            "em_convergence": 0.0005,
            "max_iterations": ROUNDS[0],
            "linker_uid": "haven",
        }

    def _comparison(self, name: str, model: FrozenModel | None) -> dict[str, Any]:
        column = self.specification.column(name)
        comparison = next(c for c in self.specification.comparisons if c.of == name)
        levels: list[dict[str, Any]] = [
            {"sql_condition": null_sql(column), "label_for_charts": "unknown", "is_null_level": True}
        ]
        stated = sql_levels(comparison, self.specification)
        for level in stated:
            one: dict[str, Any] = {"sql_condition": level.sql, "label_for_charts": level.label}
            if level.by_frequency:
                one |= {"tf_adjustment_column": name, "tf_adjustment_weight": 1.0}
            levels.append(one)
        levels.append({"sql_condition": "ELSE", "label_for_charts": "differs"})
        if model is not None:
            known = model.comparison(name).levels
            for level_model, one in zip(known, levels[1:], strict=True):
                one |= {"m_probability": level_model.m, "u_probability": level_model.u}
                if name in self._shares and "tf_adjustment_column" in one:
                    one["tf_minimum_u_value"] = rarest(known[0].u)
        return {"output_column_name": name, "comparison_levels": levels}

    def _read_model(self, settings: dict[str, Any], prior: float) -> FrozenModel:
        sampled = min(PAIRS_FOR_U, self.possible_pairs)
        comparisons = tuple(
            ComparisonModel(
                of=comparison["output_column_name"],
                levels=_mended(
                    [one for one in comparison["comparison_levels"] if not one.get("is_null_level")], prior, sampled
                ),
            )
            for comparison in settings["comparisons"]
        )
        return FrozenModel(
            engine="duckdb",
            splink=VERSION,
            specification=self.specification.digest,
            prior=prior,
            comparisons=comparisons,
        )


@contextmanager
def _in_a_temporary_folder(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """For files of whoever runs this, outside every zone."""
    with tempfile.TemporaryDirectory(prefix="haven-spill-") as folder:
        spill_into(connection, Path(folder))
        connection.execute("SET force_mbedtls_unsafe = 'true'").fetchall()  # else nothing can spill
        yield


def rarest(u: float) -> float:
    """The smallest share that counts: below it a name is no better evidence, only oftener a slip or a family's."""
    return u / 2**MOST_FOR_RARITY


def _rarity_sql(name: str, u: float) -> str:
    """Splink's term-frequency adjustment in bits: how much rarer the commoner of both values is than values are."""
    shares = f"{name}_a.tf_{name}, {name}_b.tf_{name}"
    known = f"CASE WHEN coalesce({shares}) IS NOT NULL THEN {rarest(u)!r} END"
    return f"coalesce(log2({u!r}) - log2(greatest({shares}, {known})), 0)"


def _mended(levels: list[dict[str, Any]], prior: float, sampled: int) -> tuple[LevelModel, ...]:
    """A level never seen by chance is rarer than one in the sample.

    Random pairs hold some true ones: their share of each level (prior times m) is taken out of u.
    """
    rarest = 0.5 / max(sampled, 1)
    ms, us = [], []
    for level in levels:
        m, u = (_number(level.get(f"{kind}_probability")) for kind in ("m", "u"))
        if m is not None and u is not None:
            u = (u - prior * m) / (1 - prior)
        us.append(max(u if u is not None else 0.0, rarest))
        ms.append(m or 0.0)
    if not sum(ms):  # no rule left the column free
        ms = [START_M, *[(1 - START_M) / max(len(levels) - 1, 1)] * (len(levels) - 1)]
    labels = [str(level["label_for_charts"]) for level in levels]
    return made_levels(labels, ms, us)


def made_levels(labels: list[str], ms: list[float], us: list[float]) -> tuple[LevelModel, ...]:
    """Levels from counts or shares. What a few pairs never showed is still possible: a share of m is given to
    disagreement, and as much to the other levels together; no weight rests on a level that was not seen.
    """
    others = max(len(ms) - 1, 1)
    shares = [m / (sum(ms) or 1.0) * (1 - 2 * RESERVE) + RESERVE / others for m in ms]
    shares[-1] += RESERVE - RESERVE / others
    return tuple(
        LevelModel(label=label, m=rounded(m / sum(shares)), u=rounded(u / sum(us)))
        for m, u, label in zip(shares, us, labels, strict=True)
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (float, int)) else None


def rounded(value: float) -> float:
    """To the figures that are kept."""
    return float(f"{value:.{FIGURES}g}")
