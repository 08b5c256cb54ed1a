"""What does the gateway cost? Five million rows through door, gate, log and worker, beside DuckDB alone; small queries.

The client is a process of its own, as a researcher's kernel is. The log is the real one, with its own process.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import duckdb

from environments.gateway.gate import Gate
from tests.fakes.gateway import CLIENT, gateway

NAME = "gateway: 5 million rows of six columns to the client, beside in-process DuckDB"
ONE = "select 1"
SHORT = "select count(*) from gp_events"
ROUNDS = 5
MEDIUM = "with f as (select code, value from gp_events where value > 3) select code, avg(value) from f group by code"
LONG = f"with {', '.join(f'c{n} as (select * from gp_events where value > {n})' for n in range(20))} select * from c19"
CLIENT_SCRIPT = """
import concurrent.futures, json, statistics, sys, time
import pyarrow as pa
import haven
from haven.connection import Connection, _UnixConnection
door, large, one, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
connection = Connection(door)
def timed(sql):
    started = time.perf_counter()
    haven.sql(sql, connection=connection)
    return time.perf_counter() - started
def first_batch():
    raw = _UnixConnection(door)
    started = time.perf_counter()
    raw.request("POST", "/v1/query", json.dumps({"sql": large}), {"Content-Type": "application/json"})
    pa.ipc.open_stream(raw.getresponse()).read_next_batch()
    seconds = time.perf_counter() - started
    raw.close()
    return seconds
timed(one)
found = {"large": min(timed(large) for _ in range(rounds))}
found["first"] = statistics.median(first_batch() for _ in range(rounds))
found["one"] = statistics.median(timed(one) for _ in range(50))
with concurrent.futures.ThreadPoolExecutor(8) as eight:
    started = time.perf_counter()
    found["of eight"] = statistics.median(eight.map(timed, [one] * 80))
    found["a second"] = 80 / (time.perf_counter() - started)
print(json.dumps(found))
"""


def _statement(rows: int) -> str:
    columns = "r, r * 2 as a, r % 7 as b, r * 0.5 as c, (r % 1000)::varchar as d, r % 2 = 0 as e"
    return f"select {columns} from range({rows}) q(r)"


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Seconds of each, their ratio, and the time of first batches, small queries, the gate and a worker's start."""
    rows = 500_000 if quick else 5_000_000
    alone = min(_alone(rows) for _ in range(ROUNDS))
    through, start = asyncio.run(_through(rows))
    gate = Gate()
    return [
        ("in-process DuckDB to Arrow", alone, "s"),
        ("through the gateway, as the client has it", through["large"], "s"),
        ("ratio", through["large"] / alone, "times"),
        ("rate", rows / through["large"], "rows/s"),
        ("until its first batch", through["first"] * 1000, "ms"),
        ("`select 1`, all of it, half of them within", through["one"] * 1000, "ms"),
        ("the same with eight at once", through["of eight"] * 1000, "ms"),
        ("queries of eight clients", through["a second"], "a second"),
        *((f"the gate on a {name} query", _judged(gate, sql), "ms") for name, sql in _judged_ones()),
        ("a worker's start, and its first answer", start * 1000, "ms"),
    ]


def _judged_ones() -> list[tuple[str, str]]:
    return [("short", SHORT), ("medium", MEDIUM), ("20-CTE", LONG)]


def _judged(gate: Gate, sql: str) -> float:
    """Milliseconds; of a statement that may run."""
    gate.judge(sql, {"gp_events"}).require()
    started = time.perf_counter()
    for _ in range(50):
        gate.judge(sql, {"gp_events"})
    return (time.perf_counter() - started) / 50 * 1000


def _alone(rows: int) -> float:
    with duckdb.connect() as connection:
        started = time.perf_counter()
        connection.sql(_statement(rows)).to_arrow_table()
        return time.perf_counter() - started


async def _through(rows: int) -> tuple[dict[str, Any], float]:
    async with gateway(people=40, as_installed=True) as stands:
        door = await stands.doors.open("asha", "admissions")
        started = time.perf_counter()
        await stands.ask(ONE)
        start = time.perf_counter() - started
        command = [sys.executable, "-c", CLIENT_SCRIPT, str(door), _statement(rows), ONE, str(ROUNDS)]
        done = await asyncio.to_thread(
            subprocess.run, command, env={"PYTHONPATH": str(CLIENT)}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return json.loads(done.stdout), start
