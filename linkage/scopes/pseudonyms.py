"""Under which name does a project know a person? One AES-256 block of the person's id under the project's own key.

A permutation: no two people share a pseudonym, and two projects' pseudonyms cannot be joined (design section 8).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from access.keys import HeldKey

BLOCK = 16


def pseudonyms_of(people: pa.Array[Any], key: HeldKey) -> pa.Array[Any]:
    """16-byte person ids (fixed-size or variable binary, no nulls) to UUID-typed pseudonyms in the same order."""
    raw = pa.concat_arrays([people.cast(pa.binary(BLOCK))])
    start = raw.offset * BLOCK
    content = raw.buffers()[1]
    ids = b"" if content is None else content.to_pybytes()[start : start + len(raw) * BLOCK]
    # ECB of single random blocks is the permutation that is wanted here; nothing longer than a block is encrypted.
    cipher = Cipher(algorithms.AES256(key.key), modes.ECB()).encryptor()  # noqa: S305
    encrypted = cipher.update(ids) + cipher.finalize()
    storage = pa.Array.from_buffers(pa.binary(BLOCK), len(raw), [None, pa.py_buffer(encrypted)])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def uuids_of(people: pa.Array[Any]) -> pa.Array[Any]:
    """16-byte ids as the UUID type that DuckDB reads."""
    return pa.ExtensionArray.from_storage(pa.uuid(), people.cast(pa.binary(BLOCK)))
