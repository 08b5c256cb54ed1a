"""Is this file a reference table? Each row checked; bad ones are counted by reason and left out, never shown.

A table with too many bad rows is refused whole: it is likely another file, or damaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from audit.suppression import shown_count
from linkage.references.errors import ReferenceRefused, UnknownReference
from linkage.standardise.nhs_numbers import nhs_numbers
from linkage.standardise.postcodes import postcodes
from linkage.standardise.references import resolve

MOST_NUMBERS = 10
"""More superseded NHS numbers than this lead to one, and they are not one person's: they would merge strangers."""
MOST_BAD = 0.05
"""A greater share of bad rows, and the table is refused."""
REASONS = {
    "bad_old": "the old value is not valid",
    "bad_new": "the new value is not valid",
    "bad_date": "the date is missing or is no day, as 2004-05-01",
    "no_change": "the new value is the old one",
    "several_candidates": "the old value has several successors, so none is followed",
    "circle": "the old value leads back to itself, so nothing is followed",
    "too_many": "more old numbers lead to one than a person has had, so none of them is followed",
}


@dataclass(frozen=True)
class ReferenceKind:
    """One kind of table: its headings, and how a value of it is checked."""

    name: str
    old: str
    new: str
    date: str | None  # from when; of several successors the last one counts
    checked: Callable[[pl.Series, bool], pl.Series]
    most_to_one: int | None = None  # old values that may lead to one


@dataclass(frozen=True)
class CheckedTable:
    """old, new (valid, each once; forks and circles included, which nothing follows), bad rows by reason, digest."""

    rows: pl.DataFrame
    bad: dict[str, int]
    digest: str


KINDS = {
    kind.name: kind
    for kind in (
        ReferenceKind(
            "superseded-nhs-numbers",
            "old_nhs_number",
            "new_nhs_number",
            None,
            lambda values, test_range: nhs_numbers(values, test_range=test_range),
            MOST_NUMBERS,
        ),
        ReferenceKind("postcode-history", "old_postcode", "new_postcode", "from", lambda values, _: postcodes(values)),
    )
}


def kind_named(name: str) -> ReferenceKind:
    """The kind of this name. Raises UnknownReference."""
    if name not in KINDS:
        raise UnknownReference("There is no such kind of table.", where=name, mend=f"There are: {', '.join(KINDS)}.")
    return KINDS[name]


def read_table(path: Path, kind: ReferenceKind, *, test_range: bool) -> CheckedTable:
    """The table in this CSV file. Raises ReferenceRefused."""
    frame = _csv(path, kind)
    old, new = (kind.checked(frame[name], test_range) for name in (kind.old, kind.new))
    frame = frame.with_columns(old=old, new=new)
    bad = {
        "bad_old": pl.col("old").is_null(),
        "bad_new": pl.col("old").is_not_null() & pl.col("new").is_null(),
        "no_change": pl.col("old") == pl.col("new"),
    }
    if kind.date:
        day = pl.col(kind.date).str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
        frame = frame.with_columns(day=day)
        good_pair = pl.col("old").is_not_null() & pl.col("new").is_not_null() & (pl.col("old") != pl.col("new"))
        bad["bad_date"] = good_pair & pl.col("day").is_null()
    counts = {name: int(frame.select(test.sum()).item() or 0) for name, test in bad.items()}
    usable = frame.drop_nulls(["old", "new", "day"] if kind.date else ["old", "new"])
    good = _latest(usable.filter(pl.col("old") != pl.col("new")), kind)
    counts |= _unfollowed(good)
    good, counts["too_many"] = _plausible(good, kind)
    if sum(counts.values()) > MOST_BAD * max(frame.height, 1) or not good.height:
        told = "; ".join(f"{shown_count(many)} rows: {REASONS[name]}" for name, many in counts.items() if many)
        raise ReferenceRefused(
            f"More than {MOST_BAD:.0%} of the table's rows cannot be used. {told or 'It is empty'}.",
            where=kind.name,
            mend="Ask its source for the table again; what was loaded before stays.",
        )
    return CheckedTable(good, {name: many for name, many in counts.items() if many}, digest_of(good))


def _csv(path: Path, kind: ReferenceKind) -> pl.DataFrame:
    asked = [name for name in (kind.old, kind.new, kind.date) if name]
    try:
        frame = pl.read_csv(path, infer_schema=False)
        return frame.rename({name: name.strip().lower() for name in frame.columns}).select(asked)
    except (OSError, pl.exceptions.PolarsError):
        raise ReferenceRefused(
            f"The file is not a CSV table with the columns {', '.join(asked)}.",
            where=kind.name,
            mend="Name its columns so, in UTF-8 with commas.",
        ) from None


def _latest(frame: pl.DataFrame, kind: ReferenceKind) -> pl.DataFrame:
    """Each pair once; where the table has dates, of each old value only those of its last day."""
    if kind.date:
        frame = frame.filter(pl.col("day") == pl.col("day").max().over("old"))
    return frame.select("old", "new").unique().sort("old", "new")


def _unfollowed(table: pl.DataFrame) -> dict[str, int]:
    """How many old values fork, and how many run into a circle; those that lead to a fork are none of the two."""
    if not table.height:
        return {}
    several = table.group_by("old").len().filter(pl.col("len") > 1)
    single = table.join(several, on="old", how="anti")
    circle = resolve(single).filter(pl.col("new").is_null())
    return {"several_candidates": several.height, "circle": circle.height}


def _plausible(table: pl.DataFrame, kind: ReferenceKind) -> tuple[pl.DataFrame, int]:
    """The table without the old values of which too many lead to one; and how many those are."""
    if kind.most_to_one is None or not table.height:
        return table, 0
    ends = resolve(table).drop_nulls("new")
    crowded = ends.filter(pl.len().over("new") > kind.most_to_one)
    return table.join(crowded, on="old", how="anti"), crowded.height


def digest_of(table: pl.DataFrame) -> str:
    """SHA-256 over the rows of a table old, new, in their order."""
    text = "\n".join(f"{one}>{other}" for one, other in table.iter_rows())
    return hashlib.sha256(text.encode()).hexdigest()
