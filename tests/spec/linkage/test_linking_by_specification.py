"""The rule book of linkage by a specification: what it may say, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from access.documents import DocumentError
from linkage.specified.specification import Specification, load_specification
from linkage.specified.vocabulary import LEVELS

GOOD = """\
specification: 1
files: 2
record_id: [id]
truth: {column: who}
columns:
  - {name: surname, means: surname, heading: name}
  - {name: forename, means: forename, left: vorname, right: first}
  - {name: born, means: date, heading: dob}
comparisons:
  - {of: surname, levels: [same, jaro_winkler: 0.9], term_frequency: true}
  - {of: forename, levels: [same, pet_form, swapped_with: surname]}
  - {of: born, levels: [same, day_month_swapped, years: 1]}
certain:
  - {label: names and birthday, on: [surname, forename, born]}
blocking:
  - [surname.sound, born.year]
link: {one_to_one: true, threshold: 2}
"""


def _load(folder: Path, text: str) -> Specification:
    path = folder / "people.yaml"
    path.write_text(text, encoding="utf-8")
    return load_specification(path)


def test_a_good_one_is_read(tmp_path: Path) -> None:
    """Headings may be the same in both files or each file's own."""
    specification = _load(tmp_path, GOOD)
    assert specification.column("forename").headings(False) == ("vorname",)
    assert specification.column("forename").headings(True) == ("first",)
    assert specification.link.one_to_one


