"""Is this workbook plain sheets of values? Hidden sheets, rows and columns, formulas, names and rows of people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from environments.disclosure.tables import FORMULA_STARTS, NUMBER
from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MOST_COLUMNS, MOST_ROWS
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.office.archive import Parts, parts_of
from environments.inspection.office.parts import (
    is_on,
    looked_into,
    named_by_relationships,
    note_part,
    note_parts,
    note_words,
)
from environments.inspection.office.xml import Event, events, local
from environments.inspection.people import plain_form
from environments.inspection.rows import note_records

ALLOWED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(core|app)\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/(workbook|styles|sharedStrings|calcChain|metadata)\.xml|xl/theme/theme\d+\.xml"
    r"|xl/worksheets/sheet\d+\.xml|xl/worksheets/_rels/sheet\d+\.xml\.rels|xl/tables/table\d+\.xml"
)
SHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml")
CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
REFERENCE = re.compile(r"(?:'[^'\[\]]{1,40}'|\w{1,40})!\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?")
RUNS = re.compile(r"vbaproject|macroenabled", re.IGNORECASE)


def inspect_workbook(content: bytes, notes: Notes) -> None:
    """xlsx: its parts, then each sheet with its cells."""
    parts = parts_of(content, notes)
    if "xl/workbook.xml" not in parts or "[Content_Types].xml" not in parts:
        raise CannotBeRead(F.WRONG_TYPE, "The file is no workbook.", mend="Save it as .xlsx, or as CSV.")
    strings = _shared_strings(notes, parts)
    listed = _listed(parts)
    sheets, used = 0, set[int]()
    for name, part in note_parts(notes, parts, ALLOWED):
        if found := SHEET.fullmatch(name):
            sheets += 1
            if name not in listed:
                notes.add(
                    F.HIDDEN_SHEET, f"sheet {found.group(1)}", what="The workbook does not list a sheet that it holds."
                )
            _sheet(notes, f"sheet {found.group(1)}", part, strings, used)
        elif name == "xl/workbook.xml":
            _workbook(notes, part)
        elif name != "xl/sharedStrings.xml":
            note_part(notes, name, part)
    if RUNS.search(parts["[Content_Types].xml"].decode("utf-8", "replace")):
        notes.add(F.MACRO)
    if set(range(len(strings))) - used:
        notes.add(F.HIDDEN_TEXT, what="The workbook holds texts that no cell shows.", mend="Save it anew.")
    if not sheets:
        notes.add(F.MALFORMED, what="The workbook has no sheet.")


def _listed(parts: Parts) -> set[str]:
    """The parts of the sheets that the workbook shows."""
    sheets = named_by_relationships(parts, "xl/workbook.xml", "worksheet")
    numbers = {
        value
        for kind, tag, attributes in events(parts["xl/workbook.xml"])
        if kind == "start" and tag == "sheet"
        for name, value in attributes.items()
        if local(name) == "id"
    }
    return {sheets[one] for one in numbers if one in sheets}


def _workbook(notes: Notes, part: bytes) -> None:
    """Hidden sheets, by their number; names that are more than a place in a sheet."""
    number, named = 0, False
    for kind, tag, attributes in looked_into(notes, "xl/workbook.xml", events(part)):
        if kind == "start" and tag == "sheet":
            number += 1
            if attributes.get("state", "visible") != "visible":
                notes.add(F.HIDDEN_SHEET, f"sheet {number}")
        elif kind == "start" and tag == "definedName":
            named = True
            if is_on(attributes, "hidden") and not attributes.get("name", "").startswith("_xlnm."):
                notes.add(F.HIDDEN_TEXT, "names of the workbook", what="The workbook has a hidden name.")
        elif kind == "text" and named:
            if not all(REFERENCE.fullmatch(one.strip()) for one in tag.split(",")):
                notes.add(F.FORMULA, "names of the workbook", what="A name stands for a formula or a value.")
        elif kind == "end":
            named = False


def _shared_strings(notes: Notes, parts: Parts) -> list[str]:
    """The texts that cells refer to by number."""
    strings: list[str] = []
    texts: list[str] = []
    part = parts.get("xl/sharedStrings.xml")
    for kind, tag, _ in looked_into(notes, "texts of the cells", events(part)) if part else ():
        if kind == "text":
            texts.append(tag)
        elif kind == "end" and tag == "si":
            strings.append("".join(texts))
            texts.clear()
    return strings


def _sheet(notes: Notes, where: str, part: bytes, strings: list[str], used: set[int]) -> None:
    rows: dict[int, dict[int, str]] = {}
    places: list[str] = []
    texts: list[str] = []
    for place, row, column, text in _cells(
        notes, where, looked_into(notes, where, events(part), but=("v", "t")), strings, used
    ):
        places.append(place)
        texts.append(_whole(text).replace("\n", " "))
        stripped = text.strip()
        if stripped.startswith(FORMULA_STARTS) and not _is_number(stripped):
            notes.add(F.FORMULA, f"{where}!{place}")
        if len(rows) <= MOST_ROWS + 1 and column <= MOST_COLUMNS * 2:
            rows.setdefault(row, {})[column] = text
    joined = "\n".join(texts)
    note_words(notes, joined, lambda start: f"{where}!{places[plain_form(joined).count(chr(10), 0, start)]}")
    _note_rows(notes, where, rows)


def _cells(
    notes: Notes, where: str, found: Iterator[Event], strings: list[str], used: set[int]
) -> Iterator[tuple[str, int, int, str]]:
    """Each cell with a value: its name, row, column and text. What is hidden, and formulas, are noted."""
    place, kind_of_cell, tag_now = "A1", "n", ""
    texts: list[str] = []
    for kind, tag, attributes in found:
        if kind == "start":
            tag_now = tag
            if tag in ("row", "col") and (is_on(attributes, "hidden") or _is_flat(attributes)):
                notes.add(F.HIDDEN_CELLS, f"{where}, {_hidden(tag, attributes)}")
            elif tag == "c":
                place, kind_of_cell, texts = attributes.get("r", ""), attributes.get("t", "n"), []
            elif tag == "f":
                notes.add(F.FORMULA, f"{where}!{place}" if CELL.fullmatch(place) else where)
            elif tag in ("oleObject", "control", "drawing", "legacyDrawing", "picture"):
                notes.add(F.EMBEDDED_OBJECT, where)
        elif kind == "text" and tag_now in ("v", "t"):
            texts.append(tag)
        elif kind == "end" and tag == "c" and texts:
            if not (named := CELL.fullmatch(place)):
                raise CannotBeRead(
                    F.MALFORMED, "A cell has no name.", where=where, mend="Save it again in the program."
                )
            text = "".join(texts)
            if kind_of_cell == "s":
                used.add(int(text) if text.isdigit() else -1)
                text = strings[int(text)] if text.isdigit() and int(text) < len(strings) else ""
            yield place, int(named.group(2)), _column_number(named.group(1)), text


def _note_rows(notes: Notes, where: str, rows: dict[int, dict[int, str]]) -> None:
    """The sheet as a table: its first row that is as wide as the sheet names the columns."""
    if not rows:
        return
    columns = sorted({column for row in rows.values() for column in row})
    widest = max(len(row) for row in rows.values())
    numbers = sorted(rows)
    header = next(number for number in numbers if len(rows[number]) == widest)
    names = [rows[header].get(column, "") for column in columns]
    body = [[rows[number].get(column, "") for column in columns] for number in numbers if number > header]
    note_records(notes, names, body, where)


def _is_flat(attributes: dict[str, str]) -> bool:
    """A row without height, a column without width."""
    return any(attributes.get(name, "1") in ("0", "0.0") for name in ("ht", "width"))


def _hidden(tag: str, attributes: dict[str, str]) -> str:
    number = attributes.get("r") or attributes.get("min") or "?"
    return f"{'row' if tag == 'row' else 'column'} {number if number.isdigit() and len(number) < 8 else '?'}"


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None


def _whole(text: str) -> str:
    """A whole number written as a power of ten, in its digits."""
    if "e" not in text.lower():
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return (
        f"{number:.0f}"
        if number.is_finite() and number == number.to_integral_value() and abs(number) < 10**15
        else text
    )


def _column_number(letters: str) -> int:
    number = 0
    for one in letters:
        number = number * 26 + ord(one) - 64
    return number
