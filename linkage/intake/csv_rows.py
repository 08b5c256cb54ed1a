"""Where does each record of a CSV file begin and end? Found block by block, whatever the size of the file.

A record ends at a line end outside quotation marks (RFC 4180). Rows that cannot be parsed are set aside with their
number and reason and never guessed at; the rest goes to the parser, so that both agree on how many rows there are.
Vectorised: a block of text is a NumPy array of bytes, and only a damaged block is looked at row by row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from linkage.intake.reasons import Fault

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LF, CR, NUL = 10, 13, 0
LARGEST_RECORD = 1024 * 1024
MOST_BLANK = 100_000  # in one block
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Shape:
    """How a file is written. codec: Python's name of the encoding; width: fields in each record."""

    delimiter: int
    quote: int
    codec: str
    width: int


@dataclass
class RowBatch:
    """Some rows of a file: text by column, with each row's number, and the rows that cannot be parsed."""

    frame: pl.DataFrame
    numbers: Numbers
    bad: list[tuple[int, str, str]] = field(default_factory=list)  # row number, reason code, the row as it came

    @property
    def rows(self) -> int:
        """All rows of this batch, bad ones too."""
        return self.frame.height + len(self.bad)


def blocks_of_records(blocks: Iterable[bytes], quote: int) -> Iterator[bytes]:
    """Cut a stream of bytes so that each block ends where a record ends. Raises Fault on an endless record."""
    rest, start_of_rest = b"", 0
    for block in blocks:
        data = rest + block
        end = _last_record_end(data, quote)
        if end == 0 and len(data) > LARGEST_RECORD + len(block):
            raise Fault("csv.quote_open" if data.count(bytes([quote])) % 2 else "csv.endless_line")
        if end:
            yield data[:end]
        rest = data[end:]
        start_of_rest += end
    if rest:
        if rest.count(bytes([quote])) % 2:
            raise Fault("csv.quote_open")
        yield rest + b"\n"


def line_of_open_quote(blocks: Iterable[bytes], shape: Shape) -> int:
    """The line (the header is 1) of the quotation mark from which on marks do not pair: the one to mend.

    The first mark out of place tells it: itself when it should open a field, else the one that it was to close.
    """
    lines, opening, opened_in, before = 1, True, 1, LF
    for block in blocks:
        data = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(data == LF)
        for at in np.flatnonzero(data == shape.quote):
            previous = int(data[at - 1]) if at else before
            following = int(data[at + 1]) if at + 1 < len(data) else LF
            line = lines + int(np.searchsorted(ends, at))
            if opening and previous not in (shape.delimiter, LF, shape.quote):
                return line
            if not opening and following not in (shape.delimiter, LF, CR, shape.quote):
                return opened_in
            opened_in, opening = line if opening else opened_in, not opening
        lines, before = lines + len(ends), int(data[-1]) if len(data) else before
    return opened_in


def count_records(blocks: Iterable[bytes], quote: int) -> int:
    """How many records, the header among them? A last record with an open quotation mark counts as one."""
    count = 0
    try:
        for block, last in with_last(blocks_of_records(blocks, quote)):
            text = _without_trailing_blanks(block) if last else block
            array = np.frombuffer(text, dtype=np.uint8)
            count += len(_record_ends(array, _outside(array, quote)))
    except Fault:
        count += 1
    return count


