"""What is compared instead of an identifier? A keyed token: HMAC-SHA256 of each distinct value, 64 bits kept.

The domain (which field, under which specification) is part of what is hashed, so that equal texts in two fields give
unlike tokens. Hashing is done here in Python over distinct values, never in SQL: a key in a statement or a macro would
stand in the catalogue (design section 8). Tokens leak by frequency and never leave the linkage zone.
"""

from __future__ import annotations

import hmac

import polars as pl

from access.keys import HeldKey

TOKEN_BYTES = 8


def tokenise(values: pl.Series, domain: str, key: HeldKey) -> pl.Series:
    """Text to UInt64 tokens in the same order; nothing stays nothing. Each distinct value is hashed once."""
    distinct = values.drop_nulls().unique()
    prefix = f"haven-token/1/{key.key_id}/{key.version}/{domain}\x00".encode()
    tokens = pl.Series([_token(prefix, value, key.key) for value in distinct], dtype=pl.UInt64)
    return values.replace_strict(distinct, tokens, default=None, return_dtype=pl.UInt64)


def _token(prefix: bytes, value: str, key: bytes) -> int:
    return int.from_bytes(hmac.digest(key, prefix + value.encode(), "sha256")[:TOKEN_BYTES], "big")
