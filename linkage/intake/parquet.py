"""What does a Parquet file hold? Its rows in batches, none of which can grow beyond what memory is kept for.

Bounded before anything is unpacked: the footer's bytes, what it says that all unpacks to, and what the pages themselves
say (parquet_pages). Then text stays in its dictionary, one value once, until it is known how long the rows are: a value
of a megabyte that stands in each of a million rows is a megabyte in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linkage.intake.parquet_pages import Chunk, check_pages, chunks_of
from linkage.intake.reasons import Fault

LARGEST_FOOTER = 16 * 1024 * 1024
LARGEST_RATIO, RATIO_APPLIES_FROM = 250, 256 * 1024 * 1024
LARGEST_ROW = 1024 * 1024
PIECE = 64 * 1024 * 1024  # bytes of text in one batch
ROWS = 100_000
BUFFER = 1024 * 1024
TAIL = 8  # the footer's length and PAR1
FIXED_BYTES = 8  # about what a number, a date or a truth value takes
BYTE_ARRAY, FIXED_BYTE_ARRAY = "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"
LARGEST_FIXED = 16  # bytes: a UUID, a decimal


class BoundedParquet:
    """A Parquet file of flat columns. Raises Fault where it is damaged, untrue, or would grow too large.

    lists: a column may hold a list of plain values in each row; of a delivery none does.
    """

    def __init__(self, file: BinaryIO, size: int, *, lists: bool = False) -> None:
        self._file = file
        self._budget = max(RATIO_APPLIES_FROM, size * LARGEST_RATIO)
        self._footer = self._footer_in_bounds(size)
        try:
            opened = pq.ParquetFile(file, pre_buffer=False)
            self.metadata = opened.metadata
            self.schema = opened.schema_arrow.remove_metadata()
        except (pa.ArrowException, OSError, ValueError):
            raise Fault("parquet.damaged") from None
        self._lists = self._lists_of_values() if lists else frozenset()
        self._require_small_values()
        self._size = size

    @property
    def rows(self) -> int:
        """How many, by the footer."""
        return int(self.metadata.num_rows)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, at most ROWS at once and no more than PIECE of text. Raises Fault."""
        columns = [self.metadata.schema.column(place) for place in range(self.metadata.num_columns)]
        chunks = chunks_of(self._footer, [column.path for column in columns], frozenset(map(self._path, self._lists)))
        check_pages(self._file, self._size, chunks, self._budget)
        self._require_short_lists(chunks)
        names = [column.path for column in columns if column.physical_type == BYTE_ARRAY]
        left = self._budget
        try:
            reader = pq.ParquetFile(
                self._file, metadata=self.metadata, read_dictionary=names, pre_buffer=False, buffer_size=BUFFER
            )
            for batch in self._batches_of(reader):
                for piece, size in _pieces(batch):
                    left -= size
                    if left < 0:
                        raise Fault("parquet.too_large")
                    yield _plain(piece)
        except (pa.ArrowException, OSError, ValueError, IndexError):
            raise Fault("parquet.damaged") from None

    def _batches_of(self, reader: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        """Lists are read one row group after the other: Arrow cannot put dictionaries of two into one list."""
        if not self._lists:
            yield from reader.iter_batches(ROWS)
        else:
            for group in range(reader.num_row_groups):
                yield from reader.iter_batches(ROWS, row_groups=[group])

    def _require_small_values(self) -> None:
        """Only text is kept in its dictionary: of any other kind a value must be short, or it is written out for each
        row before its length is known. Raises Fault.
        """
        if any(pa.types.is_nested(one.type) and place not in self._lists for place, one in enumerate(self.schema)):
            raise Fault("parquet.nested")
        for place in range(self.metadata.num_columns):
            column, kind = self.metadata.schema.column(place), self.schema.field(place).type
            if column.physical_type == FIXED_BYTE_ARRAY and column.length > LARGEST_FIXED:
                raise Fault("parquet.too_large")
            kind = kind.value_type if place in self._lists else kind
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            if column.physical_type == BYTE_ARRAY and not _is_text(kind):
                raise Fault("parquet.encoding")

    def _lists_of_values(self) -> frozenset[int]:
        """The places of the columns that are lists of plain values: each one column of the file."""
        kinds = enumerate(self.schema.types)
        return frozenset(place for place, kind in kinds if _is_list(kind) and not pa.types.is_nested(kind.value_type))

    def _path(self, place: int) -> str:
        return str(self.metadata.schema.column(place).path)

    def _require_short_lists(self, chunks: list[Chunk]) -> None:
        """A row may have any number of values, the empty ones for next to nothing: all are counted. Raises Fault."""
        width = max(1, self.metadata.num_columns)
        several = sum(chunk.values for place, chunk in enumerate(chunks) if place % width in self._lists)
        if several * FIXED_BYTES > self._budget:
            raise Fault("parquet.too_large")

    def _footer_in_bounds(self, size: int) -> bytes:
        """The footer. Raises Fault before it reads one that is too long."""
        if size == 0:
            raise Fault("file.empty")
        self._file.seek(max(0, size - TAIL))
        tail = self._file.read(TAIL)
        footer = int.from_bytes(tail[:4], "little")
        if len(tail) < TAIL or tail[4:] != b"PAR1" or footer > size - TAIL:
            raise Fault("parquet.damaged")
        if footer > LARGEST_FOOTER:
            raise Fault("parquet.too_large")
        self._file.seek(size - TAIL - footer)
        return self._file.read(footer)


def _pieces(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The batch in parts of at most PIECE bytes of text, with the bytes of each. Raises Fault for a row too long."""
    rows = np.full(batch.num_rows, FIXED_BYTES * batch.num_columns, dtype=np.int64)
    for column in batch.columns:
        if _is_list(column.type):
            rows += _lengths_of_lists(column)
        elif pa.types.is_dictionary(column.type):
            rows += _lengths(column)
    if rows.max(initial=0) > LARGEST_ROW:
        raise Fault("parquet.too_large")
    ends, start = np.cumsum(rows), 0
    while start < batch.num_rows:
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + PIECE, side="right"))
        yield batch.slice(start, stop - start), int(ends[stop - 1]) - before
        start = stop


def _lengths(column: Any) -> Any:
    """The bytes of each row's value."""
    values = column.dictionary
    sizes = pc.binary_length(values) if _is_text(values.type) else pa.array([FIXED_BYTES] * len(values), pa.int32())
    of_values = np.append(pc.fill_null(sizes, 0).to_numpy(zero_copy_only=False).astype(np.int64), 0)
    places = pc.fill_null(column.indices.cast(pa.int64()), len(values)).to_numpy(zero_copy_only=False)
    return of_values[places]


def _lengths_of_lists(column: Any) -> Any:
    """The bytes of each row's values together."""
    values, ends = column.flatten(), _ends(column)
    sizes = _lengths(values) if pa.types.is_dictionary(values.type) else np.full(len(values), FIXED_BYTES)
    before = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    return np.diff(before[ends])


def _ends(lists: Any) -> Any:
    """Where each row's values end among all of them, after a nought."""
    lengths = pc.fill_null(lists.value_lengths(), 0).to_numpy(zero_copy_only=False)
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_text(kind: Any) -> bool:
    named = pa.types
    return bool(
        named.is_string(kind) or named.is_large_string(kind) or named.is_binary(kind) or named.is_large_binary(kind)
    )


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Each value in its place instead of a dictionary's."""
    return pa.RecordBatch.from_arrays([_plain_column(one) for one in batch.columns], names=batch.schema.names)


def _plain_column(column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if _is_list(column.type):
        return pa.LargeListArray.from_arrays(_ends(column), _plain_column(column.flatten()), mask=column.is_null())
    return column
