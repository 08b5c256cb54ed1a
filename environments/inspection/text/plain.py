"""Is this plain text, and what stands in it? The reading that all kinds of text share; prose in txt and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import LONGEST_LINE, MOST_LINES
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import line_of, note_identifiers, note_invisible
from environments.inspection.rows import note_printed_rows

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
PAGE = re.compile(r"\s*<(?:!doctype|html|svg|script|\?xml)", re.IGNORECASE)
LETTERS = re.compile(r"[A-Za-z0-9+/]+={0,2}")
ESCAPED = re.compile(r"(?:\\x[0-9a-fA-F]{2}){40,}")
DATA_ADDRESS = re.compile(r"data:[\w/+.-]{1,80};base64")
LONG, LINE_OF_PACKED, LINES_OF_PACKED = 160, 60, 4
RUN_BY_BROWSERS = re.compile(r"<(?:script|iframe|object|embed|svg|img|link|meta|form)\b|\bon\w{3,20}\s*=\s*[\"']", re.I)
FETCHED = re.compile(r"!\[[^\[\]\n]{0,500}\]\(\s*<?(?:[a-z]{2,10}:)?//", re.IGNORECASE)
REFERRED = re.compile(r"!\[[^\[\]\n]{0,500}\]\[", re.IGNORECASE)
UNSEEN = re.compile(r"<!--")


def inspect_text(content: bytes, notes: Notes) -> None:
    """txt: as it is read."""
    text = text_in(content)
    note_text(notes, text)
    _note_length(notes, text)


def inspect_markdown(content: bytes, notes: Notes) -> None:
    """md: as it is read, and as it is shown."""
    inspect_text(content, notes)
    note_markup(notes, text_in(content))


def note_markup(notes: Notes, text: str) -> None:
    """What Markdown may hold of HTML, and what a viewer would fetch while it shows it."""
    place = line_of(text)
    for pattern, code, what in (
        (RUN_BY_BROWSERS, F.EMBEDDED_OBJECT, "It holds HTML that a browser runs or fetches."),
        (FETCHED, F.EXTERNAL_LINK, "It shows a picture from elsewhere: whoever keeps it learns of each reader."),
        (REFERRED, F.EXTERNAL_LINK, "It shows a picture by reference."),
        (UNSEEN, F.COMMENT, "It holds a comment that is not shown."),
    ):
        for found in pattern.finditer(text):
            if notes.is_full(code):
                break
            notes.add(code, place(found.start()), what=what)


def text_in(content: bytes) -> str:
    """The text of a file in UTF-8. Raises CannotBeRead: other encodings, a page of the web, bytes that are no text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CannotBeRead(
            F.MALFORMED,
            "The file is not UTF-8.",
            where=f"line {content[: error.start].count(10) + 1}",
            mend="Write it as UTF-8.",
        ) from None
    if PAGE.match(text):
        raise CannotBeRead(
            F.WRONG_TYPE,
            "The file is a page of the web (HTML, SVG or XML), whatever its name says.",
            mend="Export what it shows as PNG, and its numbers as CSV.",
        )
    return text


def note_text(notes: Notes, text: str, *, longest_line: int = LONGEST_LINE) -> None:
    """What may not stand in any text, at its lines."""
    place = line_of(text)
    if found := CONTROL.search(text):
        notes.add(F.CONTROL_CHARACTERS, place(found.start()))
    note_invisible(notes, text, place)
    note_identifiers(notes, text, place)
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > longest_line:
            notes.add(
                F.EMBEDDED_DATA,
                f"line {number}",
                what=f"A line has more than {longest_line:,} characters: nobody can read it.",
                mend="Break the line; data belongs in a table.",
            )
    note_packed(notes, text)


def note_packed(notes: Notes, text: str, where: str | None = None) -> None:
    """Long runs of base64 or escaped bytes: a file within the file."""
    for start in _packed(text):
        if notes.is_full(F.EMBEDDED_DATA):
            break
        notes.add(
            F.EMBEDDED_DATA,
            where or line_of(text)(start),
            what="It holds bytes written as letters (base64 or the like).",
            mend="Take them out, and submit what they are as a file.",
        )


def _packed(text: str) -> Iterator[int]:
    """Where packed bytes begin: one long run of letters, or several lines that are nothing else."""
    lines, place = 0, 0
    for word in text.split():
        if len(word) < LINE_OF_PACKED:
            lines = 0
            continue
        longest = max((len(run) for run in LETTERS.findall(word)), default=0)
        lines = lines + 1 if longest == len(word) else 0
        if longest >= LONG or lines == LINES_OF_PACKED:
            place = text.index(word, place)
            yield place
    for pattern, mark in ((ESCAPED, "\\x"), (DATA_ADDRESS, "data:")):
        yield from (found.start() for found in pattern.finditer(text)) if mark in text else ()


def _note_length(notes: Notes, text: str) -> None:
    note_printed_rows(notes, text)
    if text.count("\n") > MOST_LINES:
        notes.add(F.TOO_MANY_ROWS, what=f"It has more than {MOST_LINES:,} lines: people cannot check so many.")
