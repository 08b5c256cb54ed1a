"""Tokens: byte for byte HMAC-SHA256 of the value, whatever the column looks like."""

from __future__ import annotations

import hmac

import polars as pl
import pytest

from access.keys import HeldKey, check_value
from linkage.tokens import tokenise

SECRET = bytes(range(32))
KEY = HeldKey("token/spine", 1, SECRET, check_value(SECRET))


def by_definition(value: str | None, domain: str = "d") -> int | None:
    """The token as it is defined: 64 bits of HMAC-SHA256 over prefix, domain, a zero byte and the value."""
    if value is None:
        return None
    text = b"haven-token/1/token/spine/1/" + domain.encode() + b"\x00" + value.encode()
    return int.from_bytes(hmac.digest(SECRET, text, "sha256")[:8], "big")


def test_a_known_token() -> None:
    """A frozen answer: a change of the definition would part every haven from its own past."""
    assert tokenise(pl.Series(["SMITH"]), "2026.1/f", KEY).to_list() == [15970675409470354083]


@pytest.mark.parametrize(
    "values",
    [
        ["SMITH", "JONES", "SMITH", None, "", "ÅSTRÖM", "x" * 200],
        [None, None],
        [],
        ["A"] * 500 + [None],
        [f"{number:010d}" for number in range(3000)],
        [None, *(f"{number:010d}" for number in range(3000)), None],
    ],
    ids=["few", "nothing but nulls", "empty", "one value", "all distinct", "all distinct, with nulls"],
)
def test_every_cell_is_as_defined(values: list[str | None]) -> None:
    """Repeated, distinct, missing, empty and long values, in their order."""
    tokens = tokenise(pl.Series("c", values, dtype=pl.String), "d", KEY)
    assert tokens.dtype == pl.UInt64
    assert tokens.to_list() == [by_definition(value) for value in values]


def test_another_field_or_key_gives_other_tokens() -> None:
    """Equal texts in two fields, or under two keys, have unlike tokens."""
    column = pl.Series(["SMITH", "SMITH"])
    other = HeldKey("token/spine", 1, bytes(32), check_value(bytes(32)))
    tokens = {
        *tokenise(column, "f", KEY).to_list(),
        *tokenise(column, "g", KEY).to_list(),
        *tokenise(column, "f", other).to_list(),
    }
    assert len(tokens) == 3
