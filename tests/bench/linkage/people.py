"""Two files of UK-shaped people with known truth: the haven's linkage beside whole-file Splink and CPRD's eight steps.

The people and the errors in their recording are of _people.py. Five people in six are in both files. Splink learns
chance agreement from ten million random pairs, and the rest at its defaults: every pair of three blockings.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tests.bench.linkage._methods import LOWEST, RECORDS
from tests.bench.linkage._people import invented, recorded

ROOT = Path(__file__).resolve().parents[3]
METHODS = Path(__file__).with_name("_methods.py")
NAME = "two files of people: CPU, memory, missed and false links, side by side"
OURS = ("haven", "haven_encrypted")
STRICTER = (0, 4, 8)  # weights; Splink itself is asked for pairs down to _methods.LOWEST
Measured = tuple[str, float, str]


@dataclass(frozen=True)
class Method:
    """What one method did. missed, false: in per cent; gap: recall of the majority less that of the minorities."""

    seconds: dict[str, float]
    gigabytes: float
    missed: float
    false: float
    false_links: int
    gap: float

    @property
    def cpu(self) -> float:
        """CPU seconds of all its phases."""
        return sum(self.seconds.values())


def run(quick: bool) -> list[Measured]:
    """The table; 20,000 on each side when quick, a million otherwise."""
    return measured(20_000 if quick else 1_000_000)


def measured(size: int, methods: tuple[str, ...] = (*OURS, "splink", "cprd")) -> list[Measured]:
    """The table for so many records on each side."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        minority = write(folder, size)
        training = run_method("train", folder)
        found = {name: outcome(name, folder, run_method(name, folder), minority) for name in methods}
        stricter = _stricter(folder, found, minority) if {"haven", "splink"} <= found.keys() else []
    rows: list[Measured] = [("records on each side", float(size), "")]
    rows.append(("haven: training, once (another flow)", sum(training["seconds"].values()), "CPU s"))
    for name, one in found.items():
        rows += [(f"{name}: {phase}", seconds, "CPU s") for phase, seconds in one.seconds.items()]
        rows += [
            (f"{name}: memory, peak", one.gigabytes, "GiB"),
            (f"{name}: missed", one.missed, "%"),
            (f"{name}: false", one.false, "%"),
            (f"{name}: false links", float(one.false_links), ""),
            (f"{name}: recall, majority less minorities", one.gap, "points"),
        ]
    return rows + stricter + (_ratios(found) if len(found) == 4 else [])


def _stricter(folder: Path, found: Mapping[str, Method], minority: pl.Series) -> list[Measured]:
    """What Splink misses, and links wrongly, where it takes pairs of a higher weight only."""
    ours, splink = found["haven"], found["splink"]
    pairs, rows = pl.read_parquet(folder / "splink.parquet"), list[Measured]()
    for weight in STRICTER:
        name = f"splink at weight {weight}"
        pairs.filter(pl.col("weight") >= weight).write_parquet(folder / f"{name}.parquet")
        one = outcome(name, folder, {"seconds": splink.seconds, "gigabytes": splink.gigabytes}, minority)
        rows += [
            (f"{name}: missed", one.missed, "%"),
            (f"{name}: false links", float(one.false_links), ""),
            (f"false links, haven to {name}", ours.false_links / max(one.false_links, 1), "times (asked: 1)"),
        ]
    return rows


def _ratios(found: dict[str, Method]) -> list[Measured]:
    ours, splink, cprd = found["haven"], found["splink"], found["cprd"]
    scoring = splink.seconds["blocking, scoring"]
    linking = ours.cpu - ours.seconds[RECORDS]
    encrypted = found["haven_encrypted"].cpu
    return [
        ("CPU, haven's linking to Splink with training", linking / splink.cpu, "times"),
        ("CPU, haven's linking to Splink's scoring", linking / scoring, "times"),
        (
            "CPU, its standardising and tokens too, to Splink with training",
            ours.cpu / splink.cpu,
            "times (asked: 0.07)",
        ),
        ("CPU, its standardising and tokens too, to Splink's scoring", ours.cpu / scoring, "times (asked: 0.8)"),
        ("CPU, all of that in an encrypted file, to Splink with training", encrypted / splink.cpu, "times"),
        ("CPU, all of that in an encrypted file, to Splink's scoring", encrypted / scoring, "times"),
        ("missed, haven to CPRD", ours.missed / cprd.missed, "times (asked: 0.09)"),
        ("missed, haven to Splink", ours.missed / splink.missed, "times"),
        (
            f"false links, haven to Splink down to weight {LOWEST}",
            ours.false_links / max(splink.false_links, 1),
            "times (asked: 1)",
        ),
        ("gap between groups, haven to CPRD", ours.gap / cprd.gap, "times (asked: 0.2)"),
    ]


def write(folder: Path, size: int) -> pl.Series:
    """left.parquet and right.parquet; for each person whether they are of a minority."""
    people = invented(size * 6 // 5)
    for side, who, dataset, day in (
        ("left", np.arange(size), "gp", "2024-01-01"),
        ("right", np.arange(people.count - size, people.count), "hospital", "2019-01-01"),
    ):
        recorded(people, who, dataset, day).write_parquet(folder / f"{side}.parquet")
    return pl.Series(people.minority)


def run_method(method: str, folder: Path) -> dict[str, dict[str, float]]:
    """What the method of _methods.py says of itself, run in a process of its own: seconds, gigabytes."""
    done = subprocess.run(
        [sys.executable, str(METHODS), method, str(folder)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def outcome(name: str, folder: Path, took: dict, minority: pl.Series) -> Method:
    """The pairs that the method wrote, held to the truth. took: what it said of itself."""
    pairs = pl.read_parquet(folder / f"{name}.parquet", columns=["l", "r"]).unique()
    both = pl.read_parquet(folder / "left.parquet", columns=["record"]).join(
        pl.read_parquet(folder / "right.parquet", columns=["record"]), on="record"
    )["record"]
    right = pairs.filter(pl.col("l") == pl.col("r"))["l"]
    of_minority = minority.gather(both)
    found = both.is_in(right.implode())
    recall = [float((found & chosen).sum() / chosen.sum()) for chosen in (~of_minority, of_minority)]
    wrong = pairs.height - right.len()
    return Method(
        seconds=took["seconds"],
        gigabytes=took["gigabytes"],
        missed=100 * (1 - right.len() / both.len()),
        false=100 * wrong / max(pairs.height, 1),
        false_links=wrong,
        gap=100 * (recall[0] - recall[1]),
    )
