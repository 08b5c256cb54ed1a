"""What is said of a login is what is known of it."""

from __future__ import annotations

from datetime import UTC, datetime

from access.identity.model import Claims
from infra.cli.login import who_is

ENDS = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)


def test_that_a_second_factor_was_shown_is_never_claimed() -> None:
    """The realm's rule asks for it and no token proves it; that nobody was asked for one, the local issuer does say."""
    assert who_is(Claims("asha", "t", "s", "haven-cli", ENDS, second_factor=True)) == "asha"
    assert who_is(Claims("asha", "t", "s", "c", ENDS, second_factor=False)) == "asha, without a second factor"
