"""What does a delivered file hold? Its rows as text by the contract's column names, batch by batch.

Works in constant memory: a file is read in blocks, whatever its size. The first look at a file decides whether it
is what the contract says; each way in which it is not has its sentence (linkage/intake/reasons.py).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from linkage.contracts.contract import DatasetColumn, DeliveredFile
from linkage.intake.csv_rows import (
    RowBatch,
    Shape,
    blocks_of_records,
    count_records,
    line_of_open_quote,
    parse_block,
    split_header,
    with_last,
)
from linkage.intake.dates import FORMS
from linkage.intake.gzipped import BLOCK, unpacked_blocks
from linkage.intake.headers import match_header
from linkage.intake.parquet import BoundedParquet
from linkage.intake.reasons import Fault
from linkage.intake.sources import PlainFile, Source

PLAIN_KINDS = [
    "string",
    "large_string",
    "string_view",
    "integer",
    "floating",
    "decimal",
    "boolean",
    "date",
    "timestamp",
    "null",
]
TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
CODECS = {"utf-8": "utf-8", "windows-1252": "cp1252", "iso-8859-1": "latin-1", "utf-16": "utf-8"}
"""Python's name of the encoding in which the blocks arrive: UTF-16 is turned into UTF-8 on the way."""
SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF", b"PAR1")


def open_rows(source: Source | Path, file: DeliveredFile) -> Iterator[RowBatch]:
    """The rows of a file, each batch with the contract's column names as text. Raises Fault."""
    source = _source(source)
    if _is_parquet(source):
        return _parquet_rows(source, file)
    return _quotes_placed(source, file)


def _quotes_placed(source: Source, file: DeliveredFile) -> Iterator[RowBatch]:
    """The rows of a text file; a quotation mark that is never closed is looked for, and told with its line."""
    try:
        yield from _csv_rows(source, file)
    except Fault as fault:
        if fault.code != "csv.quote_open":
            raise
        shape = Shape(ord(file.delimiter), ord(file.quote), CODECS[file.encoding], len(file.columns))
        line = line_of_open_quote(_without_mark(_decoded_blocks(_raw_blocks(source), file.encoding)), shape)
        raise Fault(fault.code, f"A quotation mark is opened in line {line} and never closed.") from None


def count_rows(source: Source | Path, file: DeliveredFile) -> int:
    """How many rows, without checking them: what the manifest says. Raises Fault."""
    source = _source(source)
    if _is_parquet(source):
        with source.open() as opened:
            return BoundedParquet(opened, source.size).rows
    blocks = _decoded_blocks(_raw_blocks(source), file.encoding)
    return max(0, count_records(blocks, ord(file.quote)) - 1)


def _source(source: Source | Path) -> Source:
    return PlainFile(source) if isinstance(source, Path) else source


def _is_parquet(source: Source) -> bool:
    name = source.name.lower()
    if name.endswith(".parquet"):
        return True
    if name.removesuffix(".gz").endswith(TEXT_SUFFIXES):
        return False
    raise Fault("file.format")


def _raw_blocks(source: Source) -> Iterator[bytes]:
    """The bytes of a text file, unpacked when it is compressed."""
    with source.open() as plain:
        if not source.name.lower().endswith(".gz"):
            while block := plain.read(BLOCK):
                yield block
            return
        yield from unpacked_blocks(plain, source.size)


