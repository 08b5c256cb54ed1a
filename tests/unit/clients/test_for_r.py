"""What R is sent: each kind of value as R holds it, and never another value than was asked for."""

from __future__ import annotations

import datetime
import io
import json
import struct
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from haven import for_r
from haven.errors import Refused
from haven.outputs import Submission

MISSING = -(2**31)
DAY = datetime.date(2024, 2, 29)
MOMENT = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC)
SECONDS = MOMENT.timestamp()


def _sent(values: pa.Array) -> tuple[str, list[Any], list[str]]:
    """The column's kind, its values as R reads them (None for NA), and the notes."""
    header, parts = for_r.for_r(pa.table({"c": values}))
    (column,), rest = header["columns"], b"".join(parts)
    rows = header["rows"]
    if column["kind"] in ("text", "factor"):
        lengths = struct.unpack_from(f"<{column['levels']}i", rest)
        rest = rest[4 * len(lengths) :]
        levels = []
        for length in lengths:
            levels.append(rest[:length].decode())
            rest = rest[length:]
        codes = struct.unpack(f"<{rows}i", rest)
        return column["kind"], [None if code == MISSING else levels[code - 1] for code in codes], header["notes"]
    if column["kind"] in ("integer", "logical"):
        found: list[Any] = [None if one == MISSING else one for one in struct.unpack(f"<{rows}i", rest)]
    else:
        low = np.frombuffer(rest, "<u4")[::2]
        numbers = np.frombuffer(rest, "<f8")
        found = [None if np.isnan(one) and word == 1954 else float(one) for one, word in zip(numbers, low, strict=True)]
    return column["kind"], found, header["notes"]


@pytest.mark.parametrize(
    ("given", "kind", "sent"),
    [
        (pa.array([1, None], pa.int16()), "integer", [1, None]),
        (pa.array([2**31 - 1, None], pa.int32()), "integer", [2**31 - 1, None]),
        (pa.array([MISSING, 1], pa.int32()), "double", [float(MISSING), 1.0]),
        (pa.array([2**32 - 1, None], pa.uint32()), "double", [2.0**32 - 1, None]),
        (pa.array([2**53, None], pa.int64()), "double", [2.0**53, None]),
        (pa.array([2**53 + 1, None], pa.int64()), "text", [str(2**53 + 1), None]),
        (pa.array([2**64 - 1], pa.uint64()), "text", [str(2**64 - 1)]),
        (pa.array([Decimal(12), None], pa.decimal128(38, 0)), "double", [12.0, None]),
        (pa.array([Decimal(-(10**30))], pa.decimal128(38, 0)), "text", [str(-(10**30))]),
        (pa.array([Decimal("1.25"), None], pa.decimal128(5, 2)), "double", [1.25, None]),
        (pa.array([0.1, None], pa.float64()), "double", [0.1, None]),
        (pa.array([True, False, None]), "logical", [1, 0, None]),
        (pa.nulls(2), "logical", [None, None]),
        (pa.array([DAY, None]), "date", [19782.0, None]),
        (pa.array([MOMENT, None], pa.timestamp("us")), "time", [SECONDS, None]),
        (pa.array([MOMENT, None], pa.timestamp("ns", "UTC")), "time", [SECONDS, None]),
        (pa.array([datetime.time(1, 0, 0, 500_000), None], pa.time64("us")), "seconds", [3600.5, None]),
        (pa.array([datetime.timedelta(minutes=2), None], pa.duration("ms")), "seconds", [120.0, None]),
        (
            pa.array(["caf\u00e9", "", None, "caf\u00e9", "a\0b"]),
            "text",
            ["caf\u00e9", "", None, "caf\u00e9", "a\ufffdb"],
        ),
        (pa.array([], pa.string()), "text", []),
        (pa.array(["a", None, "b"]).dictionary_encode(), "factor", ["a", None, "b"]),
        (pa.array([3, None]).dictionary_encode(), "double", [3.0, None]),
        (pa.array([[1, 2], None]), "text", ["[1, 2]", None]),
        (pa.array([{"a": DAY}, None]), "text", ['{"a": "2024-02-29"}', None]),
        (pa.array([uuid.UUID(int=5).bytes, None], pa.uuid()), "text", [str(uuid.UUID(int=5)), None]),
    ],
    ids=lambda one: str(one.type) if isinstance(one, pa.Array) else None,
)
def test_a_value_arrives_as_it_is(given: pa.Array, kind: str, sent: list[Any]) -> None:
    """Or as text, and then a note says so."""
    assert _sent(given)[:2] == (kind, sent)
    whole = pa.types.is_integer(given.type) or pa.types.is_decimal(given.type)
    assert bool(_sent(given)[2]) == (whole and kind == "text")


