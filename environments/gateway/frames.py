"""How do the gateway and a worker speak? Length-prefixed frames over a Unix socket, one connection per query.

One line of JSON asks; then: schema, batches (each with its rows), and end or error. The parts are Arrow IPC messages,
so that what the worker sends goes to the client as it is.
"""

from __future__ import annotations

import socket
import struct
from enum import IntEnum

HEADER = struct.Struct("!BII")  # kind, bytes that follow, rows in them
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"  # Arrow IPC's own end mark
LONGEST_REQUEST = 4 * 1024 * 1024


class Kind(IntEnum):
    """What a frame holds."""

    SCHEMA = 1
    BATCH = 2
    END = 3
    ERROR = 4


def send_frame(to: socket.socket, kind: Kind, content: bytes | memoryview = b"", rows: int = 0) -> None:
    """Send a frame with its header; the content is not copied on the way. Raises OSError."""
    parts = [memoryview(HEADER.pack(kind, len(content), rows)), memoryview(content)]
    while parts:
        sent = to.sendmsg(parts)
        while parts and sent >= len(parts[0]):
            sent -= len(parts.pop(0))
        if sent:
            parts[0] = parts[0][sent:]
