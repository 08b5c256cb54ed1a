"""How does R ask? `python -P -m haven.for_r FILE` reads one question (JSON) and writes the answer as R holds values.

The answer: four bytes with the length of a JSON text, the text, then column after column (r/haven.R reads it): whole
numbers as 32-bit, others as 64-bit floating point with R's own NA, texts as their different values and a number each.
Nothing is written before the whole result is there. Rule: a value arrives as it is, or as text with a warning.
"""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from haven.asking import last_query, sql, tables, why
from haven.errors import HavenClientError, Refused
from haven.outputs import Submission, submissions, submit

NA_INTEGER = -(2**31)
NA_REAL = np.array([0x7FF00000000007A2], dtype="<u8").view("<f8")[0]  # R's NA: a NaN whose lower word is 1954
MOST_EXACT = 2**53
PYTHONS_NAME = re.compile(r"\bhaven\.(tables|sql|why|submit|submissions)\(")
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

Column = tuple[dict[str, Any], list[bytes]]
"""What the header says of a column, and its bytes."""


def main(arguments: list[str], out: BinaryIO) -> None:
    """Answer the one question."""
    try:
        header, parts = _answer(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    except HavenClientError as error:
        header, parts = {"error": _told(error)}, []
    text = json.dumps(header).encode()
    for part in (struct.pack("<i", len(text)), text, *parts):
        out.write(part)


def _answer(question: dict[str, Any]) -> tuple[dict[str, Any], Iterable[bytes]]:
    what = question["what"]
    if what == "sql":
        header, parts = for_r(sql(question["query"], question["parameters"], progress=False))
        return {**header, "query": last_query()}, parts
    if what == "tables":
        return {"tables": [{"name": one.name, "columns": one.columns} for one in tables()]}, []
    if what == "why":
        return {"why": why(question["action"])}, []
    if what == "submit":
        path = question["path"]
        made = submit(
            [Path(one) for one in path] if isinstance(path, list) else Path(path),
            name=question.get("name"),
            context=question["context"],
            queries=question["queries"],
            request=question.get("request"),
        )
        return {"submission": _shown(made)}, []
    if what == "submissions":
        return {"submissions": [_shown(one) for one in submissions()]}, []
    raise HavenClientError("This question is not known.")


def _shown(one: Submission) -> dict[str, Any]:
    return dataclasses.asdict(one)


def _told(error: HavenClientError) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": type(error).__name__, "message": _in_words_of_r(str(error))}
    if isinstance(error, Refused):
        mend = None if error.mend is None else _in_words_of_r(error.mend)
        told |= {"code": error.code, "reason": _in_words_of_r(error.reason), "mend": mend}
    return told


def _in_words_of_r(sentence: str) -> str:
    """The gateway names functions of Python's client; R's have the same names with another mark."""
    return PYTHONS_NAME.sub(r"haven_\1(", sentence)


def for_r(table: pa.Table) -> tuple[dict[str, Any], list[bytes]]:
    """The header and the columns' bytes."""
    notes: list[str] = []
    columns = [
        _column(name, _whole(values), notes) for name, values in zip(table.column_names, table.columns, strict=True)
    ]
    described = [{"name": name, **said} for name, (said, _) in zip(table.column_names, columns, strict=True)]
    return {"rows": table.num_rows, "columns": described, "notes": notes}, [
        one for _, parts in columns for one in parts
    ]


def _whole(values: pa.ChunkedArray) -> pa.Array:
    """In one piece; texts may then have more than 2 GiB."""
    return (values.cast(pa.large_string()) if pa.types.is_string(values.type) else values).combine_chunks()


def _column(name: str, values: pa.Array, notes: list[str]) -> Column:
    kind = values.type
    if pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return {"kind": "logical"}, [_integers(values.cast(pa.int32()))]
    if pa.types.is_integer(kind) and kind.bit_width <= 32 and kind != pa.uint32() and _lowest(values) > NA_INTEGER:
        return {"kind": "integer"}, [_integers(values.cast(pa.int32()))]
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        if _fits(values):
            return {"kind": "double"}, [_doubles(values)]
        notes.append(f"The column '{name}' holds whole numbers that R's numbers cannot hold exactly: it came as text.")
        return _texts(values.cast(pa.string()))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return {"kind": "double"}, [_doubles(values)]
    if pa.types.is_date(kind):
        return {"kind": "date"}, [_doubles(values.cast(pa.date32()).cast(pa.int32()))]
    if pa.types.is_timestamp(kind):
        return {"kind": "time"}, [_doubles(values.cast(pa.int64()), PER_SECOND[kind.unit])]
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        counted = values.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
        return {"kind": "seconds"}, [_doubles(counted, PER_SECOND[kind.unit])]
    if pa.types.is_dictionary(kind) and not values.dictionary.null_count and _is_text(kind.value_type):
        return _texts(values, "factor")
    if pa.types.is_dictionary(kind):
        return _column(name, values.dictionary_decode(), notes)
    return _texts(_as_text(values))


def _lowest(values: pa.Array) -> int:
    return pc.min(values).as_py() or 0


def _fits(values: pa.Array) -> bool:
    ends = pc.min_max(values).as_py()
    return all(ends[end] is None or abs(ends[end]) <= MOST_EXACT for end in ("min", "max"))


def _integers(values: pa.Array) -> bytes:
    return values.fill_null(NA_INTEGER).to_numpy(zero_copy_only=False).astype("<i4").tobytes()


def _doubles(values: pa.Array, divisor: int = 1) -> bytes:
    given = values.cast(pa.float64(), safe=False)
    numbers = given.fill_null(0.0).to_numpy(zero_copy_only=False).astype("<f8") / divisor
    numbers[given.is_null().to_numpy(zero_copy_only=False)] = NA_REAL
    return numbers.tobytes()


def _texts(values: pa.Array, kind: str = "text") -> Column:
    """As the different texts and, for each row, which of them (from 1)."""
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    # R's texts end at a zero byte: it is shown as what cannot be shown.
    different = [text.replace("\0", "\ufffd").encode() for text in map(str, coded.dictionary.to_pylist())]
    lengths = np.array([len(text) for text in different], dtype="<i4").tobytes()
    codes = pc.add(coded.indices.cast(pa.int64()), 1).cast(pa.int32())
    return {"kind": kind, "levels": len(different)}, [lengths, b"".join(different), _integers(codes)]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _as_text(values: pa.Array) -> pa.Array:
    """Texts as they are, UUIDs as they are written, everything else as JSON."""
    if _is_text(values.type):
        return values.cast(pa.large_string())
    if isinstance(values.type, pa.UuidType):
        coded = values.storage.dictionary_encode()
        written = [str(UUID(bytes=one)) for one in coded.dictionary.to_pylist()]
        return pa.DictionaryArray.from_arrays(coded.indices, pa.array(written, pa.string()))
    written = [None if one is None else json.dumps(one, default=str) for one in values.to_pylist()]
    return pa.array(written, pa.large_string())


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdout.buffer)
