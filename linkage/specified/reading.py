"""A file of people as a table of text: CSV with any usual separator and encoding (also .gz), or Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path

import polars as pl

from linkage.specified.errors import FileUnreadable

LARGEST_FILE = 2 * 1024 * 1024 * 1024
SEPARATORS = ",;\t|"
ENCODINGS = ("utf-8-sig", "windows-1252")
SAMPLE = 64 * 1024


def read_people(path: Path) -> pl.DataFrame:
    """All columns as text without blanks around them, empty as null; headings without blanks. Raises FileUnreadable."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FileUnreadable("The file is larger than 2 GB.", where=str(path), mend="Cut it by area or year.")
        frame = _parquet(path) if path.suffix.lower() in {".parquet", ".pq"} else _csv(path)
    except OSError as error:
        raise FileUnreadable(
            f"The file cannot be read ({error.strerror or 'damaged'}).",
            where=str(path),
            mend="Name a file that exists.",
        ) from None
    except (pl.exceptions.PolarsError, zlib.error, EOFError, csv.Error, UnicodeError):
        raise FileUnreadable(
            "The file is not a table that can be read: CSV (also .gz) or Parquet.",
            where=str(path),
            mend="Export it again as CSV in UTF-8 with one line of headings.",
        ) from None
    if frame.height == 0 or frame.width < 2:
        raise FileUnreadable("The file has no rows, or a single column.", where=str(path))
    return frame


def _parquet(path: Path) -> pl.DataFrame:
    frame = pl.read_parquet(path)
    texts = [_as_text(frame[name]) for name in frame.columns]
    return _trimmed(pl.DataFrame(texts))


def _as_text(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.List):
        return values.cast(pl.List(pl.String)).list.join("|")
    return values.cast(pl.String, strict=False)


def _csv(path: Path) -> pl.DataFrame:
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    text = _decoded(data, path)
    separator = _separator(text[:SAMPLE])
    frame = pl.read_csv(io.BytesIO(text.encode()), separator=separator, infer_schema=False, truncate_ragged_lines=False)
    return _trimmed(frame)


def _decoded(data: bytes, path: Path) -> str:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16")
    if b"\0" in data[:SAMPLE]:
        raise FileUnreadable("The file is not text.", where=str(path), mend="Export it as CSV in UTF-8.")
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("iso-8859-1")


def _separator(sample: str) -> str:
    """The sign that cuts the first lines into the same number of fields, and into most."""
    lines = sample.splitlines()[:50]
    lines = lines[:-1] if len(lines) > 2 else lines
    best, most = ",", 1
    for sign in SEPARATORS:
        widths = {len(row) for row in csv.reader(lines, delimiter=sign)}
        if len(widths) == 1 and (width := widths.pop()) > most:
            best, most = sign, width
    return best


def _trimmed(frame: pl.DataFrame) -> pl.DataFrame:
    names = [name.strip() for name in frame.columns]
    if len(set(names)) < len(names):
        raise FileUnreadable("Two columns have the same heading.", mend="Give each column a heading of its own.")
    frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    texts = [pl.col(n).str.strip_chars().replace("", None).alias(n) for n in names]
    return frame.select(texts)
