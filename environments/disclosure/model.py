"""What is checked? A table in long form with its context, cell by cell, each with a status and a reason.

Reasons and problems name a cell by its categories and a rule by its threshold; they never repeat a count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from environments.disclosure.errors import ContextInvalid

USUAL_TOTAL_CODES = frozenset({"total", "all", "overall", "grand total", "all ages", "persons", "all persons"})


class TableContext(BaseModel):
    """What its author says of a table: without it nobody can judge the counts.

    Every column is a category unless it is named as a count or a figure. nested: (child, parent) columns, where each
    child belongs to one parent. structural_zeros: cells that could not be otherwise, by their categories.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    purpose: str = ""
    description: str = ""
    population: str = ""  # who is counted: the filter and the period
    columns: dict[str, str] = Field(default_factory=dict)  # what each column is, in words
    count_column: str = Field(min_length=1)  # distinct people behind each row
    further_counts: tuple[str, ...] = ()  # people among those of the row
    event_counts: tuple[str, ...] = ()  # events of those people
    figures: tuple[str, ...] = ()  # means, rates, percentages
    total_codes: tuple[str, ...] = ()
    nested: tuple[tuple[str, str], ...] = ()
    structural_zeros: tuple[dict[str, str], ...] = ()
    rounding: Literal["nearest", "midpoint_6"] = "nearest"
    secondary_suppression: bool = False  # some hidden counts are not small: they protect others

    @property
    def count_columns(self) -> tuple[str, ...]:
        """Every column that holds counts, the people first."""
        return (self.count_column, *self.further_counts, *self.event_counts)

    def is_total(self, code: str) -> bool:
        """Does this category mean 'all together'? The usual words, and those the author names."""
        return code.strip().casefold() in USUAL_TOTAL_CODES or code in self.total_codes


def context_from(data: TableContext | Mapping[str, Any]) -> TableContext:
    """A context from data. Raises ContextInvalid naming every problem; an unknown key is one."""
    return data if isinstance(data, TableContext) else validated(TableContext, data)


Context = TypeVar("Context", bound=TableContext)


def validated(kind: type[Context], data: Mapping[str, Any]) -> Context:
    """The data as this kind of context. Raises ContextInvalid."""
    try:
        return kind.model_validate(dict(data))
    except ValidationError as error:
        problems = [_said(item) for item in error.errors(include_input=False, include_url=False)]
        raise ContextInvalid(
            f"The context is not complete: {'; '.join(problems)}.",
            where="context",
            mend=f"Its keys are: {', '.join(kind.model_fields)}.",
        ) from None


def _said(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"unknown key '{place}'"
    return f"{place}: {item['msg']}"


class CellStatus(StrEnum):
    """What is wrong with a cell, or that nothing is."""

    OK = "ok"
    MASKED = "masked"  # hidden as it should be
    SMALL = "small_count"
    ZERO = "zero"
    FULL = "full_cell"
    SMALL_REMAINDER = "small_remainder"  # nearly all of the row's people: those left are too few
    UNROUNDED = "unrounded"
    DERIVABLE = "derivable"  # hidden, but what is shown tells it
    TOTAL_TELLS = "total_tells"  # a total that is not the sum of its shown parts
    MISSING = "missing"  # blank: neither a count nor hidden
    NOT_A_COUNT = "not_a_count"
    NEGATIVE = "negative"
    TOO_LARGE = "too_large"
    FIGURE_ON_HIDDEN = "figure_on_hidden_count"


FINE = frozenset({CellStatus.OK, CellStatus.MASKED})


@dataclass(frozen=True)
class Cell:
    """One cell: its row's categories, its column, what is shown, the status and why.

    interval: the values that a reader of the table can still think possible, for a hidden cell tied to a total.
    """

    categories: Mapping[str, str]
    column: str
    shown: str
    status: CellStatus
    reason: str = ""
    interval: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The cell in words, without its count."""
        place = ", ".join(f"{column}={code}" for column, code in self.categories.items())
        return f"{self.column} [{place}]" if place else self.column


@dataclass(frozen=True)
class CheckResult:
    """What the check found: every cell, and the problems as sentences that say how to mend them."""

    cells: tuple[Cell, ...]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """May the table go on to people? Only without a single problem."""
        return not self.problems and all(cell.status in FINE for cell in self.cells)
