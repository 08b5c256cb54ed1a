"""Clients of a door that ask too much, stop reading or go away, over Flight SQL or HTTP: the gateway goes on."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from pyarrow import flight

from environments.gateway.doors import flight_beside
from tests.fakes.flight import COUNT, LONG, MANY, command, through, until_last
from tests.fakes.gateway import gateway


async def test_long_patterns_do_not_hold_the_gateway_up() -> None:
    """Thousands of signs that could each stand for anything: refused at once; runs of them are one."""
    async with gateway() as stands:

        def work(address: str) -> None:
            client = flight.connect(address)
            for pattern, found in ((b"%" * 200 + b"events" + b"%" * 40, 1), (b"%" * 100_000, None), (b"%_" * 90, 0)):
                info = client.get_flight_info(command("CommandGetTables", (3, pattern)))
                if found is None:
                    with pytest.raises(flight.FlightError, match=r"flight\.unreadable"):
                        client.do_get(info.endpoints[0].ticket).read_all()
                else:
                    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == found

        started = time.monotonic()
        await through(stands, work)
        assert time.monotonic() - started < 20


async def test_a_door_closes_on_a_client_that_stops_reading() -> None:
    """It is not waited for longer than a moment; its query ends in the log."""
    async with gateway() as stands:
        door = await stands.doors.open("asha", "admissions")
        address = f"grpc+unix://{flight_beside(door)}"

        def begin() -> Any:
            client = flight.connect(address)
            info = client.get_flight_info(command("CommandStatementQuery", (1, MANY.encode())))
            reader = client.do_get(info.endpoints[0].ticket)
            reader.read_chunk()
            return client, reader

        held = await asyncio.to_thread(begin)
        await asyncio.wait_for(stands.doors.close(door), 30)
        await until_last(stands, "query.failed")
        del held


async def test_a_client_that_goes_away_is_not_worked_for() -> None:
    """It leaves while its aggregate computes: the query ends within moments, and not when it would be done."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        door = await stands.doors.open("asha", "admissions")
        address = f"grpc+unix://{flight_beside(door)}"

        def leave() -> None:
            options = flight.FlightCallOptions(timeout=3)
            with pytest.raises(flight.FlightError):
                flight.connect(address).get_flight_info(command("CommandStatementQuery", (1, LONG.encode())), options)

        await asyncio.to_thread(leave)
        await until_last(stands, "query.failed")
        await stands.doors.close(door)


async def test_a_client_that_goes_away_over_http_is_not_worked_for() -> None:
    """Before the first part of its answer, too: an interrupted notebook hangs up, and what it asked ends."""
    async with gateway() as stands:
        await stands.ask(COUNT)
        before = stands.names().count("query.requested")
        _, asking = await asyncio.open_unix_connection(str(await stands.doors.open("asha", "admissions")))
        body = json.dumps({"sql": LONG, "parameters": None}).encode()
        asking.write(b"POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        async with asyncio.timeout(60):
            while stands.names().count("query.requested") == before:
                await asyncio.sleep(0.05)
        asking.close()
        await until_last(stands, "query.failed")
