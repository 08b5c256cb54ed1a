"""What does a checked table cost? A crosstab's evidence on a million rows; hiding cells to the optimum; the attack.

Beside them the same crosstab with its checks in ACRO, where HAVEN_ACRO names a Python that has it: with the rows in
memory on both sides, once to warm up, then the median of three. ACRO counts rows; ours counts people and sums what each
of them contributes first.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from environments.disclosure.audit import audit
from environments.disclosure.check import check_counts_table
from environments.disclosure.methods import made_fit
from environments.disclosure.microdata import Question, tabulate
from environments.disclosure.model import Stage, TableContext
from environments.disclosure.profile import criteria

NAME = "disclosure: a crosstab's evidence on a million rows, secondary suppression to the optimum, the attack"
ACRO_SCRIPT = """
import contextlib, io, json, logging, statistics, sys, time
import numpy as np
import pandas as pd
from acro import ACRO
logging.disable(logging.CRITICAL)
rows = pd.DataFrame(dict(np.load(sys.argv[1])))
spent = []
with contextlib.redirect_stdout(io.StringIO()):
    acro = ACRO()
    for _ in range(4):
        start = time.perf_counter()
        acro.crosstab(rows.a, rows.b, values=rows.v, aggfunc="mean")
        spent.append(time.perf_counter() - start)
print(json.dumps(statistics.median(spent[1:])))
"""


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Seconds of each, and how often ours is faster than ACRO."""
    lines = _evidence(200_000 if quick else 1_000_000)
    for seed in (1,) if quick else (1, 2, 3):
        table = _table(22, 17, 120, seed)
        for cost in ("cells", "values"):
            proven, spent = _hidden(table, cost)
            how = "proven" if proven else "not proven"
            lines.append((f"414 cells, seed {seed}, cheapest by {cost}, {how}", spent, "s"))
    lines.append(_attack(60 if quick else 100))
    return lines


def _evidence(rows: int) -> list[tuple[str, float, str]]:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({
        "a": rng.integers(0, 20, rows), "b": rng.integers(0, 10, rows), "person": rng.permutation(rows),
        "v": rng.gamma(2, 100, rows),
    })  # fmt: skip
    several = frame.with_columns(person=pl.Series(rng.integers(0, rows // 2, rows)))
    lines = []
    with duckdb.connect(":memory:") as connection:
        for name, one in (("one row each", frame), ("two rows each in any cells", several)):
            connection.register("given", one.to_arrow())
            connection.execute("create or replace table rows as select * from given")
            spent = _median(lambda: _checked(connection))
            lines.append((f"evidence and check, {rows:,} rows, people with {name}", spent, "s"))
    if python := os.environ.get("HAVEN_ACRO"):
        spent = _acro(python, frame)
        lines += [(f"ACRO's crosstab, {rows:,} rows", spent, "s"), ("ACRO / ours", spent / lines[0][1], "times")]
    return lines


def _checked(connection: duckdb.DuckDBPyConnection) -> None:
    table, context = tabulate(connection, "rows", Question(("a", "b"), "person", "v"))
    check_counts_table(table, context, criteria("acro_default"), Stage.TRUE)


def _acro(python: str, frame: pl.DataFrame) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        np.savez(path, **{name: frame[name].to_numpy() for name in frame.columns})
        command = [python, "-W", "ignore", "-c", ACRO_SCRIPT, str(path)]
        found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return float(json.loads(found.stdout.splitlines()[-1]))


def _median(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(4):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent[1:])


def _table(rows: int, columns: int, mean: float, seed: int) -> pl.DataFrame:
    """Skewed counts with both margins."""
    rng = np.random.default_rng(seed)
    inner = rng.negative_binomial(1.2, 1.2 / (1.2 + mean), size=(rows, columns))
    full = np.vstack([np.column_stack([inner, inner.sum(1)]), [*inner.sum(0), inner.sum()]])
    names = [f"r{n:03}" for n in range(rows)] + ["Total"], [f"c{n:03}" for n in range(columns)] + ["Total"]
    cells = [(a, b, int(full[i, j])) for i, a in enumerate(names[0]) for j, b in enumerate(names[1])]
    return pl.DataFrame(cells, schema=["a", "b", "people"], orient="row")


def _hidden(table: pl.DataFrame, cost: str) -> tuple[bool, float]:
    start = time.perf_counter()
    made = made_fit(table, TableContext(count_column="people"), criteria("acro_default"), cost=cost)
    return made.proven and made.passed, time.perf_counter() - start


def _attack(size: int) -> tuple[str, float, str]:
    """Every hidden cell's interval, where only the small counts are hidden."""
    table = _table(size - 1, size - 1, 100, 1)
    shown = pl.when(pl.col("people") < 10).then(pl.lit("*")).otherwise(pl.col("people").cast(pl.String))
    finished = table.with_columns(people=shown)
    start = time.perf_counter()
    found = audit([(finished, TableContext(count_column="people"))], criteria("acro_default"))
    hidden = sum(cell.status.value != "ok" for cell in found.cells)
    return f"attack on {size * size:,} cells, {hidden:,} of them hidden", time.perf_counter() - start, "s"
