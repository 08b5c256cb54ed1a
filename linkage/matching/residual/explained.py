"""Why does a pair weigh what it does? The level of each column, what rarity adds, where weighing starts, what holds.

By Fellegi and Sunter (1969) a pair's weight is the sum of its columns' and of the prior odds, in bits. The parts that
are told here add up to the weight by which the pair was judged, or the line says what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

import duckdb
import polars as pl

from linkage.matching.residual.errors import NoModel
from linkage.matching.residual.kept_models import kept_model
from linkage.matching.residual.settling import speaks_for_one
from linkage.matching.residual.weighing import engine_of, people_specification, seen_by_the_model
from linkage.private_folders import Spilling
from linkage.references.tables import references_in
from linkage.specified.frozen import FrozenModel
from linkage.specified.levels import sql_levels

START = "where weighing starts: how seldom any two records are one person's"
HELD_BACK = "held back: neither birthday nor forename speaks clearly for it, so people are asked"
OF_THE_REST = "where weighing starts, and what may hold it back (the model is not at hand)"
NOT_TOLD = "weighed otherwise by the last linkage: rules or tables have changed since"
TOLD_FROM = 0.01
"""A column's weight is kept to three places, so that the parts of a pair may miss its weight by less than this."""


@dataclass(frozen=True)
class Weighed:
    """How a linkage weighed a pair. fields: each column's weight. model: None where it is not at hand any more."""

    weight: float
    fields: Mapping[str, float | None]
    model: FrozenModel | None
    test_range: bool


@dataclass(frozen=True)
class ColumnPart:
    """What one column weighs: its level in words, that level's weight, and what the value's rarity adds."""

    agreement: str | None
    weight: float
    rarity: float | None = None


@dataclass(frozen=True)
class Explained:
    """compared: each column's values as they are compared. parts: by column. others: what weighs besides, in words."""

    compared: Mapping[str, tuple[str, str]]
    parts: Mapping[str, ColumnPart] = field(default_factory=dict)
    others: tuple[tuple[str, float], ...] = ()


def weighed_by(zone: duckdb.DuckDBPyConnection, digest: str | None) -> FrozenModel | None:
    """The model that is kept under this digest; None where it is not, or was made under other rules than now's."""
    try:
        return kept_model(zone, digest) if digest else None
    except NoModel:
        return None


def explain(
    zone: duckdb.DuckDBPyConnection, people: pl.DataFrame, weighed: Weighed | None, *, spilling: Spilling | None = None
) -> Explained:
    """people: record and IDENTITY of both records, in the order in which they are shown."""
    test_range = weighed.test_range if weighed else True
    forms = seen_by_the_model(people, test_range=test_range, references=references_in(zone))
    names = [column.name for column in people_specification().columns]
    compared = {name: (str(forms[name][0] or ""), str(forms[name][1] or "")) for name in names}
    if weighed is None:
        return Explained(compared)
    levels = _levels(people, forms, spilling) if weighed.model else {}
    found = [_parts_of(name, weight, levels.get(name), weighed.model) for name, weight in _known(weighed)]
    parts = {name: part for name, part, _ in found}
    others = tuple((f"{name}: {NOT_TOLD}", rest) for name, _, rest in found if abs(rest) >= TOLD_FROM)
    return Explained(compared, parts, (*others, *_besides_columns(weighed)))


def _known(weighed: Weighed) -> list[tuple[str, float]]:
    return [(name, weight) for name, weight in weighed.fields.items() if weight is not None]


def _levels(people: pl.DataFrame, forms: pl.DataFrame, spilling: Spilling | None) -> dict[str, int]:
    """By column: the number of the level on which both records stand, in the order in which the linkage compares."""
    with closing(engine_of(forms[people["record"].arg_sort()], spilling=spilling)) as engine:
        engine.add_pairs("shown", pl.DataFrame({"l": [0], "r": [1]}))
        return {name: level for name, level in engine.levels("shown").items() if level is not None}


def _parts_of(name: str, weight: float, level: int | None, model: FrozenModel | None) -> tuple[str, ColumnPart, float]:
    """Of one column: its level's weight, and the rest as rarity where rare values count there; else as left over."""
    if model is None or level is None:
        return name, ColumnPart(None, weight), 0.0
    specification, numbers = people_specification(), model.comparison(name).levels[level]
    comparison = next(one for one in specification.comparisons if one.of == name)
    stated = sql_levels(comparison, specification)
    of_level = math.log2(numbers.m / numbers.u)
    if level < len(stated) and stated[level].by_frequency:
        return name, ColumnPart(numbers.label, of_level, weight - of_level), 0.0
    return name, ColumnPart(numbers.label, of_level), weight - of_level


def _besides_columns(weighed: Weighed) -> list[tuple[str, float]]:
    """Where weighing starts, and by how much the pair was held back."""
    columns = sum(weight for _, weight in _known(weighed))
    if weighed.model is None:
        return [(OF_THE_REST, weighed.weight - columns)]
    prior = weighed.model.prior
    start = math.log2(prior / (1 - prior))
    rest = weighed.weight - columns - start
    if abs(rest) < TOLD_FROM:
        return [(START, start)]
    return [(START, start), (HELD_BACK if rest < 0 and not speaks_for_one(weighed.fields) else NOT_TOLD, rest)]
