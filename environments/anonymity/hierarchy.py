"""Into what may the values of a quasi-identifier be made coarser? A tree of its values, from a CSV, as levels.

Two forms, told apart by what they hold: a line for each value with its coarser forms after it, from the finest to the
coarsest (`17,15-19,0-19,*`); or a line for each child with its parent (`17,15-19` and `15-19,0-19`). A first line that
begins with the column's name, `value` or `child` is a heading; below `parent,child` the parents stand first. At each
level every value has one form, and values that share a form share all coarser ones, so that a coarser level joins
classes and never divides one.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from environments.anonymity.errors import HierarchyUnfit
from environments.disclosure.tables import text_of

HEADINGS = frozenset({"value", "child"})
PARENT_FIRST = ["parent", "child"]
MOST_LEVELS = 20


@dataclass(frozen=True)
class Hierarchy:
    """forms: of each value, what it is at each level, itself first. weights: of each level, how many of the finest
    values each form stands for."""

    column: str
    forms: dict[str, tuple[str, ...]]
    weights: tuple[dict[str, int], ...]
    finest: int

    @property
    def height(self) -> int:
        """The coarsest level; 0 is the values as they are."""
        return len(self.weights) - 1

    def form(self, value: str | None, level: int) -> str | None:
        """A value at a level. A null stays one, but where all values have become one it is of them."""
        if value is None:
            return next(iter(self.weights[level])) if level and len(self.weights[level]) == 1 else None
        return self.forms[value][level]

    def loss(self, form: str | None, level: int) -> float:
        """How much of what could be known is lost, 0 to 1: (values it stands for - 1) / (all values - 1).

        The loss metric of Iyengar 2002, which Xu and others 2006 call the normalised certainty penalty.
        """
        if form is None or self.finest < 2:
            return 0.0
        return (self.weights[level][form] - 1) / (self.finest - 1)

    def check_values(self, values: Iterable[str | None]) -> None:
        """Does it know them all? Raises HierarchyUnfit that says how many it does not."""
        if unknown := sum(1 for value in values if value is not None and value not in self.forms):
            raise HierarchyUnfit(
                f"The hierarchy of '{self.column}' does not know {unknown:,} of the file's values.",
                where=self.column,
                mend="Give each value its line, written as in the file: 01 is not 1.",
            )


def kept_as_it_is(column: str, values: Iterable[str | None]) -> Hierarchy:
    """The hierarchy of a column that is not made coarser."""
    forms: dict[str, tuple[str, ...]] = {value: (value,) for value in values if value is not None}
    return Hierarchy(column, forms, (dict.fromkeys(forms, 1),), max(2, len(forms)))


def read_hierarchy(content: bytes, column: str) -> Hierarchy:
    """A column's hierarchy from the bytes of its file.

    Raises:
        TableUnfit: it is no text in UTF-8.
        HierarchyUnfit: it is no hierarchy; the message names the line.
    """
    rows = _rows(text_of(content), column)
    parents = {row[0] for _, row in rows}
    if all(len(row) == 2 for _, row in rows) and any(row[1] in parents and row[1] != row[0] for _, row in rows):
        return _from_parents(rows, column)
    return _from_levels(rows, column)


def _rows(text: str, column: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
    except csv.Error:
        raise _unfit("A line is not CSV.", column, reader.line_num, "Quote a cell that holds a comma.") from None
    heading = [cell.strip().casefold() for cell in rows[0][1]] if rows else []
    if heading == PARENT_FIRST:
        rows = [(line, row[::-1]) for line, row in rows[1:]]
    elif heading and heading[0] in HEADINGS | {column.casefold()}:
        rows = rows[1:]
    if not rows:
        raise HierarchyUnfit("The hierarchy is empty.", where=column, mend="Give each value its line.")
    width = len(rows[0][1])
    for line, row in rows:
        if len(row) != width or width < 2 or not all(row) or width > MOST_LEVELS:
            raise _unfit(
                "Each line has a value and its coarser forms, none empty, as many as the others.",
                column,
                line,
                "Repeat a form where a level has nothing coarser.",
            )
    return rows


def _from_levels(rows: Sequence[tuple[int, list[str]]], column: str) -> Hierarchy:
    forms: dict[str, tuple[str, ...]] = {}
    coarser: dict[tuple[int, str], str] = {}
    for line, row in rows:
        if forms.setdefault(row[0], tuple(row)) != tuple(row):
            raise _unfit("A value has two lines that differ.", column, line, "Keep one of them.")
        for level, (form, above) in enumerate(pairwise(row)):
            if coarser.setdefault((level, form), above) != above:
                raise _unfit(
                    f"Values that are the same at level {level} are not at level {level + 1}.",
                    column,
                    line,
                    "Give values that share a form the same coarser forms.",
                )
    height = len(rows[0][1])
    weights = tuple(dict(Counter(row[level] for row in forms.values())) for level in range(height))
    return Hierarchy(column, forms, weights, len(forms))


def _from_parents(rows: Sequence[tuple[int, list[str]]], column: str) -> Hierarchy:
    parent: dict[str, str] = {}
    for line, (child, above) in rows:
        if child != above and parent.setdefault(child, above) != above:
            raise _unfit("A value has two parents.", column, line, "Keep one of them.")
    paths: dict[str, list[str]] = {}
    for line, (child, above) in rows:
        for node in (child, above):
            paths[node] = _path(node, parent, column, line)
    leaves = [node for node in paths if node not in set(parent.values())]
    below = Counter(node for leaf in leaves for node in paths[leaf])
    height = max(len(path) for path in paths.values()) - 1
    # Levels are counted from the root: at each, a value is its ancestor at that depth, or itself where it ends above.
    forms = {
        node: tuple(path[min(len(path) - 1, height - level)] for level in range(height + 1))
        for node, path in paths.items()
    }
    weights = tuple({row[level]: below[row[level]] for row in forms.values()} for level in range(height + 1))
    return Hierarchy(column, forms, weights, len(leaves))


def _path(node: str, parent: dict[str, str], column: str, line: int) -> list[str]:
    """From the root down to the node."""
    path = [node]
    while path[-1] in parent:
        path.append(parent[path[-1]])
        if len(path) > MOST_LEVELS:
            raise _unfit(
                f"A value stands under itself, or under more than {MOST_LEVELS - 1} others.",
                column,
                line,
                "Each value has one parent, and the topmost has none.",
            )
    return path[::-1]


def _unfit(what: str, column: str, line: int, mend: str) -> HierarchyUnfit:
    return HierarchyUnfit(what, where=f"hierarchy of {column}, line {line}", mend=mend)
