"""What is compared instead of an identifier? A keyed token: HMAC-SHA256 of each value, 64 bits kept.

The domain (which field, under which specification) is part of what is hashed, so that equal texts in two fields give
unlike tokens. Hashing is done here and never in SQL: a key in a statement or a macro would stand in the catalogue
(design section 8). Tokens leak by frequency and never leave the linkage zone.

Values are hashed by the compiled kernel where there is one (native/kernel.py). Else the two hash states that HMAC
starts from (FIPS 198-1: the key XOR ipad, the key XOR opad) are made once and copied in a loop, and the values that
repeat are hashed once. The bytes are those of `hmac.digest`, either way (tests/bench/tokens.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from access.keys.model import HeldKey
from linkage.native.kernel import Kernel, filled_up, find_kernel

TOKEN_BYTES = 8
HASH_BYTES = 32
IPAD, OPAD = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
AT_ONCE = 1 << 20  # values turned into Python objects at a time
MOSTLY_DISTINCT = 0.8  # above it, finding the repeated values costs more than hashing them again
SAMPLE = 1 << 16
HASH_SEED = 7

Tokens = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]


def tokenise(values: pl.Series, domain: str, key: HeldKey) -> pl.Series:
    """Text to UInt64 tokens in the same order; nothing stays nothing. Raises KernelWrong."""
    prefix = f"haven-token/1/{key.key_id}/{key.version}/{domain}\x00".encode()
    kernel = find_kernel().kernel
    if kernel is None:
        return by_loop(values, key.key, prefix)
    return by_kernel(kernel, values, key.key, prefix)


def by_kernel(kernel: Kernel, values: pl.Series, key: bytes, prefix: bytes) -> pl.Series:
    """Each cell hashed, also where values repeat: to find those out would take half as long or longer."""
    tokens = pl.Series(values.name, kernel.tokens(_cells(values), key, prefix))
    return tokens.set(values.is_null(), None) if values.null_count() else tokens


def by_loop(values: pl.Series, key: bytes, prefix: bytes) -> pl.Series:
    """By Python's own hash; values that repeat are hashed once."""
    inner, outer = _states(key, prefix)
    known = values.drop_nulls()
    found = _repeated(known)
    if found is None:
        tokens = _hashed(known, inner, outer)
    else:
        distinct, places = found
        tokens = _hashed(distinct, inner, outer)[places]
    if len(known) == len(values):
        return pl.Series(values.name, tokens)
    standing = values.is_not_null().cum_sum() - 1  # which of the known values stands here
    return pl.Series(values.name, tokens).gather(standing.set(values.is_null(), None))


def _cells(values: pl.Series) -> pa.LargeBinaryArray:
    return values.cast(pl.String).cast(pl.Binary).to_arrow()


def _repeated(values: pl.Series) -> tuple[pl.Series, Places] | None:
    """The distinct values, and for each cell which of them it is; None where it does not pay to look.

    Equal texts are found by a quick unkeyed 64-bit hash, which stays in memory here; every cell is then compared with
    the text that stands for it, so that two texts of one hash can never share a token.
    """
    hashes = values.hash(HASH_SEED).to_arrow()
    if _mostly_distinct(hashes.to_numpy()):
        return None
    encoded = hashes.dictionary_encode()
    places = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    first[places] = np.arange(len(values))
    distinct = values.gather(first)
    return (distinct, places) if (distinct.gather(places) == values).all() else None


def _mostly_distinct(hashes: Tokens) -> bool:
    """Would hashing every cell cost less? Judged by how often a sample repeats itself, as birthdays in a room do."""
    sample = hashes[:: max(1, len(hashes) // SAMPLE)]
    repeats = len(sample) - len(np.unique(sample))
    if len(sample) == len(hashes):
        return repeats < (1 - MOSTLY_DISTINCT) * len(hashes)
    return repeats < len(sample) ** 2 / (2 * MOSTLY_DISTINCT * len(hashes))


def _states(key: bytes, prefix: bytes) -> tuple[Any, Any]:
    """HMAC's two hash states, the inner one with the prefix in it."""
    block = filled_up(key)
    return hashlib.sha256(block.translate(IPAD) + prefix), hashlib.sha256(block.translate(OPAD))


def _hashed(values: pl.Series, inner: Any, outer: Any) -> Tokens:
    """One token for each text; there are no nulls."""
    cells = _cells(values)
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
