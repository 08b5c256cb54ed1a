"""How is a table made fit to leave? Suppressed and rounded as the owner asks, then checked again from scratch.

Small counts are hidden first, the rest rounded, totals built as the profile says; while the check finds that a hidden
count can be worked out, the smallest neighbour in its line is hidden too. Rule: rules/disclosure.md, 3 and 4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import TableUnfit
from environments.disclosure.evidence import Evidence, Key, Kind, Line, read_evidence
from environments.disclosure.model import Cell, CellStatus, CheckResult, TableContext
from environments.disclosure.profile import CountRules, Criteria
from environments.disclosure.rules import LARGEST_COUNT, MIDPOINT

MOST_ROUNDS = 40
HIDE_ITSELF = frozenset({CellStatus.SMALL_REMAINDER, CellStatus.TOTAL_TELLS})


@dataclass(frozen=True)
class Mitigated:
    """The table as it may leave, its context, and the check of exactly this table."""

    table: pl.DataFrame
    context: TableContext
    result: CheckResult


def shown_count(count: int, rules: CountRules, *, structural: bool = False, midpoint: bool = False) -> str:
    """One count of people as it may be shown. Raises TableUnfit for what is no count of people."""
    if not 0 <= count <= LARGEST_COUNT:
        raise TableUnfit("A count of people lies between zero and the country's population.", mend="Correct it.")
    if count == 0:
        return "0" if rules.zero == "shown" or (structural and rules.zero == "structural") else rules.masks[0]
    if midpoint:
        return str(-(-count // MIDPOINT) * MIDPOINT - MIDPOINT // 2)
    if count < rules.smallest_shown:
        return rules.masks[0]
    return str(rounded(count, rules.base))


def rounded(count: int, base: int | None) -> int:
    """To the nearest multiple of the base, a half upwards; as it is without a base."""
    return count if base is None else (count + base // 2) // base * base


def added_up(evidence: Evidence, shown: Mapping[Key, str], mark: str, hidden: Collection[Key] = ()) -> dict[Key, str]:
    """Totals as sums of what is shown: each is the sum of its line's cells, from the innermost on; hidden ones stay."""
    lines = {line.total: line for line in evidence.lines if line.total is not None}
    added: dict[Key, int | None] = {}

    def shown_sum(key: Key) -> int | None:
        """None: nothing of it is shown."""
        if key not in added:
            if key in hidden:
                added[key] = None
            elif key in lines:
                parts = [shown_sum(member) for member in lines[key].members]
                numbers = [part for part in parts if part is not None]
                added[key] = sum(numbers) if numbers or not parts else None
            else:
                text = shown.get(key, "")
                added[key] = int(text) if text.isdigit() else None
        return added[key]

    return {key: mark if (total := shown_sum(key)) is None else str(total) for key in lines}


def suppress_and_round(table: pl.DataFrame, context: TableContext, profile: Criteria) -> Mitigated:
    """A table of true counts made fit, if hiding and rounding can do it; `result` says what remains.

    Raises TableUnfit when a count is no whole number of people.
    """
    work = _Work(table, context, profile)
    for _ in range(MOST_ROUNDS):
        made = work.table()
        result = check_counts_table(made, work.context, profile)
        if result.passed or not work.hide_more(result):
            break
    return Mitigated(made, work.context, result)


class _Work:
    """The true counts, and what is shown of them."""

    def __init__(self, table: pl.DataFrame, context: TableContext, profile: Criteria) -> None:
        missing = [name for name in (*context.count_columns, *context.figures) if name not in table.columns]
        if missing:
            raise TableUnfit(f"There is no column '{missing[0]}'.", mend="Name the columns as the first line does.")
        self.original = table
        self.context = context
        self.rules = profile.counts
        self.evidence: Evidence = read_evidence(table, context, ())
        self.shown: dict[tuple[Key, str], str] = {}
        for column in context.count_columns:
            self._show(column)

    def _show(self, column: str) -> None:
        for key, row in self.evidence.values.items():
            if row[column].kind is not Kind.NUMBER:
                raise TableUnfit("A count is not a whole number.", where=f"column {column}", mend="Give true counts.")
            midpoint = self.context.rounding == "midpoint_6"
            self.shown[key, column] = shown_count(
                row[column].number,
                self.rules,
                structural=self.context.is_structural_zero(self.evidence.by, key),
                midpoint=midpoint,
            )
        if self.rules.totals == "sum_of_rounded":
            self._add_up(column)

    def _add_up(self, column: str) -> None:
        shown = {key: self.shown[key, column] for key in self.evidence.values}
        for key, text in added_up(self.evidence, shown, self.rules.masks[0]).items():
            self.shown[key, column] = text

    def table(self) -> pl.DataFrame:
        """The table as it would leave."""
        keys = list(self.evidence.values)
        hidden = [key for key in keys if not self.shown[key, self.context.count_column].isdigit()]
        columns = {}
        for name in self.original.columns:
            if name in self.context.count_columns:
                columns[name] = [self.shown[key, name] for key in keys]
            elif name in self.context.figures:
                texts = self.evidence.texts
                columns[name] = [self.rules.masks[0] if key in hidden else texts[key][name] for key in keys]
            else:
                columns[name] = [key[self.evidence.by.index(name)] for key in keys]
        return pl.DataFrame(columns, schema=dict.fromkeys(self.original.columns, pl.String))

    def hide_more(self, result: CheckResult) -> bool:
        """Hide what the check says is told by the rest; False when hiding cannot help."""
        hid = False
        for cell in result.cells:
            key = tuple(cell.categories.values())
            if cell.status in HIDE_ITSELF:
                hid |= self._hide(key, cell.column)
            elif cell.status is CellStatus.DERIVABLE:
                hid |= self._hide_beside(key, cell)
        return hid

    def _hide_beside(self, key: Key, cell: Cell) -> bool:
        """Hide the smallest shown neighbour; then a neighbour of its hidden neighbours; at last a total."""
        near = self._neighbours([key], cell.column)
        further = self._neighbours([one for one in near if not self._is_shown(one, cell.column)], cell.column)
        totals = [line.total for line in self._tied_lines(key, cell.column) if line.total]
        for choice in (near, further, totals):
            shown = [one for one in choice if self._is_shown(one, cell.column)]
            if shown:
                return self._hide(
                    min(shown, key=lambda one: self.evidence.values[one][cell.column].number), cell.column
                )
        return False

    def _neighbours(self, keys: list[Key], column: str) -> list[Key]:
        """The cells that share a shown total with one of these."""
        lines = [line for key in keys for line in self._tied_lines(key, column)]
        found = dict.fromkeys(one for line in lines for one in line.members if one in self.evidence.values)
        return [one for one in found if one not in keys]

    def _tied_lines(self, key: Key, column: str) -> list[Line]:
        return [
            line
            for line in self.evidence.lines
            if line.total is not None and key in line.members and self._is_shown(line.total, column)
        ]

    def _is_shown(self, key: Key, column: str) -> bool:
        return self.shown[key, column] not in (*self.rules.masks, "0")

    def _hide(self, key: Key, column: str) -> bool:
        if (key, column) not in self.shown or self.shown[key, column] in self.rules.masks:
            return False
        if self.evidence.values[key][column].number >= self.rules.smallest_shown:
            self.context = self.context.model_copy(update={"secondary_suppression": True})
        self.shown[key, column] = self.rules.masks[0]
        if self.rules.totals == "sum_of_rounded" and not self.context.has_total(self.evidence.by, key):
            self._add_up(column)
        return True
