"""Is this file a table that can be checked? CSV in UTF-8, read strictly; all else is refused with how to mend it.

Rule: rules/disclosure.md, files that leave (an allow-list of types, each with its inspector). Nothing is repaired: the
bytes that are checked are the bytes that leave. Messages name lines and columns, never a value.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator

import polars as pl

from environments.disclosure.errors import TableUnfit

MOST_ROWS = 5_000
MOST_BYTES = 16 * 1024 * 1024
MOST_COLUMNS = 50
LONGEST_CELL = 200
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}\.csv")
FORMULA_STARTS = ("=", "+", "-", "@")
NUMBER = re.compile(r"-\d+(\.\d+)?([eE]-?\d+)?%?")
ONE_PERSON = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
TEN_DIGITS = re.compile(r"\d{3}[ -]?\d{3}[ -]?\d{4}")
Fault = tuple[str, str]
"""What is wrong with a cell, and how to mend it."""
SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or another archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xfe": "UTF-16 text",
}


def check_file_name(name: str) -> None:
    """A file's name, plain and ending in .csv. Raises TableUnfit."""
    if not name.lower().endswith(".csv"):
        raise TableUnfit(
            "Only CSV tables can be checked so far.", where="file name", mend="Write the table as CSV in UTF-8."
        )
    if not FILE_NAME.fullmatch(name):
        raise TableUnfit(
            "The file's name has characters that cannot be used.",
            where="file name",
            mend="Use letters, digits, - and _, at most 80, ending in .csv.",
        )


def read_table(
    content: bytes, *, most_rows: int = MOST_ROWS, cell_fault: Callable[[str], Fault | None] | None = None
) -> pl.DataFrame:
    """The table, every cell as text. Raises TableUnfit with the line.

    cell_fault: what may not stand in a cell; else what may not stand in a table that leaves.
    """
    cell_fault = cell_fault or _cell_fault
    rows = _rows(text_of(content))
    header = _header(next(rows, None), cell_fault)
    body = []
    for number, row in rows:
        _check_row(number, row, header, cell_fault)
        body.append(row)
        if len(body) > most_rows:
            raise TableUnfit(
                f"The table has more than {most_rows:,} rows: people cannot check so many.",
                where=f"line {number}",
                mend="Make the categories coarser, or submit it as several tables.",
            )
    columns = {name: [row[place] for row in body] for place, name in enumerate(header)}
    return pl.DataFrame(columns, schema=dict.fromkeys(header, pl.String))


def content_hash(table: pl.DataFrame) -> str:
    """The same for the same cells, in whatever order or spelling the CSV is written: SHA-256, 64 hex digits."""
    names = sorted(table.columns)
    rows = sorted(table.select(pl.col(names).cast(pl.String).str.strip_chars()).rows())
    return hashlib.sha256(json.dumps([names, rows]).encode()).hexdigest()


def text_of(content: bytes) -> str:
    """The text of a file in UTF-8, which is no file of another kind. Raises TableUnfit."""
    if len(content) > MOST_BYTES:
        raise TableUnfit(
            f"The file is larger than {MOST_BYTES // 1024**2} MB.", mend="A table of counts is small: submit that."
        )
    for signature, kind in SIGNATURES.items():
        if content.startswith(signature):
            raise TableUnfit(f"The file is {kind}, whatever its name says.", mend="Write the table as CSV in UTF-8.")
    if b"\0" in content:
        raise TableUnfit("The file holds NUL bytes: it is no text.", mend="Write the table as CSV in UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableUnfit(
            "The file is not UTF-8.", where=f"line {line}", mend="Write it as UTF-8: df.to_csv(path, encoding='utf-8')."
        ) from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their line numbers; a line that is not CSV raises TableUnfit."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error:
        raise TableUnfit(
            "A line is not CSV: a quote is opened and not closed, or stands inside a cell.",
            where=f"line {reader.line_num}",
            mend='Put the cell in quotes and double the quotes inside it: "say ""so""".',
        ) from None


def _header(first: tuple[int, list[str]] | None, cell_fault: Callable[[str], Fault | None]) -> list[str]:
    names = first[1] if first else []
    if not names or not all(name.strip() for name in names):
        raise TableUnfit("The first line must name every column.", where="line 1", mend="Give each column a name.")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise TableUnfit("The columns are not separated by commas.", where="line 1", mend="Write commas between cells.")
    if len(set(names)) < len(names):
        raise TableUnfit("Two columns have the same name.", where="line 1", mend="Give each column its own name.")
    if len(names) > MOST_COLUMNS:
        raise TableUnfit(
            f"More than {MOST_COLUMNS} columns.", where="line 1", mend="Write the table in long form: one count a row."
        )
    _check_row(1, names, names, cell_fault)
    return names


def _check_row(number: int, row: list[str], header: list[str], cell_fault: Callable[[str], Fault | None]) -> None:
    """One row: as wide as the header, and nothing in it that is dangerous or one person's."""
    if len(row) != len(header):
        raise TableUnfit(
            f"A line has {len(row)} cells where the first line names {len(header)} columns.",
            where=f"line {number}",
            mend="Give every line the same number of cells; quote a cell that holds a comma.",
        )
    for name, cell in zip(header, row, strict=True):
        fault = cell_fault(cell)
        if fault is not None:
            what, mend = fault
            place = f"line {number}" if number == 1 else f"line {number}, column {name}"
            raise TableUnfit(what, where=place, mend=mend)


def _cell_fault(cell: str) -> Fault | None:
    """What may not stand in a cell of a table that leaves."""
    text = cell.strip()
    if len(cell) > LONGEST_CELL:
        return f"A cell has more than {LONGEST_CELL} characters.", "A table holds categories and numbers, no free text."
    if has_control_characters(cell):
        return "A cell holds a line break, a tab or another control character.", "Take it out."
    if text.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(text):
        return "A cell begins like a formula of a spreadsheet.", "Begin it with a letter, a digit or a bracket."
    if ONE_PERSON.search(text):
        return "A cell holds a pseudonym or another person's number.", "Take that column out: only counts may leave."
    if TEN_DIGITS.fullmatch(text) and is_nhs_number(text):
        return "A cell holds what may be an NHS number.", "Take that column out: only counts may leave."
    return None


def has_control_characters(cell: str) -> bool:
    """Does it hold a line break, a tab or another character that steers?"""
    return any(ord(one) < 32 or ord(one) == 127 for one in cell)


def is_nhs_number(text: str) -> bool:
    """Ten digits whose last one is right by modulus 11 (NHS data dictionary)."""
    digits = [int(one) for one in text if one.isdigit()]
    check = 11 - sum(digit * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return check % 11 == digits[9] and check != 10
