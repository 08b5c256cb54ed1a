"""Under which name does a project know a person? One AES-256 block of the person's id under the project's own key.

A permutation: no two people share a pseudonym, and two projects' pseudonyms cannot be joined (design section 8).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

from access.keys import HeldKey

BLOCK = 16
AT_ONCE = 1 << 24  # bytes; a multiple of the block


def pseudonyms_of(people: pa.Array[Any], key: HeldKey) -> pa.Array[Any]:
    """16-byte person ids (fixed-size or variable binary, no nulls) to UUID-typed pseudonyms in the same order."""
    return pa.ExtensionArray.from_storage(pa.uuid(), _blocks(people, _cipher(key).encryptor()))


def ledger_marks_of(pseudonyms: pa.Array[Any], project_key: HeldKey, ledger_key: HeldKey) -> NDArray[np.uint64]:
    """Under which marks does the release ledger know these people? 64 bits each, the same in every project.

    pseudonyms: 16 bytes each, no nulls, made under project_key. The person ids between exist in here only. Of sixty
    million people two have one mark once in ten thousand ledgers.
    """
    people = _blocks(pseudonyms, _cipher(project_key).decryptor())
    marks = _blocks(people, _cipher(ledger_key).encryptor())
    return np.frombuffer(marks.buffers()[1], dtype="<u8", count=2 * len(marks))[::2].copy()


def _cipher(key: HeldKey) -> Cipher[modes.ECB]:
    # ECB of single random blocks is the permutation that is wanted here; nothing longer than a block is encrypted.
    return Cipher(algorithms.AES256(key.key), modes.ECB())  # noqa: S305


def _blocks(blocks: pa.Array[Any], cipher: CipherContext) -> pa.Array[Any]:
    """Each block of 16 bytes through the cipher."""
    raw = blocks.cast(pa.binary(BLOCK))
    size, start = len(raw) * BLOCK, raw.offset * BLOCK
    made = pa.allocate_buffer(size + BLOCK - 1)  # the cipher asks for room of almost a block more than it writes
    if size:
        ids = memoryview(raw.buffers()[1]).cast("B")[start : start + size]
        room = memoryview(made).cast("B")
        for place in range(0, size, AT_ONCE):
            cipher.update_into(ids[place : place + AT_ONCE], room[place:])
        cipher.finalize()
    return pa.Array.from_buffers(pa.binary(BLOCK), len(raw), [None, made.slice(0, size)])


def uuids_of(people: pa.Array[Any]) -> pa.Array[Any]:
    """16-byte ids as the UUID type that DuckDB reads."""
    return pa.ExtensionArray.from_storage(pa.uuid(), people.cast(pa.binary(BLOCK)))
