"""From which records is a model learned? All, or an even part of the people where there are many.

Records of one person must be drawn together, by something that does not tell how they differ: drawn by birthday, two
records whose birthdays differ are hardly ever drawn both, and birthdays agree by chance as much oftener as fewer are
drawn. So people are drawn by NHS number, on whose differences no pair is ever weighed (the guard).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import duckdb
import polars as pl

from linkage.references.tables import references_in
from linkage.standardise.references import NO_REFERENCES, References
from linkage.standardise.specification import IDENTITY
from linkage.zones import count

MOST_RECORDS = 200_000
FEWEST_NUMBERED = 0.5
"""A smaller share of records with an NHS number than this, and people are drawn by birthday after all."""
COLUMNS = ", ".join(IDENTITY)
EVERYBODY = f"(SELECT DISTINCT dataset, {COLUMNS} FROM identity)"
NUMBER = "nullif(regexp_replace(nhs_number, '[^0-9]', '', 'g'), '')"
BIRTHDAY = "date_of_birth"


@dataclass(frozen=True)
class Drawn:
    """people: dataset and IDENTITY, as received; one person in `part`; drawn_by: all, NHS number or birthday.

    references: the tables that their standardisation follows.
    """

    people: pl.DataFrame
    part: int
    drawn_by: str
    references: References = NO_REFERENCES


def draw_people(zone: duckdb.DuckDBPyConnection, most: int = MOST_RECORDS) -> Drawn:
    """The distinct ways in which each dataset records people, or about `most` of them."""
    everybody = count(zone, f"SELECT count(*) FROM {EVERYBODY}")
    if everybody <= most:
        return Drawn(_read(zone, ""), 1, "all", references_in(zone))
    numbered = count(zone, f"SELECT count(*) FROM {EVERYBODY} WHERE {NUMBER} IS NOT NULL")
    by_number = numbered >= FEWEST_NUMBERED * everybody
    part = math.ceil((numbered if by_number else everybody) / most)
    value = NUMBER if by_number else BIRTHDAY
    drawn = _read(zone, f"WHERE {value} IS NOT NULL AND hash({value}) % {part} = 0")
    return Drawn(drawn, part, "NHS number" if by_number else "birthday", references_in(zone))


def _read(zone: duckdb.DuckDBPyConnection, which: str) -> pl.DataFrame:
    return pl.DataFrame(zone.sql(f"SELECT * FROM {EVERYBODY} {which} ORDER BY ALL").to_arrow_table())
