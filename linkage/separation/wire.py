"""How do two processes speak? In frames on a Unix socket: a kind, a length, and JSON or a piece of an Arrow stream.

Nothing that could be run is ever sent: JSON and Arrow only, never pickle. A frame has at most 8 MiB; a stream that ends
before its end mark is an error, never a short table. What is in the tables is checked by who takes them
(linkage.separation.shapes).
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from linkage.errors import ZoneAway, ZoneError
from linkage.separation.ports import Named, Plain
from linkage.separation.shapes import NOT_ARROW, damaged

HEAD = struct.Struct(">cI")
LARGEST_FRAME = 8 << 20
ROWS_SENT = 1 << 16  # in one batch
LARGEST_READ = 1 << 30  # that a stream may ask for at once: of 65,536 rows, 16 KiB each
LARGEST_PLAIN = 64 << 20  # arguments: lists of deliveries and decisions
REQUEST, ANSWER, ERROR, PROGRESS = b"Q", b"A", b"X", b"P"
TABLE, PIECE, TABLE_ENDS, ALL_SENT = b"N", b"T", b"E", b"D"
LOCAL_UID = struct.Struct("3i")


class Wire:
    """One connection. Raises ZoneAway where the other side is gone, ZoneError for what is no frame."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def peer(self) -> int:
        """The account at the other side, by its number, as the kernel knows it."""
        found = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, LOCAL_UID.size)
        _, uid, _ = LOCAL_UID.unpack(found)
        return int(uid)

    def send(self, kind: bytes, content: bytes | memoryview = b"") -> None:
        """One frame."""
        try:
            self._socket.sendall(HEAD.pack(kind, len(content)))
            self._socket.sendall(content)
        except OSError:
            raise _gone() from None

    def send_plain(self, kind: bytes, data: Plain) -> None:
        """JSON, as one frame."""
        self.send(kind, json.dumps(data, separators=(",", ":")).encode())

    def send_table(self, name: str, table: pa.RecordBatchReader) -> None:
        """A table, batch by batch."""
        self.send_plain(TABLE, {"name": name})
        with pa.ipc.new_stream(pa.PythonFile(_Pieces(self), mode="w"), table.schema) as stream:
            for batch in table:
                for start in range(0, batch.num_rows, ROWS_SENT):
                    stream.write_batch(batch.slice(start, ROWS_SENT))
        self.send(TABLE_ENDS)

    def receive(self, largest: int = LARGEST_PLAIN) -> tuple[bytes, bytes]:
        """The next frame: kind and content. largest: bytes of arguments or of an answer's data."""
        kind, size = HEAD.unpack(self._exactly(HEAD.size))
        if size > (largest if kind in (REQUEST, ANSWER) else min(largest, LARGEST_FRAME)):
            raise ZoneError("What came is no frame of this haven's.", where="zone socket", mend="Start both anew.")
        return kind, self._exactly(size)

    def tables(self) -> Iterator[Named]:
        """The tables that come, up to the mark that all were sent; each is to be read to its end."""
        while True:
            kind, content = self.receive()
            if kind == ALL_SENT:
                return
            if kind != TABLE:
                raise disorder()
            pieces = _Received(self)
            name = str(plain(content).get("name"))
            try:
                stream = pa.ipc.open_stream(pa.PythonFile(pieces, mode="r"))
            except NOT_ARROW:
                raise damaged(name) from None
            yield name, stream
            pieces.finish()

    def _exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            try:
                part = self._socket.recv(min(size, 1 << 20))
            except OSError:
                raise _gone() from None
            if not part:
                raise _gone()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def plain(content: bytes) -> Plain:
    """The JSON object of a frame. Raises ZoneError."""
    try:
        data = json.loads(content)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise disorder()
    return data


class _Pieces:
    """A file to write into, as Arrow wants it: what is written goes out in frames."""

    closed = False

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def write(self, content: Any) -> int:
        """Send it, cut to the size of a frame."""
        rest = memoryview(content).cast("B")
        for start in range(0, len(rest), LARGEST_FRAME):
            self._wire.send(PIECE, rest[start : start + LARGEST_FRAME])
        return len(rest)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The connection stays."""


class _Received:
    """A file to read from: the pieces of one table as they come."""

    closed = False

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._rest = b""
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """So many bytes; fewer only where the table was marked as ended. Raises ZoneError for absurdly many."""
        if not 0 <= size <= LARGEST_READ:
            raise ZoneError("A piece of a table is too large.", where="zone socket", mend="Start both processes anew.")
        parts: list[bytes] = []
        wanted = size
        while wanted and self._more():
            part, self._rest = self._rest[:wanted], self._rest[wanted:]
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def finish(self) -> None:
        """Pass over what nobody read."""
        while self._more():
            self._rest = b""

    def close(self) -> None:
        """The connection stays."""

    def _more(self) -> bool:
        while not self._rest and not self._ended:
            kind, self._rest = self._wire.receive()
            if kind == TABLE_ENDS:
                self._ended = True
            elif kind != PIECE:
                raise disorder()
        return bool(self._rest)


def _gone() -> ZoneAway:
    return ZoneAway(
        "The other process ended the connection.",
        where="zone socket",
        mend="Nothing that was half sent is kept. Look at the zone's log, and run the command again.",
    )


def disorder() -> ZoneError:
    """The error of what no process of this version sends."""
    return ZoneError(
        "What came is out of order.", where="zone socket", mend="The two processes are of different versions."
    )
