"""What proves that a key is gone? A signed statement of what was destroyed, when, by whom, and what it rests on.

Signed with the haven's Ed25519 key for certificates over canonical JSON; anybody who holds the public key can check it.
A certificate cannot prove that no copy was made before; it says so itself.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access.keys.errors import KeyRingError
from access.keys.model import RoundKey
from audit.canonical import canonical

KIND = "haven/round-key-destroyed/1"
REMAINS = (
    "The round's key was a random secret that lay in one file of this haven, wrapped under the linkage role's key. "
    "That file was overwritten and removed. Not covered: backups of the folder of keys made while the file was in it, "
    "blocks that a flash disk keeps aside, and a key that was handed out sealed while the round lived."
)


def destruction_certificate(
    found: RoundKey, *, at: datetime, by: str, handed_out: bool, key: Ed25519PrivateKey
) -> dict[str, Any]:
    """The statement with its signature and the public key that checks it."""
    statement: dict[str, Any] = {
        "kind": KIND,
        "key_id": f"token/{found.name}",
        "version": 1,
        "check_value": found.check_value,
        "purpose": found.purpose,
        "created_at": found.created_at.isoformat(),
        "created_by": found.created_by,
        "used_at": found.used_at.isoformat() if found.used_at else None,
        "used_by": found.used_by,
        "handed_out": handed_out,
        "destroyed_at": at.isoformat(),
        "destroyed_by": by,
        "what": REMAINS,
    }
    return signed_statement(statement, key)


def signed_statement(statement: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """A statement of what was destroyed, with its signature and the public key that checks it."""
    signature = key.sign(canonical(statement))
    return {
        "statement": statement,
        "signature": base64.b64encode(signature).decode(),
        "public_key": base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode(),
    }


def read_certificate(path: Path) -> dict[str, Any]:
    """A certificate from a file. Raises KeyRingError."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise KeyRingError("This is no certificate.", where=str(path), mend="Name the file that it was written to.")
    return found


def require_genuine(certificate: dict[str, Any], public: Ed25519PublicKey) -> None:
    """Is it this haven's, and unchanged? Raises KeyRingError."""
    try:
        public.verify(base64.b64decode(certificate["signature"]), canonical(certificate["statement"]))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        raise KeyRingError(
            "The certificate is not this haven's, or was changed.",
            where="signature",
            mend="Ask the haven for the certificate again.",
        ) from None
