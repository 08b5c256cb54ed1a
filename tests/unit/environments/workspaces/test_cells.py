"""Which cell does a message run? Read in every form that a workspace's server reads, by the server's own writers."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any

import pytest
from haven_hub.cells import Unreadable, execution_in, not_run

HEADER = ("msg_id", "msg_type", "username", "session", "date", "version", "subshell_id")  # JupyterLab's


def _parts(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "header": dict.fromkeys(HEADER, "m") | {"msg_type": kind},
        "parent_header": {},
        "metadata": {},
        "content": content,
    }


def _json(kind: str, content: dict[str, Any]) -> str:
    return json.dumps({"channel": "shell", **_parts(kind, content)})


def _with_buffers(kind: str, content: dict[str, Any]) -> bytes:
    """As Jupyter Server's `serialize_binary_message` writes it: a count and 32-bit offsets, JSON, then a buffer."""
    return _beside_a_buffer(_json(kind, content).encode())


def _beside_a_buffer(text: bytes) -> bytes:
    return struct.pack("!III", 2, 12, 12 + len(text)) + text + b"buffer"


def _v1(kind: str, content: dict[str, Any]) -> bytes:
    """As `serialize_msg_to_ws_v1` writes it."""
    return _framed([json.dumps(part).encode() for part in _parts(kind, content).values()])


def _framed(parts: list[bytes]) -> bytes:
    pieces = [b"shell", *parts]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(pieces)


FORMS = [(_json, False), (_with_buffers, False), (_v1, True)]
RUNS = [
    ("execute_request", {"code": "1 + 1"}, "1 + 1"),
    ("execute_request", {"code": "", "user_expressions": {"x": "secret()"}}, "secret()"),
    ("input_reply", {"value": "exec('x')"}, "exec('x')"),
    ("debug_request", {"command": "evaluate", "arguments": {"expression": "y"}}, "y"),
]
RUNS_NOTHING = [
    ("kernel_info_request", {}),
    ("complete_request", {"code": "imp"}),
    ("inspect_request", {"code": "x"}),
    ("execute_request", {"code": ""}),
    ("comm_info_request", {}),
]


@pytest.mark.parametrize(("write", "v1"), FORMS)
@pytest.mark.parametrize(("kind", "content", "text"), RUNS)
def test_what_runs_is_found(write: Any, v1: bool, kind: str, content: dict[str, Any], text: str) -> None:
    """In each form: a cell, an expression beside it, an answer to input(), the debugger's console."""
    found = execution_in(write(kind, content), v1=v1)
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(("write", "v1"), FORMS)
@pytest.mark.parametrize(("kind", "content"), RUNS_NOTHING)
def test_what_runs_nothing_is_let_be(write: Any, v1: bool, kind: str, content: dict[str, Any]) -> None:
    """Questions of the page, asked at every key, are no cells."""
    assert execution_in(write(kind, content), v1=v1) is None


@pytest.mark.parametrize(
    ("message", "v1"),
    [
        ("", False),
        ("[]", False),
        ('{"header": 1, "content": {}}', False),
        (b"", False),
        (b"\x00\x00\x00\x02", False),
        ("{}", True),
        (b"", True),
        (b"\xff" * 16, True),
        (struct.pack("<Q", 3) + bytes(24), True),
        (struct.pack("<7Q", 6, 1, 2, 3, 4, 5, 6) + b"x" * 40, True),
        (_json("execute_request", {"code": "x"}), True),
    ],
)
def test_what_cannot_be_read_does_not_pass(message: str | bytes, v1: bool) -> None:
    """Of a message whose meaning is not certain nobody says that it runs nothing."""
    with pytest.raises(Unreadable):
        execution_in(message, v1=v1)


HEAD = '"msg_type": "execute_request", "msg_id": "m"'
TWO_READINGS = {
    "code twice": (HEAD, '"code": "evil()", "code": "1+1"'),
    "kind twice": ('"msg_type": "execute_request", "msg_type": "comm_msg"', '"code": "evil()"'),
    "twice further down": (HEAD, '"code": "", "user_expressions": {"x": "evil()", "x": "1"}'),
    "kind by a longer name": ('"msg_type_": "execute_request"', '"code": "evil()"'),
    "a longer name beside the kind": ('"msg_type": "comm_msg", "msg_types": "x"', '"code": "evil()"'),
    "code by a longer name": (HEAD, '"code_": "evil()"'),
    "expressions by a longer name": (HEAD, '"code": "", "user_expressions_": {"x": "evil()"}'),
    "answer by a longer name": ('"msg_type": "input_reply"', '"value_": "evil()"'),
    "code to its NUL": (HEAD, '"code": "evil()\\u0000"'),
    "kind to its NUL": ('"msg_type": "execute_request\\u0000_"', '"code": "evil()"'),
    "name to its NUL": (HEAD, '"code\\u0000": "evil()", "silent": false'),
    "half a character": (HEAD, '"code": "\'\\ud800\\u0027; evil() #\'"'),
    "kind in a list": ('"msg_type": ["execute_request"]', '"code": "evil()"'),
    "kind as a number": ('"msg_type": 5', '"code": "evil()"'),
    "code in a list": (HEAD, '"code": ["evil()"]'),
    "expression in a list": (HEAD, '"code": "", "user_expressions": {"x": ["evil()"]}'),
    "expressions in a list": (HEAD, '"code": "", "user_expressions": ["evil()"]'),
    "answer in a list": ('"msg_type": "input_reply"', '"value": ["evil()"]'),
    "a number that is none": (HEAD, '"code": "1", "silent": NaN'),
    "no code": (HEAD, '"silent": false'),
    "no kind": ('"msg_id": "m"', '"code": "evil()"'),
}


