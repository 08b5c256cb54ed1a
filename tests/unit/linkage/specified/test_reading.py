"""May a small file given to `haven linkage` fill the memory? Not a .gz, not a Parquet file, not one with lists."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.intake import parquet
from linkage.specified import reading
from linkage.specified.errors import FileUnreadable
from linkage.specified.reading import read_people, short_lines
from tests.fakes.little_memory import MEGABYTE, done_in_little_memory
from tests.unit.linkage.intake.test_parquet_bounds import BOMBS

PREPARED = """
import gzip, sys
from pathlib import Path
from linkage.specified.errors import FileUnreadable
from linkage.specified.reading import read_people
from linkage.intake import gzipped
gzipped.RATIO_APPLIES_FROM = 64 * 1024 * 1024
path = Path({path!r})
"""
WORK = """
try:
    read_people(path)
except FileUnreadable as error:
    print(error.what, "|", error.mend)
"""
LISTED = pa.table(
    {
        "name": ["x", "y", None, "z"] * 500,
        "spellings": [["Müller", "Mueller"], [], None, [None, "K"]] * 500,
        "years": [[1900, 1901], [1902], None, []] * 500,
    }
)


def _refused(path: Path, megabytes: int = 600) -> str:
    """What is said of a bomb, within so much memory."""
    return done_in_little_memory(PREPARED.format(path=str(path)), WORK, megabytes=megabytes)


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    """Kilobytes that would be gigabytes: the sentence, and how to mend it."""
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"name,born\n")
        for _ in range(40):
            file.write(b"x,1\n" * (10 * MEGABYTE // 4))
    path.write_bytes(path.read_bytes()[:-8])  # without its end: what is told of it was told before that was reached
    assert _refused(path, megabytes=300) == (
        "The .gz file unpacks to far more than its size allows. | "
        "Name the file as it is unpacked, or several smaller ones.\n"
    )


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_parquet_bomb_is_refused_in_little_memory(bomb: str, tmp_path: Path) -> None:
    """The bounds of deliveries hold for these files too."""
    path = tmp_path / "bomb.parquet"
    path.write_bytes(BOMBS[bomb]())
    said, mend = _refused(path).strip().split(" | ")
    assert "Parquet" in said
    assert mend


def test_a_long_value_in_each_list_is_refused_in_little_memory(tmp_path: Path) -> None:
    """A dictionary's value is not written out for each list before it is known how much that is."""
    path = tmp_path / "bomb.parquet"
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 900_000, pa.int32()), pa.array(["x" * 4000]))
    table = pa.table({"a": _lists_of(values), "b": ["y"] * 900_000})
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 2 * MEGABYTE
    assert "far more than its size" in _refused(path)


def test_lists_of_nothing_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty values cost a file next to nothing, and the memory eight bytes each."""
    path = tmp_path / "bomb.parquet"
    many = pa.ListArray.from_arrays(pa.array([0, 600_000], pa.int32()), pa.nulls(600_000, pa.string()))
    pq.write_table(pa.table({"a": many, "b": ["x"]}), path)
    monkeypatch.setattr(parquet, "RATIO_APPLIES_FROM", MEGABYTE)
    with pytest.raises(FileUnreadable, match="far more than its size"):
        read_people(path)


@pytest.mark.parametrize("kind", ["csv.gz", "parquet"])
def test_what_unpacks_to_more_than_the_largest_file_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that packs well is no bomb, and still no larger than one that is not packed may be."""
    path = tmp_path / f"people.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"a": [f"name {n}" for n in range(90_000)], "b": ["x"] * 90_000}), path)
    else:
        path.write_bytes(gzip.compress(b"a,b\n" + b"".join(b"name %d,x\n" % n for n in range(90_000))))
    whole = read_people(path)
    assert whole.height == 90_000
    monkeypatch.setattr(reading, "LARGEST_FILE", 1_000_000)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(FileUnreadable, match="unpacks to more") as refused:
        read_people(path)
    assert refused.value.mend
    assert refused.value.where == str(path)


