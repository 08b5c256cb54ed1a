"""Is this Parquet a table of groups? Flat columns, bounded before they are unpacked, and nothing between."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from environments.inspection.binary.footer import MAGIC, first_gap
from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import LONGEST_LINE, MOST_COLUMNS, MOST_PARQUET_UNPACKED, MOST_ROWS
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import at, note_identifiers, note_raw
from environments.inspection.rows import note_rows
from environments.inspection.text.tables import note_cells, note_column_identifiers

WORDS = {b"pandas", b"ARROW:schema"}
WORDS_OF_A_COLUMN = {b"PARQUET:field_id"}


def inspect_parquet(content: bytes, notes: Notes) -> None:
    """parquet: its footer, its columns, its rows."""
    if not content.startswith(MAGIC) or not content.endswith(MAGIC):
        raise CannotBeRead(F.WRONG_TYPE, "The file does not begin and end like Parquet.", mend="Write it again.")
    try:
        shape = pq.read_metadata(io.BytesIO(content))
        schema = shape.schema.to_arrow_schema()
        _note_footer(notes, content, shape, schema)
        table = _cells(pq.ParquetFile(io.BytesIO(content), read_dictionary=_texts(schema)), notes)
    except (CannotBeRead, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise CannotBeRead(
            F.MALFORMED, "The file is no Parquet that can be read.", mend="Write it again, or CSV."
        ) from None
    note_column_identifiers(notes, table)
    note_cells(notes, table)
    note_rows(notes, table)


def _note_footer(notes: Notes, content: bytes, shape: Any, schema: pa.Schema) -> None:
    groups = [shape.row_group(number) for number in range(shape.num_row_groups)]
    if shape.num_rows > MOST_ROWS * 20 or shape.num_columns > MOST_COLUMNS:
        notes.add(F.TOO_MANY_ROWS)
        raise CannotBeRead(
            F.UNPACKS_TOO_LARGE, f"A table has at most {MOST_ROWS:,} rows and {MOST_COLUMNS} columns.",
            mend="Put groups in rows, with the number of people behind each.",
        )  # fmt: skip
    if sum(group.total_byte_size for group in groups) > MOST_PARQUET_UNPACKED:
        raise CannotBeRead(F.UNPACKS_TOO_LARGE, "It unpacks to more than 256 MB.", mend="Make it smaller.")
    if not all(_is_plain(field.type) for field in schema):
        raise CannotBeRead(
            F.EMBEDDED_OBJECT, "A column holds lists, structures or bytes.", mend="Write numbers, texts and dates only."
        )
    _note_words(notes, shape, schema)
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    gap = first_gap(content)
    if gap is not None:
        notes.add(F.TRAILING_BYTES, f"byte {gap}")
    ends = [one.total_compressed_size + (one.dictionary_page_offset or one.data_page_offset) for one in columns]
    note_raw(notes, content[max(ends, default=0) :], "the file's end")
    for one in columns:
        if one.statistics is not None and one.statistics.has_min_max:
            smallest = f"{one.statistics.min}\n{one.statistics.max}"
            note_identifiers(notes, smallest, at("smallest and largest values"))


def _note_words(notes: Notes, shape: Any, schema: pa.Schema) -> None:
    """Metadata of the file and of its columns: pandas' own and Arrow's are looked through, others are not wanted."""
    words = dict(shape.metadata or {})
    if set(words) - WORDS or len(words.get(b"pandas", b"")) > LONGEST_LINE * 10:
        notes.add(F.METADATA, "the file's metadata")
    if b'"attributes": {}' not in words.get(b"pandas", b'"attributes": {}') and b'"attributes"' in words[b"pandas"]:
        notes.add(F.METADATA, "the file's metadata", mend="Empty df.attrs before writing.")
    if any(set(field.metadata or {}) - WORDS_OF_A_COLUMN for field in schema) or set(schema.metadata or {}) - WORDS:
        notes.add(F.METADATA, "the columns' metadata")
    text = "\n".join(value.decode("utf-8", "replace") for key, value in words.items() if key != b"ARROW:schema")
    note_identifiers(notes, f"{text}\n{shape.created_by}", at("the file's metadata"))


def _cells(file: pq.ParquetFile, notes: Notes) -> pl.DataFrame:
    """All cells as text. Texts are read with their dictionary: what stands in it and in no cell is looked at too."""
    table = file.read()
    for number, column in enumerate(table.columns, start=1):
        if pa.types.is_dictionary(column.type):
            for chunk in column.chunks:
                text = "\n".join(str(one) for one in chunk.dictionary.to_pylist() if one is not None)
                note_identifiers(notes, text, at(f"column {number}"))
    names = [f"{name}\0{place}" for place, name in enumerate(table.column_names)]
    plain = pa.table([_plain(column) for column in table.columns], names=names)
    frame = pl.from_arrow(plain)
    if not isinstance(frame, pl.DataFrame):
        raise CannotBeRead(F.MALFORMED, "The file has no columns.", mend="Write it again.")
    if any(kind == pl.Binary for kind in frame.dtypes):
        raise CannotBeRead(F.EMBEDDED_OBJECT, "A column holds bytes.", mend="Write numbers, texts and dates only.")
    return frame.select(pl.all().cast(pl.String))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]


def _is_plain(kind: pa.DataType) -> bool:
    plain = (
        pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_date,
        pa.types.is_timestamp, pa.types.is_string, pa.types.is_large_string, pa.types.is_null,
    )  # fmt: skip
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    return any(is_kind(kind) for is_kind in plain)
