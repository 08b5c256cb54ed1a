"""What is a hardened Bloom filter of a person? Bigrams of names and birthday as bits under the round's key.

Only under an agreement: filters of names have been re-identified by pattern attacks. What is done here (one filter for
the whole record, positions by a keyed generator, folded, balanced, permuted) makes that harder and does not end it.
With fable-core; Schnell and Borgs 2016 (XOR folding, balancing), Schnell, Bachteler and Reiher 2011 (one filter).
"""

from __future__ import annotations

import hmac
from random import Random

import polars as pl
from bitarray import bitarray
from fable_core import bits, common, harden

from access.keys.model import HeldKey
from linkage.standardise.specification import VERSION, standardise

FILTER = "bloom"
FILTER_BYTES = 128
BITS = 1024  # before folding; balancing brings it back to this
POSITIONS = {"surname": 8, "forename": 8, "born": 24}
"""Bits of one bigram. A birthday has so many that one wrong digit weighs more than linkage.sealed.likeness allows."""
FIELDS = tuple(POSITIONS)
WARNING = (
    "Bloom filters of names have been re-identified by pattern attacks; hardening makes that harder, and does not"
    " end it. They may be sent only under a written agreement that says so, and go with the round's key."
)


def bloom_filters(people: pl.DataFrame, key: HeldKey, *, test_range: bool) -> pl.Series:
    """IDENTITY columns to FILTER_BYTES or nothing, row by row; nothing unless names and birthday are all known."""
    maker = _Maker(key)
    values = standardise(people, test_range=test_range).select(FIELDS)
    made = {row: maker.filter_of(row) for row in values.drop_nulls().unique().iter_rows()}
    return pl.Series(FILTER, [made.get(row) for row in values.iter_rows()], dtype=pl.Binary)


class _Maker:
    def __init__(self, key: HeldKey) -> None:
        self._prefix = f"haven-bloom/1/{key.key_id}/{key.version}/{VERSION}/".encode()
        self._key = key.key
        self._bigrams: dict[tuple[str, str], bitarray] = {}
        permute = harden.permute(lambda: self._generator("", "permutation"))
        self._steps = (harden.xor_fold(), harden.balance(), permute)

    def filter_of(self, values: tuple[str, ...]) -> bytes:
        filled = bitarray(BITS)
        filled.setall(0)
        for field, value in zip(FIELDS, values, strict=True):
            for bigram in common.tokenize(value.replace("-", "")):
                filled |= self._bits_of(field, bigram)
        for step in self._steps:
            filled = step(filled)
        return bytes(filled.tobytes())

    def _bits_of(self, field: str, bigram: str) -> bitarray:
        found = self._bigrams.get((field, bigram))
        if found is None:
            found = bitarray(BITS)
            found.setall(0)
            bits.random_hash(found, POSITIONS[field], self._generator(field, bigram))
            self._bigrams[field, bigram] = found
        return found

    def _generator(self, field: str, text: str) -> Random:
        """Its seed is a keyed hash: whoever has not the key cannot tell which bits a bigram sets."""
        digest = hmac.digest(self._key, self._prefix + f"{field}\x00{text}".encode(), "sha256")
        return Random(int.from_bytes(digest, "big"))  # noqa: S311 - positions, not a secret