def test_what_is_no_number_is_not_what_is_missing() -> None:
    """NaN stays NaN."""
    _, (no_number, missing), _ = _sent(pa.array([float("nan"), None]))
    assert np.isnan(no_number)
    assert missing is None


def test_pieces_are_one_column() -> None:
    """A result comes in batches."""
    header, parts = for_r.for_r(pa.table({"c": pa.chunked_array([["a"], [], ["b"]])}))
    assert (header["rows"], header["columns"][0]["levels"], len(b"".join(parts))) == (2, 2, 2 * 4 + 2 + 2 * 4)


def test_queries_are_numbered_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result's header has its query's number; a submission hands on the numbers it is given."""
    submitted: dict[str, Any] = {}

    def submit(path: Path | list[Path], **said: Any) -> Submission:
        submitted.update(said, path=path)
        return Submission("1", "checking")

    monkeypatch.setattr(for_r, "sql", lambda *_, **__: pa.table({"n": [1]}))
    monkeypatch.setattr(for_r, "last_query", lambda: "q-1")
    monkeypatch.setattr(for_r, "submit", submit)
    told = []
    for question in (
        {"what": "sql", "query": "x", "parameters": None},
        {"what": "submit", "path": "t.csv", "name": "t.csv", "context": {}, "queries": ["q-1"]},
    ):
        (tmp_path / "ask").write_text(json.dumps(question))
        out = io.BytesIO()
        for_r.main([str(tmp_path / "ask")], out)
        (size,) = struct.unpack_from("<i", out.getvalue())
        told.append(json.loads(out.getvalue()[4 : 4 + size]))
    assert (told[0]["query"], told[0]["rows"]) == ("q-1", 1)
    assert told[1]["submission"]["state"] == "checking"
    assert (submitted["queries"], submitted["path"]) == (["q-1"], Path("t.csv"))
    several = {"what": "submit", "path": ["t.csv", "figure.png"], "context": {}, "queries": []}
    (tmp_path / "ask").write_text(json.dumps(several))
    for_r.main([str(tmp_path / "ask")], io.BytesIO())
    assert (submitted["name"], submitted["path"]) == (None, [Path("t.csv"), Path("figure.png")])


def test_a_refusal_goes_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with nothing after it."""

    def refuse(*_: object, **__: object) -> None:
        raise Refused("gate.unknown_table", "There is none.", "Ask haven.tables(), or haven.sql(...).")

    monkeypatch.setattr(for_r, "sql", refuse)
    (tmp_path / "ask").write_text(json.dumps({"what": "sql", "query": "x", "parameters": None}))
    out = io.BytesIO()
    for_r.main([str(tmp_path / "ask")], out)
    (size,) = struct.unpack_from("<i", out.getvalue())
    told = json.loads(out.getvalue()[4:])["error"]
    assert (len(out.getvalue()), told["kind"], told["code"]) == (4 + size, "Refused", "gate.unknown_table")
    assert (told["reason"], told["mend"]) == ("There is none.", "Ask haven_tables(), or haven_sql(...).")
    assert "haven.tables" not in told["message"]