THERE_ARE = "there are: surname, forename, born"
WRONG: dict[str, tuple[str, str, int, str, str]] = {
    # name: what is written instead of what, the line, what is said, and the mend
    "an unknown key": ("files: 2", "files: 2\nfile: 1", 3, "unknown key 'file'", "remove it or correct its spelling"),
    "another version": ("specification: 1", "specification: 2", 1, "specification: Input should be 1", "write 1"),
    "three files": ("files: 2", "files: 3", 2, "files: Input should be 1 or 2", "write 1 or 2"),
    "no files": ("files: 2\n", "", 1, "files: Field required", "add it"),
    "no blocking": (
        "  - [surname.sound, born.year]\n",
        "",
        15,
        "blocking: Input should be a valid tuple",
        "write a list",
    ),
    "an empty list": ("  - [surname.sound, born.year]", "  - []", 16, "blocking.0: Tuple", "give at least 1"),
    "a kind that is none": ("means: surname", "means: family", 6, "columns.0.means", "write 'forename', 'surname'"),
    "a name in capitals": ("name: born,", "name: Born,", 8, "columns.2.name", "write it by the pattern ^[a-z]"),
    "a column twice": (
        "name: forename, means",
        "name: surname, means",
        7,
        "two columns are named 'surname'",
        "otherwise",
    ),
    "a reserved name": ("name: forename, means", "name: rid, means", 7, "cannot be named 'rid'", "choose another name"),
    "Splink's own name": (
        "name: forename, means",
        "name: source_dataset, means",
        7,
        "cannot be named 'source_dataset'",
        "choose another name",
    ),
    "no heading": (
        "left: vorname, ",
        "",
        7,
        "'forename' has no heading in both",
        "give 'heading', or 'left' and 'right'",
    ),
    "spellings of a date": (
        "heading: dob",
        "heading: [dob, birth]",
        8,
        "not for date",
        "give one heading and no separator",
    ),
    "a separator that is none": (
        "heading: name}",
        'heading: name, separator: ""}',
        6,
        "separator",
        "write something here",
    ),
    "no true or false": ("term_frequency: true", "term_frequency: often", 10, "term_frequency", "write true or false"),
    "a level without a value": ("jaro_winkler: 0.9", "jaro_winkler", 10, "needs a value", "write jaro_winkler: 0.9"),
    "a level with a value": (
        "day_month_swapped",
        "day_month_swapped: 1",
        12,
        "takes no value",
        "day_month_swapped alone",
    ),
    "a value that is no number": ("years: 1", "years: one", 12, "'years' needs a number", "write years: 1"),
    "half a month": ("years: 1", "months: 0.5", 12, "whole number from 1 on", "write months: 1"),
    "two levels in one": ("years: 1", "{years: 1, days: 2}", 12, "one word, or one word and its value", "[same, jaro"),
    "a list for a level": ("years: 1", "[years]", 12, "comparisons.2.levels.2", "a word and its value"),
    "an unknown level": (
        "[same, jaro_winkler: 0.9]",
        "[same, sounds: 1]",
        10,
        "unknown level 'sounds'",
        "there are: damerau",
    ),
    "a level for others": (
        "day_month_swapped",
        "pet_form",
        12,
        "level 'pet_form' is not for date",
        "'born' can be compared by",
    ),
    "swapped with nobody": ("swapped_with: surname", "swapped_with: name", 11, "no column is named 'name'", THERE_ARE),
    "one spelling": (
        "swapped_with: surname",
        "share_spelling",
        11,
        "needs several spellings",
        "give 'forename' a separator",
    ),
    "rare dates": (
        "years: 1]",
        "years: 1], term_frequency: true",
        12,
        "term_frequency is not for date",
        "leave it out",
    ),
    "rare, and never the same": (
        "[same, jaro_winkler: 0.9]",
        "[jaro_winkler: 0.9]",
        10,
        "needs the level 'same'",
        "add 'same'",
    ),
    "a column compared twice": (
        "{of: forename,",
        "{of: surname,",
        11,
        "'surname' is compared twice",
        "all its levels into one",
    ),
    "a comparison of nothing": (
        "of: born",
        "of: birth",
        12,
        "comparison of 'birth': no column has this name",
        THERE_ARE,
    ),
    "an unknown part": (
        "born.year",
        "born.week",
        16,
        "'born.week' is no part",
        "a date has the parts: day, decade, month",
    ),
    "a key of nothing": ("surname.sound, born.year", "nobody", 16, "no column is named 'nobody'", THERE_ARE),
    "a certain step of nothing": ("on: [surname, forename, born]", "on: [surname, dob]", 14, "named 'dob'", THERE_ARE),
    "a step without a label": ("label: names and birthday, ", "", 14, "certain.0.label: Field required", "add it"),
    "training on nothing": ("link:", "training: [[dob]]\nlink:", 17, "no column is named 'dob'", THERE_ARE),
    "one to one within a file": (
        "files: 2",
        "files: 1",
        17,
        "one_to_one is for two files",
        "leave it out, or write files: 2",
    ),
    "three names of a record": ("[id]", "[id, key, no]", 3, "more headings than there are files", "name one heading"),
    "no pairs at all": ("threshold: 2", "most_pairs: 0", 17, "link.most_pairs", "write a number above 0"),
    "a certain prior": ("threshold: 2", "prior: 1", 17, "link.prior", "write a number below 1"),
    "a threshold without end": ("threshold: 2", "threshold: .nan", 17, "link.threshold", "write a number that ends"),
    "a threshold in words": ("threshold: 2", "threshold: high", 17, "link.threshold", "write a number"),
    "truth as evidence": ("{column: who}", "{column: dob}", 4, "must never be evidence", "take it out of 'columns'"),
    "a pattern that is none": ("who}", "who, pattern: '('}", 4, "not a regular expression", "close its brackets"),
    "a pattern of nobody": ("who}", "who, pattern: 'a'}", 4, "exactly one group", "^rec-([0-9]+)-"),
    "no YAML": ("columns:", "columns: [", 6, "not YAML", "close what is open there"),
    "a key twice": ("files: 2", "files: 2\nfiles: 2", 3, "a key stands here twice", "remove one of both"),
    "an alias": ("record_id: [id]", "record_id: &it [id]\nignored: *it", 4, "an alias", "write out what it stands for"),
}


