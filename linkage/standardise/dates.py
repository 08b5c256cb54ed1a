"""Which day was somebody born? Fillers are nothing, and a day written in the month's place is put right.

Dates come as ISO text (YYYY-MM-DD): the intake reads the other written forms (linkage/intake/dates.py), and a
specification for other people's files its own (linkage/specified/dates.py).
"""

from __future__ import annotations

from datetime import date

import polars as pl

OLDEST_YEAR = 1880
OLDEST_AGE = 122  # Jeanne Calment, 1997; nobody is known to have been older
LAST_YEAR = 2100
PLACEHOLDER_DATES = tuple(
    date(*parts)
    for parts in (
        *((1900, 1, 1), (1901, 1, 1), (1902, 2, 2), (1911, 11, 11), (1910, 10, 10), (1909, 9, 9)),
        *((1899, 12, 30), (1899, 12, 31), (1904, 1, 1)),  # day nought of spreadsheets
    )
)
"""Typed where no birthday was known (the systems' own fillers); 1753, 1800, 1801 and 9999 are out of range anyway.

1 January of other years is a birthday, and a weak one: the ladder does not build on it alone (`b_known`).
"""
FAULTS = {
    "unreadable": "is no date",
    "placeholder": "is a filler",
    "too_old": "makes the person older than anybody has been",
    "future": "lies in the future",
    "swapped": "has the day in the month's place, and was put right",
}
"""What may be wrong with a birthday, for reports; the code is stable."""
DAY_IN_THE_MONTHS_PLACE = r"^(\d{4})-(1[3-9]|2\d|3[01])-(0[1-9]|1[0-2])$"


def births(written: pl.Series, *, today: date | None = None) -> dict[str, pl.Series]:
    """born (ISO text), year, month and day; fillers, the future and the impossible past are nothing.

    today: what lies after it is nothing, and who would be older than OLDEST_AGE by it; None where no day is known.
    """
    distinct = written.alias("w").unique().drop_nulls().to_frame()
    day = _read(distinct).select(pl.when(_plausible(today)).then(pl.col("d").dt.strftime("%Y-%m-%d"))).to_series()
    born = written.replace_strict(distinct["w"], day, default=None, return_dtype=pl.String)
    parts = {"year": (0, 4), "month": (5, 2), "day": (8, 2)}
    return {"born": born} | {name: born.str.slice(*place) for name, place in parts.items()}


def birth_faults(written: pl.Series, *, today: date | None = None) -> pl.Series:
    """For each date the code of what is wrong with it (FAULTS), for reports; null where it stands or is empty."""
    read = _read(written.alias("w").to_frame())
    empty = pl.col("w").is_null() | (pl.col("w").str.strip_chars() == "")
    future = pl.col("d") > (pl.lit(today) if today else pl.date(LAST_YEAR, 12, 31))
    return read.select(
        pl.when(empty)
        .then(None)
        .when(pl.col("d").is_null())
        .then(pl.lit("unreadable"))
        .when(pl.col("d").is_in(list(PLACEHOLDER_DATES)))
        .then(pl.lit("placeholder"))
        .when(future)
        .then(pl.lit("future"))
        .when(~_plausible(today))
        .then(pl.lit("too_old"))
        .when(pl.col("w").str.strip_chars().str.contains(DAY_IN_THE_MONTHS_PLACE))
        .then(pl.lit("swapped"))
        .alias("fault")
    ).to_series()


def are_swapped(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Are these two birthdays (ISO text) one with day and month in each other's place? Not where they are the same."""
    turned = pl.concat_str(one.str.slice(0, 5), one.str.slice(8, 2), pl.lit("-"), one.str.slice(5, 2))
    return (turned == other) & (one != other)


def _read(written: pl.DataFrame) -> pl.DataFrame:
    """w, and d: the date it says; day and month turned where only that makes a date."""
    text = pl.col("w").str.strip_chars().str.replace(DAY_IN_THE_MONTHS_PLACE, "$1-$3-$2")
    return written.with_columns(d=text.str.to_date("%Y-%m-%d", strict=False))


def _plausible(today: date | None) -> pl.Expr:
    year = pl.col("d").dt.year()
    plausible = year.is_between(OLDEST_YEAR, LAST_YEAR) & ~pl.col("d").is_in(list(PLACEHOLDER_DATES))
    if today is None:
        return plausible
    return plausible & (pl.col("d") <= pl.lit(today)) & (year >= today.year - OLDEST_AGE - 1)
