"""What does the gateway cost? Five million rows through door, gate, log and worker, beside DuckDB alone."""

from __future__ import annotations

import asyncio
import importlib
import statistics
import time
from typing import Any

import duckdb

from environments.gateway.gate import Gate
from tests.fakes.gateway import client, gateway

NAME = "gateway: 5 million rows of six columns to the client, beside in-process DuckDB"
SHORT = "select count(*) from gp_events"
ROUNDS = 3


def _statement(rows: int) -> str:
    columns = "r, r * 2 as a, r % 7 as b, r * 0.5 as c, (r % 1000)::varchar as d, r % 2 = 0 as e"
    return f"select {columns} from range({rows}) q(r)"


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Seconds of each, their ratio, and the cost of a small query and of the gate alone."""
    rows = 500_000 if quick else 5_000_000
    alone = min(_alone(rows) for _ in range(ROUNDS))
    through, small = asyncio.run(_through(rows))
    gate = Gate()
    started = time.perf_counter()
    for _ in range(200):
        gate.judge(SHORT, {"gp_events"})
    judged = (time.perf_counter() - started) / 200
    return [
        ("in-process DuckDB to Arrow", alone, "s"),
        ("through the gateway, as the client has it", through, "s"),
        ("ratio", through / alone, "times"),
        ("rate", rows / through, "rows/s"),
        ("a small query, all of it", small * 1000, "ms"),
        ("the gate on it", judged * 1000, "ms"),
    ]


def _alone(rows: int) -> float:
    with duckdb.connect() as connection:
        started = time.perf_counter()
        connection.sql(_statement(rows)).to_arrow_table()
        return time.perf_counter() - started


async def _through(rows: int) -> tuple[float, float]:
    client()
    haven: Any = importlib.import_module("haven")
    connections: Any = importlib.import_module("haven.connection")
    async with gateway(people=40) as stands:
        door = await stands.doors.open("asha", "admissions")
        connection = connections.Connection(str(door))

        def timed(sql: str) -> float:
            started = time.perf_counter()
            haven.sql(sql, connection=connection)
            return time.perf_counter() - started

        await asyncio.to_thread(timed, SHORT)  # the worker starts
        large = min([await asyncio.to_thread(timed, _statement(rows)) for _ in range(ROUNDS)])
        small = statistics.median([await asyncio.to_thread(timed, SHORT) for _ in range(30)])
        return large, small
