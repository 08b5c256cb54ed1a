"""Is this code, and does it carry data? Python is parsed; R and SQL are read as text."""

from __future__ import annotations

import ast
import re
import warnings

from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MOST_LINES, MOST_VALUES_IN_CODE
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import at, note_identifiers
from environments.inspection.rows import note_comments, note_printed_rows
from environments.inspection.text.plain import note_text, text_in

VALUE = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\b\d+(?:\.\d+)?\b")
LARGEST_READ = 10**12


def inspect_python(content: bytes, notes: Notes) -> None:
    """py: text that Python parses."""
    text = text_in(content)
    _note_code(notes, text)
    _note_values(notes, _python_values(notes, text))


def inspect_code(content: bytes, notes: Notes) -> None:
    """R, sql: text, its values counted as they are written."""
    text = text_in(content)
    _note_code(notes, text)
    _note_values(notes, sum(1 for _ in VALUE.finditer(text)))


def note_code_values(notes: Notes, text: str) -> None:
    """Of code that is part of another file."""
    _note_values(notes, sum(1 for _ in VALUE.finditer(text)))


def _note_code(notes: Notes, text: str) -> None:
    note_text(notes, text)
    note_printed_rows(notes, text, in_all=False)
    note_comments(notes, text)
    if text.count("\n") > MOST_LINES:
        notes.add(F.TOO_MANY_ROWS, what=f"It has more than {MOST_LINES:,} lines: people cannot check so many.")


def _python_values(notes: Notes, text: str) -> int:
    """How many values are written in it; identifiers in them that are spelt with escapes are noted."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in its strings
            tree = ast.parse(text)
        values = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CannotBeRead(
            F.MALFORMED, "The file is no Python that can be read.", mend="Run it once where you wrote it."
        ) from None
    for node in values:
        value = node.value
        if isinstance(value, str) or (type(value) is int and abs(value) < LARGEST_READ):
            note_identifiers(notes, str(value), at(f"line {node.lineno}"))
        elif isinstance(value, bytes):
            note_identifiers(notes, value.decode("latin-1"), at(f"line {node.lineno}"))
    return len(values)


def _note_values(notes: Notes, values: int) -> None:
    if values > MOST_VALUES_IN_CODE:
        notes.add(
            F.EMBEDDED_DATA,
            what=f"It holds more than {MOST_VALUES_IN_CODE} numbers and texts: it carries data.",
            mend="Keep data in a table of its own, which is checked as one.",
        )
