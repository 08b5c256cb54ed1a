"""Is this file what it is called, and may it hold something about one person? Refused at the door, or told the checker.

By content: code is text, Python parses, a notebook has no outputs, a table has rows and columns; archives and all else
are refused. What cannot be told by a machine becomes a finding for the checker. No sentence here quotes a value.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from environments.airlock.errors import ImportUnfit
from environments.airlock.imports.model import FileKind, ImportFile
from environments.disclosure.errors import TableUnfit
from environments.disclosure.tables import (
    MOST_BYTES,
    MOST_COLUMNS,
    ONE_PERSON,
    Fault,
    has_control_characters,
    is_nhs_number,
    read_table,
    text_of,
)

MOST_ROWS = 250_000
MOST_UNPACKED = 16 * MOST_BYTES
LONGEST_CELL = 2_000
LONGEST_LINE = 2_000
MOST_VALUES_IN_CODE = 500
MORE_THAN_CHANCE = 0.5  # of ten-digit codes, one in eleven is a valid NHS number by chance
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}(\.py|\.R|\.sql|\.ipynb|\.csv|\.parquet)")
TEN_DIGITS = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
OF_A_PERSON = re.compile(
    r"nhs|patient|person|pseudonym|forename|surname|first.?name|last.?name|full.?name|birth|\bdob\b|address|e.?mail|phone|postcode",
    re.IGNORECASE,
)
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CELL_KEYS = {
    "code": {"cell_type", "execution_count", "id", "metadata", "outputs", "source"},
    "markdown": {"cell_type", "id", "metadata", "source"},
    "raw": {"cell_type", "id", "metadata", "source"},
}
PARQUET_WORDS = {b"pandas", b"ARROW:schema"}


def inspected(name: str, content: bytes) -> ImportFile:
    """The file as it is sealed, with what a checker must look at. Raises ImportUnfit with how to mend it."""
    found = FILE_NAME.fullmatch(name)
    if not found:
        raise _unfit(
            "Only code and look-up tables are brought in: .py .R .sql .ipynb .csv .parquet.",
            "file name",
            "Name it with letters, digits, - and _, at most 80, and one of these endings; unpack an archive first.",
        )
    if not content or len(content) > MOST_BYTES:
        raise _unfit(f"A file has 1 byte to {MOST_BYTES // 1024**2} MB.", name, "Bring in only what is needed.")
    kind = FileKind(found.group(1))
    try:
        findings = _INSPECTORS[kind](content)
    except TableUnfit as unfit:
        raise _unfit(unfit.what, f"{name}, {unfit.where}" if unfit.where else name, unfit.mend) from None
    except ImportUnfit as unfit:
        raise _unfit(unfit.what, name, unfit.mend) from None
    return ImportFile(name, kind, hashlib.sha256(content).hexdigest(), None, len(content), tuple(findings))


# -- code


def _python(content: bytes) -> list[str]:
    text = _code_text(content)
    return [*_code_findings(text), *_much_data(text)]


def _code(content: bytes) -> list[str]:
    text = _code_text(content)
    values = len(re.findall(r"'[^'\n]*'|\"[^\"\n]*\"|\b\d+(?:\.\d+)?\b", text))
    return [*_code_findings(text), *_told_if_many(values)]


def _much_data(text: str) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in its strings
            tree = ast.parse(text)
        values = sum(isinstance(node, ast.Constant) for node in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unfit("The file is no Python that can be read.", None, "Run it once where you wrote it.") from None
    return _told_if_many(values)


def _told_if_many(values: int) -> list[str]:
    if values <= MOST_VALUES_IN_CODE:
        return []
    return [f"It holds more than {MOST_VALUES_IN_CODE} numbers and texts: look whether they are data."]


def _code_text(content: bytes) -> str:
    text = text_of(content)
    _check_lines(text)
    return text


def _check_lines(text: str) -> None:
    if any(ord(one) < 32 and one not in "\t\n\r\f" for one in text):
        raise _unfit("The file holds control characters: it is no text.", None, "Write it as plain text in UTF-8.")
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        raise _unfit(
            f"A line has more than {LONGEST_LINE:,} characters: nobody can read it.",
            None,
            "Break the line; data belongs in a look-up table.",
        )


def _code_findings(text: str) -> list[str]:
    return _about_people("The text", [text])


def _notebook(content: bytes) -> list[str]:
    try:
        data = json.loads(text_of(content), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _unfit("The file is no notebook: it is no JSON, or names a key twice.", None, "Save it again.") from None
    if not isinstance(data, dict) or data.get("nbformat") != 4 or not isinstance(data.get("cells"), list):
        raise _unfit("The file is no notebook of version 4.", None, "Save it with a newer JupyterLab.")
    if set(data) - {"cells", "metadata", "nbformat", "nbformat_minor"}:
        raise _unfit("The notebook holds keys that notebooks do not have.", None, "Save it again.")
    sources = [_source(cell) for cell in data["cells"]]
    text = "\n".join(sources)
    _check_lines(text)
    beside = json.dumps([data.get("metadata"), *(cell.get("metadata") for cell in data["cells"])])
    if len(beside) > LONGEST_LINE:
        raise _unfit("The notebook's metadata are long.", None, "Clear them: only names of kernel and language stay.")
    values = len(re.findall(r"\b\d+(?:\.\d+)?\b", text))
    return [*_about_people("The text", [text, beside]), *_told_if_many(values)]


def _source(cell: Any) -> str:
    """A cell's text; a cell holds nothing else."""
    known = CELL_KEYS.get(str(cell.get("cell_type"))) if isinstance(cell, dict) else None
    if known is None or set(cell) - known:
        raise _unfit("A cell holds something other than its text.", None, "Take attachments out, and save it again.")
    if cell.get("outputs"):
        raise _unfit("The notebook has outputs.", None, "Clear all outputs, and save it.")
    if not CELL_ID.fullmatch(str(cell.get("id", "none"))):
        raise _unfit("A cell's id is none of a notebook.", None, "Save it with a newer JupyterLab.")
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise _unfit("A cell's text is no text.", None, "Save it again.")
    return "".join(lines)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


