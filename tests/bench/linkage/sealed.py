"""What does mode B cost? The demo's people, general practice identified, the other three in mode A and then in mode B.

By row of the other three whose person is in general practice: put under that person or not, and put under another.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl

from audit.clock import FixedClock
from infra.demo.people import make_deliveries
from linkage.contracts.registry import find_contract
from linkage.intake.pack import pack
from linkage.matching.residual.settling import LADDER_ONLY, ResidualPlan
from linkage.matching.residual.weighing import engine_for
from linkage.sealed.composites import sealed_tokens
from linkage.sealed.filters import bloom_filters
from linkage.sealed.service import link_sealed
from linkage.specified.service import learn
from linkage.standardise.specification import IDENTITY, VERSION
from tests.fakes.deliveries import IntakeBench
from tests.fakes.havens import memory_records
from tests.fakes.linkage_zone import AT
from tests.fakes.sealed_zone import SealedZone
from tests.integration.infra.demo.test_received import THE_DAY_AFTER

NAME = "mode B beside mode A: what it misses and what it costs"
Measured = tuple[str, float, str]
DATASETS = ("gp", "hospital", "social_care", "deaths")
OF_TRUTH = {"gp": "gp_patients", "hospital": "hospital_episodes", "social_care": "social_care", "deaths": "deaths"}


def identities(folder: Path, people: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of `identity` as received, and the truth (dataset, local_id, who)."""
    make_deliveries(folder / "controllers", people=people, seed=5)
    bench = IntakeBench(folder / "home", memory_records(FixedClock(THE_DAY_AFTER)))
    for dataset in DATASETS:
        pack(folder / "controllers" / dataset, find_contract(dataset), name=f"{dataset}-first")
        bench.receive(folder / "controllers" / dataset)
    with bench.zones.linkage(read_only=True) as zone:
        rows = pl.DataFrame(
            zone.sql("SELECT * EXCLUDE (row_key), row_key::TEXT AS row_key FROM identity").to_arrow_table()
        )
    truth = pl.read_csv(folder / "controllers" / "truth.csv", infer_schema=False)
    names = {there: dataset for dataset, there in OF_TRUTH.items()}
    truth = truth.select(
        pl.col("dataset").replace(names), pl.col("record").alias("local_id"), pl.col("person").alias("who")
    )
    return rows, truth


def learned(rows: pl.DataFrame) -> ResidualPlan:
    """A model for the residual, trained as `haven linkage train` does."""
    people = rows.select("dataset", *IDENTITY).unique().sort(pl.all())
    with closing(engine_for(people, test_range=True)) as engine:
        return ResidualPlan(learn(engine), "bench")


def link(
    rows: pl.DataFrame, sealed: tuple[str, ...], plan: ResidualPlan, *, bloom: bool = False
) -> tuple[pl.DataFrame, float]:
    """Every row's person, and the CPU-seconds, with these datasets in mode B."""
    bench = SealedZone()
    bench.plan = plan
    bench.counting = rows["delivery"].unique().to_list()
    zone = bench.zone
    _fill(zone, rows.filter(~pl.col("dataset").is_in(sealed)))
    for batch in _tokens(rows.filter(pl.col("dataset").is_in(sealed)), bench, bloom=bloom):
        zone.register("batch", batch.to_arrow())
        zone.execute("INSERT INTO sealed_rows BY NAME SELECT * REPLACE (row_key::UUID AS row_key) FROM batch")
        zone.unregister("batch")
    zone.execute("INSERT INTO registers VALUES ('gp'), ('deaths')")
    started = time.process_time()
    bench.link(everybody=True)
    link_sealed(zone, bench.counting, bench.run, AT, bench.rounds.get, test_range=True)
    spent = time.process_time() - started
    persons = zone.sql(
        "SELECT row_key::TEXT AS row_key, person::TEXT AS person FROM identity JOIN links USING (record) UNION ALL"
        " SELECT row_key::TEXT, person::TEXT FROM sealed_rows JOIN sealed_records USING (record)"
    ).to_arrow_table()
    return rows.select("row_key", "dataset", "local_id").join(pl.DataFrame(persons), on="row_key"), spent


def _fill(zone: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    zone.register("batch", rows.to_arrow())
    zone.execute("INSERT INTO identity BY NAME SELECT * REPLACE (row_key::UUID AS row_key) FROM batch")
    zone.unregister("batch")


def _tokens(rows: pl.DataFrame, bench: SealedZone, *, bloom: bool) -> Iterator[pl.DataFrame]:
    for batch in rows.iter_slices(200_000):
        tokens = sealed_tokens(batch.select(IDENTITY), bench.rounds["r1"], test_range=True)
        told = {"round": pl.lit("r1"), "specification": pl.lit(VERSION)}
        if bloom:
            tokens = tokens.with_columns(bloom_filters(batch.select(IDENTITY), bench.rounds["r1"], test_range=True))
        yield batch.select("delivery", "dataset", "row_key", **told).hstack(tokens)


def judged(persons: pl.DataFrame, truth: pl.DataFrame) -> dict[str, tuple[int, float, float]]:
    """By dataset: rows of somebody in general practice, the share missed, and the share under somebody else (%)."""
    known = persons.join(truth, on=["dataset", "local_id"])
    gp = known.filter(pl.col("dataset") == "gp").select("person", "who").unique()
    found = {}
    for dataset in DATASETS[1:]:
        rows = known.filter((pl.col("dataset") == dataset) & pl.col("who").is_in(gp["who"].unique().implode()))
        right = rows.join(gp, on=["person", "who"], how="semi").height
        joined = known.filter(pl.col("dataset") == dataset).join(gp, on="person", how="semi").height
        found[dataset] = (rows.height, 100 * (1 - right / rows.height), 100 * (joined - right) / max(1, joined))
    return found


def run(quick: bool) -> list[Measured]:
    """For each mode: CPU, and by dataset what was missed and what is under somebody else."""
    with tempfile.TemporaryDirectory() as folder:
        rows, truth = identities(Path(folder), 2_000 if quick else 20_000)
    modes = (
        ("A, the ladder", (), LADDER_ONLY),
        ("A, with a model", (), learned(rows)),
        ("B", DATASETS[1:], LADDER_ONLY),
        ("B, with Bloom filters", DATASETS[1:], LADDER_ONLY),
    )
    measured: list[Measured] = [("rows", float(rows.height), "")]
    for mode, sealed, plan in modes:
        persons, spent = link(rows, sealed, plan, bloom="Bloom" in mode)
        measured.append((f"mode {mode}: linking", spent, "CPU s"))
        for dataset, (_, missed, wrong) in judged(persons, truth).items():
            measured += [
                (f"mode {mode}, {dataset}: missed", missed, "%"),
                (f"mode {mode}, {dataset}: wrong", wrong, "%"),
            ]
    return measured
