"""Which identifiers does a letter name, and does the list know what contracts say?"""

from __future__ import annotations

from typing import get_args

import pytest

from access.support.identifiers import KINDS, not_named
from linkage.contracts.contract import Identifies


@pytest.mark.parametrize(
    ("carried", "named", "missing"),
    [
        ({"nhs_number"}, ["nhs_number"], []),
        ({"nhs_number"}, ["NHS number"], []),
        ({"date_of_birth"}, ["Date-of-birth"], []),
        ({"surname", "forenames"}, ["name"], []),
        ({"full_name"}, ["surname", "forenames"], []),
        ({"full_name"}, ["surname"], ["full_name"]),
        ({"postcode", "sex"}, ["address", "gender"], []),
        ({"address"}, ["postcode"], ["address"]),
        ({"nhs_number", "postcode"}, ["nhs_number", "whatever else is needed"], ["postcode"]),
        ({"nhs_number"}, [], ["nhs_number"]),
        (set(), [], []),
    ],
)
def test_what_a_letter_does_not_name_is_told(carried: set[str], named: list[str], missing: list[str]) -> None:
    """A letter's word covers what it means and no more; a word that nobody knows covers nothing."""
    assert not_named(carried, named) == missing


def test_every_identifier_of_a_contract_can_be_named() -> None:
    """The list here is the one that contracts are written with."""
    assert set(get_args(Identifies)) == KINDS
