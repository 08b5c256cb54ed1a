"""How right is the linkage, where the truth is known? Pairs of records, found and missed; never used for linking.

A pair is two records of one person. precision: the share of pairs put together that are pairs in truth; recall: the
share of true pairs that were put together. Between two datasets only pairs across them count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from linkage.matching.errors import TruthError
from linkage.zones import Zones, count

COLUMNS = ("dataset", "record", "person")


@dataclass(frozen=True)
class PairQuality:
    """Pairs between two datasets (or all): true, put together, and both."""

    left: str
    right: str
    true: int
    found: int
    right_ones: int

    @property
    def precision(self) -> float:
        """Share of found pairs that are true; 1.0 when none was found."""
        return self.right_ones / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of true pairs that were found; 1.0 when there are none."""
        return self.right_ones / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def evaluate(zones: Zones, truth: Path, datasets: Mapping[str, str]) -> list[PairQuality]:
    """All pairs first, then by datasets. truth: CSV of dataset, record, person; datasets: table or id to dataset id.

    Raises TruthError when the file does not have these columns or none of its records was received.
    """
    linked = _linked(zones)
    known = _truth(truth, datasets)
    records = linked.join(known, on=["dataset", "record"], how="inner")
    if records.is_empty():
        raise TruthError(
            "None of the truth's records is in the linkage zone.",
            where=str(truth),
            mend="Name the truth that belongs to the deliveries that were received here.",
        )
    names = sorted(records["dataset"].unique())
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i:]]
    return [_all_pairs(records), *(_pairs(records, a, b) for a, b in pairs)]


def _linked(zones: Zones) -> pl.DataFrame:
    with zones.linkage(read_only=True) as zone:
        if not count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'links'"):
            raise TruthError("Nothing has been linked yet.", mend="Receive deliveries, then: haven linkage run")
        table = zone.sql(
            "SELECT DISTINCT i.dataset, i.local_id AS record, l.person::TEXT AS found"
            " FROM identity i JOIN links l USING (record) WHERE i.local_id IS NOT NULL"
        ).to_arrow_table()
    return pl.DataFrame(table)


def _truth(path: Path, datasets: Mapping[str, str]) -> pl.DataFrame:
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        raise TruthError("The truth cannot be read as CSV.", where=str(path)) from None
    if set(frame.columns) != set(COLUMNS):
        raise TruthError(f"The truth must have the columns {', '.join(COLUMNS)}.", where=str(path))
    unknown = set(frame["dataset"].unique()) - set(datasets)
    if unknown:
        raise TruthError(
            f"The truth names {len(unknown)} datasets that the haven does not know.",
            where=str(path),
            mend=f"Datasets are named: {', '.join(sorted(datasets))}.",
        )
    return frame.with_columns(dataset=pl.col("dataset").replace_strict(dict(datasets)))


def _all_pairs(records: pl.DataFrame) -> PairQuality:
    return PairQuality(
        "all",
        "all",
        _together(records, ["person"]),
        _together(records, ["found"]),
        _together(records, ["person", "found"]),
    )


def _pairs(records: pl.DataFrame, left: str, right: str) -> PairQuality:
    if left == right:
        own = records.filter(pl.col("dataset") == left)
        counts = [_together(own, keys) for keys in (["person"], ["found"], ["person", "found"])]
    else:
        one, other = (records.filter(pl.col("dataset") == name) for name in (left, right))
        counts = [_across(one, other, keys) for keys in (["person"], ["found"], ["person", "found"])]
    return PairQuality(left, right, *counts)


def _together(records: pl.DataFrame, keys: list[str]) -> int:
    sizes = records.group_by(keys).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _across(one: pl.DataFrame, other: pl.DataFrame, keys: list[str]) -> int:
    sizes = one.group_by(keys).len().join(other.group_by(keys).len("others"), on=keys)
    return int((sizes["len"].cast(pl.Int64) * sizes["others"].cast(pl.Int64)).sum())
