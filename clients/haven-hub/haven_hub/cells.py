"""Which cell is about to run? Read from the messages between a browser and a kernel, as they pass the edge.

Where `v1.kernel.websocket.jupyter.org` was agreed, a message is a count of offsets, the offsets (each a 64-bit
little-endian number), the channel's name, then header, parent header, metadata and content as JSON, then buffers. Else
it is JSON text; with buffers, a count and offsets (32-bit big-endian numbers), JSON, buffers. (Jupyter Server's
documentation of its websocket protocols.) Pure: no message is changed here.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

LONGEST_TEXT = 200_000  # characters of a cell; a longer one is not run, for it could not be kept
V1 = "v1.kernel.websocket.jupyter.org"
PARTS = ("header", "parent_header", "metadata", "content")
WORD = 8
MOST_PIECES = 4096


class Unreadable(Exception):
    """A message that is of neither form: what it would run cannot be told, so it does not pass."""


@dataclass(frozen=True)
class Execution:
    """What a message asks a kernel to run, and the message's own header."""

    text: str
    header: dict[str, Any]
    v1: bool

    @property
    def digest(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def execution_in(message: str | bytes, *, v1: bool) -> Execution | None:
    """The cell that this message runs; None of a message that runs none. Raises Unreadable.

    Code also comes as `user_expressions`, as answers to input(), and from the debugger's console: they are part of it.
    """
    read = _v1 if v1 else _unversioned
    parts = read(message)
    header, content = parts["header"], parts["content"]
    kind = header.get("msg_type")
    said: list[str] = []
    if kind == "execute_request":
        said = [str(content.get("code", ""))]
        expressions = content.get("user_expressions")
        said += [str(one) for one in expressions.values()] if isinstance(expressions, dict) else []
    elif kind == "input_reply":
        said = [str(content.get("value", ""))]
    elif kind == "debug_request":
        arguments = content.get("arguments")
        said = [str(arguments["expression"])] if isinstance(arguments, dict) and "expression" in arguments else []
    elif kind in ("inspect_request", "complete_request", "is_complete_request"):
        return None  # asked at every key; the kernel looks at the text and does not run it
    text = "\n".join(one for one in said if one)
    return Execution(text, header, v1) if text else None


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
    try:
        read = json.loads(message)
    except (ValueError, RecursionError):
        raise Unreadable from None
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
        return _checked({name: json.loads(piece.decode()) for name, piece in zip(PARTS, pieces[1:], strict=False)})
    except (struct.error, ValueError, RecursionError):
        raise Unreadable from None


def _checked(read: dict[str, Any]) -> dict[str, Any]:
    if not all(isinstance(read.get(name), dict) for name in ("header", "content")):
        raise Unreadable
    return read
