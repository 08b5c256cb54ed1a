"""Which dates could not be read? They were taken for not known: how many, and how they look, without a value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from linkage.specified.dates import read_date
from linkage.specified.specification import Column
from linkage.specified.written import FILLERS, fold

MOST_FORMS = 3
LONGEST_FORM = 24


@dataclass(frozen=True)
class Unread:
    """column: as the specification names it; values: how many; forms: the commonest, 9 for a digit, a for a letter."""

    column: str
    values: int
    forms: tuple[str, ...]


def unread_dates(frames: Sequence[pl.DataFrame], columns: Sequence[Column]) -> tuple[Unread, ...]:
    """Of each column of dates: what is known there and no date. frames: as they were read, the left one first."""
    found = []
    for column in columns:
        if column.means != "date":
            continue
        forms: dict[str, int] = {}
        for place, frame in enumerate(frames):
            heading = column.headings(place == 1)[0]
            for value, rows in frame[heading].drop_nulls().value_counts().iter_rows():
                if _is_unread(value, column):
                    form = _form(value)
                    forms[form] = forms.get(form, 0) + rows
        if forms:
            common = sorted(forms, key=lambda form: (-forms[form], form))[:MOST_FORMS]
            found.append(Unread(column.name, sum(forms.values()), tuple(common)))
    return tuple(found)


def _is_unread(value: str, column: Column) -> bool:
    return (
        value not in column.missing and fold(value) not in {"", *FILLERS} and read_date(value, day_first=True) is None
    )


def _form(value: str) -> str:
    """No value can be told from it: every digit is 9, every run of letters a."""
    form = re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", value))
    return form if len(form) <= LONGEST_FORM else form[:LONGEST_FORM] + "..."
