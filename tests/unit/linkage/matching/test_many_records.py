"""More records than one block of the engine's tables holds: every one gets its link."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy.orm import Session

from audit.model import service
from linkage.intake.tables import create_identity, create_incoming, random_row_keys
from linkage.store import RECEIVED, Delivery
from tests.fakes.havens import START
from tests.fakes.zones import LinkageBench

MANY = 300_000


@pytest.mark.slow
def test_every_one_of_many_records_is_linked(tmp_path: Path) -> None:
    """Three hundred thousand people, each delivered once: as many persons, and no row without one.

    On DuckDB 2.0.0 a join with a temporary table that was made empty and filled in the same transaction finds nothing
    once the table is larger than two blocks; the linker makes its tables whole.
    """
    bench = LinkageBench(tmp_path)
    name = str(uuid.uuid4())
    keys = random_row_keys(MANY)
    rows = pl.DataFrame({"n": pl.int_range(MANY, eager=True)}).select(
        surname=pl.format("Name{}", pl.col("n")).str.replace_all("0", "a").str.replace_all("1", "b"),
        forenames=pl.lit("Zara"),
        date_of_birth=pl.lit("1961-07-04"),
        local_id=pl.col("n").cast(pl.String),
    )
    letters = rows.with_columns(
        surname=pl.col("surname").str.replace_many([str(d) for d in range(10)], list("cdefghijkl"))
    )
    table = letters.to_arrow().append_column("row_key", keys)
    with bench.zones.linkage() as zone:
        create_identity(zone)
        zone.register("rows", table)
        zone.execute(
            "INSERT INTO identity (delivery, dataset, row_key, surname, forenames, date_of_birth, local_id)"
            " SELECT ?, 'gp', row_key, surname, forenames, date_of_birth, local_id FROM rows",
            [name],
        )
        zone.unregister("rows")
    with bench.zones.research() as zone:
        create_incoming(zone, "gp_patients", {"code": "VARCHAR"})
        zone.register("rows", table)
        zone.execute(
            "INSERT INTO incoming_gp_patients (delivery, row_key, code) SELECT ?, row_key, local_id FROM rows", [name]
        )
        zone.unregister("rows")
    with Session(bench.records.engine) as session:
        session.add(
            Delivery(
                id=name,
                name=name,
                dataset="gp",
                controller="gp",
                contract_version="1",
                period_from=date(2026, 1, 1),
                period_to=None,
                digest=name,
                state=RECEIVED,
                supersedes=None,
                rows={},
                quarantined={},
                at=START,
                by="x",
            )
        )
        session.commit()
    summary = bench.linker.link(by=service("test"))
    assert summary.counts["people"] == letters["surname"].n_unique()
    with bench.zones.research() as zone:
        found = zone.execute("SELECT count(*), count(person), count(DISTINCT person) FROM gp_patients").fetchall()
    assert found == [(MANY, MANY, letters["surname"].n_unique())]
