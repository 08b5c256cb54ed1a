"""Is this the contract's header? If not, the sentence names contract columns and positions.

It never quotes the file: where the header is missing, its first line is a row about a person.
"""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches

from linkage.contracts.contract import DatasetColumn, DeliveredFile
from linkage.intake.reasons import Fault

DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MANY_TIMES = 3


def match_header(header: list[str], file: DeliveredFile, line: str | None) -> list[DatasetColumn]:
    """The contract's column for each field of the header. line: the whole header line of a CSV file.

    Raises Fault saying what is missing, repeated, unknown or separated otherwise.
    """
    known = {column.header: column for column in file.columns}
    found = [known[name] for name in header if name in known]
    if len(found) * 2 < len(known) and line is not None:
        _look_for_other_delimiter(line, file, known)
    if not found:
        raise Fault("header.missing")
    if len(header) >= MANY_TIMES * len(known):
        raise Fault("header.too_many", f"The file has {len(header)} columns; its contract has {len(known)}.")
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        named = [f"'{name}'" for name in repeated if name in known] or [f"{len(repeated)} names"]
        raise Fault("header.repeated", f"Columns stand twice in the header: {', '.join(named)}.")
    free_text = [column.header for column in found if column.role == "free_text"]
    if free_text:
        raise Fault("header.free_text", f"Free text is refused: {', '.join(free_text)}.")
    present = {column.header for column in found}
    missing = [c.header for c in file.columns if c.header not in present and not _may_lack(c)]
    unknown = [position for position, name in enumerate(header) if name not in known]
    if missing or unknown:
        raise Fault("header.wrong", _difference(header, missing, unknown))
    return found


def _may_lack(column: DatasetColumn) -> bool:
    return column.may_be_absent or column.role == "free_text"


def _look_for_other_delimiter(line: str, file: DeliveredFile, known: dict[str, DatasetColumn]) -> None:
    for delimiter, words in DELIMITER_NAMES.items():
        fields = [field.strip().strip(file.quote) for field in line.split(delimiter)]
        if delimiter != file.delimiter and 2 * sum(field in known for field in fields) > len(known):
            raise Fault(
                "csv.delimiter",
                f"The columns are separated by {words}; the contract says {DELIMITER_NAMES[file.delimiter]}.",
                f"Export the file with {DELIMITER_NAMES[file.delimiter]}, or agree {words} in a new contract version.",
            )


def _difference(header: list[str], missing: list[str], unknown: list[int]) -> str:
    """Which columns are missing, where unknown ones stand, and which misspelling explains both."""
    parts, folded = [], {_folded(name): name for name in missing}
    for position in unknown:
        near = get_close_matches(_folded(header[position]), folded, n=1, cutoff=0.8)
        likeness = f" (perhaps '{folded[near[0]]}' misspelt)" if near else ""
        parts.append(f"column {position + 1} is not in the contract{likeness}")
    if missing:
        parts.append("missing: " + ", ".join(f"'{name}'" for name in missing))
    shown = "; ".join(parts[:12]) + (" …" if len(parts) > 12 else "")
    return f"The header is not that of the contract: {shown}."


def _folded(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
