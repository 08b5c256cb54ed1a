"""Who is who: pairs, labelled pairs, persons, columns; with names of records or the rows' numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from linkage.specified.errors import ColumnMissing, TruthUnreadable
from linkage.specified.specification import Specification
from linkage.specified.truth import read_truth

LEFT = pl.DataFrame({"id": ["a", "b", "c"], "who": ["1", "2", "2"]})
RIGHT = pl.DataFrame({"id": ["x", "y", "c"], "who": ["2", "1", "9"]})


def _specification(files: int, record_id: str | None = "id") -> Specification:
    return Specification.model_validate(
        {
            "specification": 1, "files": files, "blocking": [["n"]], "record_id": record_id or [],
            "columns": [{"name": "n", "means": "text", "heading": "n"}],
            "comparisons": [{"of": "n", "levels": ["same"]}],
        }
    )  # fmt: skip


def _file(folder: Path, text: str) -> str:
    path = folder / "truth.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("l,r\na,y\nb,x\n", 2),
        ("r,l\ny,a\nx,b\n", 2),
        ("unique_id_l,unique_id_r,clerical_match_score\na,y,1\nb,x,0\n", 1),
        ("source,record,person\nleft,a,p\nright,c,p\nleft,c,q\n", 1),
        ("record,person\na,p\ny,p\nb,q\nx,q\n", 2),
    ],
)
def test_a_file_between_two_files(tmp_path: Path, text: str, pairs: int) -> None:
    """Pairs in either order, with a label or without; records with persons, with the file's name or without."""
    assert read_truth(_file(tmp_path, text), _specification(2), LEFT, RIGHT).true_pairs() == pairs


def test_a_column_of_both_files() -> None:
    """The person column gives the pairs across."""
    truth = read_truth("who", _specification(2), LEFT, RIGHT)
    assert truth.true_pairs() == 3
    assert truth.marks(pl.DataFrame({"l": [0, 0], "r": [3, 4]})).to_list() == [False, True]


def test_pairs_within_one_file_are_closed(tmp_path: Path) -> None:
    """a-b and b-c make three pairs; a record that is not named is alone."""
    assert read_truth(_file(tmp_path, "l,r\na,b\nb,c\n"), _specification(1), LEFT, None).true_pairs() == 3


def test_rows_can_be_named_by_their_number(tmp_path: Path) -> None:
    """Without a column for the record's name it is the row's number, from 1."""
    frame = pl.DataFrame({"n": ["u", "u", "v"]})
    assert read_truth(_file(tmp_path, "l,r\n1,2\n"), _specification(1, None), frame, None).true_pairs() == 1


def test_a_truth_of_other_records_is_told(tmp_path: Path) -> None:
    """The sentence says what is missing; of a column that is not there the nearest is named, and no other:
    where headings are forgotten, a person's row stands in their place."""
    with pytest.raises(TruthUnreadable, match="names of the files' records"):
        read_truth(_file(tmp_path, "l,r\nno,nowhere\n"), _specification(2), LEFT, RIGHT)
    with pytest.raises(ColumnMissing, match="None of its 2"):
        read_truth("nobody", _specification(2), LEFT, RIGHT)
    with pytest.raises(ColumnMissing, match="Nearest of its 2: who"):
        read_truth("whos", _specification(2), LEFT, RIGHT)


def test_what_a_truth_says_of_nobody_is_counted(tmp_path: Path) -> None:
    """Rows that name no record count for nothing, and are told; a name that two records have is refused."""
    pairs = "l,r\n" + "".join(f"{one},{other}\n" for one, other in zip(LEFT["id"], RIGHT["id"], strict=True))
    assert read_truth(_file(tmp_path, pairs), _specification(2), LEFT, RIGHT).unmatched == 0
    assert read_truth(_file(tmp_path, f"{pairs}no,nowhere\n"), _specification(2), LEFT, RIGHT).unmatched == 1
    with pytest.raises(TruthUnreadable, match="another row's record"):
        read_truth(_file(tmp_path, pairs), _specification(2), pl.concat([LEFT, LEFT.head(1)]), RIGHT)
