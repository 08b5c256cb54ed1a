"""What does the table say? Its rows as categories and shown values, and the lines along which its cells add up.

A line is all rows that differ in one column only; its total, if there is one, is their sum. Codes stay text, so that
01 stays 01. Combinations that a line's total covers but no row shows are cells too: absent ones. In a column with a
hierarchy there is a line for each parent and its children.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from environments.disclosure.errors import TableUnfit
from environments.disclosure.hierarchy import levels
from environments.disclosure.model import TableContext

WHOLE_NUMBER = re.compile(r"-?\d{1,15}")
MOST_MEMBERS = 500_000
Key = tuple[str, ...]


class Kind(StrEnum):
    """What stands in a count's place."""

    NUMBER = "number"
    MASK = "mask"
    BLANK = "blank"
    OTHER = "other"


@dataclass(frozen=True)
class Shown:
    """A count as shown: its text, what it is, and its number if it is one."""

    text: str
    kind: Kind
    number: int = 0


@dataclass(frozen=True)
class Amount:
    """An amount as shown, and its evidence. number: None where it is hidden; largest: None where one is not given."""

    text: str
    number: float | None
    largest: tuple[float | None, ...] = ()
    contributors: int | None = None
    least: float | None = None


@dataclass(frozen=True)
class Line:
    """Cells that differ in one column: members by key (absent ones included), and the key of their total."""

    column: str
    members: tuple[Key, ...]
    total: Key | None


@dataclass(frozen=True)
class Evidence:
    """The table as read. values: key -> column -> what is shown."""

    by: tuple[str, ...]
    values: dict[Key, dict[str, Shown]]
    texts: dict[Key, dict[str, str]]  # the figures, as written
    amounts: dict[Key, Amount]
    lines: tuple[Line, ...]
    repeated: frozenset[Key]

    def shown(self, key: Key, column: str) -> Shown | None:
        """What stands there; None for an absent cell."""
        return self.values[key][column] if key in self.values else None


def read_evidence(table: pl.DataFrame, context: TableContext, masks: Sequence[str]) -> Evidence:
    """The table's cells and lines. The columns that the context names must be there. Raises TableUnfit."""
    counts = context.count_columns
    by = tuple(name for name in table.columns if name not in {*counts, *context.figures, *context.value_columns})
    text = table.select(pl.all().cast(pl.String).fill_null(""))
    values: dict[Key, dict[str, Shown]] = {}
    texts: dict[Key, dict[str, str]] = {}
    amounts: dict[Key, Amount] = {}
    repeated = set()
    for row in text.iter_rows(named=True):
        key = tuple(row[name] for name in by)
        if key in values:
            repeated.add(key)
        values[key] = {name: _read(row[name], masks) for name in counts}
        texts[key] = {name: row[name].strip() for name in context.figures}
        if context.value_column:
            amounts[key] = _amount(row, context, masks)
    lines = tuple(_bounded(_lines(by, list(values), context)))
    return Evidence(by, values, texts, amounts, lines, frozenset(repeated))


def _amount(row: dict[str, str], context: TableContext, masks: Sequence[str]) -> Amount:
    text = row[str(context.value_column)].strip()
    if text in ("", *masks):
        return Amount(text, None)
    contributors = _number(row, context.contributors)
    return Amount(
        text,
        _number(row, context.value_column),
        tuple(_number(row, name) for name in context.largest),
        None if contributors is None else int(contributors),
        _number(row, context.least),
    )


def _number(row: dict[str, str], column: str | None) -> float | None:
    """A finite number; None where nothing stands. Raises TableUnfit."""
    text = row[column].strip() if column else ""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in text:
        raise TableUnfit(
            "An amount is not a number.", where=f"column {column}", mend="Write it without separators and units."
        )
    return number


def _read(text: str, masks: Sequence[str]) -> Shown:
    text = text.strip()
    if not text:
        return Shown(text, Kind.BLANK)
    if text in masks:
        return Shown(text, Kind.MASK)
    if WHOLE_NUMBER.fullmatch(text):
        return Shown(text, Kind.NUMBER, int(text))
    return Shown(text, Kind.OTHER)


def _bounded(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines, as long as they are a table's and not a list's. Raises TableUnfit."""
    members = 0
    for line in lines:
        members += len(line.members)
        if members > MOST_MEMBERS:
            raise TableUnfit(
                "So many categories stand against each other that this is closer to a list of people than to a table.",
                mend="Make the categories coarser, or submit it as several tables.",
            )
        yield line


def _lines(by: tuple[str, ...], keys: list[Key], context: TableContext) -> Iterator[Line]:
    """Every line of the table, column by column; along a parent column nothing adds up for one of its children."""
    present = set(keys)
    for place, column in enumerate(by):
        codes = {key[place] for key in keys}
        totals = sorted(code for code in codes if context.is_total(column, code))
        categories = sorted(codes - set(totals))
        if len(categories) < 2 and not totals and column not in context.hierarchies:
            continue
        children = [by.index(child) for child, parent in context.nested if parent == column and child in by]
        allowed = _children_of(by, keys, column, context)
        groups = list(_groups(column, categories, totals, context))
        for rest in dict.fromkeys((*key[:place], *key[place + 1 :]) for key in keys):
            whole = (*rest[:place], "", *rest[place:])
            if any(not context.is_total(by[child], whole[child]) for child in children):
                continue
            for above, below in groups:
                members = [c for c in below if allowed is None or _belongs(c, whole, allowed, by, context)]
                cells = tuple((*rest[:place], one, *rest[place:]) for one in members)
                found = [(*rest[:place], one, *rest[place:]) for one in above]
                sums: list[Key | None] = [key for key in found if key in present]
                if not sums and not any(cell in present for cell in cells):
                    continue
                for total in sums or [None]:
                    yield Line(column, cells, total)


def _groups(
    column: str, categories: list[str], totals: list[str], context: TableContext
) -> Iterator[tuple[list[str], list[str]]]:
    """The codes above and those below them that add up to each of those above."""
    if column not in context.hierarchies:
        yield totals, categories
        return
    for parent, below in levels(context.hierarchies[column], categories, column):
        above = totals if parent is None else [parent]
        if below and (above or len(below) > 1):
            yield above, below


@dataclass(frozen=True)
class _Children:
    """Which categories of a child column belong to which parent."""

    parent: int
    of: dict[str, frozenset[str]]


def _children_of(by: tuple[str, ...], keys: list[Key], column: str, context: TableContext) -> _Children | None:
    parents = [parent for child, parent in context.nested if child == column and parent in by]
    if not parents:
        return None
    place, parent = by.index(column), by.index(parents[0])
    found: dict[str, set[str]] = {}
    for key in keys:
        found.setdefault(key[parent], set()).add(key[place])
    return _Children(parent, {name: frozenset(children) for name, children in found.items()})


def _belongs(category: str, whole: Key, children: _Children, by: tuple[str, ...], context: TableContext) -> bool:
    parent = whole[children.parent]
    return context.is_total(by[children.parent], parent) or category in children.of.get(parent, frozenset())
