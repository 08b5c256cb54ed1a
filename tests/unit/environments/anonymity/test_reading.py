"""Files that are no microdata get a sentence that says where and how to mend it, and never a value."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from environments.anonymity.errors import ColumnsUnfit
from environments.anonymity.reading import read_microdata
from environments.disclosure.errors import TableUnfit

HEAD = b"a,b\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (HEAD, "no rows"),
        (HEAD + b"secret,1\nsecret\n", "line 3"),
        (HEAD + b"secret,1\nsecret,2,3\n", "line 3"),
        (HEAD + b"secret,1\nsecret,2,\n", "line 3"),
        (HEAD + b"secret,1\n\nsecret,2\n", "line 3"),
        (HEAD + b"secret,1\r\n\r\nsecret,2\r\n", "line 3"),
        (HEAD + b'secret,"1\nsecret,2\n', "line 2"),
        (HEAD + b'"secret\n",1\nsecret\n', "line 4"),
        (HEAD + b"secret,1\nsecr\xe9t,2\n", "line 3"),
        (b"\xe9,b\nsecret,1\n", "line 1"),
        (HEAD + b"secret\0,1\n", "NUL"),
        (b"a;b\nsecret;1\n", "commas"),
        (b"a,\nsecret,1\n", "name every column"),
        (b"b,a,a\nsecret,1,2\n", "Two columns"),
        (b"PAR1secret", "damaged"),
        (b"PK\x03\x04secret", "Excel workbook"),
        (gzip.compress(b"a,b\nsecret,1\n", mtime=0), "compressed"),
        (b"\x89PNG\r\n\x1a\nsecret", "picture"),
        ("a,b\nsecret,1\n".encode("utf-16"), "UTF-16"),
        (HEAD + b'secret,"' + b"x" * 20_000_000 + b'"\n' + HEAD * 5_000_000, "too long"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Each is one sentence, with the line where there is one."""
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(TableUnfit) as refused:
        read_microdata(path, ["a"])
    assert said in str(refused.value)
    assert "secret" not in str(refused.value).lower()
    assert refused.value.mend


def test_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    """Neither is a file."""
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(TableUnfit):
            read_microdata(path, ["a"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    """With the columns that there are."""
    path = tmp_path / f"file.{kind}"
    frame = pl.DataFrame({"a": [1], "b": [2]})
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    with pytest.raises(ColumnsUnfit, match=r"no column 'c'.*a, b"):
        read_microdata(path, ["a", "c"])


def test_lists_in_a_parquet_file_are_refused(tmp_path: Path) -> None:
    """One cell, one value."""
    path = tmp_path / "file.parquet"
    pl.DataFrame({"a": [[1, 2]]}).write_parquet(path)
    with pytest.raises(TableUnfit, match="lists"):
        read_microdata(path, ["a"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_are_those_of_the_file(tmp_path: Path, end: str, last: bool) -> None:
    """Whatever the line ends, with a byte order mark or not."""
    path = tmp_path / "file.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (end.join(["a,b", "01,x", '"",y', "NA,"]) + end * last).encode())
    found = read_microdata(path, ["b", "a"])
    assert found.table.to_pydict() == {"b": ["x", "y", None], "a": ["01", None, "NA"]}
    assert [found.place(row) for row in range(3)] == [2, 3, 4]


def test_line_ends_in_cells_are_counted(tmp_path: Path) -> None:
    """A record's place is the line on which it begins."""
    path = tmp_path / "file.csv"
    path.write_bytes(b'a,b\n1,"x\ny\n\nz"\n2,w\n')
    found = read_microdata(path, ["a"])
    assert [found.place(row) for row in range(2)] == [2, 6]


def test_a_parquet_file_has_rows_and_no_lines(tmp_path: Path) -> None:
    """Its rows are counted from 1."""
    path = tmp_path / "file.csv"  # what it is, not what it is called
    pl.DataFrame({"a": ["01", None]}).write_parquet(path)
    found = read_microdata(path, ["a"])
    assert (found.places_are, found.place(0), found.table.to_pydict()) == ("row", 1, {"a": ["01", None]})


def test_a_file_may_hold_one_column(tmp_path: Path) -> None:
    """Then an empty line is an empty cell."""
    path = tmp_path / "file.csv"
    path.write_bytes(b"a\n1\n\n2\n")
    assert read_microdata(path, ["a"]).table.to_pydict() == {"a": ["1", None, "2"]}
