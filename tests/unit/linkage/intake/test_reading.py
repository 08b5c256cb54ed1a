"""How files are read: typed Parquet as its CSV, kept forms, words for missing, columns that may be absent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from linkage.contracts.contract import DeliveredFile
from linkage.intake import reading
from linkage.intake.checks import CheckedBatch, RowChecks
from linkage.intake.csv_rows import MOST_BLANK
from linkage.intake.dates import FORMS, as_date, other_form
from linkage.intake.reading import count_rows, open_rows
from linkage.intake.reasons import Fault

TODAY = date(2026, 3, 1)
COLUMNS: list[dict[str, Any]] = [
    {"header": "id", "name": "id", "type": "text", "role": "row_key", "meaning": "Key"},
    {"header": "sex", "name": "sex_code", "type": "code", "role": "identifier", "identifies": "sex", "meaning": "Sex",
     "allowed": ["1", "2"],
     "keep_as": {"name": "sex", "form": "as_coded", "codes": {"1": "M", "2": "F"}, "meaning": "Sex"}},
    {"header": "dob", "name": "dob", "type": "date", "role": "identifier", "identifies": "date_of_birth",
     "missing": ["01/01/1800"], "meaning": "Born",
     "keep_as": {"name": "month_of_birth", "form": "month", "meaning": "Month of birth"}},
    {"header": "postcode", "name": "pc", "type": "text", "role": "identifier", "identifies": "postcode",
     "meaning": "Postcode", "keep_as": {"name": "district", "form": "postcode_district", "meaning": "District"}},
    {"header": "count", "name": "count", "type": "integer", "role": "payload", "maximum": 9.0, "meaning": "Count"},
    {"header": "share", "name": "share", "type": "decimal", "role": "payload", "meaning": "Share"},
    {"header": "smokes", "name": "smokes", "type": "boolean", "role": "payload", "meaning": "Smokes",
     "true_values": ["yes"], "false_values": ["no"]},
    {"header": "seen", "name": "seen", "type": "date", "role": "date", "may_be_absent": True, "meaning": "Seen"},
    {"header": "notes", "name": "notes", "type": "text", "role": "free_text", "meaning": "Notes"},
]  # fmt: skip
HEADER = "id,sex,dob,postcode,count,share,smokes,seen"


def _file(**changes: object) -> DeliveredFile:
    return DeliveredFile.model_validate(
        {"pattern": "x*", "table": "x", "date_form": "dd/mm/yyyy", "columns": COLUMNS} | changes
    )


def _checked(path: Path, file: DeliveredFile | None = None) -> CheckedBatch:
    (batch,) = open_rows(path, file or _file())
    return RowChecks(file or _file(), TODAY).check(batch)


def _csv(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "x.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_what_is_kept_of_a_good_row(tmp_path: Path) -> None:
    """Identity as it came with dates in ISO form; payload in its type; of identifiers only the coarsened form."""
    path = _csv(tmp_path, "k1, 2 ,09/08/1950,ls1 2ab,7,0.5,yes,01/02/2026", "k2,,01/01/1800,BFPO 1,,,no,")
    first, second = _checked(path).good.drop("content_hash").rows(named=True)
    identity = {"i:sex": "2", "i:date_of_birth": "1950-08-09", "i:postcode": "ls1 2ab", "i:local_id": "k1"}
    payload = {"p:sex": "F", "p:month_of_birth": date(1950, 8, 1), "p:district": "LS1", "p:count": 7, "p:share": 0.5}
    payload |= {"p:smokes": True, "p:seen": date(2026, 2, 1)}
    assert first == {"row": 1, "key": "k1", "join_key": None} | identity | payload
    nothing = {"i:sex", "i:date_of_birth", "p:sex", "p:month_of_birth", "p:district", "p:count", "p:share", "p:seen"}
    assert {name for name, value in second.items() if value is None} == nothing | {"join_key"}


def test_a_typed_parquet_file_is_read_as_its_csv(tmp_path: Path) -> None:
    """Dates, times at midnight, whole numbers as fractions and truth values say the same in Parquet as in CSV."""
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {
            "id": ["k1", "k2"],
            "sex": [2, 1],
            "dob": [datetime(1950, 8, 9, tzinfo=UTC), datetime(1951, 1, 31, tzinfo=UTC)],
            "postcode": ["LS1 2AB", None],
            "count": [7.0, None],
            "share": [0.5, 2.0],
            "smokes": [True, False],
            "seen": [date(2026, 2, 1), None],
        }
    ).write_parquet(path)
    csv = _csv(tmp_path, "k1,2,09/08/1950,LS1 2AB,7,0.5,yes,01/02/2026", "k2,1,31/01/1951,,,2.0,no,")
    assert count_rows(path, _file()) == count_rows(csv, _file()) == 2
    from_parquet, from_csv = _checked(path), _checked(csv)
    assert from_parquet.bad == from_csv.bad == []
    assert from_parquet.good.drop("content_hash").equals(from_csv.good.drop("content_hash"))


def test_a_parquet_file_of_other_types_loses_nothing_in_silence(tmp_path: Path) -> None:
    """A time of day in a date column sets the row aside, as in CSV; a type without text refuses the file."""
    row = {"id": "k", "sex": 1, "dob": None, "postcode": None, "count": 1, "share": 1, "smokes": None}
    path = tmp_path / "x.parquet"
    pl.DataFrame([row | {"seen": datetime(2026, 2, 1, 23, 30, tzinfo=UTC)}]).write_parquet(path)
    (bad,) = _checked(path).bad
    assert bad.reasons == ("date.other_form:seen",)
    pl.DataFrame([row | {"seen": timedelta(days=1)}]).write_parquet(path)
    with pytest.raises(Fault) as fault:
        _checked(path)
    assert fault.value.code == "parquet.nested"


def test_a_column_that_may_be_absent_is_empty_and_free_text_is_refused(tmp_path: Path) -> None:
    """A column that the contract lets be absent is empty when it is; a free-text column refuses the file."""
    path = _csv(tmp_path, "k1,1,,,1,1,no", header=HEADER.removesuffix(",seen"))
    assert _checked(path).good["p:seen"].to_list() == [None]
    with pytest.raises(Fault) as fault:
        _checked(_csv(tmp_path, "k1,1,,,1,1,no,,x", header=HEADER + ",notes"))
    assert fault.value.code == "header.free_text"


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("k1,1,,,1,1,maybe,", ("value.not_boolean:smokes",)),
        ("k1,1,,,10,1,no,", ("value.out_of_range:count",)),
        ("k1,3,31/02/1950,,1.5,x,YES,2026-02-01",
         ("value.not_allowed:sex_code", "date.unreadable:dob", "value.not_integer:count", "value.not_decimal:share",
          "value.not_boolean:smokes", "date.other_form:seen")),
        (",1,,,99999999999999999999,1,no,", ("value.missing:id", "value.not_integer:count")),
    ],
)  # fmt: skip
def test_every_value_that_is_wrong_is_named(row: str, reasons: tuple[str, ...], tmp_path: Path) -> None:
    """A bad row has one reason for each of its bad values, with the column's name."""
    (bad,) = _checked(_csv(tmp_path, row)).bad
    assert bad.reasons == reasons


