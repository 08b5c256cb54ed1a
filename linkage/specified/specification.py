"""What are the columns, how are they compared, and when are two records one person? One YAML file, checked on load.

An unknown key is an error with its line; a column, comparison or part that does not fit is a sentence. The digest of
what the model depends on binds a frozen model to its specification.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import duckdb
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from access.documents import load_document

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Kind = Literal[
    "forename", "surname", "full_name", "date", "year", "month", "day", "sex", "postcode", "area", "place", "street",
    "house_number", "address", "identifier", "phone", "email", "occupation", "category", "number", "text",
]  # fmt: skip
NAMES = frozenset({"forename", "surname", "full_name"})
TEXTS = NAMES | {"area", "place", "street", "address", "occupation", "category", "text"}
PARTS: dict[str, frozenset[str]] = {
    "date": frozenset({"year", "month", "day", "decade", "month_day"}),
    "postcode": frozenset({"area"}),
    "phone": frozenset({"end"}),
    "forename": frozenset({"initial", "start", "first_word", "pet_form"}),
    "surname": frozenset({"initial", "start", "sound", "last_word"}),
    "full_name": frozenset({"initial", "start", "first_word", "last_word", "last_sound", "sorted"}),
    "street": frozenset({"start", "sorted"}),
    "identifier": frozenset({"start"}),
}
"""The parts of a column's value by which records can be blocked and certain steps made."""
TEXT_PARTS = frozenset({"initial", "start", "first_word", "last_word", "sorted"})
KINDS: tuple[str, ...] = get_args(Kind)
OF_ALL = frozenset({"same", "jaro_winkler", "levenshtein", "damerau", "starts_alike", "words_within"})
ON_SPELLINGS = frozenset({"share_spelling", "spelling_jaro_winkler"})
ON_TEXTS = ON_SPELLINGS | {"exact", "swapped_with"}
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
RESERVED = frozenset({"rid", "unique_id"})
"""What the tables of people call the record itself."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Headings = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Column(_Part):
    """One thing known of people, and where each file has it. Several headings are several spellings of it."""

    name: Word
    means: Kind
    heading: Headings = ()  # in every file
    left: Headings = ()
    right: Headings = ()
    separator: str | None = None  # between several spellings in one cell
    day_first: bool | None = None  # for dates: is 03/04/1950 of April?
    first_of_january: Literal["a_day", "year_only"] = "a_day"
    missing: tuple[str, ...] = ()  # what is written where nothing is known

    def headings(self, right: bool) -> tuple[str, ...]:
        """The headings in the left or the right file."""
        return (self.right if right else self.left) or self.heading

    @property
    def parts(self) -> frozenset[str]:
        """What `name.part` may say."""
        return PARTS.get(self.means, TEXT_PARTS if self.means in TEXTS else frozenset())

    @property
    def has_spellings(self) -> bool:
        """May one record have several values?"""
        return self.separator is not None or max(len(self.headings(False)), len(self.headings(True))) > 1

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.heading and not (self.left and self.right):
            raise ValueError("give 'heading', or 'left' and 'right'")
        if self.has_spellings and self.means not in TEXTS:
            raise ValueError("several spellings are for names, places and other texts")
        return self


Level = Annotated[dict[str, float | str | None], BeforeValidator(lambda v: {v: None} if isinstance(v, str) else v)]


class Comparison(_Part):
    """How one column is compared: its levels from the best agreement down; what fits none of them disagrees."""

    of: Word
    levels: tuple[Level, ...] = Field(min_length=1)
    term_frequency: bool = False  # is agreement on a rare value worth more?

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for level in self.levels:
            if len(level) != 1:
                raise ValueError("a level is one word, or one word and its value")
            ((name, value),) = level.items()
            if name not in LEVELS:
                raise ValueError(f"unknown level '{name}'; there are: {', '.join(sorted(LEVELS))}")
            if LEVELS[name] != (value is not None):
                raise ValueError(f"level '{name}' {'needs a value' if LEVELS[name] else 'takes no value'}")
            if name in NUMERIC and not (isinstance(value, float | int) and math.isfinite(value)):
                raise ValueError(f"level '{name}' needs a number")
            if name == "months" and (float(value or 0) < 1 or float(value or 0) % 1):
                raise ValueError("level 'months' needs a whole number from 1 on")
        return self


Key = Annotated[tuple[str, ...], Field(min_length=1)]


class CertainStep(_Part):
    """A key: records that agree on all of it are one person, unless an identifier or a sign of twins contradicts."""

    label: Annotated[str, StringConstraints(min_length=1)]
    on: Key


class Linking(_Part):
    """When are two records one person, once each pair has its weight (log2 of the odds)?"""

    threshold: float = 6.0
    one_to_one: bool = False
    most_pairs: int = Field(default=6_000_000, gt=0)
    prior: float | None = Field(default=None, gt=0, lt=1)


class TruthHint(_Part):
    """Where a file itself tells who is who: a column, and the piece of it that is the person. Never evidence."""

    column: str
    pattern: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            compiled = re.compile(self.pattern or "")
        except re.error:
            raise ValueError("pattern is not a regular expression") from None
        if self.pattern and compiled.groups != 1:
            raise ValueError("pattern needs exactly one group in round brackets: the person")
        return self


class Specification(_Part):
    """All of it, for one file (de-duplication) or two (linkage)."""

    specification: Literal[1]
    title: str = ""
    files: Literal[1, 2]
    record_id: Headings = ()  # one heading; or left's and right's; none: the row's number
    truth: TruthHint | None = None
    ignored: tuple[str, ...] = ()
    columns: tuple[Column, ...] = Field(min_length=1)
    comparisons: tuple[Comparison, ...] = Field(min_length=1)
    certain: tuple[CertainStep, ...] = ()
    blocking: tuple[Key, ...] = Field(min_length=1)
    training: tuple[Key, ...] = ()
    link: Linking = Linking()

    def column(self, name: str) -> Column:
        """The column of this name."""
        return next(column for column in self.columns if column.name == name)

    def id_heading(self, right: bool) -> str | None:
        """The heading of the record's own name, if there is one."""
        return self.record_id[-1 if right else 0] if self.record_id else None

    @property
    def digest(self) -> str:
        """SHA-256 over what a model depends on: columns, comparisons, training."""
        kept = self.model_dump(mode="json", include={"specification", "files", "columns", "comparisons", "training"})
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        problems = list(self._contradictions())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterable[str]:
        kinds: dict[str, str] = {column.name: column.means for column in self.columns}
        for name in (n for n, count in Counter(c.name for c in self.columns).items() if count > 1):
            yield f"two columns are named '{name}'"
        for name in (n for n in kinds if n in RESERVED or "__" in n):
            yield f"a column cannot be named '{name}': 'rid', 'unique_id' and '__' have a meaning of their own"
        for name in (c.of for c in self.comparisons if c.term_frequency and c.of in words_of_the_database()):
            yield f"'{name}' is a word of the database: a column with term_frequency needs another name"
        for name in (n for n, count in Counter(c.of for c in self.comparisons).items() if count > 1):
            yield f"'{name}' is compared twice; a column has one list of levels"
        for comparison in self.comparisons:
            if comparison.of not in kinds:
                yield f"comparison of '{comparison.of}': no column has this name ({', '.join(kinds)})"
                continue
            yield from _wrong_levels(comparison, self.column(comparison.of), kinds)
        if self.link.one_to_one and self.files == 1:
            yield "one_to_one is for two files"
        if len(self.record_id) > self.files:
            yield "record_id names more headings than there are files"
        keys = [*self.blocking, *(step.on for step in self.certain), *self.training]
        for key in dict.fromkeys(part for rule in keys for part in rule):
            name, dot, part = key.partition(".")
            if name not in kinds:
                yield f"'{key}': no column is named '{name}' ({', '.join(kinds)})"
            elif dot and part not in self.column(name).parts:
                parts = ", ".join(sorted(self.column(name).parts)) or "none"
                yield f"'{key}': a {kinds[name]} has the parts: {parts}"
        evidence = {heading for c in self.columns for right in (False, True) for heading in c.headings(right)}
        if self.truth and self.truth.column in evidence:
            yield "the truth's column is compared: it must never be evidence"


