"""What is a table to the ledger? Sets of people, in layers of cells that have nobody in common.

The people are numbers that mean nothing outside the ledger. Sets are compared, and neither shown nor logged; what is
told are the names of cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
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
    digest: int = field(repr=False)
    """64 bits of the people; those of sets with nobody in common are, by XOR, those of their union."""

    @classmethod
    def of(cls, cell: CellName, people: BitMap) -> PersonSet:
        """With its digest, which takes longer than most questions about it, and so is kept with it."""
        mixed = numbers_of(people).astype(np.uint64) + np.uint64(1)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return cls(cell, people, int(np.bitwise_xor.reduce(mixed ^ (mixed >> np.uint64(31)))))


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


def numbers_of(people: BitMap) -> NDArray[np.uint32]:
    """The numbers in ascending order."""
    return np.frombuffer(people.to_array(), dtype=np.uint32)


MOST_TOLD = 5


def _told(cells: tuple[CellName, ...]) -> str:
    tables: dict[tuple[str, str], list[str]] = {}
    for one in cells:
        tables.setdefault((one.request, one.table), []).append(one.cell)
    return " with ".join(f"{table} [{_some(names)}] of request {request}" for (request, table), names in tables.items())


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    return "; ".join(names[:MOST_TOLD]) + more
