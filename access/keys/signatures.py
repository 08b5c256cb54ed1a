"""Whose words are these? Ed25519 over bytes with a context before them; keys as lines of text (RFC 8032; ADR 15).

The context keeps a signature that was made for one kind of file from counting for another. A fingerprint is what two
people compare by telephone: 128 bits of the key's SHA-256.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FINGERPRINT_LETTERS = 32
GROUP = 4


def line_of(key: bytes, prefix: str) -> str:
    """A key of 32 bytes as a line of text, by which its kind is known."""
    return prefix + base64.b64encode(key).decode()


def key_of_line(text: str, prefix: str) -> bytes:
    """The key in such a line. Raises ValueError."""
    if not text.startswith(prefix):
        raise ValueError("another kind of text")
    return base64.b64decode(text.removeprefix(prefix).strip(), validate=True)


def public_of_line(text: str, prefix: str) -> Ed25519PublicKey:
    """The public key in such a line. Raises ValueError."""
    return Ed25519PublicKey.from_public_bytes(key_of_line(text, prefix))


def signature(content: bytes, key: Ed25519PrivateKey, context: bytes) -> bytes:
    """In Base64."""
    return base64.b64encode(key.sign(context + content))


def verifies(signed: bytes, content: bytes, key: Ed25519PublicKey, context: bytes) -> bool:
    """Is this the key's signature (in Base64) over these bytes, made for this context?"""
    try:
        key.verify(base64.b64decode(signed.strip(), validate=True), context + content)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(key: Ed25519PublicKey) -> str:
    """What is compared by telephone: eight groups of four letters."""
    letters = hashlib.sha256(key.public_bytes_raw()).hexdigest()[:FINGERPRINT_LETTERS]
    return " ".join(letters[place : place + GROUP] for place in range(0, len(letters), GROUP))
