"""Queries through the real core, worker process, door and client: their order, their limits, and what ends them."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from access.decisions import RefusedError
from access.optouts.model import ObjectionTarget
from access.optouts.service import OptOuts
from audit.errors import AuditUnavailable
from audit.model import organisation, person, service
from environments.gateway.brakes.likeness import Likeness
from environments.gateway.errors import GatewayError, QueryCut, QueryFailed
from environments.gateway.model import Asker, QueryLimits
from tests.fakes.deliveries import nhs_number
from tests.fakes.gateway import ASHA, OUTSIDER, SECONDS_TO_HANG, GatewayForTests, client, gateway, until_running
from tests.fakes.havens import make_live, project_file

COUNT = "select count(*) as n from gp_events"
LONG = "select count(*) from range(10000000) a(i), range(10000000) b(j) where (i * j) % 7 = 3"
MANY = "select a.pseudonym from gp_events a, range(20000) r"


async def test_the_result_is_the_approved_part_and_nothing_else() -> None:
    """Only the cohort's rows, dates cut to the month, pseudonyms that are not the spine's persons."""
    async with gateway() as stands:
        table = await stands.ask("select * from gp_events")
        assert set(table["code"].to_pylist()) == {"44054006"}
        assert {str(day) for day in table["event_date"].to_pylist()} == {"2026-02-01"}
        assert table.column_names == ["pseudonym", "linked", "code", "event_date"]
        with stands.publisher._runner._zones.research() as zone:
            persons = {str(p) for (p,) in zone.execute("select distinct person from gp_events").fetchall()}
        assert not persons & set(map(str, table["pseudonym"].to_pylist()))


async def test_requested_stands_before_it_runs_and_completed_before_the_last_batch() -> None:
    """The log's order: while the last batch is held back, `query.completed` is written."""
    async with gateway() as stands:
        query = await stands.core.start(ASHA, MANY, None)
        assert stands.names()[-1] == "query.requested"
        seen = []
        async for part in stands.core.stream(query, MANY, None):
            seen.append(("completed" if stands.names()[-1] == "query.completed" else "open", part))
        states = [state for state, _ in seen]
        assert states[-1] == "completed"
        assert set(states[:-1]) == {"open"}
        assert len(states) > 10


async def test_without_a_log_nothing_runs_and_nothing_is_completed() -> None:
    """A log that does not answer stops the query before it runs; one that dies later keeps the last batch back."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        real = stands.log.append

        def dead(_: object) -> Any:
            raise AuditUnavailable("The log's writer does not answer.")

        stands.log.append = dead  # type: ignore[method-assign, assignment]
        with pytest.raises(AuditUnavailable):
            await stands.core.start(ASHA, COUNT, None)
        stands.log.append = real  # type: ignore[method-assign]
        query = await stands.core.start(ASHA, COUNT, None)
        stands.log.append = dead  # type: ignore[method-assign, assignment]
        got = []
        with pytest.raises(AuditUnavailable):
            async for part in stands.core.stream(query, COUNT, None):
                got.append(part)
        assert len(got) <= 1  # the schema; never the batch


@pytest.mark.parametrize(
    ("asker", "rule"),
    [
        (Asker("bryn", "admissions"), "project.not_a_member"),
        (Asker("nobody", "admissions"), "person.unknown"),
        (Asker("asha", "other"), "project.unknown"),
        (Asker("dev", "admissions"), "person.no_researcher"),
    ],
)
async def test_who_is_not_approved_is_refused_and_logged(asker: Asker, rule: str) -> None:
    """Refused with the rule; the refusal is in the log with the statement's hash only."""
    async with gateway() as stands:
        with pytest.raises(RefusedError) as told:
            await stands.core.start(asker, COUNT, None)
        assert told.value.refused.code == rule
        event = stands.log.events[-1]
        assert event.name == "query.refused"
        assert event.details["rule"] == rule
        assert COUNT not in repr(event)


async def test_limits_are_errors_and_never_a_shorter_result() -> None:
    """Too many rows, too many bytes or too long a time: an error with advice, and the stream has no end."""
    async with gateway(QueryLimits(rows=1000)) as stands:
        with pytest.raises(QueryCut, match="1,000 rows") as told:
            await stands.ask(MANY)
        assert told.value.mend
    async with gateway(QueryLimits(seconds=1.5)) as stands:
        await stands.ask(COUNT)
        with pytest.raises(QueryCut, match="seconds"):
            await asyncio.wait_for(stands.ask(LONG), SECONDS_TO_HANG)
        assert stands.names()[-1] == "query.failed"
        assert (await stands.ask(COUNT))["n"].to_pylist() == [200]


