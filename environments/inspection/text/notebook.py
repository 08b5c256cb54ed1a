"""Is this a notebook of code and words alone? Outputs, attachments and further metadata do not leave."""

from __future__ import annotations

import json
import re
from typing import Any

from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import LONGEST_LINE
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import at, identifiers, line_of, note_identifiers
from environments.inspection.text.code import note_code_values
from environments.inspection.text.json_data import loaded
from environments.inspection.text.plain import note_markup, note_text, text_in

KEYS = {"cells", "metadata", "nbformat", "nbformat_minor"}
CELL_KEYS = {
    "code": {"cell_type", "execution_count", "id", "metadata", "outputs", "source"},
    "markdown": {"attachments", "cell_type", "id", "metadata", "source"},
    "raw": {"attachments", "cell_type", "id", "metadata", "source"},
}
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
OWN_NUMBER = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def inspect_notebook(content: bytes, notes: Notes) -> None:
    """ipynb: version 4, each cell with its text."""
    data = loaded(content)
    if not isinstance(data, dict) or data.get("nbformat") != 4 or not isinstance(data.get("cells"), list):
        raise CannotBeRead(
            F.MALFORMED, "The file is no notebook of version 4.", mend="Save it with a newer JupyterLab."
        )
    if set(data) - KEYS or not isinstance(data.get("nbformat_minor"), int):
        notes.add(F.EMBEDDED_DATA, what="The notebook holds keys that notebooks do not have.", mend="Save it again.")
    sources = [_source(cell, f"cell {number}", notes) for number, cell in enumerate(data["cells"], start=1)]
    note_code_values(notes, "\n".join(sources))
    beside = [data.get("metadata"), *(cell.get("metadata") for cell in data["cells"] if isinstance(cell, dict))]
    text = json.dumps(beside, ensure_ascii=False)
    if len(text) > LONGEST_LINE + 30 * len(beside):
        notes.add(
            F.METADATA,
            what="The notebook's metadata are long.",
            mend="Clear them: only the names of kernel and language stay.",
        )
    note_identifiers(notes, text, at("metadata"))
    _note_raw(notes, content)


def _note_raw(notes: Notes, content: bytes) -> None:
    """NHS numbers anywhere else, such as in counts of executions."""
    text = text_in(content)
    if not any(one.code is F.NHS_NUMBER for one in notes.findings):
        for code, start in identifiers(text):
            if code is F.NHS_NUMBER and not notes.is_full(code):
                notes.add(code, line_of(text)(start))


def _source(cell: Any, where: str, notes: Notes) -> str:
    """A cell's text, looked into; what else it holds is noted."""
    kind = str(cell.get("cell_type")) if isinstance(cell, dict) else ""
    if kind not in CELL_KEYS:
        raise CannotBeRead(F.MALFORMED, "A cell is none of a notebook.", where=where, mend="Save it again.")
    if set(cell) - CELL_KEYS[kind]:
        notes.add(F.EMBEDDED_DATA, where, what="A cell holds something other than its text.", mend="Save it again.")
    if cell.get("outputs"):
        notes.add(F.OUTPUTS, where)
    if cell.get("attachments"):
        notes.add(F.ATTACHMENT, where)
    if not isinstance(cell.get("execution_count"), int | None):
        notes.add(F.MALFORMED, where)
    _note_id(cell.get("id"), where, notes)
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise CannotBeRead(F.MALFORMED, "A cell's text is no text.", where=where, mend="Save it again.")
    text = "".join(lines)
    within = Notes()
    note_text(within, text)
    if kind != "code":
        note_markup(within, text)
    for found in within.findings:
        notes.add(found.code, f"{where}, {found.where}" if found.where else where, what=found.what, mend=found.mend)
    return text if kind == "code" else ""


def _note_id(cell_id: Any, where: str, notes: Notes) -> None:
    """A cell's id is the notebook's own: newer editors take 128-bit numbers for it."""
    if cell_id is None:
        return
    if not isinstance(cell_id, str) or not CELL_ID.fullmatch(cell_id):
        notes.add(F.MALFORMED, where, what="A cell's id is none of a notebook.", mend="Save it again.")
    elif OWN_NUMBER.fullmatch(cell_id):
        notes.own_numbers.add(cell_id)
    else:
        note_identifiers(notes, cell_id, at(f"{where}, its id"))
