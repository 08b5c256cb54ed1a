"""Invented columns: the tokens are those of a loop over hmac.digest, cell by cell, with the kernel and without."""

from __future__ import annotations

import hmac

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from access.keys import HeldKey, check_value
from linkage.native.kernel import find_kernel
from linkage.tokens import by_kernel, by_loop, tokenise

TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=80) | st.text("aß", min_size=100, max_size=400)
COLUMNS = st.lists(TEXTS, max_size=60)


def by_definition(cell: str | None, secret: bytes, prefix: bytes) -> int | None:
    """The token of one cell."""
    if cell is None:
        return None
    return int.from_bytes(hmac.digest(secret, prefix + cell.encode(), "sha256")[:8], "big")


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
    assert tokenise(pl.Series(column, dtype=pl.String), domain, key).to_list() == [
        by_definition(cell, secret, prefix) for cell in column
    ]


@settings(deadline=None)
@given(
    secret=st.binary(max_size=200),
    prefix=st.binary(max_size=200),
    column=COLUMNS,
    more=COLUMNS,
    start=st.integers(0, 70),
    length=st.none() | st.integers(0, 70),
)
def test_the_kernel_and_the_loop_agree(
    secret: bytes, prefix: bytes, column: list[str | None], more: list[str | None], start: int, length: int | None
) -> None:
    """Any key, shorter and longer than a block; any texts, also as a part of a column that was put together."""
    texts = pl.Series(column, dtype=pl.String).append(pl.Series(more, dtype=pl.String)).slice(start, length)
    expected = [by_definition(cell, secret, prefix) for cell in texts]
    assert by_loop(texts, secret, prefix).to_list() == expected
    kernel = find_kernel().kernel
    if kernel:
        assert by_kernel(kernel, texts, secret, prefix).to_list() == expected
