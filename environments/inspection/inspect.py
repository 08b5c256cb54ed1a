"""What is in this file? The inspector of its type looks; whatever could not be looked at does not leave.

Pure: name and bytes in, findings out. Hostile files are for `enclosed.inspect_apart`, which runs this in a process of
its own with bounded memory and time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from environments.inspection.binary.pictures import inspect_jpeg, inspect_png
from environments.inspection.errors import CannotBeRead
from environments.inspection.kinds import type_of
from environments.inspection.limits import MOST_BYTES
from environments.inspection.model import FileType, FindingCode, Inspection, IsPseudonym
from environments.inspection.notes import Notes
from environments.inspection.office.document import inspect_document
from environments.inspection.office.workbook import inspect_workbook
from environments.inspection.people import at, note_identifiers
from environments.inspection.text.code import inspect_code, inspect_python
from environments.inspection.text.json_data import inspect_acro, inspect_json
from environments.inspection.text.notebook import inspect_notebook
from environments.inspection.text.plain import inspect_markdown, inspect_text
from environments.inspection.text.tables import inspect_csv

UNNAMED = "a file whose name cannot be shown"
Inspector = Callable[[bytes, Notes], object]


def _parquet(content: bytes, notes: Notes) -> None:
    from environments.inspection.binary.parquet import inspect_parquet

    inspect_parquet(content, notes)


def _pdf(content: bytes, notes: Notes) -> None:
    from environments.inspection.binary.pdf import inspect_pdf

    inspect_pdf(content, notes)


INSPECTORS: dict[FileType, Inspector] = {
    FileType.CSV: inspect_csv,
    FileType.PARQUET: _parquet,
    FileType.WORKBOOK: inspect_workbook,
    FileType.PNG: inspect_png,
    FileType.JPEG: inspect_jpeg,
    FileType.PDF: _pdf,
    FileType.MARKDOWN: inspect_markdown,
    FileType.TEXT: inspect_text,
    FileType.JSON: inspect_json,
    FileType.ACRO: inspect_acro,
    FileType.NOTEBOOK: inspect_notebook,
    FileType.DOCUMENT: inspect_document,
    FileType.PYTHON: inspect_python,
    FileType.R: inspect_code,
    FileType.SQL: inspect_code,
}
MENDED_BY_WRITING_ANEW = {
    FindingCode.METADATA, FindingCode.LOCATION, FindingCode.COMMENT, FindingCode.TRAILING_BYTES,
    FindingCode.EMBEDDED_DATA, FindingCode.NHS_NUMBER, FindingCode.PSEUDONYM, FindingCode.EMAIL, FindingCode.POSTCODE,
}  # fmt: skip
"""Of a picture: these stand beside its pixels, and are gone from its new bytes."""


def inspect_file(name: str, content: bytes, *, is_pseudonym: IsPseudonym | None = None) -> Inspection:
    """Look into a file. is_pseudonym: the project's word on numbers that the format itself needs."""
    notes = Notes()
    kind, written = None, None
    if len(content) > MOST_BYTES:
        notes.add(FindingCode.TOO_LARGE)
        return Inspection(_shown(name, notes), None, len(content), None, tuple(notes.findings))
    shown = _shown(name, notes)
    named = bool(notes.findings)
    try:
        kind = type_of(name, content)
        written = INSPECTORS[kind](content, notes)
    except CannotBeRead as unfit:
        notes.add(unfit.finding, unfit.where, what=unfit.what, mend=unfit.mend or "")
    except (MemoryError, RecursionError):
        notes.add(FindingCode.UNPACKS_TOO_LARGE)
    except Exception as fault:  # noqa: BLE001 - not looked at is not passed; a parser's own text may quote the file
        notes.add(FindingCode.NOT_INSPECTED, f"{type(fault).__name__} in the inspector")
    anew = isinstance(written, bytes) and not named and {one.code for one in notes.findings} <= MENDED_BY_WRITING_ANEW
    return _asked(
        Inspection(
            shown,
            kind,
            len(content),
            hashlib.sha256(content).hexdigest(),
            tuple(notes.findings),
            notes.more,
            written if anew and isinstance(written, bytes) else None,
            frozenset(notes.own_numbers),
        ),
        is_pseudonym,
    )


def refused_unread(name: str, size: int, code: FindingCode) -> Inspection:
    """Of a file that was not read, or whose inspection did not end."""
    notes = Notes()
    shown = _shown(name, notes)
    notes.add(code)
    return Inspection(shown, None, size, None, tuple(notes.findings))


def _shown(name: str, notes: Notes) -> str:
    """The name, unless it names a person."""
    note_identifiers(notes, name, at("the file's name"))
    return UNNAMED if notes.findings else name


def _asked(found: Inspection, is_pseudonym: IsPseudonym | None) -> Inspection:
    return found if is_pseudonym is None else found.asked(is_pseudonym)
