"""How are cells hidden so that nobody works them out? Sensitive ones by the rules, then the cheapest others; audited.

The sensitive (primary) cells are those that break a rule of the owners; the others (secondary) are chosen by
protect.py; then the attacker's programme is run on what would be shown, and the finished table is checked from scratch.
Every total is a cell, and may be hidden too. A reader is taken to know every total exactly, also where it will be
rounded, and how many people are in several categories: what protects then, protects.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from environments.disclosure.amounts import protection
from environments.disclosure.attack import Range
from environments.disclosure.check import check_counts_table, full_cell
from environments.disclosure.errors import TableUnfit
from environments.disclosure.evidence import Evidence, Key, Kind, read_evidence
from environments.disclosure.mitigate import added_up, shown_count
from environments.disclosure.model import FINE, CellStatus, CheckResult, Stage, TableContext
from environments.disclosure.profile import Criteria
from environments.disclosure.protect import LONGEST_EXACT, Hidden, Hiding, Need, Quantity, choose
from environments.disclosure.rules import LARGEST_COUNT, too_narrow, values_left
from environments.disclosure.totals import Totals, amount_ranges

MOST_CELLS = 6_000  # above: rounding
HIDDEN_BY = frozenset({CellStatus.SMALL, CellStatus.ZERO})
REFUSED_BY = frozenset(
    {CellStatus.NOT_ADDING_UP, CellStatus.NEGATIVE, CellStatus.TOO_LARGE, CellStatus.NOT_A_COUNT, CellStatus.MISSING}
)


class Cost(StrEnum):
    """What hiding a further cell costs: one each (among the fewest cells, the least hidden), or what it holds."""

    CELLS = "cells"
    VALUES = "values"


@dataclass(frozen=True)
class Suppressed:
    """A table with hidden cells: what is hidden and why, how it was chosen, what an attacker is left with.

    rules: of each primary cell the rules it breaks. intervals: of each hidden cell the counts and the amounts that a
    reader can still think possible. problems: what hiding could not mend.
    """

    table: pl.DataFrame
    context: TableContext
    by: tuple[str, ...]
    rules: dict[Key, tuple[CellStatus, ...]]
    secondary: tuple[Key, ...]
    chosen: Hidden
    cost: Cost
    intervals: dict[Key, Range]
    amount_intervals: dict[Key, Range]
    result: CheckResult
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """May it leave? Only when the attacker finds nothing and the check from scratch passes."""
        return not self.problems and self.result.passed


def suppress(
    table: pl.DataFrame, context: TableContext, profile: Criteria, *, cost: Cost = Cost.CELLS,
    seconds: float = LONGEST_EXACT,
) -> Suppressed:  # fmt: skip
    """Hide what the owners' rules ask for, and what it takes to protect that. The table holds true numbers.

    Raises TableUnfit: it does not, a total does not add up, or it is too large to be tried.
    """
    return _Suppression(table, context, profile, cost).made(seconds)


class _Suppression:
    """True numbers, the sensitive cells, the choice, and its audit."""

    def __init__(self, table: pl.DataFrame, context: TableContext, profile: Criteria, cost: Cost) -> None:
        if context.further_counts or context.event_counts:
            raise TableUnfit(
                "Cells are hidden for one count of people and one amount.", where="further_counts, event_counts",
                mend="Leave the other counts out, or use the method suppress-and-round.",
            )  # fmt: skip
        self.profile, self.cost = profile, cost
        self.evidence = read_evidence(table, context, ())
        self.original = completed(table, self.evidence, context)
        self.evidence = read_evidence(self.original, context, ())
        self.context = context
        self.keys = list(self.evidence.values)
        if len(self.keys) > MOST_CELLS:
            raise TableUnfit(
                f"The table has more than {MOST_CELLS:,} cells: too many to choose which to hide.",
                mend="Round it instead (--method suppress-and-round), or make the categories coarser.",
            )
        self.number = {key: place for place, key in enumerate(self.keys)}
        self.people = {key: row[context.count_column].number for key, row in self.evidence.values.items()}
        self.lines = tuple(line for line in self.evidence.lines if line.total is not None)
        self.rules = self._primary()
        self.needs = self._amount_needs()

    def made(self, seconds: float) -> Suppressed:
        """The choice, the audit, the table, and its check from scratch."""
        chosen = choose(self._task(), self._is_whole_enough, seconds=seconds)
        hidden = {self.keys[cell] for cell in chosen.secondary} | self.rules.keys()
        hidden |= {key for key, text in self._counts(hidden).items() if text == self.profile.counts.masks[0]}
        counts, amounts = self._audit(hidden)
        problems = [*self._told(counts, amounts), *self._unprotected(chosen)]
        table, context = self._shown(hidden)
        result = check_counts_table(table, context, self.profile, Stage.MITIGATED)
        secondary = tuple(key for key in self.keys if key in hidden and key not in self.rules)
        return Suppressed(
            table, context, self.evidence.by, self.rules, secondary, chosen, self.cost, counts, amounts, result,
            tuple(problems),
        )  # fmt: skip

    # what is sensitive

    def _primary(self) -> dict[Key, tuple[CellStatus, ...]]:
        """Each sensitive cell with the rules it breaks. Raises TableUnfit for what is no table of true numbers."""
        for row in self.evidence.values.values():
            count = row[self.context.count_column]
            if count.kind is not Kind.NUMBER or not 0 <= count.number <= LARGEST_COUNT:
                raise TableUnfit(
                    "A count is not a whole number of people.", where=f"column {self.context.count_column}",
                    mend="Give true counts.",
                )  # fmt: skip
        checked = check_counts_table(self.original, self.context, self.profile, Stage.TRUE)
        if not checked.cells:
            raise TableUnfit(checked.problems[0], mend="Correct it, and suppress again.")
        found: dict[Key, tuple[CellStatus, ...]] = {}
        for cell in checked.cells:
            if cell.status in REFUSED_BY:
                raise TableUnfit(cell.reason, where=cell.name, mend="Correct the table, and suppress again.")
            key = tuple(cell.categories.values())
            hides = HIDDEN_BY if cell.column == self.context.count_column else frozenset(CellStatus) - FINE
            if broken := tuple(rule for rule in cell.rules if rule in hides):
                found[key] = (*found.get(key, ()), *broken)
        return found | {key: (CellStatus.ZERO,) for key in self._beside_full() if key not in found}

    def _beside_full(self) -> list[Key]:
        """The zeros beside a full cell: hidden, nobody knows that it is full. None where a mark hides no zero."""
        rules = self.profile.counts
        if rules.full_cells == "shown" or not rules.mask_may_hide_zero:
            return []
        column = self.context.count_column
        full = [line for line in self.evidence.lines if full_cell(self.evidence, line, column, self.context)]
        return [key for line in full for key in line.members if not self.people[key] and not self._is_structural(key)]

    def _is_structural(self, key: Key) -> bool:
        return self.context.is_structural_zero(self.evidence.by, key)

    def _amount_needs(self) -> dict[Key, float]:
        """How far each hidden amount must stay open, on both sides."""
        if not self.context.value_column:
            return {}
        return {
            key: protection(self.evidence.amounts[key], self.people[key], self.profile.amounts)
            for key in self.rules
            if not self._only_full(key)
        }

    def _only_full(self, key: Key) -> bool:
        return self.people[key] == 0 and self.profile.counts.zero == "shown"

    # what to hide besides

    def _task(self) -> Hiding:
        hideable = [key for key in self.keys if key not in self.rules and self._may_hide(key)]
        primary = frozenset(self.number[key] for key in self.rules)
        worth = {key: self._worth(key) for key in hideable}
        most = sum(worth.values()) or 1.0
        weights: list[float | None] = [None] * len(self.keys)
        for key, one in worth.items():
            weights[self.number[key]] = one if self.cost is Cost.VALUES else 1.0 + 0.5 * one / most
        sums = tuple((self.number[line.total or ()], tuple(self.number[key] for key in line.members))
                     for line in self.lines)  # fmt: skip
        return Hiding(tuple(weights), primary, sums, tuple(self._quantities()))

    def _may_hide(self, key: Key) -> bool:
        if self.people[key] == 0:
            return self.profile.counts.mask_may_hide_zero and not self._is_structural(key)
        return True

    def _worth(self, key: Key) -> float:
        if self.context.value_column:
            return abs(self.evidence.amounts[key].number or 0.0)
        return float(self.people[key])

    def _quantities(self) -> list[Quantity]:
        lowest = 0.0 if self.profile.counts.mask_may_hide_zero else 1.0
        width = float(values_left(self.profile.counts) - 1)
        counted = [key for key, rules in self.rules.items() if HIDDEN_BY & set(rules)]
        # hidden beside them, such a one would look like a small count that is told
        counted += [key for key, people in self.people.items() if key not in self.rules and 0 < people <= self._nearly]
        counts = Quantity(
            tuple(float(self.people[key]) for key in self.keys),
            tuple([lowest] * len(self.keys)),
            {self.number[key]: Need(width=width) for key in counted},
        )
        if not self.context.value_column:
            return [counts]
        values = tuple(self._amount(key) for key in self.keys)
        least = float("-inf") if any(value < 0 for value in values) else 0.0
        needs = {self.number[key]: self._need(key) for key in self.needs}
        return [counts, Quantity(values, tuple([least] * len(values)), needs)]

    @property
    def _nearly(self) -> int:
        return self.profile.counts.smallest_shown + values_left(self.profile.counts) - 2

    def _amount(self, key: Key) -> float:
        return self.evidence.amounts[key].number or 0.0

    def _need(self, key: Key) -> Need:
        """On both sides; below zero nothing can be asked for where amounts are not negative."""
        need, value = self.needs[key], self._amount(key)
        negative = any((one.number or 0.0) < 0 for one in self.evidence.amounts.values())
        return Need(below=need if negative else min(need, max(value, 0.0)), above=need)

    # the attacker's audit

    def _excess(self, numbers: dict[Key, float]) -> dict[tuple[Key | None, str], float]:
        """By how much the parts of a line are more than its total: people in several categories."""
        return {
            (line.total, line.column): sum(numbers[key] for key in line.members) - numbers[line.total or ()]
            for line in self.lines
            if line.column in self.context.overlapping
        }

    def _audit(self, hidden: set[Key]) -> tuple[dict[Key, Range], dict[Key, Range]]:
        lowest = 0 if self.profile.counts.mask_may_hide_zero else 1
        ranges: dict[Key, Range] = {
            key: (lowest, None) if key in hidden else (count, count) for key, count in self.people.items()
        }
        excess = self._excess({key: float(count) for key, count in self.people.items()})
        counts = Totals(self.lines, ranges, self.context.overlapping, excess=excess).possible(hidden) or {}
        if not self.context.value_column:
            return counts, {}
        numbers = {key: None if key in hidden else self._amount(key) for key in self.keys}
        free = amount_ranges(numbers | {(): min(self._amount(key) for key in self.keys)}, self.keys)
        amounts = Totals(self.lines, free, whole=False).possible(hidden) or {}
        return counts, amounts

    def _is_whole_enough(self, secondary: frozenset[int]) -> bool:
        hidden = {self.keys[cell] for cell in secondary} | self.rules.keys()
        return not self._told(*self._audit(hidden))

    def _told(self, counts: dict[Key, Range], amounts: dict[Key, Range]) -> list[str]:
        """The sensitive cells that the rest tells after all."""
        told = []
        for key, rules in self.rules.items():
            interval = counts.get(key, (None, None))
            if HIDDEN_BY & set(rules) and too_narrow(interval, self.profile.counts):
                told.append(f"The count of {self._name(key)} can be worked out too closely.")
            if key in self.needs and not self._is_open(key, amounts.get(key, (None, None))):
                told.append(f"The amount of {self._name(key)} can be worked out too closely.")
        return told

    def _is_open(self, key: Key, interval: Range) -> bool:
        need, value, (low, high) = self._need(key), self._amount(key), interval
        nearly = 1e-5 * (need.above + need.below)
        return (low is None or low <= value - need.below + nearly) and (
            high is None or high >= value + need.above - nearly
        )

    def _unprotected(self, chosen: Hidden) -> list[str]:
        names = [self._name(self.keys[cell]) for cell in sorted(chosen.unprotected)]
        mend = "No choice of hidden cells protects it: make the categories coarser, or leave a total out."
        return [f"{name}: {mend}" for name in names]

    def _name(self, key: Key) -> str:
        return ", ".join(f"{column}={code}" for column, code in zip(self.evidence.by, key, strict=True))

    # the table

    def _shown(self, hidden: set[Key]) -> tuple[pl.DataFrame, TableContext]:
        """As it may leave: hidden cells under the owner's mark, counts rounded if the owner asks, no evidence."""
        context, mark = self.context, self.profile.counts.masks[0]
        shown = self._counts(hidden)
        columns: dict[str, list[str]] = {}
        for name in self.original.columns:
            if name == context.count_column:
                columns[name] = [shown[key] for key in self.keys]
            elif name == context.value_column:
                columns[name] = [
                    mark if key in hidden else self.evidence.amounts[key].text.removesuffix(".0") for key in self.keys
                ]
            elif name in context.figures:
                columns[name] = [mark if key in hidden else self.evidence.texts[key][name] for key in self.keys]
            elif name not in context.value_columns:
                place = self.evidence.by.index(name)
                columns[name] = [key[place] for key in self.keys]
        update = {"secondary_suppression": True, "largest": (), "contributors": None, "least": None}
        table = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
        return table, context.model_copy(update=update)

    def _counts(self, hidden: set[Key]) -> dict[Key, str]:
        """The counts as shown; where totals are sums of what is shown, a total of hidden cells alone is hidden."""
        mark = self.profile.counts.masks[0]
        shown = {key: mark if key in hidden else self._count(key) for key in self.keys}
        if self.profile.counts.totals == "sum_of_rounded":
            shown |= added_up(self.evidence, shown, mark, hidden)
        return shown

    def _count(self, key: Key) -> str:
        if self.people[key] == 0:  # a zero that is not hidden may stand
            return "0"
        return shown_count(self.people[key], self.profile.counts)


def completed(table: pl.DataFrame, evidence: Evidence, context: TableContext) -> pl.DataFrame:
    """The table with a row of nobody for each combination that its totals cover and that has no row."""
    members = (key for line in evidence.lines if line.total is not None for key in line.members)
    absent = [key for key in dict.fromkeys(members) if key not in evidence.values]
    text = table.select(pl.all().cast(pl.String).fill_null(""))
    if evidence.repeated:
        raise TableUnfit("Rows repeat the same categories.", where="table", mend="Name all columns, or add them up.")
    if not absent:
        return text
    zeros = {context.count_column, context.value_column, context.contributors, context.least, *context.largest}
    rows = [dict(zip(evidence.by, key, strict=True)) | {name: "0" for name in zeros if name} for key in absent]
    more = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    return pl.concat([text, more], how="diagonal").select(pl.all().fill_null(""))
