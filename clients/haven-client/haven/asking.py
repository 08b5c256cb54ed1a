"""What may I see, and what does the data say? Tables, queries and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

import pyarrow as pa

from haven.connection import Connection
from haven.errors import HavenClientError, Incomplete
from haven.progress import shown_progress

Frame = Literal["arrow", "polars", "pandas"]
Parameters = Sequence[Any] | Mapping[str, Any]
QUERY_HEADER, QUERY_KEY = "Haven-Query", "haven_query"
_latest: list[str] = []  # the number of the latest whole result, if any


@dataclass(frozen=True)
class Table:
    """A view of your project: its name, and its columns with their types."""

    name: str
    columns: dict[str, str]

    def __repr__(self) -> str:
        lines = [f"  {name:<28} {kind}" for name, kind in self.columns.items()]
        return "\n".join([self.name, *lines])


class Tables(list[Table]):
    """The views of your project; shows itself as a list of columns."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "This project has no tables."


def tables(connection: Connection | None = None) -> Tables:
    """The tables that your project's approval gives you. Raises Refused."""
    connection = connection or Connection()
    answer = connection.ask("GET", "/v1/tables")
    return Tables(Table(one["name"], one["columns"]) for one in answer["tables"])


def sql(
    query: str,
    parameters: Parameters | None = None,
    *,
    frame: Frame = "arrow",
    progress: bool | None = None,
    connection: Connection | None = None,
) -> Any:
    """Run one SELECT and give its whole result as a pyarrow Table, or a polars or pandas frame.

    parameters: values for `?` (a list) or `$name` (a dict): text, numbers, dates, None. progress: show how many rows
    have come of a query that takes longer than a second; None: where somebody sees it (a notebook, a terminal). Arrow
    and pandas results carry the query's number, for `haven.submit(..., queries=[result])`; `last_query()` says it.
    Raises Refused when a rule or a limit says no, Incomplete when the answer broke off: there is never a part of a
    result.
    """
    connection = connection or Connection()
    body = {"sql": query, "parameters": _sendable(parameters)}
    with shown_progress(progress) as shown, connection.answer("POST", "/v1/query", body) as answer:
        try:
            with pa.ipc.open_stream(answer) as stream:
                batches = [shown.came(batch) for batch in stream]
                table = pa.Table.from_batches(batches, stream.schema)
        except pa.ArrowInvalid:
            raise Incomplete("The answer cannot be read; nothing of it is given. Ask again.") from None
        answer.read()  # its end: what breaks off there was not whole either
        query = answer.getheader(QUERY_HEADER)
    return _framed(_numbered(table, query), frame)


def last_query() -> str | None:
    """The number of the latest query whose result came whole, to name it where a table made from it is submitted."""
    return _latest[-1] if _latest else None


def query_of(result: Any) -> str:
    """The number of the query that gave this Arrow table or pandas frame, or the number itself.

    Raises HavenClientError where it carries none, as a polars frame.
    """
    if isinstance(result, str):
        return result
    if isinstance(result, pa.Table):
        found = (result.schema.metadata or {}).get(QUERY_KEY.encode(), b"").decode()
    else:
        found = getattr(result, "attrs", {}).get(QUERY_KEY, "")
    if not found:
        raise HavenClientError("This result does not carry its query's number: note haven.last_query() after asking.")
    return str(found)


def _numbered(table: pa.Table, query: str | None) -> pa.Table:
    """The table with its query's number in its metadata."""
    if query is None:
        return table
    _latest[:] = [query]
    return table.replace_schema_metadata({**(table.schema.metadata or {}), QUERY_KEY: query})


def why(action: str = "query", connection: Connection | None = None) -> str:
    """May I do this, and if not, which rule says so and who can change it? (`query`, `submit`, ...)"""
    answer = (connection or Connection()).ask("GET", f"/v1/why?{urlencode({'action': action})}")
    if answer["allowed"]:
        return "Yes."
    return f"No [{answer['code']}]: {answer['reason']} {answer['mend'] or ''}".strip()


def _framed(table: pa.Table, frame: Frame) -> Any:
    if frame == "polars":
        import polars

        return polars.from_arrow(table)
    if frame == "pandas":
        pandas = table.to_pandas()
        if (table.schema.metadata or {}).get(QUERY_KEY.encode()):
            pandas.attrs[QUERY_KEY] = query_of(table)
        return pandas
    if frame != "arrow":
        raise HavenClientError("frame is 'arrow', 'polars' or 'pandas'.")
    return table


def _sendable(parameters: Parameters | None) -> Any:
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        return {str(name): _value(value) for name, value in parameters.items()}
    if isinstance(parameters, str | bytes):
        raise HavenClientError("parameters is a list or a dict, not one text.")
    return [_value(value) for value in parameters]


def _value(value: Any) -> Any:
    """JSON holds no dates: they go as ISO text, which DuckDB compares as dates."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise HavenClientError(f"A parameter of type {type(value).__name__} cannot be sent.")
