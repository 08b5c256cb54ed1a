"""What is a table to the ledger? Sets of people, in layers of cells that have nobody in common.

The people are numbers that mean nothing outside the ledger. Sets are compared, and neither shown nor logged; what is
told are the names of cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pyroaring import BitMap

Layer = tuple["PersonSet", ...]
"""Sets of one table that have nobody in common: what they count adds up."""


class CellName(NamedTuple):
    """A cell by the request that it stands in, its file, and its categories."""

    request: str
    table: str
    cell: str


@dataclass(frozen=True)
class PersonSet:
    """Whom one shown cell counts, or whom one total counts beyond the cells below it: what a reader can work out."""

    cell: CellName
    people: BitMap = field(repr=False)


@dataclass(frozen=True)
class LedgerTable:
    """The shown cells of one file. smallest: fewer people than so many its owners let nobody see."""

    smallest: int
    layers: tuple[Layer, ...] = field(repr=False)

    @classmethod
    def of(cls, smallest: int, layers: Iterable[Iterable[PersonSet]]) -> LedgerTable:
        """From layers of any kind."""
        return cls(smallest, tuple(tuple(layer) for layer in layers))


@dataclass(frozen=True)
class LedgerDifference:
    """Cells of a new table, and cells of earlier ones, which together count nearly the same people."""

    cells: tuple[CellName, ...]
    earlier: tuple[CellName, ...]

    @property
    def sentence(self) -> str:
        """For a checker: which cells, and of which request and table."""
        return f"{_told(self.cells)} counts nearly the same people as {_told(self.earlier)}"


MOST_TOLD = 5


def _told(cells: tuple[CellName, ...]) -> str:
    tables: dict[tuple[str, str], list[str]] = {}
    for one in cells:
        tables.setdefault((one.request, one.table), []).append(one.cell)
    return " with ".join(f"{table} [{_some(names)}] of request {request}" for (request, table), names in tables.items())


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    return "; ".join(names[:MOST_TOLD]) + more
