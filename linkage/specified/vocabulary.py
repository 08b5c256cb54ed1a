"""Which words may a specification use? What a column can be, its parts, and the levels that it can be compared by."""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

import duckdb

Kind = Literal[
    "forename", "surname", "full_name", "date", "year", "month", "day", "sex", "postcode", "area", "place", "street",
    "house_number", "address", "identifier", "phone", "email", "occupation", "category", "number", "text",
]  # fmt: skip
NAMES = frozenset({"forename", "surname", "full_name"})
ONES_OWN = NAMES | {"date", "year", "identifier", "phone", "email", "address", "text"}
"""What may tell one person from another; sex, place or occupation never do by themselves."""
TEXTS = NAMES | {"area", "place", "street", "address", "occupation", "category", "text"}
PARTS: dict[str, frozenset[str]] = {
    "date": frozenset({"year", "month", "day", "decade", "month_day"}),
    "postcode": frozenset({"area"}),
    "phone": frozenset({"end"}),
    "forename": frozenset({"initial", "start", "first_word", "pet_form", "joined"}),
    "surname": frozenset({"initial", "start", "sound", "last_word", "joined"}),
    "full_name": frozenset({"initial", "start", "first_word", "last_word", "last_sound", "sorted", "joined"}),
    "street": frozenset({"start", "sorted", "joined"}),
    "identifier": frozenset({"start"}),
}
"""The parts of a column's value by which records can be blocked and certain steps made."""
TEXT_PARTS = frozenset({"initial", "start", "first_word", "last_word", "sorted", "joined"})
KINDS: tuple[str, ...] = get_args(Kind)
OF_ALL = frozenset({"same", "jaro_winkler", "levenshtein", "damerau", "starts_alike", "words_within"})
ON_SPELLINGS = frozenset({"share_spelling", "spelling_jaro_winkler"})
ON_TEXTS = ON_SPELLINGS | {"exact", "swapped_with", "same_joined"}
ON_DATES = frozenset(
    {"same_where_known", "day_month_swapped", "one_part_differs", "one_sign_differs"}
    | {"days", "months", "years", "same_year"}
)
LEVELS_OF: dict[str, frozenset[str]] = {
    kind: OF_ALL
    | (ON_TEXTS if kind in TEXTS else frozenset())
    | (frozenset({"sounds_alike"}) if kind in NAMES else frozenset())
    | (frozenset({"difference"}) if kind in {"year", "month", "day", "number", "house_number"} else frozenset())
    | {"forename": frozenset({"pet_form"}), "date": ON_DATES, "year": frozenset({"years"})}.get(kind, frozenset())
    | (frozenset({"same_area"}) if kind == "postcode" else frozenset())
    for kind in KINDS
}
"""The levels that a column of this kind can be compared by: those for which it has what is compared (written.py)."""
NUMERIC = frozenset(
    {"difference", "years", "days", "months", "jaro_winkler", "levenshtein", "damerau", "spelling_jaro_winkler"}
)
"""The levels that take a number; it must be one before it comes into SQL."""
LEVELS: dict[str, bool] = {name: name in NUMERIC | {"swapped_with"} for name in frozenset().union(*LEVELS_OF.values())}
"""Each level, and whether it takes a value."""
RESERVED = frozenset({"rid", "unique_id", "source_dataset"})
"""What the tables of people call the record itself, and Splink its file."""


@cache
def words_of_the_database() -> frozenset[str]:
    """The words that cannot stand as a name without quotes: Splink makes tables by a column's name, and quotes none."""
    with duckdb.connect() as asked:
        found = asked.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'")
        return frozenset(str(word) for (word,) in found.fetchall())
