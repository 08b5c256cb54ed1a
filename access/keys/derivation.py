"""How does one key come from another? HKDF-SHA256 (RFC 5869) with the purpose as its context."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from access.keys.model import KEY_BYTES


def derive(key: bytes, context: str) -> bytes:
    """32 bytes for this context."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=context.encode()).derive(key)
