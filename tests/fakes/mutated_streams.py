"""Arrow streams with bytes changed, each read as a zone's process reads a table. A program: `... FIRST_SEED HOW_MANY`.

Prints how many were refused and how many read. Ends with status 1 where an error was no HavenError, or a table read
was not of its shape or held more bytes than were sent. A crash is seen by who started it.
"""

from __future__ import annotations

import json
import random
import socket
import sys

import pyarrow as pa

from audit.errors import HavenError
from linkage.separation.shapes import CheckedTables, Shape
from linkage.separation.wire import ALL_SENT, PIECE, TABLE, TABLE_ENDS, Wire

SHAPE = Shape(
    {"key": pa.string(), "n": pa.int64(), "yes": pa.bool_(), "parts": pa.list_(pa.string()), "b": pa.binary()}
)
ROWS = 50


def valid_stream() -> bytes:
    """Two batches of ROWS rows."""
    cells = [f"cell-{n}" if n % 7 else None for n in range(ROWS)]
    batch = pa.record_batch(
        {
            "key": pa.array(cells),
            "n": pa.array([n if n % 5 else None for n in range(ROWS)], pa.int64()),
            "yes": pa.array([n % 2 == 0 for n in range(ROWS)]),
            "parts": pa.array([[cell, "x"] for cell in cells], pa.list_(pa.string())),
            "b": pa.array([b"bytes"] * ROWS, pa.binary()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
        stream.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def changed(stream: bytes, chance: random.Random) -> bytes:
    """Some bytes of it changed: most often one, often to a value at a bound; now and then cut short."""
    made = bytearray(stream)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        place = chance.randrange(len(made))
        made[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(made[: chance.randrange(len(made))] if chance.random() < 0.1 else made)


def lying(stream: bytes, rows: int) -> bytes:
    """The same, where each batch says that it has so many rows."""
    said = ROWS.to_bytes(8, "little")
    return stream.replace(said, rows.to_bytes(8, "little", signed=True))


def read(content: bytes) -> pa.Table:
    """As a process takes it from the wire. Raises HavenError."""
    here, there = socket.socketpair()
    with here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        sent = Wire(here)
        sent.send_plain(TABLE, {"name": "t"})
        sent.send(PIECE, content)
        sent.send(TABLE_ENDS)
        sent.send(ALL_SENT)
        given = CheckedTables(Wire(there).tables(), {"t": SHAPE}, complete=True)
        with given.told():
            ((_, table),) = [(name, rows.read_all()) for name, rows in given]
    return table


def fits(table: pa.Table, sent: int) -> bool:
    """Is it of its shape, and no larger than what came? All of it is looked at."""
    looked = sum(len(repr(row)) for row in table.to_pylist())
    size = sum(len(cell or b"") for name in ("key", "b") for cell in table[name].to_pylist())
    return SHAPE.fits(table.schema) and looked >= 0 and size <= sent


def main(first: str, many: str) -> int:
    """Read so many changed streams."""
    stream = valid_stream()
    assert read(stream).num_rows == 2 * ROWS
    count = {"read": 0, "refused": 0}
    contents = [lying(stream, rows) for rows in (ROWS + 1, 10**6, 2**40, 2**62, -1)]
    contents += [changed(stream, random.Random(int(first) + seed)) for seed in range(int(many))]  # noqa: S311
    for number, content in enumerate(contents):
        try:
            table = read(content)
        except HavenError:
            count["refused"] += 1
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            print(f"stream {number}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
        if not fits(table, len(content)):
            print(f"stream {number}: more than was sent", file=sys.stderr)
            return 1
        count["read"] += 1
    print(json.dumps(count))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
