"""How is a date written? The forms a contract can name, and how to tell which one a file uses instead."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class WrittenForm:
    """One spelling of a date: its strptime form, and its exact length in characters."""

    spelling: str
    length: int


FORMS: dict[str, WrittenForm] = {
    "yyyy-mm-dd": WrittenForm("%Y-%m-%d", 10),
    "yyyymmdd": WrittenForm("%Y%m%d", 8),
    "yyyy/mm/dd": WrittenForm("%Y/%m/%d", 10),
    "dd/mm/yyyy": WrittenForm("%d/%m/%Y", 10),
    "dd-mm-yyyy": WrittenForm("%d-%m-%Y", 10),
    "dd.mm.yyyy": WrittenForm("%d.%m.%Y", 10),
    "mm/dd/yyyy": WrittenForm("%m/%d/%Y", 10),
    "dd-Mon-yyyy": WrittenForm("%d-%b-%Y", 11),
}
OTHER_SPELLINGS = {
    "d/m/yy": r"^\d{1,2}/\d{1,2}/\d{2}$",
    "d/m/yyyy": r"^(\d/\d{1,2}|\d{2}/\d)/\d{4}$",
    "dd-Mon-yy": r"^\d{1,2}-[A-Za-z]{3}-\d{2}$",
    "d Month yyyy": r"^\d{1,2}(st|nd|rd|th)? [A-Za-z]{3,9},? \d{4}$",
    "with a time of day": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}",
    "dd/mm/yyyy with a time of day": r"^\d{2}/\d{2}/\d{4} \d{2}:\d{2}",
}
SERIAL = r"^\d{5}(\.\d+)?$"


def as_date(value: pl.Expr, form: str) -> pl.Expr:
    """The date, or null when it is not written exactly in this form or does not exist."""
    written = FORMS[form]
    parsed = value.str.to_date(written.spelling, strict=False, exact=True)
    return pl.when(value.str.len_chars() == written.length).then(parsed)


def other_form(values: pl.Series, agreed: str) -> pl.Series:
    """For unreadable dates: the name of the form each is written in, `serial`, or null when none is known."""
    value = pl.col("value")
    tests = [(value.str.contains(SERIAL), "serial")]
    tests += [(as_date(value, form).is_not_null(), form) for form in FORMS if form != agreed]
    tests += [(value.str.contains(pattern), name) for name, pattern in OTHER_SPELLINGS.items()]
    found: pl.Expr = pl.lit(None, dtype=pl.String)
    for test, name in reversed(tests):
        found = pl.when(test).then(pl.lit(name)).otherwise(found)
    return values.to_frame("value").select(found.alias("form"))["form"]