def _decoded_blocks(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """UTF-16 as UTF-8; every other encoding as it is, for its line ends and separators are those of ASCII."""
    if encoding != "utf-16":
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for block in blocks:
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise Fault("encoding.other") from None


def _csv_rows(source: Source, file: DeliveredFile) -> Iterator[RowBatch]:
    raw = _raw_blocks(source)
    first = next(raw, b"")
    _look_at_start(first, file)
    blocks = _decoded_blocks(chain([first], raw), file.encoding)
    records = blocks_of_records(_without_mark(blocks), ord(file.quote))
    block = next(records, b"")
    line, body = _split_first(block, ord(file.quote))
    codec = CODECS[file.encoding]
    header = split_header(line, codec, file.delimiter, file.quote)
    columns = match_header(header, file, line.decode(codec, errors="replace"))
    shape = Shape(ord(file.delimiter), ord(file.quote), codec, len(header))
    number, any_rows, undecided = 1, False, codec != "utf-8"
    for part, last in with_last(chain([body], records)):
        if undecided and not part.isascii():  # the first letters that tell one encoding from another
            _refuse_utf8(part, file)
            undecided = False
        batch = parse_block(part, shape, number, last=last)
        number += batch.rows
        if batch.rows:
            any_rows = True
            names = {f"c{i}": column.name for i, column in enumerate(columns)}
            yield RowBatch(_completed(batch.frame.rename(names), file), batch.numbers, batch.bad)
    if not any_rows:
        raise Fault("file.no_rows")


def _look_at_start(first: bytes, file: DeliveredFile) -> None:
    """Is this text, in the agreed encoding, with lines? Raises Fault."""
    if not first.strip(b"\xef\xbb\xbf\r\n "):
        raise Fault("file.empty")
    if first.startswith(SPREADSHEETS):
        raise Fault("file.spreadsheet")
    marked = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    sample = first[:4096]
    if file.encoding != "utf-16" and (marked or sample.count(b"\0") > len(sample) // 4):
        raise Fault("encoding.utf16")
    if file.encoding == "utf-16":
        if not marked:
            raise Fault("encoding.other", "The file is not in UTF-16 with a byte-order mark, as its contract says.")
        return
    if first.startswith(codecs.BOM_UTF8) and file.encoding != "utf-8":
        raise Fault("encoding.byte_order_mark")
    if b"\r" in first and b"\n" not in first:
        raise Fault("csv.line_ends")


def _refuse_utf8(rows: bytes, file: DeliveredFile) -> None:
    """Whole rows with letters beyond ASCII that are UTF-8 to the last byte were not written in Windows-1252."""
    try:
        rows.decode()
    except UnicodeDecodeError:
        return
    raise Fault("encoding.other", f"The file is in UTF-8; its contract says {file.encoding}.")


def _without_mark(blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield next(blocks, b"").removeprefix(codecs.BOM_UTF8)
    yield from blocks


def _split_first(block: bytes, quote: int) -> tuple[bytes, bytes]:
    """The header's record, and what follows it in its block."""
    end = block.find(b"\n")
    while end != -1 and block.count(bytes([quote]), 0, end) % 2:
        end = block.find(b"\n", end + 1)
    return block[:end].rstrip(b"\r"), block[end + 1 :]


def _completed(frame: pl.DataFrame, file: DeliveredFile) -> pl.DataFrame:
    """The columns in the contract's order; one that may be absent and is, is empty."""
    absent = [pl.lit(None, dtype=pl.String).alias(c.name) for c in file.columns if c.name not in frame.columns]
    return frame.with_columns(absent).select([c.name for c in file.columns])


def _parquet_rows(source: Source, file: DeliveredFile) -> Iterator[RowBatch]:
    with source.open() as opened:
        parquet = BoundedParquet(opened, source.size)
        header = [str(name) for name in parquet.schema.names]
        columns = match_header(header, file, None)
        if not all(_has_plain_text(field.type) for field in parquet.schema):
            raise Fault("parquet.nested")
        if parquet.rows == 0:
            raise Fault("file.no_rows")
        number = 1
        for batch in parquet.batches():
            typed = pl.DataFrame(pl.from_arrow(batch)).rename(
                {name: column.name for name, column in zip(header, columns, strict=True)}
            )
            frame = typed.select([_as_text(typed.schema[c.name], c, file) for c in columns])
            numbers = np.arange(number, number + frame.height, dtype=np.int64)
            number += frame.height
            yield RowBatch(_completed(frame, file), numbers)


def _has_plain_text(kind: Any) -> bool:
    """Would a CSV file have this as a text, a number, a truth value or a date?"""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _has_plain_text(kind.value_type)
    return types.is_null(kind) or any(getattr(types, f"is_{name}")(kind) for name in PLAIN_KINDS)


def _as_text(kind: pl.DataType, column: DatasetColumn, file: DeliveredFile) -> pl.Expr:
    """A typed Parquet column as the text that the contract would have in a CSV file."""
    value = pl.col(column.name)
    spelling = FORMS[column.date_form or file.date_form].spelling
    if kind == pl.Date:
        return value.dt.strftime(spelling)
    if kind == pl.Datetime:  # a time of day is no part of a date: such a row is set aside, as it would be in CSV
        midnight = value.dt.strftime("%H%M%S%f").str.contains("^0*$")
        return pl.when(midnight).then(value.dt.strftime(spelling)).otherwise(value.dt.strftime("%Y-%m-%dT%H:%M"))
    if kind == pl.Boolean:
        words = {True: column.true_values[0], False: column.false_values[0]}
        return value.replace_strict(words, default=None, return_dtype=pl.String)
    if kind.is_float():
        whole = value.cast(pl.Int64, strict=False)
        return pl.when(whole.cast(kind) == value).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
    return value.cast(pl.String)
