"""What can a reader of finished tables work out? The attacker's interval of every hidden cell, over all tables.

A cell is known by its categories, without those that mean the total: so tables that share a margin are tied by it. What
one table shows another cannot hide. A combination that no row shows is taken for nobody, as a grouped query leaves it
out; only where the totals deny that, for hidden. The reader knows the owner's rounding, and that a hidden number is not
below zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from environments.disclosure.amounts import tells_amount
from environments.disclosure.attack import Range
from environments.disclosure.errors import TableUnfit
from environments.disclosure.evidence import Evidence, Key, Kind, Line, read_evidence
from environments.disclosure.model import Cell, CellStatus, TableContext
from environments.disclosure.profile import AmountRules, CountRules, Criteria, all_profiles
from environments.disclosure.rules import derivable_finding, hidden_range, too_narrow, true_range
from environments.disclosure.totals import Totals, amount_ranges, unit_of

LEAST_VALUES = 3  # without a profile: so many values of a hidden count must stay possible
WITHOUT_PROFILE = AmountRules(smallest_contributors=1, dominance=(), p_percent=0.1, pq=(), same_value="shown")


@dataclass(frozen=True)
class Audit:
    """What the attack found: every cell of the tables once, and cells without a row that the totals tell.

    partial: were there too many hidden cells to work out those that are surely wide? absent_hidden: were combinations
    without a row taken for hidden?
    """

    cells: tuple[Cell, ...]
    partial: bool
    absent_hidden: bool

    @property
    def told(self) -> tuple[Cell, ...]:
        """The hidden cells that a reader works out, exactly or too closely."""
        return tuple(cell for cell in self.cells if cell.status is CellStatus.DERIVABLE)

    @property
    def recovered(self) -> tuple[Cell, ...]:
        """Those that a reader works out exactly."""
        return tuple(cell for cell in self.told if is_recovered(cell))


def is_recovered(cell: Cell) -> bool:
    """Is there one value left?"""
    low, high = cell.interval or (None, None)
    if low is None or high is None:
        return False
    return high - low <= 1e-7 * max(abs(low), abs(high))


def audit(
    tables: Sequence[tuple[pl.DataFrame, TableContext]], profile: Criteria | None = None, *, marks: Sequence[str] = (),
    only_small: bool = False, negative: bool = False,
) -> Audit:  # fmt: skip
    """The attack on these tables together. only_small: a reader knows that every hidden count is below the threshold.

    negative: hidden amounts may be below zero; they may as well where a shown one is.

    Raises TableUnfit: totals do not add up, tables contradict each other, or they are too large to be tried.
    """
    known = {mark for one in all_profiles().values() for mark in one.counts.masks}
    read = [(read_evidence(table, context, sorted({*known, *marks})), context) for table, context in tables]
    return _Auditing(read, profile, only_small, negative).done()


class _Auditing:
    """The tables' cells by what they are, and their lines."""

    def __init__(
        self,
        tables: Sequence[tuple[Evidence, TableContext]],
        profile: Criteria | None,
        only_small: bool,
        negative: bool,
    ) -> None:
        self.tables = tables
        self.profile = profile
        self.only_small = only_small
        self.negative = negative
        self.context = tables[0][1]
        self.overlapping = {column for _, context in tables for column in context.overlapping}
        self.lines = tuple(dict.fromkeys(self._line(line, evidence, context) for evidence, context in tables
                                         for line in evidence.lines if line.total is not None))  # fmt: skip
        self.first: dict[Key, tuple[Evidence, Key, TableContext]] = {}
        for evidence, context in tables:
            if evidence.repeated:
                raise TableUnfit("Rows repeat the same categories.", where="table", mend="Name all category columns.")
            for key in evidence.values:
                self.first.setdefault(_identity(key, evidence, context), (evidence, key, context))
        columns = (self.context.count_column, self.context.value_column)
        self.hidden = {column: self._hidden_somewhere(column) for column in columns if column}
        self.partial = False
        self.absent_hidden = False

    def done(self) -> Audit:
        """Counts, then amounts."""
        cells = self._counts()
        if self.context.value_column:
            cells += self._amounts(self.context.value_column)
        return Audit(tuple(cells), self.partial, self.absent_hidden)

    def _line(self, line: Line, evidence: Evidence, context: TableContext) -> Line:
        members = tuple(_identity(key, evidence, context) for key in line.members)
        return Line(line.column, members, _identity(line.total or (), evidence, context))

    # counts

    def _counts(self) -> list[Cell]:
        numbers = self._merged({
            (number, key): float(row[context.count_column].number)
            for number, (evidence, context) in enumerate(self.tables) for key, row in evidence.values.items()
            if row[context.count_column].kind is Kind.NUMBER
        })  # fmt: skip
        self._only_counts()
        rules = self.profile.counts if self.profile else None
        context = self.context.model_copy(update={"secondary_suppression": not self.only_small})
        rounded = rules is not None and rules.base is not None and all(n % rules.base == 0 for n in numbers.values())
        lowest = 0 if rules is None or rules.mask_may_hide_zero else 1
        hidden: Range = (lowest, None) if rules is None else hidden_range(rules, context)

        def range_of(key: Key, absent: Range) -> Range:
            if key in numbers:
                number = int(numbers[key])
                return true_range(number, rules, context) if rules and rounded else (number, number)
            if key not in self.first:
                return absent
            return (lowest, None) if self._is_total(key) else hidden

        found = self._attack(range_of, numbers, True, 0.0)
        column = self.context.count_column
        return [self._cell(key, column, numbers, ends, _counts_tell(ends, rules)) for key, ends in found.items()]

    def _only_counts(self) -> None:
        for evidence, context in self.tables:
            for key, row in evidence.values.items():
                if row[context.count_column].kind is Kind.OTHER or row[context.count_column].number < 0:
                    raise TableUnfit(
                        "Neither a count of people nor hidden.", where=f"{context.count_column} {_said(evidence, key)}",
                        mend="Write whole numbers, and name the mark of hidden ones with --mark.",
                    )  # fmt: skip

    # amounts

    def _amounts(self, column: str) -> list[Cell]:
        numbers = self._merged({
            (number, key): amount.number for number, (evidence, _) in enumerate(self.tables)
            for key, amount in evidence.amounts.items() if amount.number is not None
        })  # fmt: skip
        rules = self.profile.amounts if self.profile else WITHOUT_PROFILE
        low: Range = (None, None) if self.negative else amount_ranges({**numbers, (): None}, [()])[()]

        def range_of(key: Key, absent: Range) -> Range:
            if key in numbers:
                return (numbers[key], numbers[key])
            return absent if key not in self.first else low

        unit = unit_of(amount.text for evidence, _ in self.tables for amount in evidence.amounts.values())
        found = self._attack(range_of, numbers, False, unit)
        return [self._cell(key, column, numbers, ends, tells_amount(*(ends or (None, None)), rules))
                for key, ends in found.items()]  # fmt: skip

    # both

    def _merged(self, shown: Mapping[tuple[int, Key], float]) -> dict[Key, float]:
        """What is shown of each cell. Raises TableUnfit where two tables, or two totals, contradict each other."""
        merged: dict[Key, float] = {}
        for (number, key), value in shown.items():
            evidence, context = self.tables[number]
            identity = _identity(key, evidence, context)
            if merged.setdefault(identity, value) != value:
                raise TableUnfit(
                    "One cell is shown with two numbers.", where=_said(evidence, key),
                    mend="Tables that are published together must agree; round them alike.",
                )  # fmt: skip
        return merged

    def _attack(
        self, range_of: Callable[[Key, Range], Range], numbers: Mapping[Key, float], whole: bool, unit: float
    ) -> dict[Key, Range | None]:
        """The ends of every cell; None for a hidden one that no total ties, or that is surely wide."""
        keys = dict.fromkeys((*self.first, *(key for line in self.lines for key in (*line.members, line.total or ()))))
        absent = [key for key in keys if key not in self.first]
        assumed: Range
        for assumed in ((0, 0), (0, None)) if absent else ((0, 0),):
            totals = Totals(
                self.lines, {key: range_of(key, assumed) for key in keys}, self.overlapping, whole=whole, unit=unit
            )
            broken = totals.broken()
            targets = [key for key in keys if key not in numbers and (key in self.first or assumed != (0, 0))]
            found = None if broken else self._possible(totals, targets)
            if found is not None:
                self.absent_hidden |= assumed != (0, 0)
                ends: dict[Key, Range | None] = {key: found.get(key) for key in (*self.first, *found)}
                return ends | {key: (number, number) for key, number in numbers.items()}
        where = self._named(broken[0].total or ()) if broken else "the totals"
        raise TableUnfit(
            "A total does not come from its parts, whatever the hidden ones are.", where=where,
            mend="Correct it, name the total codes (--total), the hierarchy, or the columns in which one person may "
            "be in several categories (--overlapping).",
        )  # fmt: skip

    def _possible(self, totals: Totals, targets: list[Key]) -> dict[Key, Range] | None:
        try:
            return totals.possible(targets)
        except TableUnfit:  # too many to work out each one: those that are surely wide are left out
            self.partial = True
            return totals.possible(targets, lambda low, high: high - low >= max(2 * LEAST_VALUES, low, 50))

    def _is_total(self, key: Key) -> bool:
        evidence, place, context = self.first[key]
        return context.has_total(evidence.by, place)

    def _named(self, key: Key) -> str:
        if key in self.first:
            evidence, place, _ = self.first[key]
            return _said(evidence, place)
        return ", ".join(f"{column}={code}" for column, code in zip(key[::2], key[1::2], strict=True))

    def _cell(self, key: Key, column: str, numbers: Mapping[Key, float], ends: Range | None, tells: bool) -> Cell:
        if key not in self.first:
            categories = dict(zip(key[::2], key[1::2], strict=True))
            status = CellStatus.DERIVABLE if tells else CellStatus.MASKED
            return Cell(categories, column, "", status, "Without a row, and told by the totals." * tells, ends)
        evidence, place, context = self.first[key]
        categories = dict(zip(evidence.by, place, strict=True))
        amount = column == context.value_column
        text = evidence.amounts[place].text if amount else evidence.values[place][column].text
        total = context.has_total(evidence.by, place)
        if key in numbers:
            if key not in self.hidden[column]:
                return Cell(categories, column, text, CellStatus.OK, total=total)
            return Cell(categories, column, text, CellStatus.DERIVABLE, "Hidden in one table, and shown in another.",
                        ends, total=total)  # fmt: skip
        if not tells or ends is None:
            return Cell(categories, column, text, CellStatus.MASKED, "Hidden.", ends, total=total)
        finding = derivable_finding(ends, amount=amount)
        return Cell(categories, column, text, finding.status, finding.reason, ends, total=total)

    def _hidden_somewhere(self, column: str) -> frozenset[Key]:
        """The cells that some table, or one of several totals, hides."""
        return frozenset(
            _identity(key, evidence, context)
            for evidence, context in self.tables
            for key in evidence.values
            if not _is_shown(evidence, key, column, context)
        )


def _is_shown(evidence: Evidence, key: Key, column: str, context: TableContext) -> bool:
    if column == context.value_column:
        return evidence.amounts[key].number is not None
    return evidence.values[key][column].kind is Kind.NUMBER


def _counts_tell(ends: Range | None, rules: CountRules | None) -> bool:
    if ends is None:
        return False
    if rules is not None:
        return too_narrow(ends, rules)
    low, high = ends
    return high is not None and high - (low or 0) + 1 < LEAST_VALUES


def _identity(key: Key, evidence: Evidence, context: TableContext) -> Key:
    """What the cell is, in whichever table: column and code, in the columns' order, without the totals."""
    pairs = sorted(pair for pair in zip(evidence.by, key, strict=True) if not context.is_total(*pair))
    return tuple(part for pair in pairs for part in pair)


def _said(evidence: Evidence, key: Key) -> str:
    return f"[{', '.join(f'{column}={code}' for column, code in zip(evidence.by, key, strict=True))}]"
