"""Which values does a client bind? One row of an Arrow batch, checked whole before a value of it is read."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

from access.decisions import Refused, RefusedError
from environments.gateway.model import Parameters

MOST = 1_000
LONGEST_TEXTS = 1024 * 1024  # signs, all of them together
ONE_ROW = Refused("query.parameters", "Parameters are one row: a statement runs once for each call.", "Bind one row.")
KINDS = Refused(
    "query.parameters", "A parameter is a text, a number, true, false, a date, a time stamp or null.",
    "Cast it in your program, or write it as text and cast it in the statement.",
)  # fmt: skip


def parameters_of(batch: pa.RecordBatch) -> Parameters:
    """By name where every column has a name that a statement could use, by place otherwise. Raises RefusedError."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        raise RefusedError(KINDS) from None
    if batch.num_rows != 1:
        raise RefusedError(ONE_ROW)
    if batch.num_columns > MOST:
        raise RefusedError(Refused("query.parameters", f"A statement may have {MOST:,} parameters."))
    values = [_value(column) for column in batch.columns]
    if sum(len(value) for value in values if isinstance(value, str)) > LONGEST_TEXTS:
        raise RefusedError(Refused("query.parameters", f"Parameters may have {LONGEST_TEXTS:,} signs together."))
    names = [name.removeprefix("$") for name in batch.schema.names]
    if values and len(set(names)) == len(names) and all(_is_name(name) for name in names):
        return dict(zip(names, values, strict=True))
    return values


def _is_name(name: str) -> bool:
    """A name as `$name` could be written; `0`, `1` and empty names are places."""
    return name.isidentifier()


def _value(column: pa.Array) -> object:
    try:
        value = column[0].as_py()
    except (pa.ArrowException, ValueError, OverflowError):
        raise RefusedError(KINDS) from None
    if isinstance(value, date | datetime):
        return value.isoformat()  # the worker is asked in JSON; DuckDB compares such text as a date
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedError(KINDS)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise RefusedError(KINDS)