def with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each block, and whether it is the last."""
    source = iter(blocks)
    current = next(source, b"")
    for following in source:
        yield current, False
        current = following
    yield current, True


def parse_block(block: bytes, shape: Shape, first_number: int, *, last: bool) -> RowBatch:
    """The rows of one block; `first_number` is the number of its first row in the file, counted from 1."""
    if last:
        block = _without_trailing_blanks(block)
    data = np.frombuffer(block, dtype=np.uint8)
    outside = _outside(data, shape.quote)
    ends = _record_ends(data, outside)
    if not len(ends):
        return RowBatch(_no_rows(shape.width), np.empty(0, dtype=np.int64))
    starts = np.concatenate(([0], ends[:-1] + 1))
    reasons = _structural_faults(data, starts, ends, outside, shape)
    text = _decoded(block, starts, ends, reasons, shape.codec)
    numbers = np.arange(first_number, first_number + len(ends), dtype=np.int64)
    bad = [(int(numbers[i]), reasons[i], _shown(block[starts[i] : ends[i]], shape.codec)) for i in sorted(reasons)]
    if reasons:
        keep = np.ones(len(ends), dtype=bool)
        keep[list(reasons)] = False
        numbers = numbers[keep]
    frame = _parsed(text, shape)
    if frame.height != len(numbers):  # never seen: both follow RFC 4180; a difference must not shift row numbers
        raise Fault("csv.unparsable")
    return RowBatch(frame, numbers, bad)


def _without_trailing_blanks(block: bytes) -> bytes:
    """Empty lines at the end of a file are no rows."""
    stripped = block.rstrip(b"\r\n")
    return stripped + b"\n" if stripped else b""


def _outside(data: Bytes, quote: int) -> Mask | None:
    """Which bytes lie outside quotation marks? None: all of them."""
    marks = data == quote
    if not marks.any():
        return None
    # An even number of marks before a byte: counted modulo 256, which keeps even and odd and an eighth of the memory.
    outside: Mask = (np.cumsum(marks, dtype=np.uint8) & 1) == 0
    return outside


def _record_ends(data: Bytes, outside: Mask | None) -> Numbers:
    """The positions of the line ends that end a record."""
    line_ends = data == LF
    return np.flatnonzero(line_ends if outside is None else line_ends & outside)


def _last_record_end(data: bytes, quote: int) -> int:
    """Where the last whole record ends; 0: none does."""
    if bytes([quote]) not in data:
        return data.rfind(b"\n") + 1
    array = np.frombuffer(data, dtype=np.uint8)
    ends = _record_ends(array, _outside(array, quote))
    return int(ends[-1]) + 1 if len(ends) else 0


def _structural_faults(
    data: Bytes, starts: Numbers, ends: Numbers, outside: Mask | None, shape: Shape
) -> dict[int, str]:
    """Rows that cannot be parsed: index in the block to reason code; the first reason found counts."""
    faults: dict[int, str] = {}
    _refuse_rubble(starts, ends)
    separators = data == shape.delimiter
    if outside is not None:
        separators &= outside
        for position in _misplaced_quotes(data, shape):
            faults.setdefault(int(np.searchsorted(ends, position)), "row.quote_misplaced")
    for position in np.flatnonzero(data == NUL):
        faults.setdefault(int(np.searchsorted(ends, position)), "row.nul")
    lengths = ends - starts - ((data[ends - 1] == CR) & (ends > starts))
    for index in np.flatnonzero(lengths <= 0):
        faults.setdefault(int(index), "row.blank")
    fields = np.add.reduceat(separators, starts, dtype=np.int32) + 1
    for index in np.flatnonzero(fields != shape.width):
        faults.setdefault(int(index), "row.too_many_fields" if fields[index] > shape.width else "row.too_few_fields")
    return faults


def _refuse_rubble(starts: Numbers, ends: Numbers) -> None:
    """Empty lines by the hundred thousand are no rows to set aside one by one. Raises Fault."""
    if np.count_nonzero(ends - starts <= 1) > MOST_BLANK:
        raise Fault("csv.unparsable", "Most of the file is empty lines.")


def _misplaced_quotes(data: Bytes, shape: Shape) -> Numbers:
    """Quotation marks inside a field that is not quoted, or text after a closing one."""
    marks = np.flatnonzero(data == shape.quote)
    before = np.where(marks > 0, data[np.maximum(marks - 1, 0)], LF)
    after = np.where(marks + 1 < len(data), data[np.minimum(marks + 1, len(data) - 1)], LF)
    opening = np.arange(len(marks)) % 2 == 0
    edges = [shape.delimiter, LF, shape.quote]
    wrong = np.where(opening, ~np.isin(before, edges), ~np.isin(after, [*edges, CR]))
    return marks[wrong]


def _decoded(block: bytes, starts: Numbers, ends: Numbers, reasons: dict[int, str], codec: str) -> bytes:
    """The good rows as UTF-8; a row that is not in the file's encoding is added to the reasons."""
    try:
        text = block.decode(codec)
    except UnicodeDecodeError:
        for index in range(len(ends)):
            if _undecodable(block[starts[index] : ends[index]], codec):
                reasons.setdefault(index, "encoding.invalid")
    else:
        if not reasons:
            return block if codec == "utf-8" else text.encode()
    good = b"".join(block[starts[i] : ends[i] + 1] for i in range(len(ends)) if i not in reasons)
    return good if codec == "utf-8" else good.decode(codec).encode()


def _undecodable(record: bytes, codec: str) -> bool:
    try:
        record.decode(codec)
    except UnicodeDecodeError:
        return True
    return False


def _parsed(text: bytes, shape: Shape) -> pl.DataFrame:
    if not text:
        return _no_rows(shape.width)
    return pl.read_csv(
        text,
        has_header=False,
        schema={f"c{i}": pl.String for i in range(shape.width)},
        separator=chr(shape.delimiter),
        quote_char=chr(shape.quote),
    )


def _no_rows(width: int) -> pl.DataFrame:
    return pl.DataFrame(schema={f"c{i}": pl.String for i in range(width)})


def _shown(record: bytes, codec: str) -> str:
    """A damaged row as text for the quarantine: readable, and short enough to store."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", record.decode(codec, errors="replace"))[:10_000]


def split_header(line: bytes, shape_codec: str, delimiter: str, quote: str) -> list[str]:
    """The fields of a header line. Raises Fault when it is not in the file's encoding."""
    import csv

    try:
        text = line.decode(shape_codec)
    except UnicodeDecodeError:
        raise Fault("encoding.header") from None
    try:
        rows: list[list[Any]] = list(csv.reader([text], delimiter=delimiter, quotechar=quote))
    except csv.Error:  # a carriage return in the middle, or a name without end
        raise Fault("csv.unparsable", "The header cannot be parsed.") from None
    return [str(cell).strip() for cell in rows[0]] if rows else []
