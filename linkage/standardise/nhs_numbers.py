"""Is it an NHS number that somebody can have? Modulus 11, the ranges that are issued, and the test range apart.

Sources: NHS Data Dictionary, NHS NUMBER (ten digits, modulus 11); ranges as collected by the package `nhs-number` 2.2
(England, Wales and the Isle of Man 400-499 and 600-799 million, Northern Ireland 320-399 million, Scotland's CHI a
birthday DDMMYY first; 9... is never issued, 999 0000000 to 999 9999999 is for tests). Arithmetic on whole columns:
tests/bench/linkage/nhs_numbers.py holds it to that package, number by number.
"""

from __future__ import annotations

import polars as pl

LENGTH = 10
HALF = 100_000  # five digits each: 32-bit arithmetic takes a third of the time of 64-bit
MODULUS = 11
SEPARATORS = [" ", "-", "\t", "\u00a0", "\u2013"]
ISSUED = {
    "Northern Ireland": (3_200_000_000, 3_999_999_999),
    "England, Wales, Isle of Man": (4_000_000_000, 4_999_999_999),
    "England, Wales, Isle of Man, from 600 million": (6_000_000_000, 7_999_999_999),
}
SCOTLAND = (101_000_000, 3_112_999_999)  # 01 01 00 to 31 12 99
TEST_RANGE = (9_000_000_000, 9_999_999_999)
FAULTS = {
    "letters": "holds something else than digits, spaces and hyphens",
    "too_short": "has fewer than ten digits",
    "too_long": "has more than ten digits",
    "all_alike": "repeats one digit ten times",
    "check_digit": "fails modulus 11",
    "test_range": "is of the range for tests (9...)",
    "unallocated": "is of a range that nobody issues",
}
"""Why a number is nothing, in the order in which it is asked; the code is stable."""


def nhs_numbers(numbers: pl.Series, *, test_range: bool) -> pl.Series:
    """Ten digits where the number can be somebody's, else null. test_range: may those of the test range stand?"""
    stands = _all_alike().not_() & _check_digit() & (_issued() | _tests() if test_range else _issued())
    return _read(numbers).select(pl.when(stands).then(pl.col("text"))).to_series().alias(numbers.name)


def nhs_number_faults(numbers: pl.Series, *, test_range: bool) -> pl.Series:
    """For each number the code of its first fault (FAULTS), for reports; null where it stands or nothing is written."""
    read = (
        numbers.alias("n").to_frame().with_columns(t=pl.col("n").str.replace_many(SEPARATORS, [""] * len(SEPARATORS)))
    )
    read = read.hstack(_read(numbers))
    length = pl.col("t").str.len_chars()
    tests = [
        (length == 0, None),
        (pl.col("t").str.contains(r"[^0-9]"), "letters"),
        (length < LENGTH, "too_short"),
        (length > LENGTH, "too_long"),
        (_all_alike(), "all_alike"),
        (~_check_digit(), "check_digit"),
        (_tests(), None if test_range else "test_range"),
        (~_issued(), "unallocated"),
    ]
    code: pl.Expr = pl.lit(None, dtype=pl.String)
    for test, name in reversed(tests):
        code = pl.when(test).then(pl.lit(name, dtype=pl.String)).otherwise(code)
    return read.select(code.alias("fault")).to_series()


def _read(numbers: pl.Series) -> pl.DataFrame:
    """text (ten digits, or null), and the number as first and last five digits."""
    text = pl.col("n").str.replace_many(SEPARATORS, [""] * len(SEPARATORS))
    frame = numbers.alias("n").to_frame().select(n=text)
    # Of what is not digits the cast to unsigned takes a plus sign only: quicker than a regular expression.
    written = (pl.col("n").str.len_bytes() == LENGTH) & ~pl.col("n").str.starts_with("+")
    frame = frame.with_columns(number=pl.when(written).then(pl.col("n").cast(pl.UInt64, strict=False).cast(pl.Int64)))
    return frame.select(
        "number",
        text=pl.when(pl.col("number").is_not_null()).then(pl.col("n")),
        high=(pl.col("number") // HALF).cast(pl.Int32),
        low=(pl.col("number") % HALF).cast(pl.Int32),
    )


def _check_digit() -> pl.Expr:
    """The ten digits times 10 to 1 make a multiple of eleven; a check digit of ten is never written."""
    digits = [pl.col(half) // 10**place % 10 for half in ("high", "low") for place in (4, 3, 2, 1, 0)]
    total = pl.sum_horizontal([digit * (LENGTH - place) for place, digit in enumerate(digits)])
    return total % MODULUS == 0


def _all_alike() -> pl.Expr:
    return (pl.col("high") == pl.col("low")) & (pl.col("high") % 11_111 == 0)


def _issued() -> pl.Expr:
    number = pl.col("number")
    within = [number.is_between(*bounds) for bounds in ISSUED.values()]
    return pl.any_horizontal(*within, number.is_between(*SCOTLAND) & _is_birthday())


def _is_birthday() -> pl.Expr:
    """Are the first six digits a day DDMMYY? The year 00 is 2000, a leap year, or 1900: both may be meant."""
    day, month = pl.col("high") // 1000, pl.col("high") // 10 % 100
    year = pl.col("number") // 10_000 % 100
    longest = 30 + (month + month // 8) % 2  # January to July, August to December: 31 and 30 by turns
    february = (month != 2) | (day < 29) | ((day == 29) & (year % 4 == 0))
    return day.is_between(1, longest) & month.is_between(1, 12) & february


def _tests() -> pl.Expr:
    return pl.col("number").is_between(*TEST_RANGE)
