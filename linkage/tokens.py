"""What is compared instead of an identifier? A keyed token: HMAC-SHA256 of each distinct value, 64 bits kept.

The domain (which field, under which specification) is part of what is hashed, so that equal texts in two fields give
unlike tokens. Hashing is done here in Python over distinct values, never in SQL: a key in a statement or a macro would
stand in the catalogue (design section 8). Tokens leak by frequency and never leave the linkage zone.

The two hash states that HMAC starts from (FIPS 198-1: the key XOR ipad, the key XOR opad) are made once and copied for
each value, and the values that repeat are hashed once; the bytes are those of `hmac.digest` (tests/bench/tokens.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from access.keys import HeldKey

TOKEN_BYTES = 8
HASH_BYTES = 32
BLOCK = 64
IPAD, OPAD = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
AT_ONCE = 1 << 20  # values turned into Python objects at a time
MOSTLY_DISTINCT = 0.6  # above it, finding the repeated values costs more than hashing them again

Tokens = npt.NDArray[np.uint64]


def tokenise(values: pl.Series, domain: str, key: HeldKey) -> pl.Series:
    """Text to UInt64 tokens in the same order; nothing stays nothing."""
    prefix = f"haven-token/1/{key.key_id}/{key.version}/{domain}\x00".encode()
    inner, outer = _states(key.key, prefix)
    known = values.drop_nulls()
    cells = known.cast(pl.String).to_arrow().cast(pa.large_binary())
    if cast(int, known.approx_n_unique()) > MOSTLY_DISTINCT * len(known):
        tokens = _hashed(cells, inner, outer)
    else:
        encoded = cells.dictionary_encode()
        tokens = _hashed(encoded.dictionary, inner, outer)[encoded.indices.to_numpy()]
    if len(known) == len(values):
        return pl.Series(values.name, tokens)
    places = values.is_not_null().cum_sum() - 1  # which of the known values stands here
    return pl.Series(values.name, tokens).gather(places.set(values.is_null(), None))


def _states(key: bytes, prefix: bytes) -> tuple[Any, Any]:
    """HMAC's two hash states, the inner one with the prefix in it."""
    block = (key if len(key) <= BLOCK else hashlib.sha256(key).digest()).ljust(BLOCK, b"\x00")
    return hashlib.sha256(block.translate(IPAD) + prefix), hashlib.sha256(block.translate(OPAD))


def _hashed(cells: pa.Array, inner: Any, outer: Any) -> Tokens:
    """One token for each cell; there are no nulls."""
    parts = [
        _hash_all(cells.slice(start, AT_ONCE).to_pylist(), inner, outer) for start in range(0, len(cells), AT_ONCE)
    ]
    digests = np.frombuffer(b"".join(parts), dtype=">u8")
    return digests[:: HASH_BYTES // TOKEN_BYTES].astype(np.uint64)


def _hash_all(values: Sequence[bytes], inner: Any, outer: Any) -> bytes:
    """The whole digests, joined. Local names: this loop is where the time goes."""
    start, finish = inner.copy, outer.copy
    digests = []
    for value in values:
        first = start()
        first.update(value)
        second = finish()
        second.update(first.digest())
        digests.append(second.digest())
    return b"".join(digests)
