"""How is each level of a comparison said in SQL, and in words? Pure text: no database here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from linkage.specified.specification import Column, Comparison, Specification

BY_FREQUENCY = frozenset(
    {"exact", "same", "same_joined", "share_spelling", "pet_form", "jaro_winkler", "levenshtein", "damerau"}
)
"""The levels on which agreement on a rare value is worth more."""


@dataclass(frozen=True)
class SqlLevel:
    """One level: its condition on `..._l` and `..._r`, its words, and whether rare values count for more."""

    sql: str
    label: str
    by_frequency: bool = False


def sql_levels(comparison: Comparison, specification: Specification) -> list[SqlLevel]:
    """The levels from the best down, without the null level and the last one."""
    column = specification.column(comparison.of)
    made = []
    for level in comparison.levels:
        ((name, value),) = level.items()
        sql = _condition(column, name, value, specification)
        label = name.replace("_", " ") + ("" if value is None else f" {value}")
        exact = name in BY_FREQUENCY and not column.has_spellings
        made.append(SqlLevel(sql, label, by_frequency=comparison.term_frequency and exact))
    return made


def null_sql(column: Column) -> str:
    """Nothing is known on one of both sides."""
    known = f"{column.name}__spellings" if column.has_spellings else column.name
    return f"{_l(known)} IS NULL OR {_r(known)} IS NULL"


SIDES = re.compile(r'"(\w+)_([lr])"')


def level_sql(comparison: Comparison, specification: Specification) -> str:
    """The number of the level, from 0 for the best; NULL where nothing is known; on the tables `a` and `b`."""
    levels = sql_levels(comparison, specification)
    cases = " ".join(f"WHEN {level.sql} THEN {number}" for number, level in enumerate(levels))
    sql = f"CASE WHEN {null_sql(specification.column(comparison.of))} THEN NULL {cases} ELSE {len(levels)} END"
    return SIDES.sub(lambda match: f'{"a" if match[2] == "l" else "b"}."{match[1]}"', sql)


def _condition(column: Column, name: str, value: float | str | None, specification: Specification) -> str:
    if name in DATES and column.means == "date":
        return DATES[name](column.name, value)
    if name in {"difference", "years"}:
        part = f"{column.name}__{'year' if column.means == 'date' else 'number'}"
        return f"abs({_l(part)} - {_r(part)}) <= {value}"
    if name == "swapped_with":
        # A copy under another name: the comparison must not seem to depend on what a training rule holds fixed.
        other = f"{value}__copy"
        return f"{_l(column.name)} = {_r(other)} AND {_l(other)} = {_r(column.name)}"
    return TEXTS[name](column.name, value)


def _l(name: str) -> str:
    return f'"{name}_l"'


def _r(name: str) -> str:
    return f'"{name}_r"'


def _both(name: str) -> str:
    return f"{_l(name)} = {_r(name)}"


def _words_within(name: str) -> str:
    left, right = f"string_split({_l(name)}, ' ')", f"string_split({_r(name)}, ' ')"
    return f"list_has_all({left}, {right}) OR list_has_all({right}, {left})"


def _best_spelling(name: str, value: float | str | None) -> str:
    return f"best_spelling({_l(f'{name}__spellings')}, {_r(f'{name}__spellings')}) >= {value}"


Said = Callable[[str, float | str | None], str]
TEXTS: dict[str, Said] = {
    "exact": lambda n, v: _both(f"{n}__written"),
    "same": lambda n, v: _both(n),
    "same_joined": lambda n, v: _both(f"{n}__joined"),
    "pet_form": lambda n, v: _both(f"{n}__pet_form"),
    "sounds_alike": lambda n, v: _both(f"{n}__sound"),
    "same_area": lambda n, v: _both(f"{n}__area"),
    "starts_alike": lambda n, v: f"starts_with({_l(n)}, {_r(n)}) OR starts_with({_r(n)}, {_l(n)})",
    "words_within": lambda n, v: _words_within(n),
    "jaro_winkler": lambda n, v: f"jaro_winkler_similarity({_l(n)}, {_r(n)}) >= {v}",
    "levenshtein": lambda n, v: f"levenshtein({_l(n)}, {_r(n)}) <= {v}",
    "damerau": lambda n, v: f"damerau_levenshtein({_l(n)}, {_r(n)}) <= {v}",
    "share_spelling": lambda n, v: f"list_has_any({_l(n + '__spellings')}, {_r(n + '__spellings')})",
    "spelling_jaro_winkler": _best_spelling,
}
WHOLE = 10


def _whole(name: str) -> str:
    return f"length({_l(name)}) = {WHOLE} AND length({_r(name)}) = {WHOLE}"


def _known_parts_agree(name: str) -> str:
    parts = [f"coalesce({_both(f'{name}__{part}')}, TRUE)" for part in ("month", "day")]
    return f"{_both(f'{name}__year')} AND " + " AND ".join(parts)


def _one_part_differs(name: str) -> str:
    agreeing = " + ".join(f"CAST({_both(f'{name}__{part}')} AS INT)" for part in ("year", "month", "day"))
    return f"{_whole(name)} AND ({agreeing}) = 2"


def _days(name: str, value: float | str | None) -> str:
    return f"abs({_l(f'{name}__number')} - {_r(f'{name}__number')}) <= {value}"


def _months(name: str, value: float | str | None) -> str:
    """The later of both is at most so many months after the earlier, by the calendar."""
    left, right = (f"({side(f'{name}__year')} * 12 + {side(f'{name}__month')})" for side in (_l, _r))
    day_l, day_r = _l(f"{name}__day"), _r(f"{name}__day")
    to_the_day = (
        f"({left} - {right} = {value} AND {day_l} <= {day_r}) OR ({right} - {left} = {value} AND {day_r} <= {day_l})"
    )
    return f"{_whole(name)} AND (abs({left} - {right}) < {value} OR {to_the_day})"


DATES: dict[str, Said] = {
    "same": lambda n, v: f"{_both(n)} AND {_whole(n)}",
    "same_where_known": lambda n, v: _known_parts_agree(n),
    "day_month_swapped": lambda n, v: (
        f"{_both(n + '__year')} AND {_l(n + '__month')} = {_r(n + '__day')} AND {_l(n + '__day')} = {_r(n + '__month')}"
    ),
    "one_part_differs": lambda n, v: _one_part_differs(n),
    "one_sign_differs": lambda n, v: f"{_whole(n)} AND damerau_levenshtein({_l(n)}, {_r(n)}) <= 1",
    "days": _days,
    "months": _months,
    "same_year": lambda n, v: _both(f"{n}__year"),
}
