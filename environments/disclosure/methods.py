"""By which method is a table made fit, and what is said of it afterwards? One answer for all methods, of safe numbers.

As a rule an owner who asks for rounding gets suppress-and-round, which hides and rounds; where exact numbers leave, or
amounts, hiding is chosen so that nobody can work it out (secondary suppression).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from audit.model import Json
from environments.disclosure.attack import Range
from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import TableUnfit
from environments.disclosure.evidence import Key, read_evidence
from environments.disclosure.mitigate import suppress_and_round
from environments.disclosure.model import CellStatus, CheckResult, Stage, TableContext
from environments.disclosure.profile import Criteria
from environments.disclosure.protect import LONGEST_EXACT
from environments.disclosure.suppress import HIDDEN_BY, Cost, Suppressed, completed, suppress

SECONDARY = "secondary"
SUPPRESS_AND_ROUND = "suppress-and-round"
MIDPOINT_6 = "midpoint-6"
CELL_KEY = "cell-key"  # from microdata alone: cellkey.py


@dataclass(frozen=True)
class MadeFit:
    """A table as it may leave. primary: the hidden cells that break rules, with the rules; secondary: the others.

    intervals, amount_intervals: what a reader can still think possible of a hidden cell that a total ties.
    secondary_cost: what hiding the secondary cells costs, at least least_cost; proven: no choice costs less.
    """

    method: str
    table: pl.DataFrame
    context: TableContext
    primary: dict[Key, tuple[CellStatus, ...]]
    secondary: tuple[Key, ...]
    intervals: dict[Key, Range]
    amount_intervals: dict[Key, Range]
    result: CheckResult
    problems: tuple[str, ...] = ()
    cost: Cost = Cost.CELLS
    secondary_cost: float = 0.0
    least_cost: float | None = None
    proven: bool = False

    @property
    def all_problems(self) -> tuple[str, ...]:
        """What hiding could not mend, and what the check from scratch says."""
        return (*self.problems, *self.result.problems)

    @property
    def passed(self) -> bool:
        """May the table go on to people?"""
        return not self.all_problems and self.result.passed

    def summary(self) -> str:
        """One line: how many cells are hidden, and whether fewer would do."""
        optimum = "no choice costs less" if self.proven else "a cheaper choice may exist"
        unit = "cells" if self.cost is Cost.CELLS else "of their values"
        return (
            f"{self.method}: {len(self.primary)} cells break a rule, {len(self.secondary)} more hidden to protect them "
            f"(cost {self.secondary_cost:.10g} {unit}; {optimum})."
        )

    def cells(self) -> list[dict[str, Json]]:
        """Each cell as it is shown, with its status (shown, primary, secondary) and what a reader can work out."""
        found = []
        context = self.context
        counts = [cell for cell in self.result.cells if cell.column == context.count_column]
        amounts = {
            tuple(cell.categories.values()): cell.shown
            for cell in self.result.cells
            if cell.column == context.value_column
        }
        hidden = set(self.secondary)
        for cell in counts:
            key = tuple(cell.categories.values())
            status = "primary" if key in self.primary else "secondary" if key in hidden else "shown"
            reason = {"primary": "Breaks a rule.", "secondary": "Hidden so that others cannot be worked out."}
            one: dict[str, Json] = {
                "name": ", ".join(f"{column}={code}" for column, code in cell.categories.items()),
                "categories": dict(cell.categories), "total": cell.total, "shown": cell.shown, "status": status,
                "rules": [rule.value for rule in self.primary.get(key, ())], "reason": reason.get(status, ""),
                "check": cell.status.value, "interval": _ends(self.intervals.get(key)),
            }  # fmt: skip
            if context.value_column:
                one |= {"shown_value": amounts.get(key), "value_interval": _ends(self.amount_intervals.get(key))}
            found.append(one)
        return found

    def as_data(self) -> dict[str, Json]:
        """Machine-readable; no hidden number is in it."""
        cells = self.cells()
        return {
            "passed": self.passed, "method": self.method, "problems": list(self.all_problems),
            "cost": {"measure": self.cost.value, "secondary": self.secondary_cost, "at_least": self.least_cost},
            "optimum": "proven" if self.proven else "not proven", "proven": self.proven,
            "primary": [one["categories"] for one in cells if one["status"] == "primary"],
            "secondary": [one["categories"] for one in cells if one["status"] == "secondary"],
            "cells": list(cells),
        }  # fmt: skip


def _ends(interval: Range | None) -> Json:
    return None if interval is None else list(interval)


def made_fit(
    table: pl.DataFrame, context: TableContext, profile: Criteria, *, method: str | None = None, cost: str = "cells",
    seconds: float = LONGEST_EXACT,
) -> MadeFit:  # fmt: skip
    """A table of true numbers made fit. Raises TableUnfit when it is none, or the method cannot take it."""
    if method is None:
        method = SECONDARY if context.value_column or not profile.counts.base else SUPPRESS_AND_ROUND
    if method == SECONDARY:
        return _of_suppressed(suppress(table, context, profile, cost=Cost(cost), seconds=seconds))
    if context.value_column:
        raise TableUnfit(
            "This method is for counts alone.", where=f"--method {method}",
            mend="Use --method secondary for amounts, or leave --value out.",
        )  # fmt: skip
    return _rounded(table, context, profile, method)


def _of_suppressed(made: Suppressed) -> MadeFit:
    chosen = made.chosen
    cost = float(len(made.secondary)) if made.cost is Cost.CELLS else chosen.cost
    least = chosen.bound if made.cost is Cost.VALUES or chosen.bound is None else _whole(chosen.bound)
    proven = chosen.proven and len(made.secondary) == len(chosen.secondary)  # a total may be hidden with all its parts
    return MadeFit(
        SECONDARY, made.table, made.context, made.rules, made.secondary, made.intervals, made.amount_intervals,
        made.result, made.problems, made.cost, cost, cost if proven else least, proven,
    )  # fmt: skip


def _whole(bound: float) -> float:
    """The least number of cells, from a bound on cells and, below one, on what they hold."""
    return float(max(0, int(bound - 0.5) + (bound - 0.5 > int(bound - 0.5)))) if bound > 0.5 else 0.0


def _rounded(table: pl.DataFrame, context: TableContext, profile: Criteria, method: str) -> MadeFit:
    if method == MIDPOINT_6:
        context = context.model_copy(update={"rounding": "midpoint_6"})
    whole = completed(table, read_evidence(table, context, ()), context)
    checked = check_counts_table(whole, context, profile, Stage.TRUE)
    for cell in checked.cells:
        if cell.status is CellStatus.NOT_ADDING_UP:
            raise TableUnfit(cell.reason, where=cell.name, mend="Correct the table, and suppress again.")
    made = suppress_and_round(whole, context, profile)
    primary: dict[Key, tuple[CellStatus, ...]] = {}
    secondary = []
    broken = {tuple(cell.categories.values()): cell.rules for cell in checked.cells
              if cell.column == context.count_column}  # fmt: skip
    for cell in made.result.cells:
        key = tuple(cell.categories.values())
        if cell.column != context.count_column or cell.shown not in profile.counts.masks:
            continue
        if rules := tuple(rule for rule in broken.get(key, ()) if rule in HIDDEN_BY):
            primary[key] = rules
        else:
            secondary.append(key)
    intervals = {tuple(cell.categories.values()): cell.interval for cell in made.result.cells
                 if cell.interval is not None and cell.column == context.count_column}  # fmt: skip
    return MadeFit(method, made.table, made.context, primary, tuple(secondary), intervals, {}, made.result,
                   secondary_cost=float(len(secondary)))  # fmt: skip
