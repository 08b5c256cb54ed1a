"""What is withheld of what people wrote?"""

from __future__ import annotations

import pytest

from infra.registers.public_text import Withholding

WITHHOLD = Withholding(["asha", "Asha Patel", "gwen-1", "gp"], ["gp", "University"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Asha Patel leads.", "[name withheld] leads."),
        ("ask ASHA, or Dr Patel", "ask [name withheld], or Dr [name withheld]"),
        ("gwen-1 refused", "[name withheld] refused"),
        ("Ashap is a place, and so is Patelton", "Ashap is a place, and so is Patelton"),
        ("the gp decides, as gp always does", "the gp decides, as gp always does"),
        ("999 000 0018, 999-000-0018, 9990000018", ", ".join(["[number withheld]"] * 3)),
        ("in 2026, 12345678901 rows", "in 2026, 12345678901 rows"),
        ("write to a.b@gp.example now", "write to [address withheld] now"),
    ],
)  # fmt: skip
def test_names_numbers_and_addresses_are_withheld(text: str, shown: str) -> None:
    """Names and ids of the haven's people as whole words; ten digits; addresses. An organisation's name stays."""
    assert WITHHOLD(text) == shown


def test_without_people_nothing_is_lost() -> None:
    """A haven in which nobody is registered shows texts as they are."""
    assert Withholding([], [])("Asha asks") == "Asha asks"
