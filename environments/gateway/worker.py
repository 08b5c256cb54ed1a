"""Who holds a project's data open? A process of its own, with this one file, read-only, and nothing else reachable.

Its instructions, the key among them, come by standard input: never an argument, never the environment. DuckDB says
that its settings are no sandbox: the process is the boundary, and the lock-down inside it the second one (design
section 4). Ends when its standard input ends, so that it never outlives the gateway.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from environments.gateway.engine import SHUT_OFF
from environments.gateway.failures import failure_of
from environments.gateway.frames import LONGEST_REQUEST, Kind, send_frame

BATCH_ROWS = 32_768
LEAST_IN_TWO = BATCH_ROWS // 2  # rows; fewer may be the whole answer, and that waits until its end is in the log
MOST_AT_ONCE = 16
MOST_SPILLED = 20 * 1000**3  # bytes
MOST_FILES = 1024


@dataclass(frozen=True)
class Instructions:
    """What a worker is told at its start."""

    scope: str
    key: str
    listener: int  # the open socket at which it is asked: it makes none itself
    spill: str
    memory: str
    data_bytes: int  # past this the kernel gives the process no more memory, whatever the engine counts
    threads: int


def main() -> None:
    """Open the scope, lock down, say `ready`, and answer until standard input ends."""
    told = Instructions(**json.loads(sys.stdin.readline()))
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, told.data_bytes),
        (resource.RLIMIT_FSIZE, MOST_SPILLED),
        (resource.RLIMIT_NOFILE, MOST_FILES),
    ):
        resource.setrlimit(kind, (most, most))
    listener = socket.socket(fileno=told.listener)
    connection = open_scope(told)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print("ready", flush=True)  # noqa: T201 - the gateway waits for this line
    room = threading.Semaphore(MOST_AT_ONCE)
    while True:
        room.acquire()
        asked, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection.cursor(), asked, room), daemon=True).start()


def open_scope(told: Instructions) -> duckdb.DuckDBPyConnection:
    """The scope as `scope`, and every way to anything else closed. The order matters."""
    connection = duckdb.connect(config={**SHUT_OFF})
    connection.execute("SET GLOBAL temp_directory = ?", [told.spill])
    connection.execute("SET GLOBAL temp_file_encryption = true")
    connection.execute("SET GLOBAL max_temp_directory_size = ?", [f"{MOST_SPILLED}B"])
    connection.execute("ATTACH ? AS scope (ENCRYPTION_KEY ?, READ_ONLY)", [told.scope, told.key])
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute("SET GLOBAL memory_limit = ?", [told.memory])
    connection.execute("SET GLOBAL threads = ?", [told.threads])
    connection.execute("SET GLOBAL disabled_filesystems = 'LocalFileSystem'")
    connection.execute("SET GLOBAL lock_configuration = true")
    return connection


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def _answer(cursor: duckdb.DuckDBPyConnection, asked: socket.socket, room: threading.Semaphore) -> None:
    """One query on one connection; when the other end goes away, the query is interrupted."""
    try:
        with asked, asked.makefile("rb") as lines:
            request = json.loads(lines.readline(LONGEST_REQUEST))
            done = threading.Event()
            threading.Thread(target=_interrupt_when_left, args=(cursor, asked, done), daemon=True).start()
            try:
                with contextlib.suppress(OSError):
                    _run(cursor, request, asked)
            finally:
                done.set()
                cursor.close()
    finally:
        room.release()


def _run(cursor: duckdb.DuckDBPyConnection, request: dict[str, Any], asked: socket.socket) -> None:
    try:
        cursor.execute("USE scope")
        reader = cursor.sql(request["sql"], params=request["parameters"]).to_arrow_reader(BATCH_ROWS)
        schema = _plain(reader.schema)
        send_frame(asked, Kind.SCHEMA, memoryview(schema.serialize()))
        for batch in _first_in_two(reader):
            whole = batch if batch.schema == schema else batch.cast(schema)
            send_frame(asked, Kind.BATCH, memoryview(whole.serialize()), whole.num_rows)
        send_frame(asked, Kind.END)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - any: it becomes a kind and advice, and the text goes to the log only
        failure = failure_of(error, request["sql"])
        content = {"kind": failure.kind, "reason": failure.reason, "mend": failure.mend, "detail": failure.detail}
        send_frame(asked, Kind.ERROR, json.dumps(content).encode())


def _first_in_two(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows. The gateway holds the last part back: of two, one goes on before the next batch is computed.

    A small first batch stays whole: else half of a small answer would leave before anything is counted or logged.
    """
    rest = iter(batches)
    first = next(rest, None)
    if first is not None:
        half = first.num_rows // 2 if first.num_rows >= LEAST_IN_TWO else 0
        yield from (first.slice(0, half), first.slice(half)) if half else (first,)
    yield from rest


def _plain(schema: pa.Schema) -> pa.Schema:
    """Enumerations as text: a dictionary would need messages of its own in the stream."""
    fields = [pa.field(one.name, one.type.value_type) if pa.types.is_dictionary(one.type) else one for one in schema]
    return pa.schema(fields)


def _interrupt_when_left(cursor: duckdb.DuckDBPyConnection, asked: socket.socket, done: threading.Event) -> None:
    """The gateway sends nothing after its request: a readable socket means that it has left."""
    while not done.is_set():
        with contextlib.suppress(OSError, ValueError):
            if asked.fileno() < 0:
                return
            ready, _, _ = select.select([asked], [], [], 0.1)
            if ready and not done.is_set():
                cursor.interrupt()
                done.wait(0.05)


if __name__ == "__main__":
    main()
