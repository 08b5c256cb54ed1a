"""Which rows does a file of microdata hold? CSV in UTF-8 or Parquet, read strictly, the named columns as they are.

Codes stay text: 01 stays 01 and NA stays NA; only an empty cell of a CSV, or a null of a Parquet file, is null. Nothing
is repaired: a file with one line that does not fit is refused with that line's number. No message holds a value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
from pyarrow import parquet

from environments.anonymity.errors import ColumnsUnfit
from environments.disclosure.errors import TableUnfit
from environments.disclosure.tables import SIGNATURES

PARQUET = b"PAR1"
MOST_BYTES = 4 * 1024**3  # of a CSV, or of a Parquet file's named columns unpacked
MOST_ROWS = 100_000_000
MOST_COLUMNS = 2_000
BLOCK = 8 * 1024**2  # no cell may be longer
MEND_TEXT = "Write it as UTF-8: df.to_csv(path, encoding='utf-8')."
MEND_KIND = "Write the microdata as CSV in UTF-8, or as Parquet."
MEND_RAGGED = "Give every line the same number of cells; quote a cell that holds a comma."
MEND_QUOTE = 'Put the cell in quotes and double the quotes inside it: "say ""so""".'
MEND_SIZE = "Write only the columns that are needed, as Parquet, or measure it in parts of whole classes."


@dataclass(frozen=True)
class Microdata:
    """The named columns of a file, in its order. lines: of each row, where cells hold line ends; None: row + 2.

    numeric: columns that a Parquet file holds as numbers; None where the file does not say (CSV).
    """

    table: pa.Table
    numeric: frozenset[str] | None
    places_are: str
    lines: tuple[int, ...] | None = None

    def place(self, row: int) -> int:
        """Where the row, counted from 0, stands: its line in a CSV, its number from 1 in a Parquet file."""
        if self.lines is not None:
            return self.lines[row]
        return row + (2 if self.places_are == "line" else 1)


def read_microdata(path: Path, columns: Sequence[str]) -> Microdata:
    """The named columns of a CSV or Parquet file.

    Raises:
        TableUnfit: the file cannot be read, or is not such a table.
        ColumnsUnfit: it has no such column.
    """
    try:
        if path.is_dir():
            raise TableUnfit("This is a folder.", where=path.name, mend="Name the file in it.")
        with path.open("rb") as file:
            start = file.read(8)
        size = path.stat().st_size
    except OSError as error:
        raise TableUnfit(
            f"The file cannot be read ({error.strerror}).", where=path.name, mend="Name a CSV or Parquet file."
        ) from None
    if not start:
        raise TableUnfit("The file is empty.", where=path.name, mend=MEND_KIND)
    if start.startswith(PARQUET):
        found = _parquet(path, columns)
    else:
        if kind := next((kind for signature, kind in SIGNATURES.items() if start.startswith(signature)), None):
            raise TableUnfit(f"The file is {kind}, whatever its name says.", where=path.name, mend=MEND_KIND)
        _check_size(size, path)
        found = _csv(path, columns)
    if not found.table.num_rows:
        raise TableUnfit("The table has no rows.", where=path.name, mend="There is nothing to measure.")
    return found


def _check_size(size: int, path: Path) -> None:
    if size > MOST_BYTES:
        raise TableUnfit(f"The table is larger than {MOST_BYTES // 1024**3} GB.", where=path.name, mend=MEND_SIZE)


def _check_columns(columns: Sequence[str], names: Sequence[str], path: Path) -> None:
    if missing := [name for name in columns if name not in names]:
        raise ColumnsUnfit(
            f"There is no column '{missing[0]}'.", where=path.name, mend=f"It has: {', '.join(names[:50])}."
        )
    if twice := [name for name in columns if list(names).count(name) > 1]:
        raise TableUnfit(f"Two columns are named '{twice[0]}'.", where=path.name, mend="Give each its own name.")


# Parquet


def _parquet(path: Path, columns: Sequence[str]) -> Microdata:
    try:
        with parquet.ParquetFile(path) as file:
            described = file.metadata
            _check_columns(columns, file.schema_arrow.names, path)
            if described.num_rows > MOST_ROWS:
                raise TableUnfit(f"The table has more than {MOST_ROWS:,} rows.", where=path.name, mend=MEND_SIZE)
            _check_size(_unpacked(described, columns), path)
            numeric = frozenset(name for name in columns if _is_number(file.schema_arrow.field(name).type))
            if nested := [name for name in columns if pa.types.is_nested(file.schema_arrow.field(name).type)]:
                raise TableUnfit(
                    f"The column '{nested[0]}' holds lists or records.",
                    where=path.name,
                    mend="Give each cell one value.",
                )
            table = file.read(columns=list(columns))
    except (pa.ArrowException, OSError):
        raise TableUnfit("The Parquet file is damaged.", where=path.name, mend="Write it anew.") from None
    return Microdata(table.select(list(columns)), numeric, "row")