async def test_a_withdrawal_cuts_a_running_query_and_ends_the_worker() -> None:
    """While it computes without giving a row, the approval goes: it is cut, its worker is gone, the next is refused."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        running = asyncio.create_task(stands.ask(LONG))
        await until_running(stands, running)
        await asyncio.to_thread(stands.access.withdraw, "admissions", "gp", "stopped", by=organisation("gp"))
        with pytest.raises(QueryCut) as told:
            await asyncio.wait_for(running, SECONDS_TO_HANG)
        assert told.value.rule == "project.withdrawn"
        assert stands.workers.running == []
        with pytest.raises(RefusedError):
            await stands.ask(COUNT)
        assert stands.names()[-4:] == ["query.requested", "project.withdrawn", "query.failed", "query.refused"]


async def test_a_changed_approval_needs_a_new_scope() -> None:
    """A new version that is live bites at once: the old file is not served for it."""
    async with gateway() as stands:
        narrower = project_file(people=["asha"])
        await asyncio.to_thread(stands.access.apply, narrower, applicant="asha", by=person("asha"))
        await asyncio.to_thread(make_live, stands.access)
        with pytest.raises(RefusedError) as told:
            await stands.ask(COUNT)
        assert told.value.refused.code == "scope.outdated"
        live = await asyncio.to_thread(stands.access.live_scope, "admissions")
        await asyncio.to_thread(stands.publisher.publish, live, by=service("publisher"))
        assert (await stands.ask(COUNT))["n"].to_pylist() == [200]


async def test_an_objection_cuts_a_running_query_and_needs_a_new_scope() -> None:
    """As soon as it is recorded; what is told is that something changed, and not about whom."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        running = asyncio.create_task(stands.ask(LONG))
        await until_running(stands, running)
        optouts = OptOuts(stands.records, stands.access)
        target = ObjectionTarget("controller", "gp")
        by = organisation("gp")
        named = {"number": nhs_number(1), "objection": "o1", "at": "2026-03-01T09:00:00", "test_range": True}
        await asyncio.to_thread(stands.publisher._runner.run, "optouts.name_objector", named)
        await asyncio.to_thread(lambda: optouts.record_objection("o1", target, "Not for research", by=by))
        with pytest.raises(QueryCut) as told:
            await asyncio.wait_for(running, SECONDS_TO_HANG)
        assert told.value.rule == "optouts.outdated"
        assert "o1" not in str(told.value)
        with pytest.raises(RefusedError):
            await stands.ask(COUNT)
        live = await asyncio.to_thread(stands.access.live_scope, "admissions")
        await asyncio.to_thread(stands.publisher.publish, live, by=service("publisher"))
        assert (await stands.ask(COUNT))["n"].to_pylist() == [200]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("select event_date * code from gp_events", "query.binding"),
        ("select cast(code || 'x' as integer) from gp_events", "query.conversion"),
        ("select nothing_here from gp_events", "query.binding"),
        ("select * from gp_events where event_date > ?", "query.input"),
    ],
)
async def test_a_failure_tells_kind_and_advice_and_no_cell(sql: str, kind: str) -> None:
    """The engine's text, which quotes cells, goes beside the log; the asker reads kind, place and advice."""
    async with gateway() as stands:
        with pytest.raises((QueryFailed, GatewayError)) as told:
            await stands.ask(sql)
        assert told.value.where == kind
        assert told.value.mend
        assert "44054006" not in str(told.value)
        assert OUTSIDER not in "".join(stands.log.texts.values())  # rows outside the cohort are in no text at all
        assert "44054006" not in repr(stands.log.events)


