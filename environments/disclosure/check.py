"""May this table of counts leave? Every cell with its status, and every problem as a sentence that says how to mend it.

The artefact that leaves is what is checked, after any mitigation, from scratch (rules/disclosure.md, 3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from environments.disclosure.amounts import amount_findings, tells_amount
from environments.disclosure.attack import Range
from environments.disclosure.evidence import Evidence, Key, Kind, Line, Shown, read_evidence
from environments.disclosure.model import FINE, Cell, CellStatus, CheckResult, Stage, TableContext
from environments.disclosure.profile import Criteria
from environments.disclosure.rules import (
    Finding,
    absent_finding,
    adding_finding,
    amount_finding,
    blank_finding,
    derivable_finding,
    figure_finding,
    full_finding,
    hidden_range,
    masked_finding,
    number_finding,
    other_finding,
    remainder_finding,
    too_narrow,
    total_finding,
    true_range,
)
from environments.disclosure.totals import Totals, amount_ranges, unit_of

MOST_NAMED = 20  # cells named in one problem


def check_counts_table(
    table: pl.DataFrame, context: TableContext, profile: Criteria, stage: Stage = Stage.FINISHED
) -> CheckResult:
    """Check a table in long form under the criteria. Raises EngineFailed when that could not be done."""
    faults = _form_problems(table, context, profile, stage)
    if faults:
        return CheckResult((), tuple(faults))
    checking = _Checking(read_evidence(table, context, profile.counts.masks), context, profile, stage)
    return checking.result()


def _form_problems(table: pl.DataFrame, context: TableContext, profile: Criteria, stage: Stage) -> list[str]:
    """What makes the table impossible to judge: columns that are not there, no rows, a rounding not allowed."""
    named = [*context.count_columns, *context.figures, *context.value_columns]
    problems = [
        f"There is no column '{name}': name the columns of the table as they stand in its first line."
        for name in dict.fromkeys([*named, *(column for pair in context.nested for column in pair)])
        if name not in table.columns
    ]
    if twice := [name for name, times in Counter(named).items() if times > 1]:
        problems.append(f"Columns named twice: {', '.join(twice)}. Each is the people, a part, events, or a figure.")
    if table.is_empty():
        problems.append("The table has no rows.")
    if context.rounding == "midpoint_6" and not profile.counts.midpoint_6:
        owners = ", ".join(profile.causes["midpoint_6"])
        problems.append(f"Midpoint-6 rounding is not accepted by {owners}: round to the nearest base instead.")
    if context.rounding == "cell_key" and not (profile.counts.cell_key and stage is Stage.MITIGATED):
        owners = ", ".join(profile.causes["cell_key"])
        problems.append(
            "A table perturbed by cell keys is accepted where the haven perturbs it, for owners who know the method "
            f"(asked by {owners})."
        )
    asked = profile.amounts.contributions_asked
    if context.value_column and stage is not Stage.MITIGATED and len(context.largest) < asked:
        problems.append(
            f"The {asked} largest contributions to '{context.value_column}' are asked for: name their columns with "
            "--largest, or check the microdata; without them nobody can say who dominates."
        )
    if problems:
        return problems
    return _total_code_problems(table, context, [name for name in table.columns if name not in named])


def _total_code_problems(table: pl.DataFrame, context: TableContext, by: list[str]) -> list[str]:
    codes = {name: {str(code) for code in table[name].unique().to_list()} for name in by}
    missing = [code for code in context.total_codes if not any(code in found for found in codes.values())]
    missing += [code for name, code in context.totals.items() if code not in codes.get(name, ())]
    return [
        f"No row carries the total code '{code}': correct total_codes, else totals are taken for categories."
        for code in missing
    ]


def full_cell(evidence: Evidence, line: Line, column: str, context: TableContext) -> Key | None:
    """The one cell that holds all of the line, if the others are zero and could be otherwise."""
    zeros = [key for key in line.members if _is_zero(evidence, key, column)]
    others = [key for key in line.members if not _is_zero(evidence, key, column)]
    if len(others) != 1 or not zeros:
        return None
    shown = evidence.shown(others[0], column)
    structural = all(context.is_structural_zero(evidence.by, key) for key in zeros)
    if shown is None or shown.kind is not Kind.NUMBER or structural:
        return None
    return others[0]


def _is_zero(evidence: Evidence, key: Key, column: str) -> bool:
    """Nobody: shown as zero, or no row at all (a grouped query leaves empty groups out)."""
    shown = evidence.shown(key, column)
    return shown is None or (shown.kind is Kind.NUMBER and shown.number == 0)


class _Checking:
    """One check: findings by cell, made rule by rule."""

    def __init__(self, evidence: Evidence, context: TableContext, profile: Criteria, stage: Stage) -> None:
        self.evidence = evidence
        self.context = context
        self.rules = profile.counts
        self.amounts = profile.amounts
        self.stage = stage
        self.findings: dict[tuple[Key, str], list[Finding]] = {}  # the first is the cell's status
        self.intervals: dict[tuple[Key, str], Range] = {}
        self.problems: list[str] = []

    def result(self) -> CheckResult:
        """Every rule in order; a cell keeps its first fault."""
        self._each_cell()
        for column in self.context.count_columns:
            self._full_cells(column)
            self._totals(column)
        self._remainders()
        self._figures()
        if self.context.value_column:
            self._each_amount(self.context.value_column)
        if self.evidence.repeated:
            self.problems.append(
                "Rows repeat the same categories: name the columns that tell them apart, or add them up."
            )
        cells = tuple(self._cells())
        return CheckResult(cells, (*self.problems, *sentences(cells)))

    def _each_cell(self) -> None:
        for key, row in self.evidence.values.items():
            for column, shown in row.items():
                self.findings[key, column] = [self._finding(key, shown)]

    def _finding(self, key: Key, shown: Shown) -> Finding:
        match shown.kind:
            case Kind.NUMBER:
                asked = self.stage is not Stage.TRUE
                return number_finding(shown.number, self._structural(key), self.rules, self.context, rounded=asked)
            case Kind.MASK:
                return masked_finding(self.rules)
            case Kind.BLANK:
                return blank_finding(self.rules)
            case Kind.OTHER:
                return other_finding(self.rules)

    def _structural(self, key: Key) -> bool:
        return self.context.is_structural_zero(self.evidence.by, key)

    def _mark(self, key: Key, column: str, finding: Finding) -> None:
        found = self.findings[key, column]
        if found[0].status in FINE:
            found.clear()
        if finding.status not in {one.status for one in found}:
            found.append(finding)

    # full cells

    def _full_cells(self, column: str) -> None:
        if self.rules.full_cells == "shown":
            return
        for line in self.evidence.lines:
            full = full_cell(self.evidence, line, column, self.context)
            if full is not None:
                self._mark(full, column, full_finding(line.column))

    # totals

    def _totals(self, column: str) -> None:
        lines = [line for line in self.evidence.lines if line.total is not None]
        if self.context.rounding == "cell_key":  # totals are perturbed by themselves, and tell of no part
            return
        if self.rules.totals == "sum_of_rounded" and self.stage is not Stage.TRUE:
            for line in lines:
                if line.total is not None and not self._adds_up(line, column):
                    self._mark(line.total, column, total_finding())
            return
        if lines:
            self._attack(lines, column)

    def _adds_up(self, line: Line, column: str) -> bool:
        total = self.evidence.shown(line.total, column) if line.total else None
        if total is None or total.kind is not Kind.NUMBER:
            return True
        parts = [self.evidence.shown(key, column) for key in line.members]
        return total.number == sum(part.number for part in parts if part is not None and part.kind is Kind.NUMBER)

    def _attack(self, lines: list[Line], column: str) -> None:
        """Mark every hidden cell that the totals tell; when nothing fits, the totals themselves are wrong."""
        keys = dict.fromkeys(key for line in lines for key in (*line.members, line.total) if key is not None)
        ranges: dict[Key, Range] = {key: self._range(key, column) for key in keys}
        totals = Totals(tuple(lines), ranges, self.context.overlapping)
        if self._wrong_totals(totals, column):
            return
        hidden = [key for key in keys if self._hidden(key, column)]
        found = totals.possible(hidden, lambda low, high: not too_narrow((low, high), self.rules))
        if found is None:
            self.problems.append(
                f"The totals of '{column}' cannot come from these cells: correct them, name the total codes, or, if "
                "some hidden counts are not small, say so with secondary_suppression."
            )
            return
        for key, interval in found.items():
            self._told(key, column, interval, lines)

    def _wrong_totals(self, totals: Totals, column: str) -> bool:
        """Mark each total that does not add up while nothing of its line is hidden."""
        wrong = [line.total for line in totals.broken() if not any(self._hidden(key, column) for key in line.members)]
        for key in wrong:
            if key is not None and (key, column) in self.findings:
                self._mark(key, column, adding_finding())
        return bool(wrong)

    def _told(self, key: Key, column: str, interval: Range, lines: list[Line]) -> None:
        if (key, column) in self.findings:
            self.intervals[key, column] = interval
            if too_narrow(interval, self.rules):
                self._mark(key, column, derivable_finding(interval))
        elif too_narrow(interval, self.rules):  # an absent cell: its line's total tells it
            total = next((line.total for line in lines if line.total and key in line.members), None)
            if total is not None:
                self._mark(total, column, absent_finding())

    def _hidden(self, key: Key, column: str) -> bool:
        shown = self.evidence.shown(key, column)
        if shown is None:
            return self.stage is not Stage.TRUE
        return shown.kind is not Kind.NUMBER

    def _range(self, key: Key, column: str) -> Range:
        shown = self.evidence.shown(key, column)
        if self.stage is Stage.TRUE:
            number = shown.number if shown is not None else 0
            return (number, number) if shown is None or shown.kind is Kind.NUMBER else (0, None)
        if shown is None:
            return (0, hidden_range(self.rules, self.context)[1])
        if shown.kind is Kind.NUMBER:
            return true_range(shown.number, self.rules, self.context)
        if self.context.has_total(self.evidence.by, key):
            return (hidden_range(self.rules, self.context)[0], None)
        return hidden_range(self.rules, self.context)

    # parts of the people, and figures

    def _remainders(self) -> None:
        for key, row in self.evidence.values.items():
            people = row[self.context.count_column]
            for column in self.context.further_counts:
                part = row[column]
                if people.kind is part.kind is Kind.NUMBER and part.number > 0:
                    self._mark(key, column, remainder_finding(people.number, part.number, self.rules))

    def _figures(self) -> None:
        for key, figures in self.evidence.texts.items():
            people = self.evidence.values[key][self.context.count_column]
            for column, text in figures.items():
                self.findings[key, column] = [figure_finding(text, people.kind is Kind.NUMBER, self.rules)]

    # amounts

    def _each_amount(self, column: str) -> None:
        for key, amount in self.evidence.amounts.items():
            people = self.evidence.values[key][self.context.count_column]
            shown = people.kind is Kind.NUMBER
            found = [amount_finding(amount.number is not None, shown, self.rules)]
            if self.stage is not Stage.MITIGATED and found[0].status is CellStatus.OK:
                found = amount_findings(amount, people.number, self.amounts) or found
            self.findings[key, column] = found
        if self.stage is not Stage.MITIGATED:  # there the hidden amounts are known, and were attacked with them
            self._attack_amounts(column)

    def _attack_amounts(self, column: str) -> None:
        lines = tuple(line for line in self.evidence.lines if line.total is not None)
        keys = list(dict.fromkeys(key for line in lines for key in (*line.members, line.total) if key is not None))
        numbers: dict[Key, float | None] = {key: one.number for key, one in self.evidence.amounts.items()}
        if self.stage is Stage.TRUE:
            numbers |= {key: 0.0 for key in keys if key not in numbers}
        unit = unit_of(one.text for one in self.evidence.amounts.values())
        totals = Totals(lines, amount_ranges(numbers, keys), whole=False, unit=unit)
        for line in (broken := totals.broken()):
            if line.total is not None:
                self._mark(line.total, column, adding_finding())
        found = {} if broken else totals.possible([key for key in keys if numbers.get(key) is None])
        if found is None:
            self.problems.append(f"The totals of '{column}' cannot come from these cells: correct them.")
        for key, interval in (found or {}).items():
            if (key, column) in self.findings:
                self.intervals[key, column] = interval
                if tells_amount(*interval, self.amounts):
                    self._mark(key, column, derivable_finding(interval, amount=True))

    def _cells(self) -> list[Cell]:
        cells = []
        for (key, column), found in self.findings.items():
            cell = Cell(
                dict(zip(self.evidence.by, key, strict=True)), column, self._text(key, column), found[0].status,
                found[0].reason, rules=tuple(one.status for one in found if one.status not in FINE),
                total=self.context.has_total(self.evidence.by, key),
            )  # fmt: skip
            cells.append(replace(cell, interval=self.intervals.get((key, column))))
        return cells

    def _text(self, key: Key, column: str) -> str:
        if column in self.context.count_columns:
            return self.evidence.values[key][column].text
        if column == self.context.value_column:
            return self.evidence.amounts[key].text
        return self.evidence.texts[key][column]


def sentences(cells: Iterable[Cell]) -> list[str]:
    """One problem per reason, naming its cells."""
    by_reason: dict[str, list[str]] = {}
    for cell in cells:
        if cell.status not in FINE:
            by_reason.setdefault(cell.reason, []).append(cell.name)
    return [f"{reason} Cells: {_named(names)}." for reason, names in by_reason.items()]


def _named(names: list[str]) -> str:
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