def test_ages_of_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """In one file there are only the left one's; the other's year would change nothing, unseen."""
    one = GOOD.replace("files: 2", "files: 1").replace("one_to_one: true, ", "")
    wrong = one.replace("heading: dob", "heading: dob, ages_of: {right: 1881}")
    assert _load(tmp_path, one.replace("heading: dob", "heading: dob, ages_of: {left: 1881}")).files == 1
    with pytest.raises(DocumentError, match="ages_of: right is for two files"):
        _load(tmp_path, wrong)


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_told_with_its_line_and_its_mend(tmp_path: Path, name: str) -> None:
    """Each mistake has its sentence, and how to mend it names what there is instead; both with the line."""
    old, new, line, words, mend = WRONG[name]
    assert old in GOOD
    with pytest.raises(DocumentError) as refused:
        _load(tmp_path, GOOD.replace(old, new, 1))
    told = list(zip(refused.value.problems, refused.value.mends, strict=True))
    assert [one for one in told if words in one[0] and mend in one[1]], told
    for what, how in told:
        assert what.startswith("line ")
        assert how.startswith("line ")
    at = f"line {line}: "
    assert [one for one in told if words in one[0] and one[0].startswith(at) and one[1].startswith(at)], told
    assert mend in str(refused.value.mend)


@pytest.mark.parametrize(
    ("content", "words", "mend"),
    [
        (None, "cannot be read", "Name a file that exists."),
        (b"\xff\xfe\xff", "is not UTF-8", "Save it in UTF-8."),
        (b"a list", "must be a mapping", "line 1: begin with key: value"),
        (b"#" * (4 * 1024 * 1024 + 1), "larger than", "Name the right file."),
    ],
    ids=["not there", "not text", "no mapping", "far too large"],
)
def test_a_file_that_is_no_specification_at_all_is_told_too(
    tmp_path: Path, content: bytes | None, words: str, mend: str
) -> None:
    """What has no line has its sentence and its mend all the same."""
    path = tmp_path / "people.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DocumentError) as refused:
        load_specification(path)
    assert words in refused.value.what
    assert refused.value.mend == mend


def test_a_word_of_the_database_is_no_name_of_a_column_with_frequencies(tmp_path: Path) -> None:
    """Tables are made by its name; the mend proposes one."""
    with pytest.raises(DocumentError, match="line 8: 'table' is a word of the database") as refused:
        _load(
            tmp_path,
            GOOD.replace("born", "table").replace(
                "of: table, levels: [same", "of: table, term_frequency: true, levels: [same"
            ),
        )
    assert "line 8: choose another name, such as table_1" in str(refused.value.mend)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Two mistakes in two places: two lines, two mends, in words and for a program."""
    with pytest.raises(DocumentError) as refused:
        _load(tmp_path, GOOD.replace("of: born", "of: birth").replace("born.year", "born.week"))
    assert [what[:8] for what in refused.value.problems] == ["line 12:", "line 16:"]
    assert [how[:8] for how in refused.value.mends] == ["line 12:", "line 16:"]
    assert refused.value.as_dict()["mend"] == "; ".join(refused.value.mends)


def test_a_model_depends_on_columns_comparisons_and_training_only(tmp_path: Path) -> None:
    """The threshold may change under a frozen model; a level may not."""
    digest = _load(tmp_path, GOOD).digest
    assert _load(tmp_path, GOOD.replace("threshold: 2", "threshold: 4")).digest == digest
    assert _load(tmp_path, GOOD.replace("0.9", "0.8")).digest != digest


@pytest.mark.parametrize("level", sorted(LEVELS))
def test_every_level_says_whether_it_takes_a_value(level: str) -> None:
    """A level with a value where none belongs, or without one where it does, is refused."""
    wrong = level if LEVELS[level] else {level: 1}
    with pytest.raises(ValidationError):
        Specification.model_validate(
            {
                "specification": 1, "files": 1, "blocking": [["a"]],
                "columns": [{"name": "a", "means": "text", "heading": "a"}],
                "comparisons": [{"of": "a", "levels": [wrong]}],
            }
        )  # fmt: skip
