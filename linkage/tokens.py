"""What is compared instead of an identifier? A keyed token: HMAC-SHA256 of each value, 64 bits kept.

The domain (which field, under which specification) is part of what is hashed, so that equal texts in two fields give
unlike tokens. Hashing is done here and never in SQL: a key in a statement or a macro would stand in the catalogue
(design section 8). Tokens leak by frequency and never leave the linkage zone.

Values are hashed by the compiled kernel where there is one (native/kernel.py), else by a loop that copies the two hash
states that HMAC starts from (FIPS 198-1). Values that repeat much are hashed once. The bytes are those of
`hmac.digest`, either way (tests/bench/tokens.py).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
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
MOSTLY_DISTINCT = 0.8  # the loop: above it, finding the repeated values costs more than hashing them again
FEW = 6_000  # the kernel: with more distinct values than this (alike in frequency) it is quicker to hash every cell
SAMPLE = 1 << 13
HASH_SEED = 7

Tokens = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]
Work = Callable[[pl.Series], Tokens]


def tokenise(values: pl.Series, domain: str, key: HeldKey) -> pl.Series:
    """Text to UInt64 tokens in the same order; nothing stays nothing. Raises KernelWrong."""
    prefix = f"haven-token/1/{key.key_id}/{key.version}/{domain}\x00".encode()
    texts, kernel = values.cast(pl.String), find_kernel().kernel
    work = by_loop(key.key, prefix) if kernel is None else by_kernel(kernel, key.key, prefix)
    most = MOSTLY_DISTINCT * len(texts) if kernel is None else FEW
    tokens = pl.Series(values.name, _hashed(texts, work, most), dtype=pl.UInt64)
    return tokens.set(texts.is_null(), None) if texts.null_count() else tokens


def by_kernel(kernel: Kernel, key: bytes, prefix: bytes) -> Work:
    """Tokens of a column of texts, by the compiled kernel; any number where there is no text."""
    return lambda texts: kernel.tokens(_cells(texts), key, prefix)


def by_loop(key: bytes, prefix: bytes) -> Work:
    """Tokens of a column of texts, by Python's own hash; any number where there is no text."""
    inner, outer = _states(key, prefix)

    def work(texts: pl.Series) -> Tokens:
        cells = _cells(texts)
        starts = range(0, len(cells), AT_ONCE)
        digests = b"".join(_hash_all(cells.slice(start, AT_ONCE).to_pylist(), inner, outer) for start in starts)
        return np.frombuffer(digests, dtype=">u8")[:: HASH_BYTES // TOKEN_BYTES].astype(np.uint64)

    return work


def _cells(texts: pl.Series) -> pa.LargeBinaryArray:
    return texts.to_arrow().cast(pa.large_binary())


def _hashed(texts: pl.Series, work: Work, most: float) -> Tokens:
    """A token for each text; where there are not more than `most` distinct ones, each is hashed once."""
    found = _repeated(texts) if _repeats(texts, most) else None
    if found is None:
        return work(texts)
    distinct, places = found
    return work(distinct)[places]


def _repeats(texts: pl.Series, most: float) -> bool:
    """Would so many distinct values, alike in frequency, leave as few of a sample alone in it as are alone here?"""
    known = texts.drop_nulls()
    sample = known.gather_every(max(1, len(known) // SAMPLE)) if len(known) else known
    alone = sample.is_unique().sum()
    return bool(len(sample)) and alone < len(sample) * math.exp(-len(sample) / max(most, 1))


def _repeated(texts: pl.Series) -> tuple[pl.Series, Places] | None:
    """The distinct values, and for each cell which of them it is; None where two of them could not be told apart.

    Equal texts are found by a quick unkeyed 64-bit hash, which stays in memory here; every cell is then compared with
    the text that stands for it, so that two texts of one hash can never share a token.
    """
    encoded = texts.hash(HASH_SEED).to_arrow().dictionary_encode()
    places = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    first[places] = np.arange(len(texts))
    distinct = texts.gather(first)
    return (distinct, places) if distinct.gather(places).eq_missing(texts).all() else None


def _states(key: bytes, prefix: bytes) -> tuple[Any, Any]:
    """HMAC's two hash states, the inner one with the prefix in it."""
    block = filled_up(key)
    return hashlib.sha256(block.translate(IPAD) + prefix), hashlib.sha256(block.translate(OPAD))


def _hash_all(values: Sequence[bytes | None], inner: Any, outer: Any) -> bytes:
    """The whole digests, joined. Local names: this loop is where the time goes."""
    start, finish = inner.copy, outer.copy
    digests = []
    for value in values:
        first = start()
        first.update(value or b"")
        second = finish()
        second.update(first.digest())
        digests.append(second.digest())
    return b"".join(digests)
