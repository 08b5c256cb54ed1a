"""A result carries its query's number, so that a table made from it can name it when it is submitted."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
from haven import asking
from haven.asking import last_query, query_of, sql
from haven.errors import HavenClientError
from haven.outputs import submit

QUERY = "11111111-2222-4333-8444-555555555555"


class Answering:
    """A gateway that gives one table, and keeps what it is asked."""

    def __init__(self, header: str | None = QUERY) -> None:
        self.header, self.asked = header, {}  # type: ignore[var-annotated]

    @contextmanager
    def answer(self, *_: Any) -> Iterator[Any]:
        """The table as the gateway streams it."""
        out = io.BytesIO()
        table = pa.table({"sex": ["F", "M"], "people": [120, 135]})
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
        header = self.header

        class Body(io.BytesIO):
            def getheader(self, name: str) -> str | None:
                return header if name == "Haven-Query" else None

        yield Body(out.getvalue())

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Take a submission."""
        self.asked = body or {}
        lists: dict[str, Any] = {"problems": [], "files": [], "verdicts": [], "moves": []}
        told = {"id": "1", "state": "checking", "round": 1, "whose_turn": "", "moved": "", "held": None}
        return lists | told


@pytest.fixture(autouse=True)
def nothing_asked_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins without a latest query."""
    monkeypatch.setattr(asking, "_latest", [])


def test_a_result_names_its_query() -> None:
    """Arrow and pandas carry it, through what pandas keeps; of any kind the latest is told."""
    assert last_query() is None
    gateway: Any = Answering()
    arrow, pandas = (sql("select 1", frame=frame, progress=False, connection=gateway) for frame in ("arrow", "pandas"))
    assert (query_of(arrow), query_of(pandas), last_query()) == (QUERY, QUERY, QUERY)
    assert query_of(pandas.assign(people=[120, 135])) == QUERY
    assert arrow.to_pydict() == {"sex": ["F", "M"], "people": [120, 135]}
    polars = sql("select 1", frame="polars", progress=False, connection=gateway)
    with pytest.raises(HavenClientError, match="last_query"):
        query_of(polars)


def test_a_submission_names_the_queries_that_it_is_given() -> None:
    """Results and numbers, in the context; without any the context is as it was written."""
    gateway: Any = Answering()
    result = sql("select 1", progress=False, connection=gateway)
    context = {"count_column": "people"}
    submit(result, name="t.csv", context=context, queries=[result, "other"], connection=gateway)
    assert gateway.asked["context"] == {"count_column": "people", "queries": [QUERY, "other"]}
    assert base64.b64decode(gateway.asked["files"][0]["content_base64"]).splitlines()[0] == b'"sex","people"'
    submit(result, name="t.csv", context=context, connection=gateway)
    assert gateway.asked["context"] == context == {"count_column": "people"}


def test_a_gateway_that_tells_no_number() -> None:
    """Nothing is made up."""
    gateway: Any = Answering(header=None)
    result = sql("select 1", progress=False, connection=gateway)
    assert last_query() is None
    with pytest.raises(HavenClientError):
        query_of(result)
