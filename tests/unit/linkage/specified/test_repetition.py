"""Does anybody stand twice in one file? Where nothing tells, no proposal says that nobody does."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from linkage.specified.joining import for_one_to_one, left_alone, one_to_one
from linkage.specified.proposal import propose_specification

COUNT = 200


def _people(times: int) -> pl.DataFrame:
    """People without a date, an identifier or an address of mail, each so many times."""
    numbers = [n for n in range(COUNT) for _ in range(times)]
    signs = "abcdefghijklmnopqrst"
    return pl.DataFrame(
        {
            "forename": [f"Ann{signs[n % 20]}" for n in numbers],
            "surname": [f"Mil{signs[n // 10 % 20]}er" for n in numbers],
            "town": [f"Lee{signs[n * 7 % 20]}on" for n in numbers],
            "postcode": [f"LS{1 + n % 19} {n % 9}{signs[n * 3 % 20]}{signs[n // 20]}".upper() for n in numbers],
        }
    )


def _proposed(folder: Path, left: pl.DataFrame, right: pl.DataFrame) -> str:
    left.write_csv(folder / "left.csv")
    right.write_csv(folder / "right.csv")
    return propose_specification([folder / "left.csv", folder / "right.csv"])


@pytest.mark.parametrize(
    ("times", "said"), [(1, "one_to_one: true  # hardly anybody"), (3, "one_to_one: false  # 67% stand more than once")]
)
def test_who_stands_twice_is_measured_without_a_certain_key(times: int, said: str, tmp_path: Path) -> None:
    """On keys that hold a forename and on which hardly anybody agrees by chance, in each file by itself."""
    text = _proposed(tmp_path, _people(1), _people(times))
    assert "certain:" not in text
    assert said in text


def test_what_no_key_can_tell_is_not_taken_to_be_so(tmp_path: Path) -> None:
    """Names alone agree by chance: whether they are one person's is not known, and links are not thrown away."""
    few = _people(3).select(pl.col("forename", "surname").str.head(4))
    assert "one_to_one: false  # not known whether anybody stands twice" in _proposed(tmp_path, few, few)


def test_records_that_several_partners_fit_equally_are_counted() -> None:
    """Of three equal partners none becomes a link; a record with one partner, or a better one, is not counted."""
    rows = [(0, 10, 9.0), (0, 11, 9.0), (0, 12, 9.0), (1, 13, 9.0), (2, 14, 20.0), (2, 15, 1.0)]
    pairs = pl.DataFrame(rows, schema={"l": pl.Int64, "r": pl.Int64, "weight": pl.Float64}, orient="row")
    links = one_to_one(for_one_to_one(pairs, 10, 10))
    assert left_alone(pairs, links, 0.0) == 1
    assert left_alone(pairs, pairs, 0.0) == 0
