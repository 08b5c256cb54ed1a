"""Queries that nobody reads on, that come at the same moment, or whose approval goes at a bad one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import flight

from access.decisions import Refused, RefusedError
from audit.model import organisation
from environments.gateway.brakes.policies import BrakePolicy, Counts, Sort
from environments.gateway.errors import GatewayError, QueryCut, WorkerDown
from environments.gateway.evidence.people import NoEvidence
from environments.gateway.flight.server import MOST_BINDING
from environments.gateway.flight.wire import bytes_of, read_message
from tests.fakes.flight import command, message, through
from tests.fakes.gateway import ASHA, SECONDS_TO_HANG, gateway, until_running

COUNT = "select count(*) as n from gp_events"
LONG = "select count(*) from range(10000000) a(i), range(10000000) b(j) where (i * j) % 7 = 3"
MANY = "select a.pseudonym from gp_events a, range(20000) r"


async def test_a_reader_who_stops_reading_is_cut_all_the_same() -> None:
    """The approval is withdrawn while nobody pulls the stream: it ends in the log, and its worker is gone."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        query = await stands.core.start(ASHA, MANY, None)
        parts = stands.core.stream(query, MANY, None)
        await anext(parts)
        stands.access.withdraw("admissions", "gp", "The agreement ended.", by=organisation("gp"))
        until = time.monotonic() + 30
        while (stands.names()[-1] != "query.failed" or stands.workers.running) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        assert stands.names()[-1] == "query.failed"
        assert stands.workers.running == []
        with pytest.raises(GatewayError):
            async for _ in parts:
                pass
        assert stands.names().count("query.failed") == 1


STUBBORN = "select levenshtein(repeat('a', 100000), repeat('b', 100000))"  # DuckDB interrupts no single value


async def test_who_hangs_up_on_what_cannot_be_interrupted_leaves_nothing_running() -> None:
    """The worker is ended, and so is whoever else it served; it counts, and the next query has another worker."""
    counts = {sort: Counts(1, 0, 0) for sort in Sort}
    async with gateway(brakes=BrakePolicy(counts=counts)) as stands:
        await stands.ask(COUNT)
        worker = stands.workers._workers["admissions"]
        colleague = asyncio.create_task(stands.ask(LONG))
        await until_running(stands, colleague)
        asked = asyncio.create_task(stands.ask(STUBBORN))
        await until_running(stands, asked)
        await asyncio.sleep(0.5)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert not worker.alive
        with pytest.raises(WorkerDown):
            await asyncio.wait_for(colleague, SECONDS_TO_HANG)
        assert "failed" in [one.details["sort"] for one in stands.log.events if one.name == "query.braked"]
        assert await stands.ask(COUNT)


async def test_many_at_once_are_counted_before_they_are_judged() -> None:
    """Forty that start together: eight run, the others are refused and logged."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        started = await asyncio.gather(
            *(stands.core.start(ASHA, MANY, None) for _ in range(40)), return_exceptions=True
        )
        running = [one for one in started if not isinstance(one, BaseException)]
        assert len(running) <= 8
        assert {one.refused.code for one in started if isinstance(one, RefusedError)} == {"query.too_many"}


async def test_a_withdrawal_while_a_brake_waits_is_seen() -> None:
    """The approval is asked after the wait: nothing starts."""
    counts = {sort: Counts(0, 1 if sort is Sort.LOOK_UP else 0, 0) for sort in Sort}
    async with gateway(brakes=BrakePolicy(delay_seconds=1.0, counts=counts)) as stands:
        await stands.ask("select count(*) from gp_events where pseudonym = ?", ["00000000-0000-0000-0000-000000000000"])
        waiting = asyncio.create_task(stands.core.start(ASHA, COUNT, None))
        await asyncio.sleep(0.3)
        stands.access.withdraw("admissions", "gp", "The agreement ended.", by=organisation("gp"))
        with pytest.raises(RefusedError):
            await waiting
        assert stands.names()[-1] == "query.refused"


async def test_a_cut_while_people_are_counted_holds_the_last_batch_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence is under way when the approval goes: the result has no end, and the log says failed."""
    async with gateway() as stands:
        query = await stands.core.start(ASHA, COUNT, None)

        async def cut(*_: object) -> None:
            query.cut_by = Refused("project.withdrawn", "It was withdrawn.", "Ask.")
            raise NoEvidence("rows")

        monkeypatch.setattr(stands.core._gates, "evidence_of", cut)
        with pytest.raises(QueryCut):
            async for _ in stands.core.stream(query, COUNT, None):
                pass
        assert stands.names()[-1] == "query.failed"


async def test_who_binds_and_sends_no_row_holds_up_nobody() -> None:
    """Many such calls: others are answered, the approval is watched, and the asker has so many places and no more."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        running = asyncio.create_task(stands.ask(LONG))
        await until_running(stands, running)
        held: list[tuple[Any, ...]] = []

        def bind_in_silence(address: str) -> tuple[int, str]:
            client = flight.connect(address)
            prepare = message("ActionCreatePreparedStatementRequest", (1, b"select ? as a"))
            (result,) = client.do_action(flight.Action("CreatePreparedStatement", prepare))
            handle = bytes_of(read_message(bytes_of(read_message(result.body.to_pybytes()), 2) or b""), 1) or b""
            statement, schema = command("CommandPreparedStatementQuery", (1, handle)), pa.schema([("0", pa.int64())])
            for _ in range(MOST_BINDING):
                held.append((client, *client.do_put(statement, schema)))
            time.sleep(1)
            told = ""
            for _ in range(3):  # the first may have come before a held one
                writer, reader = client.do_put(statement, schema)
                try:
                    reader.read()
                    writer.close()
                except (flight.FlightError, pa.ArrowException) as error:
                    told = str(error)
            count = client.get_flight_info(command("CommandStatementQuery", (1, COUNT.encode())))
            n = client.do_get(count.endpoints[0].ticket).read_all()["n"].to_pylist()[0]
            stands.access.withdraw("admissions", "gp", "The agreement ended.", by=organisation("gp"))
            return n, told

        door = asyncio.create_task(through(stands, bind_in_silence))
        with pytest.raises(QueryCut):
            await asyncio.wait_for(running, SECONDS_TO_HANG)
        n, told = await asyncio.wait_for(door, SECONDS_TO_HANG)
        assert n == 200
        assert "query.binding" in told
        for client, writer, _ in held:
            with contextlib.suppress(flight.FlightError, pa.ArrowException):
                writer.close()
            client.close()
