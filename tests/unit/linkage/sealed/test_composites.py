"""Composite keys: what leaves a controller in mode B is nearly unique to a person, and is the ladder's agreement."""

from __future__ import annotations

import polars as pl
import pytest

from access.keys.model import HeldKey, check_value
from linkage.matching.ladder import IMPLIED, LADDER
from linkage.sealed.composites import COMPOSITES, ENOUGH, NUMBER, TOKENS, CompositeKey, composite_texts, sealed_tokens
from linkage.standardise.specification import IDENTITY, standardise

SECRET = bytes(range(32))
KEY = HeldKey("token/r1", 1, SECRET, check_value(SECRET))
OF_LADDER = {"y": "b_y", "md": "b_md", "bk": "b_known"}
COMMON = {"f", "g", "gi", "fs", "nm", "s", "y", "md"}  # told by how often they occur, alone and in these pairs
FROZEN = (15351114284831545855, 14737340445648273758, 4157514250726496843)
ZARA = {
    "nhs_number": "9990000018",
    "surname": "Hale",
    "forenames": "Zara",
    "full_name": None,
    "sex": "F",
    "date_of_birth": "1980-02-03",
    "postcode": "LS1 2AB",
}


def _people(*rows: dict[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(IDENTITY, pl.String))


@pytest.mark.parametrize("key", COMPOSITES, ids=lambda key: key.name)
def test_no_key_tells_by_how_often_it_occurs(key: CompositeKey) -> None:
    """Each key holds the NHS number, or at least three parts with a birthday or a postcode among them."""
    assert "n" in key.parts or (len(key.parts) >= 3 and {"b", "bk", "p"} & set(key.parts))
    assert not set(key.parts) <= COMMON


@pytest.mark.parametrize("key", COMPOSITES, ids=lambda key: key.name)
def test_each_key_is_an_agreement_of_the_ladder(key: CompositeKey) -> None:
    """Whoever agrees on a composite key agrees on a whole key of some step: mode B joins by nothing of its own."""
    parts = {OF_LADDER.get(part, part) for part in key.parts}
    parts |= {IMPLIED[part] for part in parts if part in IMPLIED}
    assert any(parts.issuperset(one) for step in LADDER for one in step.keys)


def test_the_keys_are_in_order_and_named_once() -> None:
    """Steps count from 1 without a gap, names are columns, and what is enough for a person is among them."""
    assert [key.step for key in COMPOSITES] == list(range(1, 13))
    assert len(set(TOKENS)) == len(TOKENS) == 13
    assert set(ENOUGH) <= set(TOKENS)


def test_a_known_answer() -> None:
    """A frozen answer: another one would part agents from havens that are in use."""
    tokens = sealed_tokens(_people(ZARA), KEY, test_range=True).row(0, named=True)
    assert (tokens[NUMBER], tokens["n_b"], tokens["f_g_b"]) == FROZEN


def test_a_key_with_an_unknown_part_is_nothing() -> None:
    """Without a surname the keys that hold it are empty, the others are not; without anything all are."""
    rows = _people(ZARA | {"surname": None}, dict.fromkeys(IDENTITY))
    without, nobody = sealed_tokens(rows, KEY, test_range=True).rows(named=True)
    empty = {name for name in TOKENS if without[name] is None}
    assert empty == {"n_nm", "nm_b_s", "f_g_s_p_y", "f_g_s_p_md", "fs_g_b_s", "f_g_b"}
    assert set(nobody.values()) == {None}


def test_names_in_either_order_and_birthdays_of_the_first_of_january() -> None:
    """Swapped names give one token; 1 January, which clerks type, gives none where the ladder wants it known."""
    swapped = ZARA | {"surname": "Zara", "forenames": "Hale"}
    january = ZARA | {"date_of_birth": "1980-01-01"}
    first, other, new_year = composite_texts(standardise(_people(ZARA, swapped, january), test_range=True)).rows(
        named=True
    )
    assert first["nm_b_s"] == other["nm_b_s"] is not None
    assert first["f_g_b"] != other["f_g_b"]
    assert new_year["b_s_p"] is new_year["f_g_b"] is None
    assert new_year["nm_b_s"] is not None


def test_tokens_of_unlike_keys_rounds_and_columns_differ() -> None:
    """The same text in two columns, or under two rounds, gives unlike tokens."""
    other = HeldKey("token/r2", 1, SECRET, check_value(SECRET))
    ours, theirs = (sealed_tokens(_people(ZARA), key, test_range=True).row(0) for key in (KEY, other))
    assert len(set(ours)) == len(TOKENS)
    assert not set(ours) & set(theirs)
