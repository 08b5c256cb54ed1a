"""How often does this linkage miss, and how often is it wrong, where nobody knows the truth? Two trials on a sample.

Hidden numbers: NHS numbers that two datasets share are hidden in all but one of them, and the records linked again
without them; who is not found was missed, who is found with another number's record is wrong. Decoys: records of
nobody, made of three people's parts; whoever they are joined to, it is wrong. (GUILD, step 2; Harron and others, 2017.)

Both are run on copies in memory, by the same steps and the same model, and change nothing. What they do not see: people
without an NHS number may be recorded worse than those with one; decoys have no sisters or twins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import polars as pl

from access.keys import HeldKey
from linkage.intake.tables import create_identity, random_row_keys
from linkage.matching.engines.running import in_duckdb
from linkage.matching.evidence import tokens_of
from linkage.matching.ladder import STRETCHES, Key
from linkage.matching.records_to_link import prepare, set_registers
from linkage.matching.residual.candidates import BLOCKING
from linkage.matching.residual.settling import ResidualPlan, prepare_residual, settle_residual
from linkage.matching.residual.weighing import identity_of
from linkage.references.tables import REFERENCE_TABLES, references_in
from linkage.standardise.specification import IDENTITY
from linkage.zones import count

SAMPLE = 5_000
"""People in each trial: the interval of a share of 1 % is then 0.8 to 1.3 %."""
FEWEST = 200
"""With fewer, a trial tells nothing."""
SEED = 11
NO_RUN = "00000000-0000-0000-0000-000000000000"
NEAR: tuple[Key, ...] = tuple(
    dict.fromkeys((*(key for one in STRETCHES for key in one.near), *BLOCKING))  # whatever could join a record
)
NAMES, BIRTH, PLACE = ("surname", "forenames", "full_name", "sex"), ("date_of_birth",), ("postcode",)


@dataclass(frozen=True)
class StepOutcome:
    """What one step joined in a trial, and how many of those were wrong."""

    step: int
    joined: int
    wrong: int


@dataclass(frozen=True)
class Trial:
    """tried: records; found: joined to whom they should be (none, for decoys); wrong: joined to anybody else."""

    tried: int
    found: int
    wrong: int
    by_step: tuple[StepOutcome, ...]
    by_dataset: tuple[tuple[str, int, int], ...] = ()  # dataset, tried, found


def hidden_numbers(zone: duckdb.DuckDBPyConnection, plan: ResidualPlan, *, test_range: bool) -> Trial | None:
    """Hide NHS numbers and link again; None where too few are shared. zone: the linkage zone, after a linkage."""
    shared = "SELECT n FROM evidence WHERE n IS NOT NULL GROUP BY n HAVING count(DISTINCT dataset) > 1"
    numbers = count(zone, f"SELECT count(*) FROM ({shared})")
    if numbers < FEWEST:
        return None
    # Tokens are as good as random, so every so many-th of them is a fair sample.
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE tried AS SELECT *, n AS truth,"
        " dataset <> min_by(dataset, hash(n, dataset)) OVER (PARTITION BY n) AS hidden FROM evidence"
        f" WHERE n % {-(-numbers // SAMPLE)} = 0 AND n IN ({shared})"
    )
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE copied AS SELECT e.* REPLACE (CASE WHEN t.hidden THEN NULL ELSE n END AS n)"
        f" FROM evidence e LEFT JOIN (SELECT record, hidden FROM tried) t USING (record)"
        f" WHERE record IN ({_around('tried')})"
    )
    truth = pl.DataFrame(zone.sql("SELECT record, dataset, truth, hidden FROM tried").to_arrow_table())
    with _copy(zone, plan, test_range, truth.filter("hidden")["record"]) as trial:
        trial.register("tried", truth.to_arrow())
        return _hidden_outcome(trial)


def decoys(zone: duckdb.DuckDBPyConnection, plan: ResidualPlan, key: HeldKey, *, test_range: bool) -> Trial | None:
    """Put records of nobody among the others and link; None where there are too few to make them of."""
    made = _made_of_three(zone)
    if made.height < FEWEST:
        return None
    tokens = tokens_of(made, key, test_range=test_range, references=references_in(zone))
    some = np.random.default_rng(SEED).integers(1 << 63, size=made.height, dtype=np.uint64)
    tokens = tokens.with_columns(n=pl.when("had_number").then(pl.Series(some))).drop("had_number")
    zone.register("made", tokens.to_arrow().append_column("subject", random_row_keys(made.height)))
    zone.execute("CREATE OR REPLACE TEMP TABLE tried AS SELECT * FROM made")
    zone.unregister("made")
    zone.execute(
        "CREATE OR REPLACE TEMP TABLE copied AS SELECT * FROM evidence"
        f" WHERE record IN ({_around('tried')}) UNION ALL BY NAME SELECT * FROM tried"
    )
    with _copy(zone, plan, test_range, None, made) as trial:
        trial.register("tried", made.select("record", "dataset").to_arrow())
        return _decoy_outcome(trial)


def _around(tried: str) -> str:
    """Who could be joined to `tried` (tokens): who shares a key with them, and the rest of those persons."""
    alike = " UNION ".join(
        f"SELECT record FROM evidence WHERE hash({', '.join(key)}) IN (SELECT hash({', '.join(key)}) FROM {tried}"
        f" WHERE {' AND '.join(f'{name} IS NOT NULL' for name in key)})"
        for key in NEAR
    )
    return f"SELECT record FROM links WHERE person IN (SELECT person FROM links WHERE record IN ({alike}))"


def _made_of_three(zone: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """record (above all others), dataset, had_number and IDENTITY: name and sex, birthday, postcode of three people."""
    people = count(zone, "SELECT count(*) FROM evidence")
    drawn = pl.DataFrame(
        zone.sql(
            "SELECT e.record, e.dataset, l.person::TEXT AS person, n IS NOT NULL AS had_number FROM evidence e"
            f" JOIN links l USING (record) WHERE hash(subject) % {max(1, people // SAMPLE)} = 0 ORDER BY e.record"
        ).to_arrow_table()
    )
    texts = drawn.join(identity_of(zone, drawn["record"].to_list()), on="record", maintain_order="left")
    chance = np.random.default_rng(SEED)
    second, third = (texts[chance.permutation(texts.height)] for _ in range(2))
    strangers = (
        (texts["person"] != second["person"])
        & (texts["person"] != third["person"])
        & (second["person"] != third["person"])
    )
    first_free = count(zone, "SELECT coalesce(max(record), 0) + 1 FROM evidence")
    return texts.select(
        pl.int_range(first_free, first_free + texts.height, dtype=pl.Int64).alias("record"),
        "dataset",
        "had_number",
        pl.lit(None, dtype=pl.String).alias("nhs_number"),
        *NAMES,
        *(second[name] for name in BIRTH),
        *(third[name] for name in PLACE),
    ).filter(strangers)


@contextmanager
def _copy(
    zone: duckdb.DuckDBPyConnection,
    plan: ResidualPlan,
    test_range: bool,
    hidden: pl.Series | None,
    made: pl.DataFrame | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A linkage zone in memory with `copied`, linked: the trial's `work`. hidden: whose number is not told."""
    copied = zone.sql("FROM copied").to_arrow_table()
    texts = identity_of(zone, copied.column("record").to_pylist()) if plan.model else None
    references = {name: zone.sql(f"FROM {name}").to_arrow_table() for name in REFERENCE_TABLES}
    registers = [str(name) for (name,) in zone.execute("SELECT dataset FROM registers").fetchall()]
    for table in ("tried", "copied"):
        zone.execute(f"DROP TABLE IF EXISTS temp.{table}")
    with duckdb.connect() as trial:
        trial.execute("SET temp_directory = ''")  # nothing of it is ever put on disk
        create_identity(trial)
        prepare(trial)
        prepare_residual(trial)
        set_registers(trial, registers)
        for name, rows in references.items():
            trial.register("rows_of", rows)
            trial.execute(f"INSERT INTO {name} FROM rows_of")
            trial.unregister("rows_of")
        trial.register("copied", copied)
        trial.execute("INSERT INTO evidence BY NAME FROM copied")
        if texts is not None:
            if hidden is not None:
                untold = pl.col("record").is_in(hidden.implode())
                texts = texts.with_columns(nhs_number=pl.when(~untold).then("nhs_number"))
            if made is not None:
                texts = pl.concat([texts, made.select("record", *IDENTITY)])
            trial.register("texts", texts.to_arrow())
            trial.execute("INSERT INTO identity BY NAME SELECT '' AS delivery, '' AS dataset, * FROM texts")
        trial.execute("CREATE TEMP TABLE pool AS SELECT record FROM evidence")
        in_duckdb(trial)
        settle_residual(trial, replace(plan, decisions=()), NO_RUN, test_range=test_range)
        yield trial


