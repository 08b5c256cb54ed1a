"""May a small Parquet file take all memory? Not by its footer, its pages, its dictionaries or its encodings."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.intake.parquet import BoundedParquet
from linkage.intake.parquet_pages import Chunk, check_pages
from linkage.intake.reasons import Fault
from tests.fakes.little_memory import MEGABYTE, done_in_little_memory

ROWS = 120_000
PREPARED = """
import io, pyarrow as pa, pyarrow.parquet as pq
from linkage.intake.parquet import BoundedParquet
from linkage.intake.reasons import Fault
from tests.unit.linkage.intake.test_parquet_bounds import *
small = written(pa.table({"a": ["x"]}))
list(BoundedParquet(io.BytesIO(small), len(small)).batches())
raw = BOMBS[%r]()
"""
WORK = """
try:
    list(BoundedParquet(io.BytesIO(raw), len(raw)).batches())
except Fault as fault:
    print(len(raw) < 2_000_000, fault.code)
"""


def written(table: pa.Table, **options: Any) -> bytes:
    """As Parquet."""
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def _one_value_many_times(length: int) -> bytes:
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 900_000, pa.int32()), pa.array(["x" * length]))
    return written(pa.table({"a": values}), compression="zstd")


def _one_page() -> bytes:
    return written(pa.table({"a": ["\0" * (66 * MEGABYTE)]}), compression="zstd", use_dictionary=False)


def _delta() -> bytes:
    values = pa.array(["x" * 20_000] * 2_000, pa.large_string())
    return written(pa.table({"a": values}), use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})


BOMBS: dict[str, Callable[[], bytes]] = {
    "a long value in each row": lambda: _one_value_many_times(4_000),
    "a value of megabytes": lambda: _one_value_many_times(MEGABYTE),
    "a page of more than sixty-four megabytes": _one_page,
    "values that repeat the one before": _delta,
}
CODES = dict.fromkeys(BOMBS, "parquet.too_large") | {"values that repeat the one before": "parquet.encoding"}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_little_memory(bomb: str) -> None:
    """A file of kilobytes that would be gigabytes is refused, and what it takes until then stays small."""
    assert done_in_little_memory(PREPARED % bomb, WORK, megabytes=500) == f"True {CODES[bomb]}\n"


def _table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "a": [f"k{number}" for number in range(ROWS)],
            "b": ["x", "yy", None, "", "w"] * (ROWS // 5),
            "n": range(ROWS),
            "f": [1.5, None] * (ROWS // 2),
            "t": [None, True] * (ROWS // 2),
            "d": [date(2020, 1, 1)] * ROWS,
        }
    )


def _by_duckdb(version: str) -> bytes:
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "x.parquet"
        connection.register("rows", _table().to_arrow())
        connection.execute(f"COPY (FROM rows) TO '{path}' (FORMAT parquet, PARQUET_VERSION {version})")
        return path.read_bytes()


def _by_polars(**options: Any) -> bytes:
    out = io.BytesIO()
    _table().write_parquet(out, **options)
    return out.getvalue()


WRITERS: dict[str, Callable[[], bytes]] = {
    "Polars": _by_polars,
    "Polars, small row groups, gzip": lambda: _by_polars(row_group_size=7_000, compression="gzip"),
    "Arrow": lambda: written(_table().to_arrow()),
    "Arrow, pages of the second version, no dictionary": lambda: written(
        _table().to_arrow(), data_page_version="2.0", use_dictionary=False
    ),
    "Arrow, no schema of its own": lambda: written(_table().to_arrow(), store_schema=False, compression="zstd"),
    "DuckDB": lambda: _by_duckdb("V1"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_programs_write_is_read_whole(writer: str) -> None:
    """Every row and value, in order, of what the usual programs write."""
    raw = WRITERS[writer]()
    read = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(BoundedParquet(io.BytesIO(raw), len(raw)).batches())))
    assert read.with_columns(pl.col("a", "b").cast(pl.String)).equals(_table())


def test_an_encoding_that_is_not_read_is_named() -> None:
    """DuckDB's second version writes text in an encoding that has its own reason, with how to mend it."""
    raw = _by_duckdb("V2")
    with pytest.raises(Fault) as refused:
        list(BoundedParquet(io.BytesIO(raw), len(raw)).batches())
    assert refused.value.code == "parquet.encoding"


def test_long_rows_come_in_smaller_batches() -> None:
    """Rows that are long, and not too many, are read in parts of at most sixty-four megabytes."""
    values = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 20_000, pa.int32()), pa.array(["x" * 5_000, "y" * 7_000]))
    raw = written(pa.table({"a": values}), store_schema=False)
    batches = list(BoundedParquet(io.BytesIO(raw), len(raw)).batches())
    assert sum(batch.num_rows for batch in batches) == 40_000
    assert len(batches) > 3
    assert max(batch.nbytes for batch in batches) < 66 * MEGABYTE


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (lambda c: Chunk(c.start, c.length, c.values, c.unpacked // 2), "parquet.untrue"),
        (lambda c: Chunk(c.start, c.length, c.values - 1, c.unpacked), "parquet.untrue"),
        (lambda c: Chunk(c.start + 1, c.length, c.values, c.unpacked), "parquet.untrue"),
        (lambda c: Chunk(c.start, c.length - 1, c.values, c.unpacked), "parquet.untrue"),
        (lambda c: Chunk(c.start, 10**12, c.values, c.unpacked), "parquet.untrue"),
        (lambda c: Chunk(c.start, c.length, c.values, 10**12), "parquet.too_large"),
    ],
    ids=["unpacks to less", "fewer values", "begins later", "ends earlier", "beyond the file", "unpacks to much"],
)
def test_a_footer_that_lies_is_refused(lie: Callable[[Chunk], Chunk], code: str) -> None:
    """What the footer says of a column is held against the headers of its pages."""
    raw = written(pa.table({"a": [f"value {number}" for number in range(5_000)]}))
    column = pq.ParquetFile(io.BytesIO(raw)).metadata.row_group(0).column(0)
    true = Chunk(column.dictionary_page_offset, column.total_compressed_size, 5_000, column.total_uncompressed_size)
    check_pages(io.BytesIO(raw), len(raw), [true], 10**6)
    with pytest.raises(Fault) as refused:
        check_pages(io.BytesIO(raw), len(raw), [lie(true)], 10**6)
    assert refused.value.code == code


def test_a_footer_of_many_megabytes_is_not_read() -> None:
    """A footer that says it is larger than any is refused before its first byte is read."""
    footer = 17 * MEGABYTE
    raw = b"PAR1" + b"\0" * footer + footer.to_bytes(4, "little") + b"PAR1"
    with pytest.raises(Fault) as refused:
        BoundedParquet(io.BytesIO(raw), len(raw))
    assert refused.value.code == "parquet.too_large"


def test_damage_anywhere_is_a_refusal() -> None:
    """A byte changed at any place gives the rows or a reason, and never another error."""
    raw = written(pa.table({"a": ["x", "yy", None] * 40, "n": range(120)}), compression="zstd")
    for place in range(4, len(raw), 3):
        damaged = raw[:place] + bytes([raw[place] ^ 0x55]) + raw[place + 1 :]
        try:
            list(BoundedParquet(io.BytesIO(damaged), len(damaged)).batches())
        except Fault as fault:
            assert fault.code.startswith("parquet.")
