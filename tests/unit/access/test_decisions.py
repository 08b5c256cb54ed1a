"""How is a refusal said? In sentences that follow each other."""

from __future__ import annotations

import pytest

from access.decisions import as_sentence


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Doubt about the purpose", "Doubt about the purpose."),
        ("Doubt about the purpose ", "Doubt about the purpose."),
        ("Who asked?", "Who asked?"),
        ("It is looked into.", "It is looked into."),
    ],
)
def test_what_a_person_wrote_ends_as_a_sentence(written: str, told: str) -> None:
    """A full stop where there is none; no second one."""
    assert as_sentence(written) == told
