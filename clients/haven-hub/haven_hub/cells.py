"""Which cell is about to run? Read from the messages between a browser and a kernel, as they pass the edge.

Where `v1.kernel.websocket.jupyter.org` was agreed, a message is a count of offsets, the offsets (each a 64-bit
little-endian number), the channel's name, then header, parent header, metadata and content as JSON, then buffers. Else
it is JSON text; with buffers, a count and offsets (32-bit big-endian numbers), JSON, buffers. (Jupyter Server's
documentation of its websocket protocols.) Pure: no message is changed here.

Rule: what is written down is what any kernel reads. JSON has readers who differ, and R's is one: of a name that stands
twice it takes the first, a text ends for it at NUL, half a character swallows what follows, a list of one text is that
text; and `$code` finds a longer name, too. A message that could be read in two ways does not pass.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

LONGEST_TEXT = 200_000  # characters of a cell; a longer one is not run, for it could not be kept
V1 = "v1.kernel.websocket.jupyter.org"
PARTS = ("header", "parent_header", "metadata", "content")
WORD = 8
MOST_PIECES = 4096
HEADER = frozenset({"msg_id", "msg_type", "username", "session", "date", "version", "subshell_id"})
CONTENT = {
    "execute_request": frozenset(
        {"code", "silent", "store_history", "user_expressions", "allow_stdin", "stop_on_error"}
    ),
    "input_reply": frozenset({"status", "value"}),
}


class Unreadable(Exception):
    """A message of neither form, or with two readings: what it would run cannot be told, so it does not pass."""


@dataclass(frozen=True)
class Execution:
    """What a message asks a kernel to run, and the message's own header."""

    text: str
    header: dict[str, Any]
    v1: bool

    @property
    def digest(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def execution_in(message: str | bytes, *, v1: bool) -> Execution | None:
    """The cell that this message runs; None of a message that runs none. Raises Unreadable.

    Code also comes as `user_expressions`, as answers to input(), and from the debugger's console: they are part of it.
    """
    read = _v1 if v1 else _unversioned
    parts = read(message)
    header = parts["header"]
    said = _said(header["msg_type"], parts["content"])
    if not all(isinstance(one, str) for one in said):
        raise Unreadable
    text = "\n".join(one for one in said if one)
    return Execution(text, header, v1) if text else None


def _said(kind: str, content: dict[str, Any]) -> list[Any]:
    """What of this content a kernel would run. What is asked at every key it looks at, and does not run."""
    if kind == "execute_request":
        expressions = content.get("user_expressions") or {}
        return [content.get("code"), *(expressions.values() if isinstance(expressions, dict) else [expressions])]
    if kind == "input_reply":
        return [content.get("value")]
    if kind == "debug_request":
        arguments = content.get("arguments")
        return [arguments["expression"]] if isinstance(arguments, dict) and "expression" in arguments else []
    return []


def not_run(execution: Execution, why: str) -> list[str | bytes]:
    """What the browser is told in the kernel's place, so that the notebook shows the reason and goes on."""
    content = {"ename": "NotRun", "evalue": why, "traceback": [f"NotRun: {why}"]}
    told = (
        ("iopub", "error", content),
        ("shell", "execute_reply", {"status": "error", "execution_count": 0, **content}),
        ("iopub", "status", {"execution_state": "idle"}),
    )
    return [_message(execution, *one) for one in told]


def _message(execution: Execution, channel: str, kind: str, content: dict[str, Any]) -> str | bytes:
    header = {**execution.header, "msg_id": uuid.uuid4().hex, "msg_type": kind}
    parts = {"header": header, "parent_header": execution.header, "metadata": {}, "content": content}
    if not execution.v1:
        return json.dumps({"channel": channel, "msg_id": header["msg_id"], "msg_type": kind, "buffers": [], **parts})
    pieces = [channel.encode(), *(json.dumps(parts[name]).encode() for name in PARTS)]
    start = WORD * (len(pieces) + 2)
    offsets = [start]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(pieces)


def _unversioned(message: str | bytes) -> dict[str, Any]:
    return _with_buffers(message) if isinstance(message, bytes) else _json(message)


def _json(message: str) -> dict[str, Any]:
    read = _read(message)
    return _checked(read if isinstance(read, dict) else {})


def _with_buffers(message: bytes) -> dict[str, Any]:
    try:
        count, start = struct.unpack_from("!iI", message)
        end = struct.unpack_from("!I", message, 8)[0] if count > 1 else None
        return _json(message[start:end].decode())
    except (struct.error, ValueError):
        raise Unreadable from None


def _v1(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, str):
        raise Unreadable
    try:
        (count,) = struct.unpack_from("<Q", message)
        if not len(PARTS) + 2 <= count <= MOST_PIECES:
            raise Unreadable
        offsets = struct.unpack_from(f"<{count}Q", message, WORD)
        pieces = [message[start:end] for start, end in pairwise(offsets)]
        return _checked({name: _read(piece.decode()) for name, piece in zip(PARTS, pieces[1:], strict=False)})
    except (struct.error, ValueError):
        raise Unreadable from None


def _checked(read: dict[str, Any]) -> dict[str, Any]:
    header, content = read.get("header"), read.get("content")
    if not isinstance(header, dict) or not isinstance(content, dict):
        raise Unreadable
    kind = header.get("msg_type")
    if not isinstance(kind, str) or header.keys() - HEADER or content.keys() - CONTENT.get(kind, content.keys()):
        raise Unreadable
    return read


def _read(text: str) -> Any:
    """JSON that has one reading only. Raises Unreadable."""
    try:
        read = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
        _look_through(read)
    except (ValueError, RecursionError):  # half a character cannot be encoded, which is a ValueError, too
        raise Unreadable from None
    return read


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable
    return found


def _no_number(_: str) -> NoReturn:
    raise Unreadable


def _look_through(value: object) -> None:
    if isinstance(value, str):
        if b"\0" in value.encode():
            raise Unreadable
    elif isinstance(value, dict):
        for name, one in value.items():
            _look_through(name)
            _look_through(one)
    elif isinstance(value, list):
        for one in value:
            _look_through(one)