@pytest.mark.parametrize(("header", "content"), TWO_READINGS.values(), ids=TWO_READINGS)
@pytest.mark.parametrize("write", ["json", "buffers", "v1"])
def test_what_two_kernels_read_differently_does_not_pass(write: str, header: str, content: str) -> None:
    """R's reader takes the first of two names, a longer name, a text up to its NUL, a list for its one text."""
    with pytest.raises(Unreadable):
        execution_in(_written(write, header, content), v1=write == "v1")


@pytest.mark.parametrize("write", ["json", "buffers", "v1"])
@pytest.mark.parametrize("beside", ['{"x": 1, "x": 2}', '{"x": {"y": [{"z": 1, "z": 2}]}}', '{"x": "\\u0000"}'])
def test_nor_does_one_with_two_readings_beside_its_cell(write: str, beside: str) -> None:
    """Every part of a message is read in one way, at every depth."""
    for parts in (("{}", beside), (beside, "{}")):
        with pytest.raises(Unreadable):
            execution_in(_written(write, HEAD, '"code": "1"', *parts), v1=write == "v1")
    assert execution_in(_written(write, HEAD, '"code": "1"'), v1=write == "v1") is not None


def test_a_part_that_stands_twice_does_not_pass() -> None:
    """Also a whole header or content."""
    one = _written("json", HEAD, '"code": "1"')
    assert isinstance(one, str)
    with pytest.raises(Unreadable):
        execution_in(one[:-1] + ', "content": {"code": "1"}}', v1=False)


@pytest.mark.parametrize(("write", "v1"), FORMS)
def test_what_lab_sends_passes(write: Any, v1: bool) -> None:
    """A cell as JupyterLab writes it, with all that it says beside."""
    content = {"silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True,
               "stop_on_error": True, "code": "print('\u00e4\U0001f600')"}  # fmt: skip
    found = execution_in(write("execute_request", content), v1=v1)
    assert found is not None
    assert found.text == content["code"]


@pytest.mark.parametrize(("write", "v1"), FORMS)
def test_a_cell_that_is_not_run_says_why(write: Any, v1: bool) -> None:
    """The page is told an error, an end and that the kernel is idle, each as an answer to its own message."""
    execution = execution_in(write("execute_request", {"code": "x"}), v1=v1)
    assert execution is not None
    told = not_run(execution, "The log does not answer.")
    if v1:
        assert all(isinstance(one, bytes) for one in told)
        told = [_read_v1(one) for one in told if isinstance(one, bytes)]
    read = [json.loads(one) for one in told]
    assert [one["header"]["msg_type"] for one in read] == ["error", "execute_reply", "status"]
    assert {one["parent_header"]["msg_id"] for one in read} == {"m"}
    assert "does not answer" in read[0]["content"]["evalue"]


def _written(write: str, header: str, content: str, parent: str = "{}", metadata: str = "{}") -> str | bytes:
    """A message of parts that no writer of JSON would write."""
    parts = [f"{{{header}}}", parent, metadata, f"{{{content}}}"]
    if write == "v1":
        return _framed([part.encode() for part in parts])
    names = ("header", "parent_header", "metadata", "content")
    text = "{" + ", ".join(f'"{name}": {part}' for name, part in zip(names, parts, strict=True)) + "}"
    return text if write == "json" else _beside_a_buffer(text.encode())


def _read_v1(message: bytes) -> str:
    """As a page reads it: by its offsets."""
    (count,) = struct.unpack_from("<Q", message)
    offsets = struct.unpack_from(f"<{count}Q", message, 8)
    channel, *parts = (message[start:end] for start, end in pairwise(offsets))
    names = ("header", "parent_header", "metadata", "content")
    return json.dumps({"channel": channel.decode(), **dict(zip(names, map(json.loads, parts), strict=True))})
