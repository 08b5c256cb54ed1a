"""What is checked? A table in long form with its context, cell by cell, each with a status and a reason.

Reasons and problems name a cell by its categories and a rule by its threshold; they never repeat a count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    hierarchies: for a column whose codes contain each other, each child's parent; a parent is the sum of its children.
    overlapping: columns along which one person may be in several categories, so that totals are no sums.
    value_column is an amount added up over the people; largest, contributors and least are its evidence, which never
    leaves: the largest contributions of a person from the first on, how many people contribute, the least of theirs.
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
    value_column: str | None = None
    largest: tuple[str, ...] = ()
    contributors: str | None = None
    least: str | None = None
    total_codes: tuple[str, ...] = ()  # in any column
    totals: dict[str, str] = Field(default_factory=dict)  # a column's own total code: then no other word is one there
    hierarchies: dict[str, dict[str, str]] = Field(default_factory=dict)
    overlapping: tuple[str, ...] = ()
    nested: tuple[tuple[str, str], ...] = ()
    structural_zeros: tuple[dict[str, str], ...] = ()
    rounding: Literal["nearest", "midpoint_6", "cell_key"] = "nearest"
    secondary_suppression: bool = False  # some hidden counts are not small: they protect others

    @property
    def count_columns(self) -> tuple[str, ...]:
        """Every column that holds counts, the people first."""
        return (self.count_column, *self.further_counts, *self.event_counts)

    @property
    def value_columns(self) -> tuple[str, ...]:
        """The amount and its evidence."""
        return tuple(one for one in (self.value_column, *self.largest, self.contributors, self.least) if one)

    def is_total(self, column: str, code: str) -> bool:
        """Does this category mean 'all together'? The usual words, those the author names, a hierarchy's one root."""
        if column in self.totals:
            return code == self.totals[column]
        if column in self.hierarchies and (root := only_root(self.hierarchies[column])) is not None and code == root:
            return True
        return code.strip().casefold() in USUAL_TOTAL_CODES or code in self.total_codes

    def has_total(self, by: Sequence[str], key: Sequence[str]) -> bool:
        """Is any of these categories a total?"""
        return any(self.is_total(column, code) for column, code in zip(by, key, strict=True))

    def is_structural_zero(self, by: Sequence[str], key: Sequence[str]) -> bool:
        """Did the author declare this cell a zero that could not be otherwise?"""
        categories = dict(zip(by, key, strict=True))
        return any(
            zero and all(categories.get(column) == code for column, code in zero.items())
            for zero in self.structural_zeros
        )


def only_root(parents: Mapping[str, str]) -> str | None:
    """The one code above all others; None where there are several."""
    roots = {parent for parent in parents.values() if parent not in parents}
    return roots.pop() if len(roots) == 1 else None


def context_from(data: TableContext | Mapping[str, Any]) -> TableContext:
    """A context from data. Raises ContextInvalid naming every problem; an unknown key is one."""
    return data if isinstance(data, TableContext) else validated(TableContext, data)


Context = TypeVar("Context", bound=BaseModel)


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


class Stage(StrEnum):
    """Where a table stands: true counts, a finished table, or one whose amounts were judged when it was made."""

    TRUE = "true"
    FINISHED = "finished"
    MITIGATED = "mitigated"


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
    NOT_AS_QUERIED = "not_as_queried"  # the sealed evidence of the query says otherwise
    NOT_ADDING_UP = "does_not_add_up"
    DOMINANCE = "dominance"  # the largest contributors make nearly all of the amount
    P_PERCENT = "p_percent"  # the second largest contributor can guess the largest too closely
    PQ = "pq"
    SAME_VALUE = "same_value"  # everybody who contributes contributes the same
    FEW_CONTRIBUTORS = "few_contributors"
    NEGATIVE_CONTRIBUTION = "negative_contribution"  # shares of the amount mean nothing then


FINE = frozenset({CellStatus.OK, CellStatus.MASKED})


@dataclass(frozen=True)
class Cell:
    """One cell: its row's categories, its column, what is shown, the status and why.

    interval: the values that a reader of the table can still think possible, for a hidden cell tied to a total; None
    for an end that is not there. rules: every rule that the cell breaks, the status being the first. total: is it one?
    """

    categories: Mapping[str, str]
    column: str
    shown: str
    status: CellStatus
    reason: str = ""
    interval: tuple[float | None, float | None] | None = None
    rules: tuple[CellStatus, ...] = ()
    total: bool = False

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
