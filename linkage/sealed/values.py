"""Is every payload value what its contract says? Asked of typed columns, as they come in a delivery in mode B."""

from __future__ import annotations

from datetime import date

import polars as pl

from linkage.contracts.contract import DatasetColumn, DeliveredFile, KeptForm
from linkage.intake.checks import CONTROL, EARLIEST

DISTRICT = r"^[A-Z]{1,2}[0-9][A-Z0-9]?$"


def wrong_column(rows: pl.DataFrame, file: DeliveredFile, today: date) -> str | None:
    """The first payload column that holds a value its contract does not allow; None when all are as agreed."""
    tests = {column.name: _wrong(column, today) for column in file.columns if column.is_payload}
    tests |= {c.keep_as.name: _wrong_kept(c, c.keep_as, today) for c in file.columns if c.keep_as}
    found = rows.select(test.fill_null(value=False).any().alias(name) for name, test in tests.items())
    return next((name for name in found.columns if found[name][0]), None)


def _wrong(column: DatasetColumn, today: date) -> pl.Expr:
    value = pl.col(column.name)
    tests = [value.is_null()] if column.required else []
    if column.type in {"text", "code"}:
        tests += [value.str.len_chars() > column.longest, value.str.contains(CONTROL), value == ""]
    if column.allowed is not None:
        tests.append(~value.is_in(list(column.allowed)))
    if column.pattern is not None:
        tests.append(~value.str.contains(f"^(?:{column.pattern})$"))
    if column.type == "decimal":
        tests.append(~value.is_finite())
    least = column.minimum or (EARLIEST if column.type == "date" else None)
    tests += [value < least] if least is not None else []
    tests += [value > column.maximum] if column.maximum is not None else []
    if column.type == "date" and not column.may_be_future:
        tests.append(value > today)
    return pl.any_horizontal(tests) if tests else pl.lit(value=False)


def _wrong_kept(column: DatasetColumn, kept: KeptForm, today: date) -> pl.Expr:
    """Of the coarsened part of an identifier: nothing finer may stand in its place."""
    value = pl.col(kept.name)
    if kept.form == "year":
        return (value < EARLIEST.year) | (value > today.year)
    if kept.form == "month":
        return value.dt.day() != 1
    if kept.form == "postcode_district":
        return ~value.str.contains(DISTRICT)
    allowed = set(kept.codes.values()) if kept.codes else set(column.allowed or ())
    return ~value.is_in(sorted(allowed)) if allowed else value.str.len_chars() > 1
