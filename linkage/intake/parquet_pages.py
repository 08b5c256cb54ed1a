"""What do the pages of a Parquet file unpack to? Their headers are read, and only these, before any page is.

A footer's word on sizes is not believed: a page of a kilobyte may unpack to two gigabytes, and an encoding may make
gigabytes of a page that unpacks to little. Fields are those of apache/parquet-format, `parquet.thrift` (FileMetaData,
PageHeader).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from linkage.intake.reasons import Fault
from linkage.intake.thrift import I32, I64, Compact, Fields

LARGEST_HEADER = 64 * 1024
LARGEST_PAGE = 64 * 1024 * 1024
MOST_PAGES, BYTES_A_PAGE = 10_000, 1024  # so many, and one more for so many bytes of the file
MOST_VALUES = 16 * 1024 * 1024  # in one page
ENCODINGS_READ = {0, 2, 3, 4, 5, 8, 9}
"""PLAIN, dictionaries, RLE, BIT_PACKED, DELTA_BINARY_PACKED, BYTE_STREAM_SPLIT. Not DELTA_BYTE_ARRAY, with which each
value may repeat a megabyte of the one before it for a byte, nor its sister, which Arrow cannot keep in a dictionary."""
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
MOST_ELEMENTS, MOST_IN_FOOTER = 64, 400_000


@dataclass(frozen=True)
class Chunk:
    """One column of one row group, where the footer says that it lies. values: the empty ones too."""

    start: int
    length: int
    values: int
    unpacked: int  # bytes, by the footer


def chunks_of(footer: bytes, names: list[str], lists: frozenset[str] = frozenset()) -> list[Chunk]:
    """Where the columns of rows lie, by a footer. names: theirs. lists: those of them that hold several values a row.

    Raises Fault where it is not whole.
    """
    try:
        told = Compact(footer, integers=I64, most=MOST_IN_FOOTER).struct()
        groups = told.get(4, [])
        if sum(group[3] for group in groups) != told[3]:
            raise KeyError(3)
        return [
            _chunk(column[3], name, None if name in lists else group[3])
            for group in groups
            for column, name in zip(group[1], names, strict=True)
        ]
    except (KeyError, IndexError, TypeError, ValueError, RecursionError):
        raise Fault("parquet.untrue") from None


def _chunk(column: Fields, name: str, values: int | None) -> Chunk:
    """A column's part in a row group (ColumnMetaData). values: as many as rows; None: of lists, what it says itself.

    Raises KeyError, TypeError.
    """
    if b".".join(column[3]) != name.encode() or column[5] < 0 or values not in (None, column[5]):
        raise KeyError(3)
    start, dictionary = column[9], column.get(11) or 0
    return Chunk(min(start, dictionary) if dictionary > 0 else start, column[7], column[5], column[6])


def check_pages(file: BinaryIO, size: int, chunks: Iterable[Chunk], budget: int) -> None:
    """Read the page headers of all chunks. Raises Fault where they are more, or other, than the footer says."""
    left = MOST_PAGES + size // BYTES_A_PAGE
    for chunk in chunks:
        left -= _check_chunk(file, size, chunk, left)
        budget -= chunk.unpacked
        if budget < 0:
            raise Fault("parquet.too_large")


def _check_chunk(file: BinaryIO, size: int, chunk: Chunk, most: int) -> int:
    """How many pages it has."""
    place, end, values, unpacked, pages = chunk.start, chunk.start + chunk.length, 0, 0, 0
    if chunk.start < 4 or chunk.length < 0 or end > size:
        raise Fault("parquet.untrue")
    while place < end:
        file.seek(place)
        header, length = _header(file.read(min(LARGEST_HEADER, end - place)))
        pages, unpacked = pages + 1, unpacked + header.unpacked + length
        values += header.values
        place += length + header.packed
        if pages > most or header.unpacked > LARGEST_PAGE or header.values > MOST_VALUES:
            raise Fault("parquet.too_large")
        if header.dictionary and pages > 1:
            raise Fault("parquet.untrue")
    if place != end or values != chunk.values or unpacked > chunk.unpacked:
        raise Fault("parquet.untrue")
    return pages


@dataclass(frozen=True)
class _Header:
    unpacked: int
    packed: int
    values: int
    dictionary: bool


def _header(data: bytes) -> tuple[_Header, int]:
    """The page header at the start of `data`, and its own bytes."""
    reader = Compact(data, integers=I32, most=MOST_ELEMENTS)
    try:
        fields = reader.struct()
        kind, unpacked, packed = fields[1], fields[2], fields[3]
        of_kind = fields[{DATA: 5, DICTIONARY: 7, DATA_V2: 8}[kind]]
        encoding = of_kind[4 if kind == DATA_V2 else 2]
        values = 0 if kind == DICTIONARY else of_kind[1]
    except (KeyError, IndexError, TypeError):
        raise Fault("parquet.untrue") from None
    if not all(isinstance(number, int) and number >= 0 for number in (unpacked, packed, values)):
        raise Fault("parquet.untrue")
    if encoding not in ENCODINGS_READ:
        raise Fault("parquet.encoding")
    return _Header(unpacked, packed, values, kind == DICTIONARY), reader.place
