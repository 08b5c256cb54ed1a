"""The rule book of linkage by a specification: what it may say, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from access.documents import DocumentError
from linkage.specified.specification import LEVELS, Specification, load_specification

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


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("files: 2", "files: 2\nfile: 1", "line 3: unknown key 'file'"),
        ("specification: 1", "specification: 2", "line 1"),
        ("means: surname", "means: family", "means"),
        ("jaro_winkler: 0.9", "jaro_winkler", "'jaro_winkler' needs a value"),
        ("[same, jaro_winkler: 0.9]", "[same, sounds: 1]", "unknown level 'sounds'"),
        ("day_month_swapped", "pet_form", "level 'pet_form' is not for date"),
        ("swapped_with: surname", "swapped_with: name", "no column is named 'name'"),
        ("swapped_with: surname", "share_spelling", "needs several spellings"),
        ("surname.sound, born.year", "surname.sound, born.week", "a date has the parts: day, decade, month"),
        ("surname.sound, born.year", "nobody", "no column is named 'nobody' (surname, forename, born)"),
        ("of: born", "of: birth", "no column has this name (surname, forename, born)"),
        ("{column: who}", "{column: dob}", "it must never be evidence"),
        ("left: vorname, ", "", "give 'heading', or 'left' and 'right'"),
        ("files: 2", "files: 1", "one_to_one is for two files"),
        ("{column: who}", "{column: who, pattern: '('}", "not a regular expression"),
        ("columns:", "columns: [", "line"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Each mistake has its sentence, and names what there is instead."""
    with pytest.raises(DocumentError) as refused:
        _load(tmp_path, GOOD.replace(old, new))
    assert words in str(refused.value)


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
