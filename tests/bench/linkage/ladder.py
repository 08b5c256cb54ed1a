"""The ladder on tokens as 64-bit numbers, beside the same ladder on tokens as hex text.

Both run the same SELECTs over the same records from a database file, each in a process of its own; what the process
needed before the ladder began (the interpreter, DuckDB) is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from access.keys import HeldKey
from linkage.matching.evidence import tokens_of
from tests.bench.linkage._people import invented, recorded

ROOT = Path(__file__).resolve().parents[3]
RUNNER = Path(__file__).with_name("_ladder.py")
KEY = HeldKey("bench", 1, b"k" * 32, "check")
NAME = "the ladder on tokens as numbers and as hex text: CPU and memory, side by side"
Measured = tuple[str, float, str]


def run(quick: bool) -> list[Measured]:
    """The table; 100,000 on each side when quick, a million otherwise."""
    size = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, size)
        found = {form: _measured(folder, form) for form in ("numbers", "text")}
    numbers, text = found["numbers"], found["text"]
    if numbers["who"] != text["who"]:
        raise AssertionError("the two forms did not give the same people")
    rows: list[Measured] = [("records on each side", float(size), "")]
    for form, took in found.items():
        rows += [(f"{form}: ladder", took["seconds"], "CPU s"), (f"{form}: memory, peak", took["gigabytes"], "GiB")]
    return [
        *rows,
        ("CPU, numbers to text", numbers["seconds"] / text["seconds"], "times (asked: 0.7)"),
        ("memory, numbers to text", numbers["gigabytes"] / text["gigabytes"], "times (asked: 0.4)"),
    ]


def _write(folder: Path, size: int) -> None:
    """evidence.parquet: the tokens of two registers that know five people in six both."""
    people = invented(size * 6 // 5)
    sides = []
    for dataset, who, day in (
        ("gp", np.arange(size), "2024-01-01"),
        ("hospital", np.arange(people.count - size, people.count), "2019-01-01"),
    ):
        rows = recorded(people, who, dataset, day).with_columns(record=pl.int_range(pl.len()) + len(sides) * size)
        sides.append(tokens_of(rows, KEY, test_range=True).with_columns(dataset=pl.lit(dataset)))
    pl.concat(sides).write_parquet(folder / "evidence.parquet")


def _measured(folder: Path, form: str) -> dict[str, float]:
    _run("prepare", form, str(folder))
    found: dict[str, float] = json.loads(_run("measure", str(folder / f"{form}.duckdb")))
    (folder / f"{form}.duckdb").unlink()
    return found


def _run(*what: str) -> str:
    done = subprocess.run(
        [sys.executable, str(RUNNER), *what],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()[-1] if done.stdout else ""
