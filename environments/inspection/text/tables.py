"""Is this CSV a table of groups? Read as strictly as a table that is checked, by the same reader."""

from __future__ import annotations

import io

import polars as pl

from environments.disclosure.errors import TableUnfit
from environments.disclosure.tables import FORMULA_STARTS, NUMBER, read_table
from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import LONGEST_CELL
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import at, note_identifiers
from environments.inspection.rows import note_rows
from environments.inspection.text.plain import note_text, text_in

MOST_READ = 1_000_000


def inspect_csv(content: bytes, notes: Notes) -> None:
    """csv: its text, its form, its cells, its rows."""
    note_text(notes, text_in(content), longest_line=LONGEST_CELL * 60)
    try:
        table = read_table(content, most_rows=MOST_READ, cell_fault=lambda _: None)
    except TableUnfit as unfit:
        raise CannotBeRead(F.MALFORMED, unfit.what, where=unfit.where, mend=unfit.mend or "") from None
    note_cells(notes, table)
    note_rows(notes, table)


def note_cells(notes: Notes, table: pl.DataFrame) -> None:
    """Formulas, long texts, line breaks: in any cell of a table of texts, its header among them."""
    headed = pl.Series([name.partition("\0")[0] for name in table.columns], dtype=pl.String)
    for number, column in enumerate([headed, *table.get_columns()]):
        texts = column.unique().drop_nulls()
        place = f"column {number}" if number else "line 1"
        starts = texts.str.strip_chars().filter(texts.str.strip_chars().str.contains(r"^[=+@-]"))
        if any(one.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(one) for one in starts):
            notes.add(F.FORMULA, place)
        if len(texts) and int(texts.str.len_chars().max() or 0) > LONGEST_CELL:  # type: ignore[arg-type]
            notes.add(
                F.EMBEDDED_DATA,
                place,
                what=f"A cell has more than {LONGEST_CELL} characters.",
                mend="A table holds categories and numbers, no free text.",
            )
        if texts.str.contains(r"[\x00-\x1f\x7f]").any():
            notes.add(
                F.CONTROL_CHARACTERS, place, what="A cell holds a line break, a tab or another control character."
            )


def note_column_identifiers(notes: Notes, table: pl.DataFrame) -> None:
    """Identifiers in the cells of a table that was never text, by column."""
    note_identifiers(notes, "\n".join(table.columns), at("names of the columns"))
    for number, column in enumerate(table.get_columns(), start=1):
        texts = io.StringIO()
        texts.writelines(f"{one}\n" for one in column.unique().drop_nulls())
        note_identifiers(notes, texts.getvalue(), at(f"column {number}"))
