"""What does the release ledger cost? A new table with its totals against 10,000 released cells over a million people.

Beside it the same question with Python's own sets: each new cell is intersected with each earlier one. That is measured
against one earlier table of a hundred cells, and multiplied.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from environments.airlock.ledger.store import LedgerRecord, LedgerStore
from environments.disclosure.ledger.compare import compare
from environments.disclosure.ledger.layers import layered
from environments.disclosure.ledger.model import CellName, LedgerTable, PersonSet

NAME = "the release ledger: a new table against 10,000 released cells over a million people"
SMALLEST, CELLS = 10, 100
T = TypeVar("T")


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Seconds of each, and how often ours is faster than plain sets."""
    people, tables = (200_000, 20) if quick else (1_000_000, 100)
    rng = np.random.default_rng(7)
    regions, ages = rng.integers(0, 10, people), rng.integers(0, 20, people)
    earlier = [_crossed(f"release {n}", rng.integers(0, 10, people), ages // 2) for n in range(tables // 2)]
    earlier += [
        _crossed(f"other {n}", (regions + (rng.random(people) < 0.02)) % 10, ages // 2) for n in range(tables // 2)
    ]
    new, laid = _seconds(lambda: _crossed("new", regions, ages, totals=True))
    cells = sum(len(layer) for layer in new.layers)
    told = f"{cells} new cells with totals, {tables * CELLS:,} earlier ones, {people:,} people"
    spent = statistics.median(_seconds(lambda: compare(new, earlier))[1] for _ in range(3))
    opened = _opened(earlier)
    apart = _crossed("apart", regions, ages // 2, leave_out=3)
    near = [*earlier, _crossed("as before", regions, ages // 2)]
    found, spent_found = _seconds(lambda: compare(apart, near))
    if not found or compare(new, earlier):
        raise RuntimeError("the ledger did not find what differs by three people, or found what does not")
    plain = _plain_sets(new, earlier[0]) * tables
    return [
        (f"harmless: {told}", spent, "s"),
        ("opening the earlier cells, sealed on the disk", opened, "s"),
        ("the comparison with plain sets (one earlier table, multiplied)", plain, "s"),
        ("times faster than plain sets", plain / spent, "x"),
        ("three people apart from one of them: found", spent_found, "s"),
        ("the new table laid in layers", laid, "s"),
    ]


def _crossed(
    name: str, rows: NDArray[np.int64], columns: NDArray[np.int64], *, totals: bool = False, leave_out: int = 0
) -> LedgerTable:
    """Two classifications crossed, with their totals where asked; the last few people are left out where asked."""
    last = len(rows) - leave_out
    sets = []
    for row, column in product(
        [*range(rows.max() + 1), *[None] * totals], [*range(columns.max() + 1), *[None] * totals]
    ):
        chosen = np.ones(last, dtype=bool)
        chosen &= rows[:last] == row if row is not None else True
        chosen &= columns[:last] == column if column is not None else True
        people = BitMap(np.flatnonzero(chosen).astype(np.uint32))
        sets.append(PersonSet.of(CellName(name, "table.csv", f"{row},{column}"), people))
    return LedgerTable.of(SMALLEST, layered(sets, SMALLEST))


def _opened(tables: list[LedgerTable]) -> float:
    """Every table sealed as the airlock keeps it, and read again."""
    with tempfile.TemporaryDirectory() as folder:
        store = LedgerStore(Path(folder), lambda _: bytes(32))
        for number, table in enumerate(tables):
            store.write("project", f"request {number}", 1, LedgerRecord({"table.csv": table}))
        return _seconds(lambda: [store.read("project", f"request {number}", 1) for number in range(len(tables))])[1]


def _plain_sets(new: LedgerTable, earlier: LedgerTable) -> float:
    """Each new cell against each earlier one: who is in both."""
    ours = [frozenset(one.people) for layer in new.layers for one in layer]
    theirs = [frozenset(one.people) for layer in earlier.layers for one in layer]
    return _seconds(lambda: [0 < min(len(a), len(b)) - len(a & b) < SMALLEST for a, b in product(ours, theirs)])[1]


def _seconds(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    done = work()
    return done, time.perf_counter() - start
