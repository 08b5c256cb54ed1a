"""Invented columns: the tokens are those of a loop over hmac.digest, cell by cell."""

from __future__ import annotations

import hmac

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from access.keys import HeldKey, check_value
from linkage.tokens import tokenise

TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=80)


@settings(deadline=None)  # the first call loads Arrow
@given(
    secret=st.binary(min_size=32, max_size=32),
    pool=st.lists(TEXTS, min_size=1, max_size=30),
    picks=st.lists(st.integers(0, 1000), max_size=200),
    domain=st.text("abc/0.1", max_size=70),
)
def test_any_column_is_tokenised_as_defined(
    secret: bytes, pool: list[str | None], picks: list[int], domain: str
) -> None:
    """Any texts, any repetition, any share of missing values, prefixes shorter and longer than a block."""
    column = [pool[pick % len(pool)] for pick in picks]
    key = HeldKey("token/r", 3, secret, check_value(secret))
    prefix = f"haven-token/1/token/r/3/{domain}\x00".encode()
    expected = [
        None if cell is None else int.from_bytes(hmac.digest(secret, prefix + cell.encode(), "sha256")[:8], "big")
        for cell in column
    ]
    assert tokenise(pl.Series(column, dtype=pl.String), domain, key).to_list() == expected
