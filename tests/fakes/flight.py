"""A client of the gateway's Flight SQL door: its address, its messages, and statements that are short, wide or long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from pyarrow import flight

from environments.gateway.doors import flight_beside
from environments.gateway.flight.wire import write_message
from environments.gateway.model import Asker
from tests.fakes.gateway import ASHA, GatewayForTests

COUNT = "select count(*) as n from gp_events"
MANY = "select a.pseudonym from gp_events a, range(20000) r"
LONG = "select count(*) from range(10000000) a(i), range(10000000) b(j) where (i * j) % 7 = 3"
SQL = "type.googleapis.com/arrow.flight.protocol.sql."


async def through(stands: GatewayForTests, work: Callable[[str], Any], asker: Asker = ASHA) -> Any:
    """Call `work` with the address of a new door's Flight SQL socket."""
    door = await stands.doors.open(asker.person, asker.project)
    try:
        return await asyncio.to_thread(work, f"grpc+unix://{flight_beside(door)}")
    finally:
        await stands.doors.close(door)


async def until_last(stands: GatewayForTests, name: str) -> None:
    """Wait until this is the log's last entry."""
    until = time.monotonic() + 20
    while stands.names()[-1] != name and time.monotonic() < until:
        await asyncio.sleep(0.05)
    assert stands.names()[-1] == name


def command(name: str, *fields: tuple[int, int | bytes]) -> flight.FlightDescriptor:
    """A command of Flight SQL, as a client describes it."""
    return flight.FlightDescriptor.for_command(message(name, *fields))


def message(name: str, *fields: tuple[int, int | bytes]) -> bytes:
    """A message of Flight SQL, packed."""
    return write_message([(1, (SQL + name).encode()), (2, write_message(fields))])