# -- tables


def _csv(content: bytes) -> list[str]:
    return _table_findings(read_table(content, most_rows=MOST_ROWS, cell_fault=_cell_fault))


def _cell_fault(cell: str) -> Fault | None:
    if len(cell) > LONGEST_CELL:
        return f"A cell has more than {LONGEST_CELL:,} characters.", "A look-up table holds codes and their meaning."
    if has_control_characters(cell):
        return "A cell holds a line break, a tab or another control character.", "Take it out."
    return None


def _parquet(content: bytes) -> list[str]:
    table = parquet_table(content)
    for name in table.columns:
        for value in table[name].unique().drop_nulls():
            if fault := _cell_fault(value):
                raise _unfit(fault[0], None, fault[1])
    return _table_findings(table)


def parquet_table(content: bytes) -> pl.DataFrame:
    """A Parquet file's cells as text: flat columns of plain kinds, bounded before they are unpacked."""
    try:
        shape = pq.read_metadata(io.BytesIO(content))
        schema = shape.schema.to_arrow_schema()
        unpacked = sum(shape.row_group(number).total_byte_size for number in range(shape.num_row_groups))
        words = set(shape.metadata or {})
    except (pa.ArrowException, OSError, ValueError):
        raise _unfit("The file is no Parquet that can be read.", None, "Write it again, or as CSV.") from None
    if shape.num_rows > MOST_ROWS or shape.num_columns > MOST_COLUMNS or unpacked > MOST_UNPACKED:
        raise _unfit(
            f"A table has at most {MOST_ROWS:,} rows and {MOST_COLUMNS} columns.",
            None,
            f"Bring in only what is needed: at most {MOST_UNPACKED // 1024**2} MB unpacked.",
        )
    if not all(_is_plain(field.type) for field in schema):
        raise _unfit("A column holds lists, structures or bytes.", None, "Write numbers, texts and dates only.")
    if words - PARQUET_WORDS:
        raise _unfit("The file carries metadata beside its columns.", None, "Write it again without them.")
    try:
        return pl.read_parquet(io.BytesIO(content)).select(pl.all().cast(pl.String))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - a decoder that panics raises neither of the usual kinds
        raise _unfit("The file is no Parquet that can be read.", None, "Write it again, or as CSV.") from None


def _is_plain(kind: pa.DataType) -> bool:
    plain = (
        pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_date,
        pa.types.is_timestamp, pa.types.is_string, pa.types.is_large_string,
    )  # fmt: skip
    return any(is_kind(kind) for is_kind in plain)


def _table_findings(table: pl.DataFrame) -> list[str]:
    if not table.height or not table.width:
        raise _unfit("The table has no rows.", None, "Bring in only what is needed.")
    findings = [
        f"Column {number} is named like something of one person."
        for number, name in enumerate(table.columns, start=1)
        if OF_A_PERSON.search(name.replace("_", " "))
    ]
    for number, name in enumerate(table.columns, start=1):
        findings += _about_people(f"Column {number}", table[name].unique().drop_nulls().to_list())
    return [*findings, *_about_people("The first line", table.columns)]


# -- people


def _about_people(where: str, texts: Iterable[str]) -> list[str]:
    """What looks like one person's, for the checker. Raises ImportUnfit for pseudonyms and for NHS numbers."""
    digits = valid = 0
    mails = postcodes = False
    for text in texts:
        if ONE_PERSON.search(text):
            raise _unfit(f"{where} holds a pseudonym or another person's number.", None, "Nothing of a person goes in.")
        for found in TEN_DIGITS.findall(text):
            digits += 1
            valid += is_nhs_number(found)
        mails = mails or MAIL.search(text) is not None
        postcodes = postcodes or POSTCODE.search(text) is not None
    if digits and valid / digits > MORE_THAN_CHANCE:
        raise _unfit(
            f"{where} holds what may be NHS numbers.",
            None,
            "Nothing of a person goes in; codes of ten digits go in whole.",
        )
    told = {
        "codes of ten digits, some of which could be NHS numbers": valid > 0,
        "what looks like addresses of e-mail": mails,
        "what looks like full postcodes": postcodes,
    }
    return [f"{where} holds {what}." for what, so in told.items() if so]


def _unfit(what: str, where: str | None, mend: str | None) -> ImportUnfit:
    return ImportUnfit(what, where=where, mend=mend)


_INSPECTORS: dict[FileKind, Callable[[bytes], list[str]]] = {
    FileKind.PYTHON: _python,
    FileKind.R: _code,
    FileKind.SQL: _code,
    FileKind.NOTEBOOK: _notebook,
    FileKind.CSV: _csv,
    FileKind.PARQUET: _parquet,
}
