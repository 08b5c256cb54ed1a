"""Do cells of one table differ from each other by too few people?

What the check of the counts took as a total and its parts, it judged itself: a hidden part is few by its nature. Any
other two cells, or sums of cells, are to a reader what two tables are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from environments.disclosure.hierarchy import ancestors
from environments.disclosure.ledger.compare import compare
from environments.disclosure.ledger.layers import leftovers
from environments.disclosure.ledger.model import CellName, LedgerDifference, LedgerTable, PersonSet
from environments.disclosure.model import Cell, TableContext


def within(
    sets: Iterable[PersonSet], cells: Iterable[Cell], context: TableContext, smallest: int
) -> list[LedgerDifference]:
    """The differences inside a table, by its shown sets: among all its counts, and among the figures of each column."""
    known = {one.name: one for one in cells}
    columns: dict[str, list[PersonSet]] = {}
    for one in sets:
        if one.cell.cell in known:
            column = known[one.cell.cell].column
            columns.setdefault("" if column in context.count_columns else column, []).append(one)
    return [one for shown in columns.values() for one in _Within(shown, known, context).differences(smallest)]


@dataclass
class _Within:
    """Sets of a table that are compared with each other."""

    sets: Sequence[PersonSet]
    cells: dict[str, Cell]
    context: TableContext
    _finest: list[Cell] = field(init=False)

    def __post_init__(self) -> None:
        self._finest = [cell for cell in self._named(one.cell for one in self.sets) if not self._over(cell)]

    def differences(self, smallest: int) -> Iterator[LedgerDifference]:
        """Those that the check of the counts did not judge."""
        layers, found = leftovers(self.sets, smallest)
        for place, layer in enumerate(layers):
            below = [LedgerTable.of(smallest, [one]) for one in layers[:place]]
            found += compare(LedgerTable.of(smallest, [layer]), below)
        yield from (one for one in found if not self._judged(one))

    def _judged(self, found: LedgerDifference) -> bool:
        """Are both sides made of the same finest cells, as far as these are shown?"""
        here, there = self._named(found.cells), self._named(found.earlier)
        columns = {one.column for one in (*here, *there)} - {self.context.count_column}
        return len(columns) <= 1 and all(self._among(here, one) == self._among(there, one) for one in self._finest)

    def _named(self, names: Iterable[CellName]) -> list[Cell]:
        """Without what is left over of a total: no finest cell that is shown lies in it."""
        return [self.cells[one.cell] for one in names if one.cell in self.cells]

    def _among(self, cells: Iterable[Cell], finest: Cell) -> bool:
        return any(
            all(self._holds(column, code, finest.categories[column]) for column, code in cell.categories.items())
            for cell in cells
        )

    def _holds(self, column: str, code: str, finest: str) -> bool:
        if code == finest:
            return True
        if column in self.context.overlapping:
            return False
        return self.context.is_total(column, code) or code in ancestors(
            self.context.hierarchies.get(column, {}), finest
        )

    def _over(self, cell: Cell) -> bool:
        """Is it a total, or a parent in a hierarchy?"""
        return any(
            self.context.is_total(column, code) or code in self.context.hierarchies.get(column, {}).values()
            for column, code in cell.categories.items()
        )