def test_dates_in_another_form_are_recognised(tmp_path: Path) -> None:
    """Each form a contract can name is read in itself, and told by its name where another is agreed."""
    day = date(2024, 12, 31)
    for form, written in FORMS.items():
        text = day.strftime(written.spelling)
        value = pl.DataFrame({"v": [text, text + "0", "", "x"]})
        assert value.select(as_date(pl.col("v"), form))["v"].to_list() == [day, None, None, None]
        agreed = "yyyy-mm-dd" if form != "yyyy-mm-dd" else "yyyymmdd"
        assert other_form(pl.Series([text]), agreed).to_list() == [form]
    spelt = ["31/12/24", "1/2/2024", "31-Dec-24", "31st December 2024", "2024-12-31T00:00", "31/12/2024 00:00", "45657"]
    names = ["d/m/yy", "d/m/yyyy", "dd-Mon-yy", "d Month yyyy", "with a time of day"]
    names += ["dd/mm/yyyy with a time of day", "serial"]
    assert other_form(pl.Series(spelt), "yyyymmdd").to_list() == names


def test_a_line_without_end_and_a_file_of_empty_lines_are_refused(tmp_path: Path) -> None:
    """What is no table at all is refused as such, before it fills the memory."""
    path = tmp_path / "x.csv"
    for body, code in ((b"x" * 20_000_000, "csv.endless_line"), (b"\n" * (MOST_BLANK + 2) + b"x", "csv.unparsable")):
        path.write_bytes(HEADER.encode() + b"\n" + body)
        with pytest.raises(Fault) as fault:
            list(open_rows(path, _file()))
        assert fault.value.code == code


def test_another_encoding_is_seen_wherever_its_first_letter_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UTF-8 where Windows-1252 is agreed is refused even when the first accent stands far behind the first block."""
    monkeypatch.setattr(reading, "BLOCK", 256)
    rows = [f"k{n},1,,,1,1,no," for n in range(100)]
    with pytest.raises(Fault) as fault:
        list(open_rows(_csv(tmp_path, *rows, "ké,1,,,1,1,no,"), _file(encoding="windows-1252")))
    assert fault.value.code == "encoding.other"
    path = _csv(tmp_path, *rows, "k")
    path.write_bytes(path.read_bytes() + "ké,1,,,1,1,no,\n".encode("cp1252"))
    assert sum(batch.rows for batch in open_rows(path, _file(encoding="windows-1252"))) == 102


@pytest.mark.parametrize("row", [0, 7, 60, 99])
@pytest.mark.parametrize("block", [64, 1 << 20])
@pytest.mark.parametrize("quoted", [True, False])
def test_an_open_quotation_mark_is_told_with_its_line(
    row: int, block: int, quoted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line to mend is named, wherever it stands, with or without other quoted texts around it."""
    monkeypatch.setattr(reading, "BLOCK", block)
    rows = [f'k{n},1,,"a, ""b"" c",1,1,no,' if quoted else f"k{n},1,,a,1,1,no," for n in range(100)]
    rows[row] = f'k{row},1,,"a,1,1,no,'
    with pytest.raises(Fault) as fault:
        list(open_rows(_csv(tmp_path, *rows), _file()))
    assert fault.value.code == "csv.quote_open"
    assert f"in line {row + 2} " in fault.value.what


def test_a_misspelt_header_is_told_by_the_contracts_own_name(tmp_path: Path) -> None:
    """The sentence names the contract's columns and the positions in the file, and quotes nothing of the file."""
    with pytest.raises(Fault) as fault:
        _checked(_csv(tmp_path, "k1", header=HEADER.replace("postcode", "Post-Cod").replace("share", "zq")))
    assert "column 4 is not in the contract (perhaps 'postcode' misspelt)" in fault.value.what
    assert "column 6 is not in the contract" in fault.value.what
    assert "missing: 'postcode', 'share'" in fault.value.what
    assert "zq" not in fault.value.what


def test_another_separator_is_told_by_its_name(tmp_path: Path) -> None:
    """A file with vertical bars where commas are agreed is told so, with both names."""
    with pytest.raises(Fault) as fault:
        _checked(_csv(tmp_path, "k1", header=HEADER.replace(",", "|")))
    assert "vertical bars" in fault.value.what
    assert "commas" in fault.value.mend
