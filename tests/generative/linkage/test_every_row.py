"""Invented files against a slow oracle (Python's csv module): every row taken in or set aside, none moved or lost."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from linkage.contracts.contract import DeliveredFile
from linkage.intake import reading
from linkage.intake.checks import CheckedBatch, RowChecks
from linkage.intake.csv_rows import RowBatch
from linkage.intake.reading import CODECS, count_rows, open_rows
from linkage.intake.reasons import REASONS, Fault

HEADER = ["key", "text", "number", "amount", "day"]
DELIMITERS, LINE_ENDS, ENCODINGS = (",", ";", "\t", "|"), ("\n", "\r\n"), ("utf-8", "windows-1252", "utf-16")
LATIN = st.characters(codec="latin-1", min_codepoint=32)
MARKS = st.sampled_from(['"', '""', ",", ";", "\t", "|", "\n", "\r\n", " ", "é", "'", "0"])
CELLS = st.lists(st.one_of(MARKS, st.text(LATIN, max_size=4)), max_size=5).map("".join)
ROWS = st.lists(st.tuples(*[CELLS] * len(HEADER)), min_size=1, max_size=12)
NUMBERS = st.one_of(
    st.sampled_from(["", "NaN", "inf", "1e999"]), st.integers(-(2**70), 2**70).map(str), st.floats().map(str), CELLS
)
DAYS = st.one_of(st.just(""), st.dates().map(date.isoformat), CELLS, st.just("2025-02-30"))
RUBBLE = st.one_of(st.binary(max_size=12), MARKS.map(str.encode), st.just(b"a,b,1,1.5,2025-01-01\n"))
TODAY = date(2026, 1, 1)


def _file(delimiter: str = ",", encoding: str = "utf-8") -> DeliveredFile:
    kinds = {"key": "text", "text": "text", "number": "integer", "amount": "decimal", "day": "date"}
    columns: list[dict[str, object]] = [
        {"header": name, "name": name, "type": kind, "role": "row_key" if name == "key" else "payload", "meaning": name}
        for name, kind in kinds.items()
    ]
    columns[1] |= {"role": "identifier", "identifies": "surname"}
    return DeliveredFile.model_validate(
        {"pattern": "x*", "table": "x", "delimiter": delimiter, "encoding": encoding, "columns": columns}
    )


@contextmanager
def _written(data: bytes, block: int) -> Iterator[Path]:
    """The bytes in a file, read in blocks of this size."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK", block)
        path = Path(folder) / "x.csv"
        path.write_bytes(data)
        yield path


def _text(rows: list[tuple[str, ...]], delimiter: str, line_end: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=line_end).writerows([HEADER, *rows])
    return out.getvalue()


def _numbers(batches: list[RowBatch]) -> list[int]:
    return sorted(n for b in batches for n in [*map(int, b.numbers), *(bad[0] for bad in b.bad)])


@settings(deadline=None, max_examples=150)
@given(
    rows=ROWS,
    delimiter=st.sampled_from(DELIMITERS),
    line_end=st.sampled_from(LINE_ENDS),
    encoding=st.sampled_from(ENCODINGS),
    block=st.integers(3, 400),
)
def test_rows_are_read_as_they_were_written(
    rows: list[tuple[str, ...]], delimiter: str, line_end: str, encoding: str, block: int
) -> None:
    """Whatever is quoted, and wherever a block ends, each row has its number and each cell its text."""
    file = _file(delimiter, encoding)
    codec = "utf-16" if encoding == "utf-16" else CODECS[encoding]
    data = _text(rows, delimiter, line_end).encode(codec, errors="replace")
    told = [tuple(cell.encode(codec, errors="replace").decode(codec) for cell in row) for row in rows]
    with _written(data, block) as path:
        assert count_rows(path, file) == len(rows)
        try:
            batches = list(open_rows(path, file))
        except Fault as fault:
            assert fault.code in {"csv.line_ends", "encoding.other"}  # what a tiny first block looks like
            return
    assert _numbers(batches) == list(range(1, len(rows) + 1))
    read = {int(n): row for b in batches for n, row in zip(b.numbers, b.frame.rows(), strict=True)}
    assert {n: tuple(cell or "" for cell in row) for n, row in read.items()} == {n: told[n - 1] for n in read}
    blank = [n for b in batches for n, code, _ in b.bad]
    assert not blank


@settings(deadline=None, max_examples=200)
@given(
    body=st.lists(RUBBLE, max_size=25),
    block=st.integers(3, 200),
)
def test_no_bytes_whatever_lose_a_row_or_break_the_intake(body: list[bytes], block: int) -> None:
    """Any bytes below a header are refused whole with a reason, or each row is good or bad, none twice, none lost."""
    file = _file()
    with _written(",".join(HEADER).encode() + b"\n" + b"".join(body), block) as path:
        counted = count_rows(path, file)
        try:
            batches = list(open_rows(path, file))
        except Fault as fault:
            assert fault.code in REASONS
            return
        checked = [RowChecks(file, TODAY).check(batch) for batch in batches]
    assert _numbers(batches) == list(range(1, counted + 1))
    assert _accounted(checked) == list(range(1, counted + 1))


@settings(deadline=None, max_examples=150)
@given(rows=st.lists(st.tuples(st.just("k"), CELLS, NUMBERS, NUMBERS, DAYS), min_size=1, max_size=10))
def test_a_value_is_taken_in_only_as_what_it_is(rows: list[tuple[str, ...]]) -> None:
    """A good row's number, amount and day are those that Python reads in the text; every bad row has its reasons."""
    file = _file()
    with _written(_text(rows, ",", "\n").encode(), 1 << 20) as path:
        try:
            batches = list(open_rows(path, file))
        except Fault as fault:
            assert fault.code in REASONS
            return
        checked = [RowChecks(file, TODAY).check(batch) for batch in batches]
    assert _accounted(checked) == list(range(1, len(rows) + 1))
    for batch in checked:
        assert all(bad.reasons and bad.reasons[0].split(":")[0] in REASONS for bad in batch.bad)
        for row in batch.good.iter_rows(named=True):
            sent = rows[row["row"] - 1]
            assert row["p:number"] == (int(sent[2]) if sent[2].strip() else None)
            assert row["p:amount"] == (float(sent[3]) if sent[3].strip() else None)
            assert math.isfinite(row["p:amount"] or 0)
            assert row["p:day"] == (date.fromisoformat(sent[4].strip()) if sent[4].strip() else None)


def _accounted(checked: list[CheckedBatch]) -> list[int]:
    return sorted(n for c in checked for n in [*c.good["row"].to_list(), *(bad.row for bad in c.bad)])
