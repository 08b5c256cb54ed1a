"""What are the columns, how are they compared, and when are two records one person? One YAML file, checked on load.

An unknown key is an error with its line; a column, comparison or part that does not fit is a sentence with its line and
its mend. The digest of what the model depends on binds a frozen model to its specification.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from access.documents import Problem, Unfit, load_document
from linkage.specified.contradictions import contradictions
from linkage.specified.vocabulary import LEVELS, NUMERIC, PARTS, TEXT_PARTS, TEXTS, Kind

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Headings = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Column(_Part):
    """One thing known of people, and where each file has it. Several headings: spellings, or pieces."""

    name: Word
    means: Kind
    heading: Headings = ()  # in every file
    left: Headings = ()
    right: Headings = ()
    in_parts: bool = False  # several headings are pieces of one value, put together in this order
    separator: str | None = Field(default=None, min_length=1)  # between several spellings in one cell
    day_first: bool | None = None  # for dates: is 03/04/1950 of April?
    first_of_january: Literal["a_day", "year_only"] = "a_day"
    missing: tuple[str, ...] = ()  # what is written where nothing is known
    ages_of: dict[Literal["left", "right"], Annotated[int, Field(ge=1000, le=2200)]] = {}  # there ages of this year

    def taken(self, right: bool) -> int | None:
        """The year of the ages in the left or the right file; None where there are none."""
        return self.ages_of.get("right" if right else "left")

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
        several = max(len(self.headings(False)), len(self.headings(True))) > 1
        return self.separator is not None or (several and not self.in_parts)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.heading and not (self.left and self.right):
            mend = "give 'heading', or 'left' and 'right': how the files head this column"
            raise Unfit(Problem(f"column '{self.name}' has no heading in both files", mend))
        if self.ages_of and self.means not in {"year", "date"}:
            mend = "write means: year"
            what = f"column '{self.name}': ages_of makes years of birth of ages, and it means {self.means}"
            raise Unfit(Problem(what, mend, ("ages_of",)))
        if self.in_parts and (self.separator or self.means not in TEXTS):
            mend = "leave in_parts out, or the separator, or give another 'means'"
            what = f"column '{self.name}': in_parts puts names and other texts together, each of one spelling"
            raise Unfit(Problem(what, mend, ("in_parts",)))
        if self.has_spellings and self.means not in TEXTS:
            mend = "give one heading and no separator, or another 'means'"
            what = (
                f"column '{self.name}': several spellings are for names, places and other texts, not for {self.means}"
            )
            raise Unfit(Problem(what, mend))
        return self


Level = Annotated[dict[str, float | str | None], BeforeValidator(lambda v: {v: None} if isinstance(v, str) else v)]


class Comparison(_Part):
    """How one column is compared: its levels from the best agreement down; what fits none of them disagrees."""

    of: Word
    levels: tuple[Level, ...] = Field(min_length=1)
    term_frequency: bool = False  # is agreement on a rare value worth more?

    @model_validator(mode="after")
    def _fits(self) -> Self:
        problems = [
            Problem(*said, place=("levels", place))
            for place, level in enumerate(self.levels)
            if (said := _wrong(level))
        ]
        if problems:
            raise Unfit(*problems)
        return self


def _wrong(level: dict[str, float | str | None]) -> tuple[str, str] | None:
    """What is wrong with this level by itself, and the mend."""
    if len(level) != 1:
        return "a level is one word, or one word and its value", "write [same, jaro_winkler: 0.9]"
    ((name, value),) = level.items()
    if name not in LEVELS:
        return f"unknown level '{name}'", f"there are: {', '.join(sorted(LEVELS))}"
    if LEVELS[name] and value is None:
        return f"level '{name}' needs a value", f"write {name}: {_for_instance(name)}"
    if not LEVELS[name] and value is not None:
        return f"level '{name}' takes no value", f"write {name} alone"
    if name in NUMERIC and not (isinstance(value, float | int) and math.isfinite(value)):
        return f"level '{name}' needs a number", f"write {name}: {_for_instance(name)}"
    if name == "months" and (float(value or 0) < 1 or float(value or 0) % 1):
        return "level 'months' needs a whole number from 1 on", "write months: 1"
    return None


Key = Annotated[tuple[str, ...], Field(min_length=1)]


def _for_instance(level: str) -> str:
    return "another column" if level == "swapped_with" else "0.9" if level.endswith("jaro_winkler") else "1"


class CertainStep(_Part):
    """A key: records that agree on all of it are one person, unless an identifier or a sign of twins contradicts."""

    label: Annotated[str, StringConstraints(min_length=1)]
    on: Key


class Linking(_Part):
    """When are two records one person, once each pair has its weight (log2 of the odds)?"""

    threshold: float = Field(default=6.0, allow_inf_nan=False)
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
            mend = "close its brackets, and write \\( for a bracket that stands in the value"
            raise Unfit(Problem("pattern is not a regular expression", mend, ("pattern",))) from None
        if self.pattern and compiled.groups != 1:
            what = "pattern needs exactly one group in round brackets: the person"
            raise Unfit(Problem(what, 'write "^rec-([0-9]+)-" for rec-17-org', ("pattern",)))
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
        if problems := list(contradictions(self)):
            raise Unfit(*problems)
        return self


def load_specification(path: Path) -> Specification:
    """Read a specification. Raises DocumentError naming each problem with its line."""
    return load_document(path, Specification)
