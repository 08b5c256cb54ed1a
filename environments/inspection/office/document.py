"""Is this document what its reader sees? Tracked changes, hidden text, comments, objects; its tables."""

from __future__ import annotations

import re

from environments.inspection.errors import CannotBeRead
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.office.archive import parts_of
from environments.inspection.office.parts import (
    is_on,
    looked_into,
    named_by_relationships,
    note_part,
    note_parts,
    note_words,
)
from environments.inspection.office.workbook import RUNS
from environments.inspection.office.xml import events
from environments.inspection.rows import note_printed_rows, note_records

ALLOWED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|docProps/(core|app)\.xml|word/_rels/\w{1,20}\.xml\.rels"
    r"|word/(document|styles|stylesWithEffects|settings|webSettings|fontTable|numbering|footnotes|endnotes)\.xml"
    r"|word/(header|footer)\d{0,3}\.xml|word/theme/theme\d+\.xml"
)
TEXTS = re.compile(r"word/(document|footnotes|endnotes|header\d*|footer\d*)\.xml")
CHANGES = {"ins", "del", "moveFrom", "moveTo", "rPrChange", "pPrChange", "delText", "tblPrChange", "cellIns", "cellDel"}
OBJECTS = {"object", "OLEObject", "control", "altChunk", "subDoc", "chart", "relIds", "attachedTemplate"}
FETCHES = re.compile(r"\b(INCLUDETEXT|INCLUDEPICTURE|DDE|DDEAUTO|LINK|IMPORT|DATABASE|MACROBUTTON)\b")


def inspect_document(content: bytes, notes: Notes) -> None:
    """docx: its parts, then every text in it."""
    parts = parts_of(content, notes)
    if "word/document.xml" not in parts or "[Content_Types].xml" not in parts:
        raise CannotBeRead(F.WRONG_TYPE, "The file is no document of Word.", mend="Save it as .docx, or as PDF.")
    hidden = _hidden_styles(parts["word/styles.xml"]) if "word/styles.xml" in parts else set()
    shown = {
        one for name in parts if TEXTS.fullmatch(name) for one in named_by_relationships(parts, name, "image").values()
    }
    for name, part in note_parts(notes, parts, ALLOWED, {one for one in shown if one.startswith("word/media/")}):
        if TEXTS.fullmatch(name):
            _text(notes, name.removeprefix("word/").removesuffix(".xml"), part, hidden)
        else:
            note_part(notes, name, part)
    if RUNS.search(parts["[Content_Types].xml"].decode("utf-8", "replace")):
        notes.add(F.MACRO)


def _hidden_styles(part: bytes) -> set[str]:
    """The names of styles whose text no reader sees."""
    hidden: set[str] = set()
    style = ""
    for kind, tag, attributes in events(part):
        if kind == "start" and tag == "style":
            style = attributes.get("styleId", "")
        elif kind == "start" and _hides(tag, attributes):
            hidden.add(style)
    return hidden


def _hides(tag: str, attributes: dict[str, str]) -> bool:
    return tag in ("vanish", "webHidden", "specVanish") and is_on({"val": attributes.get("val", "1")}, "val")


def _text(notes: Notes, where: str, part: bytes, hidden: set[str]) -> None:
    lines: list[str] = []
    texts: list[str] = []
    of_cell: list[str] = []
    tables: list[list[list[str]]] = []
    paragraph, tag_now = 0, ""
    for kind, tag, attributes in looked_into(notes, where, events(part), but=("t",)):
        if kind == "start":
            tag_now = tag
            _note_tag(notes, f"{where}, paragraph {paragraph + 1}", tag, attributes, hidden)
            if tag == "tbl":
                tables.append([])
            elif tag == "tr" and tables:
                tables[-1].append([])
            elif tag == "tc":
                of_cell = []
        elif kind == "text":
            texts.append(tag)
            if tag_now == "instrText" and FETCHES.search(tag):
                notes.add(
                    F.EXTERNAL_LINK, f"{where}, paragraph {paragraph + 1}", what="A field may fetch or run something."
                )
        elif kind == "end" and tag == "p":
            paragraph += 1
            lines.append("".join(texts))
            of_cell.append(lines[-1])
            texts = []
        elif kind == "end" and tag == "tc" and tables and tables[-1]:
            tables[-1][-1].append(" ".join(of_cell))
            of_cell = []
        elif kind == "end" and tag == "tbl":
            _note_table(notes, where, tables.pop())
    text = "\n".join([*lines, *texts])
    note_words(notes, text, lambda start: f"{where}, paragraph {text.count(chr(10), 0, start) + 1}")
    note_printed_rows(notes, text, where)


def _note_table(notes: Notes, where: str, rows: list[list[str]]) -> None:
    if len(rows) > 1 and rows[0]:
        note_records(notes, rows[0], rows[1:], f"{where}, a table")


def _note_tag(notes: Notes, where: str, tag: str, attributes: dict[str, str], hidden: set[str]) -> None:
    if tag in CHANGES:
        notes.add(F.TRACKED_CHANGE, where)
    elif _hides(tag, attributes) or (tag in ("pStyle", "rStyle") and attributes.get("val") in hidden):
        notes.add(F.HIDDEN_TEXT, where)
    elif tag in OBJECTS:
        notes.add(F.EMBEDDED_OBJECT, where)
    elif tag in ("commentReference", "commentRangeStart"):
        notes.add(F.COMMENT, where)
