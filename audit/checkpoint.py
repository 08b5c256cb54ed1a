"""Which tree does the log vouch for? A checkpoint: origin, size, root, signed as a C2SP note with Ed25519.

A witness's cosignature is one more signature line below the log's own; the reader keeps lines of keys it does not
know, so that the place of the witness stays open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import AuditError

ED25519 = b"\x01"
KEY_ID_BYTES = 4
DASH = "\u2014"


class CheckpointInvalid(AuditError):
    """The checkpoint does not verify; the message says which part."""

    code = "audit.checkpoint_invalid"


@dataclass(frozen=True)
class Checkpoint:
    """The tree of `size` entries has this root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed: three lines, each ended."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note."""
    body = checkpoint.body()
    signature = key.sign(body.encode())
    blob = base64.b64encode(key_id(checkpoint.origin, key.public_key()) + signature).decode()
    return f"{body}\n{DASH} {checkpoint.origin} {blob}\n"


def read(note: str, key: Ed25519PublicKey) -> Checkpoint:
    """The checkpoint of a note whose signature by `key` verifies. Raises CheckpointInvalid."""
    body, separator, signatures = note.rpartition("\n\n")
    if not separator:
        raise CheckpointInvalid("The checkpoint has no signature.")
    body += "\n"
    lines = body.split("\n")
    try:
        origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    except (IndexError, ValueError, binascii.Error):
        raise CheckpointInvalid("The checkpoint's text is damaged.") from None
    checkpoint = Checkpoint(origin, size, root)
    if checkpoint.body() != body:
        raise CheckpointInvalid("The checkpoint's text is not in its canonical form.")
    _check_signature(checkpoint, signatures, key)
    return checkpoint


def _check_signature(checkpoint: Checkpoint, signatures: str, key: Ed25519PublicKey) -> None:
    prefix = f"{DASH} {checkpoint.origin} "
    expected = key_id(checkpoint.origin, key)
    if not signatures.endswith("\n"):
        raise CheckpointInvalid("The checkpoint's signature line is cut off.")
    for line in signatures.splitlines():
        if not line.startswith(f"{DASH} "):
            raise CheckpointInvalid("The checkpoint has a line that is no signature.")
        if not line.startswith(prefix):
            continue
        try:
            blob = base64.b64decode(line.removeprefix(prefix), validate=True)
        except (ValueError, binascii.Error):
            raise CheckpointInvalid("The checkpoint's signature is damaged.") from None
        if base64.b64encode(blob).decode() != line.removeprefix(prefix) or blob[:KEY_ID_BYTES] != expected:
            raise CheckpointInvalid("The checkpoint's signature is not by the log's key.")
        try:
            key.verify(blob[KEY_ID_BYTES:], checkpoint.body().encode())
        except InvalidSignature:
            raise CheckpointInvalid("The checkpoint's signature does not verify.") from None
        return
    raise CheckpointInvalid("The checkpoint is not signed by the log's key.")


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """The four bytes by which a note names a key (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + key.public_bytes_raw()).digest()[:KEY_ID_BYTES]