def _wrong_levels(comparison: Comparison, column: Column, kinds: dict[str, str]) -> Iterable[str]:
    """What of this comparison its column has nothing for; each with what there is instead."""
    fitting = LEVELS_OF[column.means] - (frozenset() if column.has_spellings else ON_SPELLINGS)
    for name, value in (item for level in comparison.levels for item in level.items()):
        if name not in LEVELS_OF[column.means]:
            there = ", ".join(sorted(fitting))
            yield f"level '{name}' is not for {column.means}: '{column.name}' can be compared by: {there}"
        elif name not in fitting:
            yield f"level '{name}' needs several spellings: give '{column.name}' a separator or several headings"
        elif name == "swapped_with" and str(value) not in kinds:
            yield f"swapped_with: no column is named '{value}'"
    if comparison.term_frequency and column.means == "date":
        yield f"term_frequency is not for date: '{column.name}'"
    elif comparison.term_frequency and not column.has_spellings and {"same": None} not in comparison.levels:
        yield f"term_frequency needs the level 'same': '{column.name}'"


@cache
def words_of_the_database() -> frozenset[str]:
    """The words that cannot stand as a name without quotes: Splink makes tables by a column's name, and quotes none."""
    with duckdb.connect() as asked:
        found = asked.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'")
        return frozenset(str(word) for (word,) in found.fetchall())


def load_specification(path: Path) -> Specification:
    """Read a specification. Raises DocumentError naming each problem with its line."""
    return load_document(path, Specification)
