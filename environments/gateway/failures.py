"""What may a researcher read of a failed statement? Its kind, where in their own text, and advice; never a cell.

DuckDB's messages quote values (`Could not convert string 'SMITH' to INT32`): of rows, also of rows that no result
would have shown. Only the text before a value is ever used, and of that only names that stand in the query itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

MISSING_COLUMN = re.compile(r'column "?([A-Za-z_][A-Za-z0-9_]*)"?', re.IGNORECASE)
MISSING_TABLE = re.compile(r"Table with name ([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """kind: a stable code. detail: the engine's own text, for the log only."""

    kind: str
    reason: str
    mend: str
    detail: str


KINDS: tuple[tuple[type[BaseException], str, str, str], ...] = (
    (duckdb.InterruptException, "query.interrupted", "The query was stopped.", "Ask again, or ask for less."),
    (
        duckdb.OutOfMemoryException,
        "query.memory",
        "The query needs more memory than a query may take.",
        "Aggregate or filter earlier, join on fewer rows, or ask in parts.",
    ),
    (
        duckdb.ConversionException,
        "query.conversion",
        "A value could not be converted to the type that the query asks for.",
        "Use try_cast(...) instead of a cast, or filter the rows first.",
    ),
    (
        duckdb.OutOfRangeException,
        "query.range",
        "A number is out of the range of its type, or something was divided in a way that has no result.",
        "Cast to DOUBLE or HUGEINT before calculating; use nullif(x, 0) in a divisor.",
    ),
    (
        duckdb.InvalidInputException,
        "query.input",
        "A function was given something that it cannot take, or a parameter is missing.",
        "Check the functions' arguments, and give one value for each ? or $name.",
    ),
    (
        duckdb.CatalogException,
        "query.unknown_name",
        "The query names a table or a function that is not there.",
        "haven.tables() shows your tables; docs: reference of the gate lists the functions.",
    ),
    (
        duckdb.BinderException,
        "query.binding",
        "A name or a type in the query does not fit.",
        "haven.tables() shows the columns and their types; every column is in GROUP BY or aggregated.",
    ),
    (duckdb.ParserException, "query.syntax", "The query is not SQL as DuckDB reads it.", "Check its punctuation."),
)
OTHER = ("query.engine", "The query failed in the engine.", "Say it in another way; if that fails too, tell the team.")


def failure_of(error: BaseException, sql: str) -> Failure:
    """The failure as its asker may read it."""
    detail = str(error)
    for kind_of, kind, reason, mend in KINDS:
        if isinstance(error, kind_of):
            return Failure(kind, reason + _named(detail, sql, kind), mend, detail)
    return Failure(*OTHER, detail)


def _named(detail: str, sql: str, kind: str) -> str:
    """The name that is wrong, if the asker wrote it: nothing is told that was not in the query."""
    if kind not in ("query.binding", "query.unknown_name"):
        return ""
    for pattern, what in ((MISSING_TABLE, "table"), (MISSING_COLUMN, "column")):
        found = pattern.search(detail)
        if found and re.search(rf"\b{re.escape(found.group(1))}\b", sql, re.IGNORECASE):
            return f" It is the {what} '{found.group(1)}'."
    return ""
