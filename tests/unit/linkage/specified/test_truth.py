"""Who is who: pairs, labelled pairs, persons, columns; with names of records or the rows' numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from linkage.specified.errors import ColumnMissing, SpecifiedError, TruthUnreadable
from linkage.specified.specification import Specification
from linkage.specified.truth import read_truth, record_ids

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


def test_a_row_without_a_name_is_counted() -> None:
    """As are names that rows share, in either file and whatever the truth is; none of them is told."""
    right = pl.DataFrame({"id": ["x", None, "c", "c", "c", "y", "y"]})
    with pytest.raises(SpecifiedError) as refused:
        record_ids(_specification(2), right, right=True)
    assert "right file: names that several rows share: 2 (rows: 5); rows without a name: 1." in str(refused.value)


def test_what_a_truth_says_of_nobody_is_counted(tmp_path: Path) -> None:
    """Rows that name no record count for nothing, and are told; a name that two records have is refused."""
    pairs = "l,r\n" + "".join(f"{one},{other}\n" for one, other in zip(LEFT["id"], RIGHT["id"], strict=True))
    assert read_truth(_file(tmp_path, pairs), _specification(2), LEFT, RIGHT).unmatched == 0
    assert read_truth(_file(tmp_path, f"{pairs}no,nowhere\n"), _specification(2), LEFT, RIGHT).unmatched == 1
    with pytest.raises(SpecifiedError, match=r"left file: names that several rows share: 1 \(rows: 2\)"):
        read_truth(_file(tmp_path, pairs), _specification(2), pl.concat([LEFT, LEFT.head(1)]), RIGHT)


FIRST = pl.DataFrame({"no": [str(n) for n in range(1, 41)], "n": ["u"] * 40})
SECOND = pl.DataFrame({"no": [str(n) for n in range(1, 51)], "n": ["u"] * 50})
PERSON_OF = {record: (record + 1) // 2 for record in range(1, 41)}


@pytest.mark.parametrize(
    "headings", ["record,person", "id,cluster_id", "Row,EntityID", "no,code", "person,rec", "x1,z", "id,match"]
)
def test_persons_that_are_numbered_as_records_are(tmp_path: Path, headings: str) -> None:
    """Records 1 to 40 are of persons 1 to 20: headings say so; else that each record stands once, persons again."""
    turned = headings.startswith("person")
    rows = [f"{person},{record}" if turned else f"{record},{person}" for record, person in PERSON_OF.items()]
    truth = read_truth(_file(tmp_path, "\n".join([headings, *rows])), _specification(1, "no"), FIRST, None)
    assert truth.true_pairs() == 20


@pytest.mark.parametrize("headings", ["left,right", "id1,id2", "a_no,b_no", "record,duplicate_of", "source,target"])
def test_pairs_whose_first_record_comes_again(tmp_path: Path, headings: str) -> None:
    """Headings that are two sides are pairs within one file, whatever comes again."""
    rows = [f"{first},{first + 1 + n}" for first in range(1, 40, 4) for n in range(3)]
    truth = read_truth(_file(tmp_path, "\n".join([headings, *rows])), _specification(1, "no"), FIRST, None)
    assert truth.true_pairs() == 60


@pytest.mark.parametrize(
    "headings",
    ["left,right", "l,r", "idA,idB", "unique_id_1,unique_id_2", "gp_no,hospital_no", "ltable_id,rtable_id", "0,b"],
)
def test_pairs_of_files_that_are_both_numbered(tmp_path: Path, headings: str) -> None:
    """Which column is the left file's is said by the headings, in either order; where nothing does, it is refused."""
    one, other = headings.split(",")
    left_first = [f"{one},{other}", *(f"{n + 10},{n}" for n in range(1, 31))]
    right_first = [f"{other},{one}", *(f"{n},{n + 10}" for n in range(1, 31))]
    for rows in (left_first, right_first):
        path = _file(tmp_path, "\n".join(rows))
        if headings == "0,b":
            with pytest.raises(TruthUnreadable, match="left file's records"):
                read_truth(path, _specification(2, "no"), FIRST, SECOND, files=("gp", "hospital"))
            continue
        truth = read_truth(path, _specification(2, "no"), FIRST, SECOND, files=("gp", "hospital"))
        assert truth.all_pairs().sort("l").row(0) == (10, 40)


def test_records_and_persons_of_two_files_that_are_both_numbered(tmp_path: Path) -> None:
    """A source, by its words or the files' names, says of which file; without one it is refused."""
    rows = [(f"{n},{n}", side) for n in range(1, 41) for side in (0, 1)]
    for names in (("left", "right"), ("0", "1"), ("zurich", "basel")):
        text = "record,person,source\n" + "".join(f"{row},{names[side]}\n" for row, side in rows)
        truth = read_truth(_file(tmp_path, text), _specification(2, "no"), FIRST, SECOND, files=("zurich", "basel"))
        assert truth.true_pairs() == 40
        assert truth.all_pairs().sort("l").row(0) == (0, 40)
    text = "record,person\n" + "".join(f"{row}\n" for row, _ in rows)
    with pytest.raises(TruthUnreadable, match="not of which file"):
        read_truth(_file(tmp_path, text), _specification(2, "no"), FIRST, SECOND)


def test_labels_that_are_all_0_leave_no_pair(tmp_path: Path) -> None:
    """Pairs that are all said to be of two people are not true."""
    assert read_truth(_file(tmp_path, "l,r,label\na,y,0\nb,x,0\n"), _specification(2), LEFT, RIGHT).true_pairs() == 0


def test_a_truth_without_headings_is_refused(tmp_path: Path) -> None:
    """Else its first pair would be lost."""
    with pytest.raises(TruthUnreadable, match="no headings"):
        read_truth(_file(tmp_path, "a,y\nb,x\n"), _specification(2), LEFT, RIGHT)


def test_a_record_of_two_persons_is_refused(tmp_path: Path) -> None:
    """A truth that contradicts itself is no truth; the same said twice is."""
    rows = "record,person\na,p\ny,p\na,p\n"
    assert read_truth(_file(tmp_path, rows), _specification(2), LEFT, RIGHT).true_pairs() == 1
    with pytest.raises(TruthUnreadable, match="another person"):
        read_truth(_file(tmp_path, f"{rows}a,q\n"), _specification(2), LEFT, RIGHT)