def _unpacked(described: parquet.FileMetaData, columns: Sequence[str]) -> int:
    groups = [described.row_group(number) for number in range(described.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    return sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in columns)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


# CSV


def _csv(path: Path, columns: Sequence[str]) -> Microdata:
    names = _header(path)
    _check_columns(columns, names, path)
    places = {name: f"c{number}" for number, name in enumerate(names)}
    marks, ends, odd = _bytes_of(path)
    if odd or marks % 2:
        _tell_fault(path, len(names))
    try:
        table = arrow_csv.read_csv(
            path,
            arrow_csv.ReadOptions(column_names=list(places.values()), skip_rows=1, block_size=BLOCK),
            arrow_csv.ParseOptions(newlines_in_values=bool(marks), ignore_empty_lines=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(places.values(), pa.string()),
                include_columns=[places[name] for name in columns],
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, OSError):
        _tell_fault(path, len(names))
        raise TableUnfit("The file is no CSV.", where=path.name, mend=MEND_KIND) from None
    lines = None
    if ends != table.num_rows + 1:  # a cell holds a line end
        lines = tuple(number for number, _ in _records(path, len(names)))
        if len(lines) != table.num_rows:
            raise TableUnfit("Two readings of the file do not agree on its rows.", where=path.name, mend=MEND_QUOTE)
    return Microdata(table.rename_columns(list(columns)), None, "line", lines)


def _header(path: Path) -> list[str]:
    with path.open("rb") as file:
        first = file.readline(1024**2)
    try:
        text = first.decode("utf-8-sig")
        names = next(csv.reader([text.rstrip("\r\n")], strict=True), [])
    except UnicodeDecodeError:
        raise TableUnfit("The file is not UTF-8.", where=f"{path.name}, line 1", mend=MEND_TEXT) from None
    except csv.Error:
        raise TableUnfit("The first line is not CSV.", where=f"{path.name}, line 1", mend=MEND_KIND) from None
    if not names or not all(name.strip() for name in names) or "\0" in text or len(names) > MOST_COLUMNS:
        raise TableUnfit(
            "The first line must name every column.", where=f"{path.name}, line 1", mend="Give each column a name."
        )
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise TableUnfit(
            "The columns are not separated by commas.", where=f"{path.name}, line 1", mend="Write commas between cells."
        )
    return names


def _bytes_of(path: Path) -> tuple[int, int, bool]:
    """Quotation marks, lines, and whether a strict reader must look: a NUL, an empty line, a lone carriage return."""
    marks = ends = returns = 0
    odd, last = False, b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            joined = last + block
            odd = odd or b"\0" in block or b"\n\n" in joined or b"\n\r" in joined
            marks, ends, last = marks + block.count(b'"'), ends + block.count(b"\n"), block[-1:]
            returns += block.count(b"\r") - joined.count(b"\r\n")
    return marks, ends + (last != b"\n"), odd or returns > 0


def _records(path: Path, width: int) -> Iterator[tuple[int, list[str]]]:
    """Each record after the header with the line where it begins. Raises TableUnfit at the first that does not fit."""
    with path.open("rb") as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, strict=True)
        begins = 1
        try:
            for number, found in enumerate(reader):
                row = found or [""] * (width == 1)  # an empty line of one column is an empty cell
                if len(row) != width:
                    raise TableUnfit(
                        f"A line has {len(row)} cells where the first line names {width} columns.",
                        where=f"{path.name}, line {begins}",
                        mend=MEND_RAGGED,
                    )
                if any("\0" in cell for cell in row):
                    raise TableUnfit("A cell holds a NUL.", where=f"{path.name}, line {begins}", mend=MEND_KIND)
                if number:
                    yield begins, row
                begins = reader.line_num + 1
        except csv.Error:
            raise TableUnfit(
                "A line is not CSV: a quote is opened and not closed, stands inside a cell, or a cell is too long.",
                where=f"{path.name}, line {begins}",
                mend=MEND_QUOTE,
            ) from None
        except UnicodeDecodeError:
            raise TableUnfit("The file is not UTF-8.", where=_undecodable(path), mend=MEND_TEXT) from None


def _undecodable(path: Path) -> str:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"{path.name}, line {number}"
    return path.name


def _tell_fault(path: Path, width: int) -> None:
    """Raises TableUnfit with the first line that does not fit, where a slow strict reading finds one."""
    for _ in _records(path, width):
        pass
