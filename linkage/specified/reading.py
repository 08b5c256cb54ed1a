"""A file of people as a table of text: CSV with any usual separator and encoding (also .gz), or Parquet.

What is packed is bounded while it unpacks, by the bounds of the intake and of the largest file that is read.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import polars as pl
import pyarrow as pa

from linkage.intake.gzipped import unpacked_blocks
from linkage.intake.parquet import BoundedParquet
from linkage.intake.reasons import Fault
from linkage.specified.dates import read_date
from linkage.specified.errors import FileUnreadable

LARGEST_FILE = 2 * 1024 * 1024 * 1024
SEPARATORS = ",;\t|"
ENCODINGS = ("utf-8-sig", "windows-1252")
SAMPLE = 64 * 1024
ROWS_LOOKED_AT = 200
SEPARATOR_LINE = re.compile(r"sep=(.)\n")  # a spreadsheet's own first line
MOST_LINES = 20  # of one field: an address, a remark
FEWEST_WITHIN = 4  # columns, for a field of several lines to be told from rows by its separators
TWICE = "Two columns have the same heading."
GZIP = b"\x1f\x8b"
MENDS = {
    "gzip.too_large": "Name the file as it is unpacked, or several smaller ones.",
    "parquet.too_large": "Write it again with pages of a megabyte, or cut it by area or year.",
}
"""Where nothing is sent: other words than the intake's."""
Sized = TypeVar("Sized", bytes, pa.RecordBatch)


def read_people(path: Path) -> pl.DataFrame:
    """All columns as text without blanks around them, empty as null; headings without blanks. Raises FileUnreadable."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FileUnreadable("The file is larger than 2 GB.", where=str(path), mend="Cut it by area or year.")
        frame = _parquet(path) if _is_parquet(path) else _csv(path)
    except OSError as error:
        raise FileUnreadable(
            f"The file cannot be read ({error.strerror or 'damaged'}).",
            where=str(path),
            mend="Name a file that exists.",
        ) from None
    except Fault as fault:
        raise FileUnreadable(fault.what, where=str(path), mend=MENDS.get(fault.code, fault.mend)) from None
    except (pl.exceptions.PolarsError, pa.ArrowException, csv.Error, UnicodeError):
        raise FileUnreadable(
            "The file is not a table that can be read: CSV (also .gz) or Parquet.",
            where=str(path),
            mend="Export it again as CSV in UTF-8 with one line of headings.",
        ) from None
    if frame.height == 0 or frame.width < 2:
        raise FileUnreadable(
            "The file has no rows, or a single column.",
            where=str(path),
            mend="Name one with headings, rows and columns.",
        )
    return frame


def _parquet(path: Path) -> pl.DataFrame:
    with path.open("rb") as file:
        batches = list(_in_bounds(BoundedParquet(file, path.stat().st_size, lists=True).batches(), path))
    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches))) if batches else pl.DataFrame()
    texts = [_as_text(frame[name]) for name in frame.columns]
    return _trimmed(pl.DataFrame(texts), path)


def _as_text(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.List):
        return values.cast(pl.List(pl.String)).list.join("|")
    return values.cast(pl.String, strict=False)


def short_lines(path: Path, frame: pl.DataFrame) -> int:
    """How many lines of a CSV file have fewer fields than its headings: what is missing was read as not known.

    frame: the file as it was read; a short line has nothing in the last column, so most files are not looked at again.
    """
    if _is_parquet(path) or not frame[:, -1].null_count():
        return 0
    text, separator, _ = _text_of(path)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return sum(0 < len(row) < frame.width for row in rows)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def _text_of(path: Path) -> tuple[str, str, bool]:
    """The text from its headings on, its separator, and whether a line before said which."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        data = b"".join(_in_bounds(unpacked_blocks(file, path.stat().st_size), path)) if packed else file.read()
    text = _decoded(data, path).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        mend = "Name one with headings, rows and columns."
        raise FileUnreadable("The file is empty.", where=str(path), mend=mend)
    said = SEPARATOR_LINE.match(text)
    text = text[said.end() :] if said else text
    return text, said[1] if said else _separator(text[:SAMPLE]), said is not None


