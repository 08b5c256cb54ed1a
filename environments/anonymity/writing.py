"""Where do generalised microdata go? A CSV that a spreadsheet runs nothing of, or Parquet; never onto their source."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import compute

from environments.disclosure.errors import TableUnfit
from environments.disclosure.tables import FORMULA_STARTS, NUMBER

FORMULA = rf"^\s*({'|'.join(map(re.escape, FORMULA_STARTS))})"


def write_microdata(table: pa.Table, path: Path, *, source: Path) -> None:
    """Write the rows, sorted, so that a row's place says nothing of where it was in its file.

    Raises TableUnfit: it cannot be written, or a cell begins like a formula.
    """
    if path.exists() and path.samefile(source):
        raise TableUnfit("That would overwrite the microdata.", where=path.name, mend="Name another file with --out.")
    try:
        rows = _sorted(pl.DataFrame(table))
        if path.suffix.lower() == ".parquet":
            rows.write_parquet(path)
            return
        for name in table.column_names:
            _check_formulas(table[name], name)
        rows.write_csv(path)
    except OSError as error:
        raise TableUnfit(
            f"The file cannot be written ({error.strerror}).", where=path.name, mend="Name a folder that is there."
        ) from None


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that are alike are many: they are counted, put in order once, and repeated."""
    names = rows.columns
    counts = rows.group_by(names).agg(pl.len().alias("\0times")).with_columns(pl.col(pl.Categorical).cast(pl.String))
    return counts.sort(names).select(pl.col(names).repeat_by("\0times").explode())


def _check_formulas(cells: pa.ChunkedArray, name: str) -> None:
    text = compute.cast(cells, pa.string())
    begins = compute.match_substring_regex(text, FORMULA)
    number = compute.match_substring_regex(text, f"^({NUMBER.pattern})$")
    if compute.any(compute.and_not(begins, number)).as_py():
        raise TableUnfit(
            "A cell begins like a formula of a spreadsheet.",
            where=f"column {name}",
            mend="Begin it with a letter, a digit or a bracket, or write Parquet.",
        )
