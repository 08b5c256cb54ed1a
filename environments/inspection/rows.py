"""Has this table a row for each person, where it should have one for each group of people?

A heuristic, told as such: more rows than people can check; columns named for one person; a code of its own in nearly
every row; many rows and no count of people. What passes is still looked at by people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from environments.inspection.limits import MANY_ROWS, MOST_ROWS
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes

NEARLY_ALL = 0.95
ENOUGH_FOR_CODES = 20
FEW_ROWS = 3  # of a printed table; fewer lines are as alike by chance
PERSON_NAME = re.compile(
    r"(?:^|_)(?:nhs|pseudonym|forename|surname|(?:first|last|full|family|given)_?name|dob|date_of_birth|birth_?date"
    r"|address|e_?mail|phone|mobile|mrn|uprn|pid"
    r"|(?:patient|person|participant|subject|respondent|record|row|spell|episode|hospital|case|member|client|local|study)"
    r"_?(?:id|no|number|key|ref))(?:$|_)|^id$|^uuid$"
)
COUNT_NAME = re.compile(
    r"(?:^|_)(?:people|persons|patients|participants|individuals|population|denominator|numerator|at_risk)(?:$|_)"
    r"|(?:^|_)(?:n|count|counts|obs)$"
    r"|^(?:number|freq|frequency|total|size|observations|events)$"
)
"""Not n_admissions or total_cost: those are figures of one person as often as of a group."""
MEASURE_NAME = re.compile(r"cost|amount|sum|mean|median|rate|value|income|days|score|area|ratio|estimate|coef")
CODE = r"^[A-Za-z0-9][A-Za-z0-9/_:. -]{3,39}$"
NO_CODE = (
    r"^[A-Za-z -]+$|^-?\d+\.\d*([eE][+-]?\d+)?$|^\d{4}-\d\d(-\d\d)?$|^\d\d?/\d\d?/\d{4}$|^\d{1,4}[-–/]\d{1,4}$"
    r"|^(19|20)\d\d(0[1-9]|1[0-2])$|^\d{4}[ -]?[QW]\d\d?$"
)
PUBLIC_CODE = r"^[EWSNKLJM]\d{8}$|^[A-Z]\d{5}$|^[A-Z0-9]{3}$|^[A-Z]\d\d(\.?[\dX]{1,2})?$"
"""Areas of the ONS, practices and trusts of the ODS, codes of the ICD and of OPCS: of groups, not of people."""
COMMENT = re.compile(r"(?:#|--)+(.*)$", re.MULTILINE)
NUMBER = re.compile(r"-?[\d,]*\d(?:\.\d+)?%?")


def note_rows(notes: Notes, table: pl.DataFrame, where: str | None = None) -> None:
    """Note what looks like rows of people in a table of texts. where: the table's place in its file."""
    if table.height > MOST_ROWS:
        notes.add(F.TOO_MANY_ROWS, where)
    names = [_plain_name(name) for name in table.columns]
    counts = [place for place, name in enumerate(names) if COUNT_NAME.search(name)]
    for place, name in enumerate(names):
        column = table.to_series(place).str.strip_chars()
        if PERSON_NAME.search(name):
            notes.add(F.PERSON_COLUMN, _column(where, place))
        elif place not in counts and not MEASURE_NAME.search(name) and _is_of_codes(column):
            notes.add(F.ONE_VALUE_PER_PERSON, _column(where, place))
    if table.height >= MANY_ROWS and not any(_counts_people(table.to_series(place)) for place in counts):
        notes.add(F.ROW_LEVEL, where)


def note_records(notes: Notes, names: Sequence[str], rows: Sequence[Sequence[str]], where: str | None = None) -> None:
    """The same of rows as they were read one by one; rows that are shorter or longer are filled or cut."""
    width = max(len(names), 1)
    headed = [f"{name}\0{place}" for place, name in enumerate([*names, ""][:width])]
    columns = {name: [row[place] if place < len(row) else "" for row in rows] for place, name in enumerate(headed)}
    note_rows(notes, pl.DataFrame(columns, schema=dict.fromkeys(headed, pl.String)), where)


def note_printed_rows(notes: Notes, text: str, where: str | None = None, *, in_all: bool = True) -> int:
    """Tables that are printed in a text: many lines, each of as many parts as the next, with numbers.

    Many one after the other, or in all: a word between them makes of one table no two. The number of rows that are too
    few to be judged where they stand. in_all: not of code, whose own lines look like rows.
    """
    run: list[list[str]] = []
    before: list[str] = []
    start, rows = 0, 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        parts = _parts(line)
        if parts is None:  # a ruler of a table
            continue
        if len(parts) > 1 and any(NUMBER.fullmatch(part) for part in parts) and (not run or len(parts) == len(run[0])):
            start = start or number
            run.append(parts)
            continue
        rows += _note_run(notes, before, run, where or f"line {start}")
        before, run, start = parts, [], 0
    if in_all and rows >= MANY_ROWS:
        notes.add(F.ROW_LEVEL, where)
    return rows


def note_comments(notes: Notes, text: str) -> None:
    """Tables that are printed in the comments of code."""
    note_printed_rows(notes, "\n".join(COMMENT.findall(text)), "its comments")


def _note_run(notes: Notes, header: list[str], run: list[list[str]], where: str) -> int:
    """How many of its rows count nobody, where they are too few to be judged by themselves."""
    if len(run) < FEW_ROWS:
        return 0
    width = len(run[0])
    names = header if len(header) == width else ["", *header] if len(header) == width - 1 else [""] * width
    if len(run) < MANY_ROWS:
        return 0 if any(COUNT_NAME.search(_plain_name(name)) for name in names) else len(run)
    note_records(notes, names, run, where)
    return 0


def _parts(line: str) -> list[str] | None:
    if line.strip() and not line.strip(" |+-=:\t"):
        return None
    for mark in ("|", "\t", ",", ";"):
        if mark in line:
            return [part.strip() for part in line.strip(" |").split(mark)]
    return line.split()


def _is_of_codes(column: pl.Series) -> bool:
    values = column.filter(column.is_not_null() & (column != ""))
    if len(values) < ENOUGH_FOR_CODES or values.n_unique() < NEARLY_ALL * len(values):
        return False
    codes = values.filter(values.str.contains(CODE) & values.str.contains(r"\d") & ~values.str.contains(NO_CODE))
    if len(codes) < NEARLY_ALL * len(values):
        return False
    if codes.str.contains(PUBLIC_CODE).all():
        return False
    lengths = codes.str.len_chars()
    return not codes.str.contains(r"^\d+$").all() or (lengths.n_unique() == 1 and int(lengths[0]) > 4)


def _counts_people(column: pl.Series) -> bool:
    """Does it count groups? Numbers or the mark of a hidden one, and not one person in most rows."""
    values = column.str.strip_chars().filter(column.is_not_null())
    numbers = values.str.replace_all(",", "").cast(pl.Float64, strict=False).drop_nulls()
    return len(numbers) > 0 and 2 * int((numbers > 1).sum()) > len(numbers)


def _plain_name(name: str) -> str:
    """age, Age Group and ageGroup as age, age_group, age_group."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.partition("\0")[0].strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def _column(where: str | None, place: int) -> str:
    return f"{where}, column {place + 1}" if where else f"column {place + 1}"
