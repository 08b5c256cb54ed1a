"""What is compared in linkage? Each identifying value in one written form, or nothing when it tells nothing.

VERSION changes with any rule here: links say under which version they were made. Vectorised over distinct values;
`vectors.json` holds examples of every rule (tests, and other implementations, are run against it). Each rule names its
source where it stands: nhs_numbers, names (letters, pet_forms), sexes, dates, postcodes, addresses, references.
Pure: nothing but Polars and the standard library, so that a controller's agent can hold the same rules.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from linkage.standardise.dates import OLDEST_YEAR, PLACEHOLDER_DATES, births
from linkage.standardise.names import standard_names
from linkage.standardise.nhs_numbers import nhs_numbers
from linkage.standardise.postcodes import POSTCODE, postcodes
from linkage.standardise.references import NO_REFERENCES, References, follow
from linkage.standardise.sexes import SEXES, sexes

__all__ = [
    "IDENTITY",
    "OLDEST_YEAR",
    "PLACEHOLDER_DATES",
    "POSTCODE",
    "SEXES",
    "STANDARD",
    "VERSION",
    "standard_births",
    "standard_numbers",
    "standard_people",
    "standard_postcodes",
    "standardise",
]

VERSION = "2026.2"
IDENTITY = ("nhs_number", "surname", "forenames", "full_name", "sex", "date_of_birth", "postcode")
STANDARD = (
    "nhs_number",
    "surname",
    "forename",
    "initial",
    "sound",
    "sex",
    "born",
    "year",
    "month",
    "day",
    "postcode",
)


def standardise(
    people: pl.DataFrame, *, test_range: bool, references: References = NO_REFERENCES, today: date | None = None
) -> pl.DataFrame:
    """IDENTITY columns (text, as received) to STANDARD columns (text or null), row by row in the same order.

    test_range: may NHS numbers of the test range stand? Only where no real data are; else they are nothing.
    references: whose number or postcode took another's place. today: no birthday lies after it.
    """
    return pl.DataFrame(
        {
            **standard_numbers(people, test_range=test_range, references=references),
            **standard_people(people),
            **standard_births(people, today=today),
            **standard_postcodes(people, references=references),
        }
    ).select(STANDARD)


def standard_numbers(people: pl.DataFrame, *, test_range: bool, references: References) -> dict[str, pl.Series]:
    """nhs_number; a superseded one is the one that took its place."""
    numbers = nhs_numbers(people["nhs_number"], test_range=test_range)
    return {"nhs_number": follow(numbers, references.superseded_nhs_numbers, keep_unresolved=False)}


def standard_people(people: pl.DataFrame) -> dict[str, pl.Series]:
    """surname, forename, initial, sound and sex, which names depend on."""
    sex = sexes(people["sex"]).alias("sex")
    return {**standard_names(people.select("surname", "forenames", "full_name").with_columns(sex)), "sex": sex}


def standard_births(people: pl.DataFrame, *, today: date | None = None) -> dict[str, pl.Series]:
    """born, year, month and day."""
    return births(people["date_of_birth"], today=today)


def standard_postcodes(people: pl.DataFrame, *, references: References) -> dict[str, pl.Series]:
    """postcode; a recoded one is the one that took its place."""
    return {"postcode": follow(postcodes(people["postcode"]), references.postcode_history, keep_unresolved=True)}
