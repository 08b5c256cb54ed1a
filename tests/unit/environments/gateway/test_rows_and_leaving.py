"""Which rows leave before the end is in the log, and what becomes of whoever leaves with them in hand."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from access.decisions import Allowed, Decision, Refused, RefusedError
from environments.gateway.brakes.policies import BrakePolicy, Counts, Sort
from environments.gateway.core import QueryCore
from environments.gateway.model import Asker, QueryLimits, ScopeFile
from environments.gateway.worker import BATCH_ROWS, LEAST_IN_TWO, _first_in_two
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import memory_records

ASHA = Asker("asha", "admissions")
SELECT = "select event_date from gp_events"
TOLD = BrakePolicy(counts={sort: Counts(1, 0, 0) for sort in Sort})


def _batch(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(range(rows))})


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ([], []),
        ([0], [0]),
        ([1], [1]),
        ([LEAST_IN_TWO - 1], [LEAST_IN_TWO - 1]),
        ([LEAST_IN_TWO], [LEAST_IN_TWO // 2, LEAST_IN_TWO // 2]),
        ([BATCH_ROWS, BATCH_ROWS, 5], [BATCH_ROWS // 2, BATCH_ROWS // 2, BATCH_ROWS, 5]),
    ],
)
def test_the_first_batch_goes_on_in_two_parts_unless_it_is_small(given: list[int], parts: list[int]) -> None:
    """The same rows in the same order; a small answer is one part, which the gateway holds back until its end."""
    batches = [_batch(rows) for rows in given]
    found = list(_first_in_two(batches))
    assert [one.num_rows for one in found] == parts
    assert [n for one in found for n in one["n"].to_pylist()] == [n for one in batches for n in one["n"].to_pylist()]


class _Allowing:
    """Approvals and scopes that allow."""

    def may_query(self, person: str, project: str) -> Decision:
        return Allowed()

    def current(self, project: str) -> ScopeFile:
        return ScopeFile(project, 1, "b", Path("scope.duckdb"), {"gp_events": {"event_date": "DATE"}}, "key")


class _Barring(_Allowing):
    """Approvals of which somebody has been barred."""

    def may_query(self, person: str, project: str) -> Decision:
        return Refused("person.sanctioned", "Barred.")


async def test_a_refused_look_at_the_tables_is_recorded() -> None:
    """Names of columns are asked for by the same door: a refusal stands in the log with its rule."""
    records, barring = memory_records(), _Barring()
    made: Any = QueryCore
    core = made(records, barring, barring, None, None, QueryLimits(), None, TOLD)
    with pytest.raises(RefusedError):
        await core.tables(ASHA)
    assert isinstance(records.log, MemoryAuditLog)
    (event,) = records.log.events
    assert (event.name, event.by, event.details["rule"]) == ("query.refused", "person:asha", "person.sanctioned")


async def _answer(*_: object, **__: object) -> AsyncGenerator[tuple[bytes, int], None]:
    for part in ((b"schema", 0), (b"first", 3), (b"second", 3), (b"third", 3)):
        yield part


@pytest.mark.parametrize(("read", "counted"), [(1, []), (2, ["failed"])])
async def test_who_leaves_with_rows_in_hand_is_counted(read: int, counted: list[str]) -> None:
    """After the schema alone nobody has seen a row: an interrupted cell is no attack."""
    records, allowing, nothing = memory_records(), _Allowing(), SimpleNamespace(store_text=lambda text: text)
    made: Any = QueryCore
    core = made(records, allowing, allowing, nothing, nothing, QueryLimits(), nothing, TOLD)
    core._answers = SimpleNamespace(of=_answer)
    query = await core.start(ASHA, SELECT, None)
    parts = core.stream(query, SELECT, None)
    for _ in range(read):
        await anext(parts)
    await parts.aclose()
    assert isinstance(records.log, MemoryAuditLog)
    events = records.log.events
    assert [event.details["sort"] for event in events if event.name == "query.braked"] == counted
    assert [event.details["reason"] for event in events if event.name == "query.failed"] == ["query.left"]
