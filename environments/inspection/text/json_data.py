"""Does this JSON hold rows of people? Every list and object that is a table is looked at as one.

Also ACRO's results.json (https://github.com/AI-SDC/ACRO): its records, and what its own check said of each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MANY_ROWS, MOST_DEPTH, MOST_ROWS
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import identifiers
from environments.inspection.rows import note_records
from environments.inspection.text.plain import CONTROL, note_text, text_in

ACRO_KEYS = {
    "uid", "status", "type", "properties", "files", "outcome", "command", "summary", "timestamp", "comments",
    "exception",
}  # fmt: skip
Walked = Iterator[tuple[str, Any]]


def inspect_json(content: bytes, notes: Notes) -> Any:
    """json: its text, and every table in it; the data that it holds."""
    text = text_in(content)
    data = loaded(content)
    note_text(notes, text, longest_line=len(text))
    known = {code for code, _ in identifiers(text)}
    for place, value in _walk(data):
        _note_value(notes, place, value, known)
    return data


def inspect_acro(content: bytes, notes: Notes) -> None:
    """ACRO's results.json: as any JSON; and no output in it failed, or waits for a reason."""
    data = inspect_json(content, notes)
    results = data.get("results") if isinstance(data, dict) else None
    if not isinstance(results, dict) or not all(isinstance(one, dict) for one in results.values()):
        raise CannotBeRead(
            F.MALFORMED, "The file is no results.json of ACRO.", mend="Give it another name, or finalise again."
        )
    for number, record in enumerate(results.values(), start=1):
        where = f"output {number}"
        if set(record) - ACRO_KEYS:
            notes.add(
                F.EMBEDDED_DATA, where, what="An output holds keys that ACRO does not write.", mend="Finalise again."
            )
        if record.get("status") not in ("pass", "review", "fail"):
            notes.add(F.MALFORMED, where, what="An output has no status of ACRO.", mend="Finalise again.")
        elif record["status"] != "pass":
            notes.add(F.CHECK_FAILED, where)


def loaded(content: bytes) -> Any:
    """The data of a JSON file. Raises CannotBeRead: no JSON, a key twice, numbers that JSON has not, too deep."""
    try:
        data = json.loads(text_in(content), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise CannotBeRead(
            F.MALFORMED,
            "The file is no JSON that can be read: broken, too deep, a key twice, or NaN.",
            mend="Write it again with a JSON library; write null where there is no number.",
        ) from None
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _no_number(_: str) -> None:
    raise ValueError("NaN and infinity are no JSON")


def _walk(data: Any) -> Walked:
    """Every value with its place by numbers (a key could be an identifier), without recursion."""
    stack: list[tuple[tuple[int, ...], Any]] = [((), data)]
    while stack:
        place, value = stack.pop()
        yield ".".join(map(str, place)), value
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if children and len(place) >= MOST_DEPTH:
            raise CannotBeRead(
                F.MALFORMED, f"It is nested deeper than {MOST_DEPTH} levels.", mend="Write it flat: a table of groups."
            )
        stack.extend(((*place, number), child) for number, child in enumerate(children, start=1))


def _note_value(notes: Notes, place: str, value: Any, known: set[F]) -> None:
    where = f"value {place}" if place else "the whole"
    if isinstance(value, dict):
        _note_dict(notes, where, value, known)
    elif isinstance(value, list):
        _note_list(notes, where, value)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        _note_hidden_by_escapes(notes, where, str(value), known)


def _note_hidden_by_escapes(notes: Notes, where: str, text: str, known: set[F]) -> None:
    """What the raw text did not show, since it was written with escapes."""
    if len(text) < 8:
        return
    for code, _ in identifiers(text):
        if code not in known:
            notes.add(code, where)
    if CONTROL.search(text):
        notes.add(F.CONTROL_CHARACTERS, where)


def _note_dict(notes: Notes, where: str, value: dict[str, Any], known: set[F]) -> None:
    for key in value:
        _note_hidden_by_escapes(notes, where, key, known)
    if len(value) > MOST_ROWS:
        notes.add(F.TOO_MANY_ROWS, where)
    columns = {key: _scalars(one) for key, one in value.items()}
    by_height: dict[int, list[str]] = {}
    for key, cells in columns.items():
        if len(cells) >= MANY_ROWS or (cells and len(value) < MANY_ROWS):
            by_height.setdefault(len(cells), []).append(key)
    for keys in by_height.values():
        note_records(notes, keys, list(zip(*(columns[key] for key in keys), strict=True)), where)
    rows, names = value.get("data"), value.get("columns")
    if isinstance(rows, list) and isinstance(names, list) and all(isinstance(row, list) for row in rows):
        note_records(notes, [_text(name) for name in names], [[_text(one) for one in row] for row in rows], where)
    elif len(value) >= MANY_ROWS and all(isinstance(one, dict) for one in value.values()):
        _note_objects(notes, where, list(value.values()))


def _note_list(notes: Notes, where: str, value: list[Any]) -> None:
    if len(value) > MOST_ROWS:
        notes.add(F.TOO_MANY_ROWS, where)
    if len(value) > 1 and all(isinstance(one, dict) for one in value):
        _note_objects(notes, where, value)
    elif len(value) >= MANY_ROWS and all(isinstance(one, list) for one in value):
        width = max(map(len, value))
        note_records(notes, [""] * min(width, 100), [[_text(cell) for cell in one] for one in value], where)


def _note_objects(notes: Notes, where: str, objects: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(key for one in objects[: MOST_ROWS + 1] for key in one))[:100]
    note_records(notes, names, [[_text(one.get(name)) for name in names] for one in objects], where)


def _scalars(value: Any) -> list[str]:
    """A column's cells, if it is one: of a list, or of an object by row."""
    cells = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [] if any(isinstance(one, dict | list) for one in cells) else [_text(one) for one in cells]


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)