def _csv(path: Path) -> pl.DataFrame:
    text, separator, said = _text_of(path)
    _require_headings(text, separator, path)
    try:
        frame = pl.read_csv(io.BytesIO(text.encode()), separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError:
        if (fault := first_fault(text, separator)) is None:
            raise
        line, what, mend = fault
        where = f"{path}, line {line + (1 if said else 0):,}"
        raise FileUnreadable(what, where=where, mend=mend) from None
    _require_no_row_within(frame, text, separator, path, first=2 if said else 1)
    return _trimmed(frame, path)


def _require_no_row_within(frame: pl.DataFrame, text: str, separator: str, path: Path, *, first: int) -> None:
    """Raises FileUnreadable where a quote that nobody closed has taken the rows up to the next one into a field.

    Each line end in such a field has brought as many separators as a row has. first: the number of the text's line.
    """
    if '"' not in text:
        return
    for name in frame.columns:
        ends, cuts = (pl.col(name).str.count_matches(sign, literal=True) for sign in ("\n", separator))
        rows = (ends > 0) & (cuts == ends * (frame.width - 1)) & pl.lit(frame.width >= FEWEST_WITHIN)
        swallowed = frame.filter(rows | (ends > MOST_LINES))[name]
        if len(swallowed):
            place = text.find('"' + swallowed[0].replace('"', '""'))
            raise FileUnreadable(
                "A field in quotes runs over several rows.",
                where=f"{path}, line {text.count(chr(10), 0, max(place, 0)) + first:,}",
                mend="Take away a quote that opens and is not closed there, or write it twice, the field in quotes.",
            )


def first_fault(text: str, separator: str) -> tuple[int, str, str] | None:
    """The line of a CSV text at which it is no table, what is wrong there, and the mend; no value."""
    field = re.compile(rf'"(?:[^"]|"")*"|[^"\n{re.escape(separator)}]*')
    place, width, fields, begun = 0, 0, 0, 0
    while place < len(text):
        found = field.match(text, place)
        after = found.end() if found else place
        if after < len(text) and text[after] not in {separator, "\n"}:
            mend = "Write a quote inside a field twice, the field in quotes; or close the quote."
            return text.count("\n", 0, place) + 1, "A quote stands where none can be.", mend
        fields += 1
        if after == len(text) or text[after] == "\n":
            width = width or fields
            if fields > width:
                what = f"The line has {fields} fields, and the headings are {width}."
                return text.count("\n", 0, begun) + 1, what, "Put a field that holds the separator in quotes."
            fields, begun = 0, after + 1
        place = after + 1
    return None


def _require_headings(text: str, separator: str, path: Path) -> None:
    """Raises FileUnreadable where the first line does not look like headings."""
    rows = list(islice(csv.reader(text[:SAMPLE].splitlines(), delimiter=separator), ROWS_LOOKED_AT))
    first = [one.strip() for one in rows[0]] if rows else []
    named = [one for one in first if one]
    if len(set(named)) < len(named):
        raise FileUnreadable(TWICE, where=str(path), mend="Give each column a heading of its own.")
    again = sum(any(name == row[n].strip() for row in rows[1:] if n < len(row)) for n, name in enumerate(first) if name)
    dates = [name for name in named if (date := read_date(name, day_first=True)) and date.day]
    if len(first) > 1 and (2 * len(named) < len(first) or dates or again > len(first) / 2):
        raise FileUnreadable(
            "The first line does not look like headings.",
            where=f"{path}, line 1",
            mend="Give the file one line of headings, and nothing above it: surname, forename, ...",
        )


def _in_bounds(parts: Iterable[Sized], path: Path) -> Iterator[Sized]:
    """What is unpacked, as long as it is no more than the largest file. Raises FileUnreadable."""
    left = LARGEST_FILE
    for part in parts:
        left -= len(part) if isinstance(part, bytes) else part.nbytes
        if left < 0:
            raise FileUnreadable("The file unpacks to more than 2 GB.", where=str(path), mend="Cut it by area or year.")
        yield part


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


def _trimmed(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    names = [name.strip() for name in frame.columns]
    if len(set(names)) < len(names):
        raise FileUnreadable(TWICE, where=str(path), mend="Give each column a heading of its own.")
    frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    texts = [pl.col(n).str.strip_chars().replace("", None).alias(n) for n in names]
    return frame.select(texts)
