"""What did the gateway count behind a query, and how do a file's cells stand to it?

The counts here are true ones: they are compared, and neither shown nor logged. What is told of a cell that differs is
what it should say, which is no more than may leave.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from audit.model import Json
from environments.disclosure.model import Cell


@dataclass(frozen=True)
class QueryFigure:
    """One aggregate of a query's result. column: its place there, from 0; adding: do people add shares to it?"""

    column: int
    function: str
    adding: bool


@dataclass(frozen=True)
class FigurePeople:
    """Who stands behind a figure in one group: people; of what people add to, the largest shares and all together."""

    people: int = field(repr=False)
    largest: tuple[float, ...] = field(default=(), repr=False)
    total: float = field(default=0.0, repr=False)


@dataclass(frozen=True)
class QueryGroup:
    """One group of a query: its keys' values, its people and rows, and for each figure its people."""

    key: tuple[object, ...]
    people: int = field(repr=False)
    rows: int = field(repr=False)
    figures: tuple[FigurePeople, ...] = ()


@dataclass(frozen=True)
class QueryEvidence:
    """The evidence of one query, opened. keys: for each group key its column of the result; None: not shown there.

    scope_version: the version of the approval under which it was asked.
    """

    query: str
    scope_version: int
    columns: tuple[str, ...]
    keys: tuple[int | None, ...]
    figures: tuple[QueryFigure, ...]
    groups: tuple[QueryGroup, ...] = field(repr=False)


class CellMatch(StrEnum):
    """How a cell stands to the evidence."""

    AGREES = "agrees"
    HIDDEN = "hidden_rightly"
    HIDDEN_LARGE = "hidden_though_large"
    JUDGED = "figure_within_the_rules"  # its people and shares are; its value is not in the evidence
    BREAKS = "figure_breaks_a_rule"
    DIFFERS = "differs"
    NONE = "no_evidence"


FITTING = frozenset({CellMatch.AGREES, CellMatch.HIDDEN, CellMatch.HIDDEN_LARGE})


@dataclass(frozen=True)
class PeopleBehind:
    """Whom a cell counts: of these groups of a query (places in its evidence) everybody, or those of one figure."""

    query: str
    groups: tuple[int, ...]
    figure: int | None = None


@dataclass(frozen=True)
class ComparedCell:
    """A cell and how it stands. should_say: of one that differs, what may be shown in its place.

    behind: whom it counts, by each query that says so.
    """

    cell: Cell
    match: CellMatch
    should_say: str = ""
    behind: tuple[PeopleBehind, ...] = ()

    @property
    def shows_people(self) -> bool:
        """Is anything but a mark shown of people whom a query counted?"""
        return bool(self.behind) and self.match not in (CellMatch.HIDDEN, CellMatch.HIDDEN_LARGE)


@dataclass(frozen=True)
class EvidenceComparison:
    """How a file stands to the evidence of the queries it names: for its checkers. problems: what its author is told.

    left_out: groups of the queries that the file does not show.
    """

    queries: tuple[str, ...]
    cells: tuple[ComparedCell, ...]
    problems: tuple[str, ...]
    left_out: int = 0

    @property
    def whole(self) -> bool:
        """Does every cell agree, or is hidden?"""
        return bool(self.cells) and not self.problems and all(one.match in FITTING for one in self.cells)

    def count(self, match: CellMatch) -> int:
        """How many cells stand so."""
        return sum(one.match is match for one in self.cells)

    @property
    def summary(self) -> str:
        """One sentence for a checker."""
        named = f"the sealed evidence of {'query' if len(self.queries) == 1 else 'queries'} {', '.join(self.queries)}"
        large = self.count(CellMatch.HIDDEN_LARGE)
        aside = f"; {large} hidden though large enough to be shown" if large else ""
        if self.whole:
            return f"Every cell agrees with {named} ({len(self.cells)} cells{aside})."
        rest = [f"{self.count(one)} {words}" for one, words in _WORDS.items() if self.count(one)]
        fitting = sum(one.match in FITTING for one in self.cells)
        return (
            f"Of {len(self.cells)} cells {fitting} agree with {named}{aside}; {', '.join(rest) or 'see the problems'}."
        )

    def as_data(self) -> dict[str, Json]:
        """For a checker's program."""
        return {
            "queries": list(self.queries),
            "whole": self.whole,
            "summary": self.summary,
            "left_out": self.left_out,
            "cells": [
                {"cell": one.cell.name, "shown": one.cell.shown, "match": one.match.value, "should_say": one.should_say}
                for one in self.cells
            ],
        }


_WORDS = {
    CellMatch.DIFFERS: "differ",
    CellMatch.BREAKS: "break a rule on amounts",
    CellMatch.JUDGED: "are figures within the rules, whose values are not in the evidence",
    CellMatch.NONE: "are without evidence",
}