def _hidden_outcome(trial: duckdb.DuckDBPyConnection) -> Trial:
    trial.execute(
        "CREATE TEMP TABLE outcome AS SELECT t.record, t.dataset, w.step,"
        " EXISTS (FROM tried k JOIN work o ON k.record = o.record"
        "  WHERE NOT k.hidden AND k.truth = t.truth AND o.cluster = w.cluster) AS found,"
        " EXISTS (FROM work o JOIN evidence e ON e.record = o.record LEFT JOIN tried k ON k.record = o.record"
        "  WHERE o.cluster = w.cluster AND coalesce(k.truth, e.n) <> t.truth) AS wrong"
        " FROM tried t JOIN work w USING (record) WHERE t.hidden"
    )
    return _outcome(trial)


def _decoy_outcome(trial: duckdb.DuckDBPyConnection) -> Trial:
    trial.execute(
        "CREATE TEMP TABLE outcome AS SELECT t.record, t.dataset, w.step, false AS found,"
        " EXISTS (FROM work o WHERE o.cluster = w.cluster AND o.record <> w.record) AS wrong"
        " FROM tried t JOIN work w USING (record)"
    )
    return _outcome(trial)


def _outcome(trial: duckdb.DuckDBPyConnection) -> Trial:
    (tried, found, wrong), *_ = trial.execute(
        "SELECT count(*), count(*) FILTER (found), count(*) FILTER (wrong) FROM outcome"
    ).fetchall()
    steps = trial.execute(
        "SELECT step, count(*), count(*) FILTER (wrong) FROM outcome WHERE step IS NOT NULL GROUP BY step ORDER BY step"
    ).fetchall()
    datasets = trial.execute(
        "SELECT dataset, count(*), count(*) FILTER (found) FROM outcome GROUP BY dataset ORDER BY dataset"
    ).fetchall()
    return Trial(
        int(tried),
        int(found),
        int(wrong),
        tuple(StepOutcome(int(step), int(joined), int(bad)) for step, joined, bad in steps),
        tuple((str(dataset), int(of), int(there)) for dataset, of, there in datasets),
    )