@pytest.mark.parametrize("cut", [20, -9])
def test_a_damaged_gzip_says_so(cut: int, tmp_path: Path) -> None:
    """Cut short, it is not read as if it ended there."""
    path = tmp_path / "people.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"x,y\n" * 1000)[:cut])
    with pytest.raises(FileUnreadable, match="damaged, cut short") as refused:
        read_people(path)
    assert refused.value.mend


@pytest.mark.parametrize(
    "options",
    [{}, {"use_dictionary": False}, {"data_page_version": "2.0"}, {"row_group_size": 300}, {"compression": "gzip"}],
    ids=str,
)
def test_several_spellings_in_a_list_are_read(options: dict[str, object], tmp_path: Path) -> None:
    """Lists of texts and numbers come as one text with a bar between, whatever wrote the file."""
    path = tmp_path / "people.parquet"
    pq.write_table(LISTED, path, **options)
    found = read_people(path)
    assert found.rows()[:4] == [
        ("x", "Müller|Mueller", "1900|1901"), ("y", None, "1902"), (None, None, None), ("z", "K", None)
    ]  # fmt: skip
    assert found.height == LISTED.num_rows


def test_polars_own_file_with_lists_is_read(tmp_path: Path) -> None:
    """The same from another writer, with a column of categories."""
    path = tmp_path / "people.parquet"
    kinds = pl.Series(["u", "v"] * 10, dtype=pl.Categorical)
    pl.DataFrame({"s": [["p", "q"], ["r"]] * 10, "c": kinds}).write_parquet(path)
    assert read_people(path).rows()[:2] == [("p|q", "u"), ("r", "v")]


def test_columns_within_columns_have_their_sentence(tmp_path: Path) -> None:
    """A structure or a list of lists has no plain text."""
    path = tmp_path / "people.parquet"
    for column in ([{"x": 1}], [[["a"]]]):
        pq.write_table(pa.table({"a": column, "b": ["x"]}), path)
        with pytest.raises(FileUnreadable, match="nested") as refused:
            read_people(path)
        assert refused.value.mend == "Write plain columns only."


@pytest.mark.parametrize("apart", [1, 2, 30])
def test_a_quote_that_is_closed_rows_later_is_refused(tmp_path: Path, apart: int) -> None:
    """Else the rows between would be one field, and nobody would miss them; an address of several lines is read."""
    rows = [f"{n},Ann,Hill,Leeds" for n in range(40)]
    path = tmp_path / "people.csv"
    path.write_text("\n".join(["id,forename,surname,town", *rows[:-1], '39,Ann,Hill,"2 High St,\nFlat 3,\nLeeds"']))
    assert read_people(path).height == 40
    rows[4], rows[4 + apart] = '4,Ann,"Hill,Leeds', f'{4 + apart},Ann,Hill",Leeds'
    path.write_text("\n".join(["id,forename,surname,town", *rows]))
    with pytest.raises(FileUnreadable, match="over several rows") as refused:
        read_people(path)
    assert refused.value.where == f"{path}, line 6"


@pytest.mark.parametrize("text", ["", "\n\n", "  \n"])
def test_an_empty_file_is_called_empty(tmp_path: Path, text: str) -> None:
    """Nothing in it is damaged."""
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(FileUnreadable, match="is empty"):
        read_people(path)


def test_lines_with_too_few_fields_are_counted(tmp_path: Path) -> None:
    """A cut line counts; one whose last field is empty does not, nor a field of several lines."""
    path = tmp_path / "people.csv"
    path.write_text('id,name,town\n1,Ann,York\n2,Bo\n3,Cy,\n4,"De\nWit",Ely\n5\n')
    assert short_lines(path, read_people(path)) == 2
    path.write_text("id,name,town\n1,Ann,York\n")
    assert short_lines(path, read_people(path)) == 0


def _lists_of(values: pa.DictionaryArray) -> pa.ListArray:
    """A list of one value in each row."""
    return pa.ListArray.from_arrays(pa.array(range(len(values) + 1), pa.int32()), values)
