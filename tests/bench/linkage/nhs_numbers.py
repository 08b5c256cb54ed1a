"""What does it cost to check an NHS number? The whole column at once, beside the package `nhs-number` in a loop.

The numbers: valid ones of every range, with spaces, with a wrong digit, too short, and random ones. The same rule on
both sides (check digit, a possible birthday in Scotland's numbers, a range that is issued), every verdict compared.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import nhs_number as oracle
import polars as pl

from linkage.standardise.nhs_numbers import nhs_numbers
from linkage.standardise.specification import IDENTITY, standardise

T = TypeVar("T")
NAME = "NHS numbers: checked, beside the package nhs-number in a loop; standardisation as a whole"
ISSUED = (oracle.REGION_SCOTLAND, oracle.REGION_NORTHERN_IRELAND, oracle.REGION_ENGLAND_WALES_IOM)
RANGES = ((100_000_000, 3_119_999_999), (3_113_000_000, 4_999_999_999), (4_000_000_000, 9_999_999_999))
NAMES = ("Smith", "O'Brien", "de Souza", "Núñez", "Smith-Jones", "MacDonald", "Begum", "Kowalska", "Łukasik", "Khan")


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Numbers a CPU-second of both, the ratio (asked: 20), and rows a CPU-second of all of standardisation."""
    rows = 200_000 if quick else 1_000_000
    numbers = _numbers(rows)
    series = pl.Series(numbers)
    nhs_numbers(series[:1000], test_range=False)
    expected, loop = _cpu(lambda: [_stands(number) for number in numbers])
    _, least = _cpu(lambda: [oracle.is_valid(number) for number in numbers])
    found, ours = _cpu(lambda: nhs_numbers(series, test_range=False))
    wrong = (found.is_not_null() != pl.Series(expected)).sum()
    if wrong:
        raise AssertionError(f"{wrong} verdicts are not those of nhs-number")
    people = _people(series)
    _, whole = _cpu(lambda: standardise(people, test_range=False))
    return [
        ("numbers", rows, "numbers"),
        ("of them NHS numbers", sum(expected) / rows, "of the numbers"),
        ("nhs-number, is_valid and range", rows / loop, "numbers/CPU-s"),
        ("nhs-number, is_valid alone", rows / least, "numbers/CPU-s"),
        ("column at once", rows / ours, "numbers/CPU-s"),
        ("ratio on the same rule", loop / ours, "times"),
        ("ratio to is_valid alone", least / ours, "times"),
        ("standardise, all columns", rows / whole, "rows/CPU-s"),
    ]


def _stands(number: str) -> bool:
    """The package's verdict; that ten digits alike are nobody's it does not know."""
    if not oracle.is_valid(number):
        return False
    plain = oracle.standardise_format(number)
    return len(set(plain)) > 1 and any(region.contains_number(plain) for region in ISSUED)


def _numbers(rows: int) -> list[str]:
    dice = random.Random(7)  # noqa: S311
    return [_number(dice) for _ in range(rows)]


def _number(dice: random.Random) -> str:
    first = f"{dice.randint(*dice.choice(RANGES)):010d}"[:9]
    check = oracle.calculate_checksum(first)
    digits = f"{first}{check % 10 if check is not None else 0}"
    match dice.randrange(10):
        case 0:
            return digits[:-1] + str(dice.randrange(10))
        case 1:
            return digits[:-1]
        case 2:
            return dice.choice("0123456789") * 10
        case 3 | 4 | 5:
            return f"{digits[:3]} {digits[3:6]} {digits[6:]}"
        case _:
            return digits


def _people(numbers: pl.Series) -> pl.DataFrame:
    """A register: names by rank as a population has them, birthdays, postcodes."""
    rows, dice = len(numbers), random.Random(8)  # noqa: S311
    ranks = [min(int(dice.paretovariate(0.7)), 150_000) for _ in range(rows)]
    surnames = [f"{NAMES[rank % 10]}{_letters(rank)}" for rank in ranks]
    forenames = [f"{dice.choice(NAMES)}{_letters(min(rank, 9_000))} {_letters(rank % 90)}" for rank in reversed(ranks)]
    born = [f"{1930 + rank % 90}-{1 + dice.randrange(12):02d}-{1 + dice.randrange(28):02d}" for rank in ranks]
    postcodes = [f"LS{dice.randrange(1, 29)} {dice.randrange(10)}A{dice.choice('ABDEFGH')}" for _ in ranks]
    columns = {"nhs_number": numbers, "surname": surnames, "forenames": forenames, "sex": ["F", "2"] * (rows // 2)}
    columns |= {"full_name": [None] * rows, "date_of_birth": born, "postcode": postcodes}
    return pl.DataFrame(columns, schema_overrides={"full_name": pl.String}).select(IDENTITY)


def _letters(number: int) -> str:
    text = ""
    while number:
        number, letter = divmod(number, 26)
        text += "abcdefghijklmnopqrstuvwxyz"[letter]
    return text


def _cpu(work: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    return work(), time.process_time() - start
