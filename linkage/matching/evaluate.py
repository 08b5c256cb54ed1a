"""How right is the linkage, where the truth is known? Pairs of records, found and missed; never used for linking.

A pair is two records of one person. precision: the share of pairs put together that are pairs in truth; recall: the
share of true pairs that were put together. Between two datasets only pairs across them count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from linkage.intake.tables import quoted
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


def evaluate_groups(zones: Zones, truth: Path, datasets: Mapping[str, str], column: str) -> list[PairQuality]:
    """All pairs by a column of the research zone, such as ethnic_category: left is the column, right the group.

    A true person is of the group that most of their records say. Found are the pairs with a record of such a person.
    Raises TruthError, also when no table has the column.
    """
    records = _linked(zones).join(_truth(truth, datasets), on=["dataset", "record"], how="inner")
    said = records.join(_said(zones, column), on=["dataset", "record"], how="inner")
    ordered = said.group_by("person", "group").len().sort(["len", "group"], descending=[True, False])
    grouped = records.join(ordered.unique("person", keep="first"), on="person", how="left")
    grouped = grouped.with_columns(group=pl.col("group").fill_null("not recorded"))
    found = _together(records, ["found"])
    return [
        PairQuality(
            column,
            group,
            _together(members, ["person"]),
            found - _together(grouped.filter(pl.col("group") != group), ["found"]),
            _together(members, ["person", "found"]),
        )
        for (group,), members in sorted(grouped.group_by("group"))
    ]


def _said(zones: Zones, column: str) -> pl.DataFrame:
    """dataset, record and group, as the research zone's tables have it. The zones are read one after the other."""
    with zones.research(read_only=True) as zone:
        tables = zone.execute(
            "SELECT table_name FROM duckdb_columns() WHERE database_name = 'zone' AND column_name = ? AND table_name IN"
            " (SELECT table_name FROM duckdb_columns() WHERE column_name = 'subject') ORDER BY 1",
            [column],
        ).fetchall()
        if not tables:
            raise TruthError(
                "No table of people's rows has this column.",
                where=column,
                mend="Columns are in the contracts: haven contract show gp",
            )
        selects = " UNION ".join(
            f"SELECT subject::TEXT AS subject, {quoted(column)}::TEXT AS g FROM {quoted(str(table))} t"
            f" WHERE {quoted(column)} IS NOT NULL"
            for (table,) in tables
        )
        groups = pl.DataFrame(
            zone.sql(f'SELECT subject, min(g) AS "group" FROM ({selects}) GROUP BY 1').to_arrow_table()
        )
    with zones.linkage(read_only=True) as zone:
        names = pl.DataFrame(
            zone.sql(
                "SELECT DISTINCT e.subject::TEXT AS subject, i.dataset, i.local_id AS record"
                " FROM evidence e JOIN identity i USING (record) WHERE i.local_id IS NOT NULL"
            ).to_arrow_table()
        )
    return names.join(groups, on="subject", how="inner").drop("subject")


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
