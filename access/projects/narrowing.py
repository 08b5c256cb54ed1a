"""What does a controller take away from what is asked for? Fewer columns, coarser dates, a shorter time, fewer people.

A narrowing concerns the controller's own datasets only, and every part of it takes away: none can add (Caldicott 3).
A person writes it as YAML; an unknown key is an error with its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from access.documents import seen
from access.projects.scope import Operator, Precision

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2000), AfterValidator(seen)]
MOST_SHOWN = 12
FINEST_FIRST: tuple[Precision, ...] = ("exact", "day", "month", "year")


class Part(BaseModel):
    """A part of a document that a person writes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PeriodPart(Part):
    """Rows whose date lies from `from` to `to`, both included."""

    column: Name
    start: date = Field(alias="from")
    end: date = Field(alias="to")


class CohortPart(Part):
    """A person belongs to the cohort when some row of theirs meets this, for each condition."""

    table: Name
    column: Name
    op: Operator
    values: list[str | int | float] = Field(min_length=1, max_length=10_000)


class Narrowing(Part):
    """What a controller takes away of its own part, and its conditions in sentences.

    without: table -> columns; dates: table -> precision; periods: table -> days; cohort: conditions on its own tables.
    """

    without: Mapping[Name, tuple[Name, ...]] = Field(default_factory=dict)
    dates: Mapping[Name, Literal["day", "month", "year"]] = Field(default_factory=dict)
    periods: Mapping[Name, PeriodPart] = Field(default_factory=dict)
    cohort: tuple[CohortPart, ...] = ()
    ends: date | None = None
    conditions: tuple[Sentence, ...] = ()

    @property
    def takes_something(self) -> bool:
        """Does it take anything away, conditions in words aside?"""
        return bool(self.without or self.dates or self.periods or self.cohort or self.ends)

    def in_words(self) -> list[str]:
        """A sentence for each thing that it takes away, and the conditions."""
        told = [f"without {table}.{column}" for table, columns in self.without.items() for column in columns]
        told += [f"dates of {table} by the {precision}" for table, precision in self.dates.items()]
        told += [f"rows of {table} from {one.start} to {one.end} only" for table, one in self.periods.items()]
        told += [f"only people with {condition_in_words(one)}" for one in self.cohort]
        told += [f"until {self.ends}"] if self.ends else []
        return told + list(self.conditions)


def condition_in_words(one: CohortPart) -> str:
    """A condition of a cohort as people read it, with its values; a long list is cut short."""
    shown = ", ".join(map(str, one.values[:MOST_SHOWN])) + (" ..." if len(one.values) > MOST_SHOWN else "")
    return f"{one.table}.{one.column} {one.op} {shown}"


NO_NARROWING = Narrowing()
"""Everything that was asked for."""


def coarser(one: Precision, other: Precision) -> Precision:
    """Of two precisions, the one that tells less."""
    return max(one, other, key=FINEST_FIRST.index)


TEMPLATE = """\
# What a controller takes away of its own part of a project. Leave out what you do not narrow.
without:                        # columns that the project does not get
  hospital_episodes: [diag_4_01]
dates: {hospital_episodes: year}  # no finer than this
periods:                        # no rows outside these days
  hospital_episodes: {column: admidate, from: 2021-01-01, to: 2024-12-31}
cohort:                         # only people with such a row
  - {table: hospital_episodes, column: admimeth, op: in, values: ["21", "22"]}
ends: 2027-06-30                # not after this day
conditions:                     # in words; everybody who looks at the project reads them
  - The steering group sees the results before they are published.
"""
