"""Every kind of column under every level: it links from end to end, or it is refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from linkage.specified.service import evaluate_files
from linkage.specified.specification import Specification
from linkage.specified.vocabulary import KINDS, LEVELS

PEOPLE = 60
LIKENESSES = {"jaro_winkler": 0.9, "spelling_jaro_winkler": 0.9, "swapped_with": "other"}
VALUES: dict[str, tuple[str, str]] = {
    "date": ("19{n:02}-03-04", "19{n:02}-02-31"),
    "year": ("19{n:02}", "about 19{n:02}"),
    "month": ("3", "11"),
    "day": ("{n}", "31"),
    "number": ("{n}", "{n}.5"),
    "house_number": ("{n}", "{n}a"),
    "sex": ("f", "male"),
    "postcode": ("CF{n} 1AA", "{n}"),
    "identifier": ("A{n}", "{n}77"),
    "phone": ("0292000{n:02}", "12345{n}"),
    "email": ("a{n}@example.org", "no address {n}"),
}


def _level(name: str) -> Any:
    return {name: LIKENESSES.get(name, 1)} if LEVELS[name] else name


def _specification(
    kind: str, levels: list[str], *, name: str = "tried", spelt: bool = False, frequent: bool = False
) -> Specification:
    column = {"name": name, "means": kind, "heading": "tried"} | ({"separator": "|"} if spelt else {})
    return Specification.model_validate(
        {
            "specification": 1,
            "files": 1,
            "columns": [column, {"name": "other", "means": "text", "heading": "other"}],
            "comparisons": [
                {"of": name, "levels": [_level(one) for one in levels], "term_frequency": frequent},
                {"of": "other", "levels": ["same"]},
            ],
            "blocking": [["other"]],
            "training": [["other"]],
        }
    )


def _accepted(kind: str, *, spelt: bool) -> list[str]:
    """The levels that are not refused; a refusal must say what there is instead."""
    found = []
    for level in sorted(LEVELS):
        try:
            _specification(kind, [level], spelt=spelt)
        except ValidationError as refused:
            told = str(refused)
            assert "can be compared by: " in told or "needs several spellings" in told or "are for names" in told
        else:
            found.append(level)
    return found


def _file(folder: Path, kind: str, *, spelt: bool = False) -> Path:
    forms = VALUES.get(kind, ("Ann {n} Lee", "Lee{n}"))
    first = [forms[n % 5 == 0].format(n=n) for n in range(10, 10 + PEOPLE)]
    values = [f"{one}|{one}x" if spelt else one for one in first]
    other = [f"place {n // 4}" for n in range(PEOPLE)]
    rows = {"tried": [*values, *values, None], "other": [*other, *other, "place 1"]}
    rows["who"] = [str(n) for n in (*range(PEOPLE), *range(PEOPLE), PEOPLE)]
    path = folder / "people.csv"
    pl.DataFrame(rows).write_csv(path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_accepted_links_from_end_to_end(kind: str, tmp_path: Path) -> None:
    """Each level that a kind is not refused is trained, weighed and measured; refusals name the levels there are."""
    levels = _accepted(kind, spelt=False)
    assert "same" in levels
    made = _specification(kind, levels, frequent=kind != "date")
    found = evaluate_files(_file(tmp_path, kind), None, made, "who")
    assert found.linked.compared > PEOPLE


@pytest.mark.parametrize("kind", ["surname", "address", "text"])
def test_several_spellings_link_from_end_to_end(kind: str, tmp_path: Path) -> None:
    """The same of a column with several spellings."""
    levels = _accepted(kind, spelt=True)
    assert {"share_spelling", "spelling_jaro_winkler"} <= set(levels)
    found = evaluate_files(_file(tmp_path, kind, spelt=True), None, _specification(kind, levels, spelt=True), "who")
    assert found.linked.compared > PEOPLE


@pytest.mark.parametrize("level", sorted(LEVELS))
@pytest.mark.parametrize("value", ["0 OR (SELECT 1)=1", float("inf"), float("nan"), 'tried_r" OR "a'])
def test_nothing_but_a_number_or_a_column_comes_into_the_question(level: str, value: object) -> None:
    """No level takes a text that is not a column's name, nor a number that is none."""
    with pytest.raises(ValidationError):
        _specification("text", ["same"]).model_validate(
            _specification("text", ["same"]).model_dump()
            | {"comparisons": [{"of": "tried", "levels": [{level: value}]}]}
        )


@pytest.mark.parametrize(("name", "kind"), [("year", "date"), ("number", "house_number"), ("order", "surname")])
def test_a_column_may_be_named_as_a_part_or_a_word_of_the_database(name: str, kind: str, tmp_path: Path) -> None:
    """What a column is called changes nothing of what is found."""
    path = _file(tmp_path, kind)
    plain, named = (
        evaluate_files(path, None, _specification(kind, ["same"], name=one), "who").linked.scored
        for one in ("tried", name)
    )
    assert plain["weight"].round(6).equals(named["weight"].round(6))


@pytest.mark.parametrize(
    ("kind", "level", "name", "words"),
    [
        ("date", "same", "tried", "term_frequency is not for date"),
        ("text", "starts_alike", "tried", "term_frequency needs the level 'same'"),
        ("text", "same", "order", "'order' is a word of the database"),
    ],
)
def test_rare_values_count_for_more_only_where_they_can(kind: str, level: str, name: str, words: str) -> None:
    """Where nothing can be counted by, a sentence says so, before a file is read."""
    with pytest.raises(ValidationError, match=words):
        _specification(kind, [level], name=name, frequent=True)


@pytest.mark.parametrize("name", ["rid", "unique_id", "born__year"])
def test_a_column_cannot_take_the_name_of_the_records_own_columns(name: str) -> None:
    """It would be written over."""
    with pytest.raises(ValidationError, match="cannot be named"):
        _specification("text", ["same"], name=name)


@pytest.mark.parametrize("keys", [{"blocking": [[]]}, {"training": [[]]}, {"blocking": [["other."]]}])
def test_a_key_of_nothing_is_refused(keys: dict[str, Any]) -> None:
    """A rule names at least one column, and a part after its point."""
    with pytest.raises(ValidationError):
        Specification.model_validate(_specification("text", ["same"]).model_dump() | keys)
