"""How do the writer and its clients speak? JSON messages, each with its length in four bytes, on a Unix socket."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

from audit.canonical import to_entry
from audit.model import AuditEvent

LENGTH = struct.Struct(">I")
LARGEST_MESSAGE = 64 * 1024 * 1024


def pack(message: dict[str, Any]) -> bytes:
    """A message as bytes."""
    body = json.dumps(message, ensure_ascii=True).encode()
    return LENGTH.pack(len(body)) + body


def receive(connection: socket.socket) -> dict[str, Any]:
    """One message from a socket. Raises ConnectionError when the other side is gone."""
    (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    if length > LARGEST_MESSAGE:
        raise ConnectionError("the message is too large")
    message = json.loads(_exactly(connection, length))
    if not isinstance(message, dict):
        raise ConnectionError("the message is no object")
    return message


def entry_text(event: AuditEvent) -> str:
    """An event as the writer takes it: its canonical text."""
    return to_entry(event).decode()


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionError("the writer closed the connection")
        parts += part
    return bytes(parts)
