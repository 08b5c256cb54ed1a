"""What are the columns, how are they compared, and when are two records one person? One YAML file, checked on load.

An unknown key is an error with its line; a column, comparison or part that does not fit is a sentence. The digest of
what the model depends on binds a frozen model to its specification.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

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
ON_TEXT = frozenset(
    {"exact", "same", "jaro_winkler", "levenshtein", "damerau", "sounds_alike", "starts_alike", "words_within"}
)
ON_SPELLINGS = frozenset({"share_spelling", "spelling_jaro_winkler"})
ON_DATES = frozenset(
    {"same", "same_where_known", "day_month_swapped", "one_part_differs", "one_sign_differs"}
    | {"days", "months", "years", "same_year"}
)
LEVELS: dict[str, tuple[frozenset[str], bool]] = {
    **{name: (frozenset(), False) for name in ("exact", "same", "sounds_alike", "starts_alike", "words_within")},
    **{name: (frozenset(), True) for name in ("jaro_winkler", "levenshtein", "damerau", "spelling_jaro_winkler")},
    "share_spelling": (frozenset(), False),
    "pet_form": (frozenset({"forename"}), False),
    "swapped_with": (TEXTS, True),
    "same_area": (frozenset({"postcode"}), False),
    **{name: (frozenset({"date"}), False) for name in ON_DATES if name not in {"same", "days", "months", "years"}},
    **{name: (frozenset({"date"}), True) for name in ("days", "months")},
    "years": (frozenset({"date", "year"}), True),
    "difference": (frozenset({"year", "month", "day", "number", "house_number"}), True),
}
"""Each level: the kinds it is for (none named: any that is text), and whether it takes a value."""
NUMERIC = frozenset({"difference", "years", "days", "months", "jaro_winkler", "levenshtein", "damerau"})


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
            if LEVELS[name][1] != (value is not None):
                raise ValueError(f"level '{name}' {'needs a value' if LEVELS[name][1] else 'takes no value'}")
            if name in NUMERIC and not isinstance(value, float | int):
                raise ValueError(f"level '{name}' needs a number")
        return self


class CertainStep(_Part):
    """A key: records that agree on all of it are one person, unless an identifier or a sign of twins contradicts."""

    label: Annotated[str, StringConstraints(min_length=1)]
    on: tuple[str, ...] = Field(min_length=1)


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
    blocking: tuple[tuple[str, ...], ...] = Field(min_length=1)
    training: tuple[tuple[str, ...], ...] = ()
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
        for name in (n for n, count in Counter(c.of for c in self.comparisons).items() if count > 1):
            yield f"'{name}' is compared twice; a column has one list of levels"
        for comparison in self.comparisons:
            if comparison.of not in kinds:
                yield f"comparison of '{comparison.of}': no column has this name ({', '.join(kinds)})"
                continue
            yield from self._wrong_levels(comparison, self.column(comparison.of), kinds)
        if self.link.one_to_one and self.files == 1:
            yield "one_to_one is for two files"
        if len(self.record_id) > self.files:
            yield "record_id names more headings than there are files"
        keys = [*self.blocking, *(step.on for step in self.certain), *self.training]
        for key in dict.fromkeys(part for rule in keys for part in rule):
            name, _, part = key.partition(".")
            if name not in kinds:
                yield f"'{key}': no column is named '{name}' ({', '.join(kinds)})"
            elif part and part not in self.column(name).parts:
                parts = ", ".join(sorted(self.column(name).parts)) or "none"
                yield f"'{key}': a {kinds[name]} has the parts: {parts}"
        evidence = {heading for c in self.columns for right in (False, True) for heading in c.headings(right)}
        if self.truth and self.truth.column in evidence:
            yield "the truth's column is compared: it must never be evidence"

    def _wrong_levels(self, comparison: Comparison, column: Column, kinds: dict[str, str]) -> Iterable[str]:
        for level in comparison.levels:
            ((name, value),) = level.items()
            allowed = LEVELS[name][0]
            if allowed and column.means not in allowed:
                yield f"level '{name}' is not for {column.means}: '{column.name}'"
            if name in ON_SPELLINGS and not column.has_spellings:
                yield f"level '{name}' needs several spellings: give '{column.name}' a separator or several headings"
            if name == "swapped_with" and str(value) not in kinds:
                yield f"swapped_with: no column is named '{value}'"


def load_specification(path: Path) -> Specification:
    """Read a specification. Raises DocumentError naming each problem with its line."""
    return load_document(path, Specification)
