"""The people of the benchmarks: the demo's households, with the errors of its recording, and enough NHS numbers.

infra/demo/generator_people.py says who lives with whom, and what they are called; infra/demo/generator_errors.py how
often what goes wrong when one dataset records a person (docs/reference/invented-people.md has the rates):
numbers missing, mistyped or a neighbour's, names mistyped, short, exchanged or from before marriage, birthdays with day
and month exchanged, a part mistyped or unknown, wrong sex, an address that was never updated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from infra.demo.generator_errors import address, record
from infra.demo.generator_people import People, make_people


def invented(count: int) -> People:
    """So many people, the same ones each time, each with a valid NHS number."""
    return _numbered(make_people(count, np.random.default_rng(1)))


def _numbered(people: People) -> People:
    """With a valid NHS number each: the demo's test range has 909,000, fewer than the people here."""
    nine = 400_000_000 + np.arange(people.count * 6 // 5, dtype=np.int64)
    digits = nine[:, None] // 10 ** np.arange(8, -1, -1) % 10
    check = (11 - (digits * np.arange(10, 1, -1)).sum(axis=1) % 11) % 11
    numbers = (nine * 10 + check)[check < 10][: people.count]
    shuffled = np.random.default_rng(2).permutation(numbers)
    return replace(people, number=shuffled.astype("U10"))


def recorded(people: People, who: np.ndarray, dataset: str, day: str) -> pl.DataFrame:
    """record (the person's place) and IDENTITY: these people as this dataset holds them on this day."""
    one = record(people, who, dataset)
    at = address(people, who, np.full(len(who), np.datetime64(day)), one.old_address)
    texts = {
        "nhs_number": one.number,
        "surname": one.surname,
        "forenames": one.forename,
        "sex": one.sex,
        "date_of_birth": one.birthday,
        "postcode": at,
    }
    frame = pl.DataFrame(
        {"record": who.astype(np.int64), **{name: values.astype(str) for name, values in texts.items()}}
    )
    known = [pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in texts]
    return frame.select("record", *known[:3], pl.lit(None, dtype=pl.String).alias("full_name"), *known[3:])
