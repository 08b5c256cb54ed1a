"""How many years is an age as it is written: 34, 34 yrs, 34M, 6 months, 5/12?

A letter behind the number is a sex or a unit. Which of them is told by the column as a whole, never by one value: 6M
is a boy of six among 34F and 71M, and six months among 18M and 30M.
"""

from __future__ import annotations

import re

import polars as pl

AGE = re.compile(r"\d+")
UNITS = (
    (12, re.compile(r"\s*(mos?|mths?|months?|monate?|mois)\b", re.IGNORECASE)),
    (52, re.compile(r"\s*(wks?|weeks?|wochen?)\b", re.IGNORECASE)),
    (365, re.compile(r"\s*(days?|tage?|jours?)\b", re.IGNORECASE)),
)
"""How many of it are a year."""
LETTER = re.compile(r"\s*([mwd])\b", re.IGNORECASE)
OF_LETTER = {"m": 12, "w": 52, "d": 365}
LETTER_OF_AGE = r"(?i)^\s*(\d{1,3})\s*([fmw])\s*$"
PART_OF_A_YEAR = re.compile(r"\s*/\s*(\d+)(?!\s*[/\d])")
OLDEST_AGE = 120
MOST_TOLD = {"m": 36, "w": 52}
"""Nobody's age is told in more months or weeks than these: above them the letter is a sex."""
NO_SEXES: frozenset[str] = frozenset()


def letters_of_sex(ages: pl.Series) -> frozenset[str]:
    """Which of the letters m, w and d behind the ages of this column are sexes; none where they are units.

    34F makes M one. Without any F, M or W above what is told in months or weeks makes all three so (German).
    """
    found = pl.DataFrame({"age": ages.unique().drop_nulls()}).select(
        number=pl.col("age").str.extract(LETTER_OF_AGE, 1).cast(pl.Int64),
        letter=pl.col("age").str.extract(LETTER_OF_AGE, 2).str.to_lowercase(),
    )
    if (found["letter"] == "f").any():
        return frozenset("m")
    most = dict(found.drop_nulls().group_by("letter").agg(pl.col("number").max()).iter_rows())
    return frozenset("mwd") if any(most.get(letter, 0) > told for letter, told in MOST_TOLD.items()) else NO_SEXES


def age_in_years(age: str, sexes: frozenset[str] = NO_SEXES) -> int | None:
    """Whole years, by the first number: 0 of 6 months, 3 weeks and 5/12. None where it tells no age.

    sexes: the letters that stand for a sex in this column (letters_of_sex).
    """
    number = AGE.search(age)
    if number is None or len(number[0]) > 3 or int(number[0]) > OLDEST_AGE or age[: number.start()].endswith("-"):
        return None
    told, rest = int(number[0]), age[number.end() :]
    if "/" in rest and (part := PART_OF_A_YEAR.match(rest)):
        return 0 if told < int(part[1]) <= OLDEST_AGE else None
    if re.match(r"\s*/\s*\d", rest):
        return None  # a date
    if letter := LETTER.match(rest):
        return told if letter[1].lower() in sexes else told // OF_LETTER[letter[1].lower()]
    return told // next((many for many, unit in UNITS if unit.match(rest)), 1)


def years_of_birth(ages: pl.Series, taken: int) -> pl.Series:
    """Of one column's ages in that year, as text; null where one tells none."""
    sexes = letters_of_sex(ages)

    def born(age: str) -> str | None:
        years = age_in_years(age, sexes)
        return None if years is None else str(taken - years)

    return ages.map_elements(born, return_dtype=pl.String)
