"""Is this PDF what its reader sees? Its bytes, its objects, its pages: text as it is read, marks as they are counted.

A figure drawn with a mark for each person carries that person's coordinates: past a bound the page is refused, and the
figure goes in as a picture. Text that is drawn invisibly, or in letters that no machine can name, is refused too.
"""

from __future__ import annotations

import io
import logging
import re
from typing import Any

from pypdf import PdfReader

from environments.inspection.binary.pdf_objects import note_objects
from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MANY_ROWS, MOST_MARKS, MOST_OBJECTS, MOST_PAGES
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import at, note_identifiers, note_invisible
from environments.inspection.rows import note_printed_rows

END = re.compile(rb"startxref\s+\d+\s+%%EOF")
FIRST = re.compile(rb"%PDF-\d\.\d\s+(?:%[^\r\n]{0,40}\s+)?")
LAST = re.compile(
    rb"(?:xref\s+(?:\d+ \d+\s+(?:\d{10} \d{5} [nf]\s{1,2})*)+trailer\s*<<[^%]{0,2000}>>\s*)?"
    rb"startxref\s+\d+\s+%%EOF\s{0,2}"
)
MARK = re.compile(rb"(?<=\s)(?:Do|l|c|v|y|re|BI|sh)(?=\s)")
UNSEEN_TEXT = re.compile(rb"(?<=\s)[37]\s+Tr(?=\s)")
ALLOWED_PROPERTIES = {"/Creator", "/Producer", "/CreationDate", "/ModDate", "/Title", "/Trapped", "/PTEX.Fullbanner"}
LONGEST_PROPERTY = 200


def inspect_pdf(content: bytes, notes: Notes) -> None:
    """pdf: its bytes, then its objects, then its pages."""
    _note_versions(content, notes)
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it logs may quote the file
    try:
        reader = PdfReader(io.BytesIO(content), strict=True)
        if reader.is_encrypted:
            raise CannotBeRead(F.ENCRYPTED, "The file is encrypted: nobody can check it.", mend="Save it without.")
        _note_gaps(content, reader, notes)
        _note_properties(reader, notes)
        note_objects(reader, notes)
        _note_pages(reader, notes)
    except (CannotBeRead, MemoryError):
        raise
    except RecursionError:
        raise CannotBeRead(F.MALFORMED, "It is nested too deep.", mend="Print it to PDF again.") from None
    except Exception:  # noqa: BLE001 - what pypdf raises of a damaged file is of any kind, and may quote it
        raise CannotBeRead(
            F.MALFORMED, "The file is no PDF that can be read.", mend="Print it to PDF again, or export PNG."
        ) from None


def _note_versions(content: bytes, notes: Notes) -> None:
    ends = [found.end() for found in END.finditer(content)]
    if not ends:
        raise CannotBeRead(F.MALFORMED, "The PDF has no end.", mend="Print it to PDF again.")
    if content[ends[-1] :].strip(b"\r\n") or len(content) - ends[-1] > 2:
        notes.add(F.TRAILING_BYTES, f"byte {ends[-1]}")
    if len(ends) > 1:
        notes.add(F.HIDDEN_VERSION, mend="Print it to PDF again, without fast web view.")


def _note_gaps(content: bytes, reader: PdfReader, notes: Notes) -> None:
    """Note bytes between the objects that the table of objects names, and objects that it does not name."""
    starts = sorted({place for objects in reader.xref.values() for place in objects.values() if place})
    if len(starts) > MOST_OBJECTS:
        raise CannotBeRead(
            F.UNPACKS_TOO_LARGE, f"It has more than {MOST_OBJECTS:,} objects.", mend="Submit it in parts."
        )
    if not starts or not FIRST.fullmatch(content, 0, starts[0]):
        notes.add(F.TRAILING_BYTES, "before the first object")
    for start, end in zip(starts, [*starts[1:], len(content)], strict=True):
        parts = content[start:end].split(b"endobj")
        rest = parts[-1]
        if len(parts) != 2 or (rest.strip() and (end < len(content) or not LAST.fullmatch(rest.lstrip()))):
            notes.add(F.TRAILING_BYTES, f"byte {start}", what="Bytes stand between the objects of the PDF.")


def _note_properties(reader: PdfReader, notes: Notes) -> None:
    for name, value in (reader.metadata or {}).items():
        text = str(value)
        if (name not in ALLOWED_PROPERTIES and text.strip()) or len(text) > LONGEST_PROPERTY:
            notes.add(F.METADATA, "properties of the document")
        note_identifiers(notes, text, at("properties of the document"))


def _note_pages(reader: PdfReader, notes: Notes) -> None:
    if len(reader.pages) > MOST_PAGES:
        raise CannotBeRead(F.UNPACKS_TOO_LARGE, f"It has more than {MOST_PAGES} pages.", mend="Submit it in parts.")
    rows = 0
    for number, page in enumerate(reader.pages, start=1):
        where = f"page {number}"
        _note_drawing(page, notes, where)
        text = page.extract_text()
        note_identifiers(notes, text, at(where))
        note_invisible(notes, text, at(where))
        rows += note_printed_rows(notes, text, where)
        if "\ufffd" in text:
            notes.add(F.UNREADABLE_TEXT, where)
    if rows >= MANY_ROWS:
        notes.add(F.ROW_LEVEL, "its pages")


def _note_drawing(page: Any, notes: Notes, where: str) -> None:
    drawing = page.get_contents()
    data = b"\n" + drawing.get_data() + b"\n" if drawing is not None else b""
    if sum(1 for _ in MARK.finditer(data)) > MOST_MARKS:
        notes.add(
            F.ROW_LEVEL,
            where,
            what=f"The page draws more than {MOST_MARKS:,} marks, each with its coordinates: it carries its data.",
            mend="Put the figure in as a PNG picture.",
        )
    if UNSEEN_TEXT.search(data):
        notes.add(F.HIDDEN_TEXT, where)