async def test_a_killed_worker_breaks_one_answer_and_the_next_is_served() -> None:
    """kill -9 on the worker: the query fails, nothing is taken for whole, and a new worker answers the next."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        worker = next(iter(stands.workers._workers.values()))
        running = asyncio.create_task(stands.ask(LONG))
        await asyncio.sleep(0.3)
        os.kill(worker.process.pid, signal.SIGKILL)
        with pytest.raises(GatewayError):
            await running
        await asyncio.sleep(0.2)
        assert (await stands.ask(COUNT))["n"].to_pylist() == [200]


async def test_the_worker_itself_reaches_nothing() -> None:
    """Behind the gate, should it ever let something through: no file, no setting, no other database, no writing."""
    async with gateway() as stands:
        alike = Likeness("", "", frozenset(), look_up=False, singles_out=False, filtered=False)

        async def judged(*_: object) -> Likeness:
            return alike

        stands.core._gates.judged = judged  # type: ignore[method-assign, assignment]
        for sql in (
            "select * from read_csv('/etc/passwd')",
            "select * from '/etc/passwd'",
            "select * from glob('/*')",
            "select * from read_text('/proc/self/environ')",
        ):
            with pytest.raises(GatewayError):
                await stands.ask(sql)
        table = await stands.ask("select value from duckdb_settings() where name = 'enable_external_access'")
        assert table["value"].to_pylist() == ["false"]
        environment = Path(f"/proc/{next(iter(stands.workers._workers.values())).process.pid}/environ").read_bytes()
        assert {part.split(b"=")[0] for part in environment.split(b"\0") if part} <= {b"LANG", b"TZ", b"LC_CTYPE"}


# -- through a door, with the client


async def _through(stands: GatewayForTests, call: Any, asker: Asker = ASHA) -> Any:
    door = await stands.doors.open(asker.person, asker.project)
    client()
    connection = importlib.import_module("haven.connection").Connection(str(door))
    try:
        return await asyncio.to_thread(call, importlib.import_module("haven"), connection)
    finally:
        await stands.doors.close(door)


async def test_the_client_gives_whole_tables_in_the_frame_that_is_asked_for() -> None:
    """Arrow, polars and pandas frames, with parameters by place and by name."""
    async with gateway() as stands:

        def ask(haven: Any, connection: Any) -> None:
            assert haven.sql(COUNT, connection=connection)["n"].to_pylist() == [200]
            polars = haven.sql(
                "select ? as a, ?::date as d", ["x", "2020-01-02"], frame="polars", connection=connection
            )
            assert polars.to_dicts()[0]["a"] == "x"
            named = haven.sql("select $a + 1 as b", {"a": 2}, connection=connection)
            assert named["b"].to_pylist() == [3]
            tables = haven.tables(connection)
            assert [table.name for table in tables] == ["gp_events", "hospital_episodes"]
            assert haven.why("submit", connection) == "Yes."

        await _through(stands, ask)


async def test_the_client_raises_the_rule_and_what_to_do() -> None:
    """A refusal is an exception with code, reason and mend; a failure too; never DuckDB's text."""
    async with gateway() as stands:

        def ask(haven: Any, connection: Any) -> None:
            for sql, code in (
                ("select * from secret", "gate."),
                ("select cast(code || 'x' as integer) from gp_events", "query.conversion"),
            ):
                with pytest.raises(haven.Refused) as told:
                    haven.sql(sql, connection=connection)
                assert told.value.code.startswith(code)
                assert told.value.mend

        await _through(stands, ask)


async def test_an_answer_that_breaks_off_is_never_given_as_a_part() -> None:
    """A limit reached after batches were sent: the client raises with the reason and gives nothing."""
    async with gateway(QueryLimits(rows=500_000)) as stands:

        def ask(haven: Any, connection: Any) -> None:
            with pytest.raises(haven.Refused) as told:
                haven.sql(MANY, connection=connection)
            assert told.value.code == "query.too_large"

        await _through(stands, ask)


async def test_a_door_is_its_persons_and_nobody_elses() -> None:
    """What a request says in headers, address or body changes nothing; control routes are not behind a door."""
    async with gateway() as stands:
        door = await stands.doors.open("bryn", "admissions")
        client()
        connection_module = importlib.import_module("haven.connection")
        haven = importlib.import_module("haven")

        def ask() -> None:
            forged = connection_module.Connection(str(door), token="asha", project="admissions")
            with pytest.raises(haven.Refused) as told:
                haven.sql(COUNT, connection=forged)
            assert told.value.code == "project.not_a_member"
            for body in ({"sql": COUNT, "person": "asha"}, {"sql": 1}, [], {"sql": COUNT, "parameters": [[1]]}):
                with pytest.raises(haven.HavenClientError):
                    connection_module.Connection(str(door)).ask("POST", "/v1/query", body)
            with pytest.raises(haven.Refused):
                connection_module.Connection(str(door)).ask("POST", "/control/workspaces/list", {})

        await asyncio.to_thread(ask)


async def test_closing_a_door_cuts_what_came_through_it() -> None:
    """The workspace is closed while a query runs: its client gets an error, soon."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        door = await stands.doors.open("asha", "admissions")
        client()
        connection = importlib.import_module("haven.connection").Connection(str(door))
        haven = importlib.import_module("haven")
        running = asyncio.create_task(asyncio.to_thread(haven.sql, LONG, connection=connection))
        await asyncio.sleep(0.5)
        await stands.doors.close(door)
        with pytest.raises(haven.HavenClientError):
            await asyncio.wait_for(running, 10)


async def test_what_the_engine_streams_is_what_the_client_reads() -> None:
    """A large result of several types comes through byte for byte."""
    async with gateway() as stands:
        columns = "r, r * 1.5 as x, 'text ' || r as t, date '2020-01-01' + r::int as d, r % 2 = 0 as b"
        sql = f"select {columns} from range(200000) q(r)"

        def ask(haven: Any, connection: Any) -> pa.Table:
            return haven.sql(sql, connection=connection)

        table = await _through(stands, ask)
        assert table.num_rows == 200_000
        assert table["r"].to_pylist() == list(range(200_000))
        assert table.slice(199_999, 1).to_pylist()[0]["t"] == "text 199999"
