"""Whose delivery is it? The controller's Ed25519 signature over manifest.json, whose hashes hold all the rest.

Who may write into the inbox could else plant a delivery in a controller's name. The public keys lie in the home, one
file for each controller; where accounts are installed the folder is root's (RFC 8032; docs/adr/0015-signatures.md).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from access.keys.signatures import key_of_line, line_of, public_of_line, signature, verifies
from linkage.errors import DeliveryRefused
from linkage.intake.reasons import Fault

SIGNATURE = "manifest.sig"
LARGEST_SIGNATURE = 1024
CONTEXT = b"haven-delivery/1\n"
"""Stands before the manifest in what is signed: a signature made for something else is none here."""
PUBLIC, SECRET = "haven-sign-public-1:", "haven-sign-secret-1:"


def new_signing_key(path: Path) -> str:
    """Make a signing key in a new file of this account only; its public key as text. Raises DeliveryRefused."""
    key = Ed25519PrivateKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _unusable(f"The file of the key cannot be made ({error.strerror}).", path) from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(line_of(key.private_bytes_raw(), SECRET) + "\n")
    except OSError as error:
        path.unlink(missing_ok=True)  # half a key is none
        raise _unusable(f"The file of the key cannot be written ({error.strerror}).", path) from None
    return line_of(key.public_key().public_bytes_raw(), PUBLIC)


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in this file, which must be closed to other accounts. Raises DeliveryRefused."""
    try:
        if path.stat().st_mode & 0o077:
            raise _unusable("The file of the signing key is open to other accounts.", path, f"chmod 600 {path}")
        return Ed25519PrivateKey.from_private_bytes(key_of_line(path.read_text(encoding="ascii"), SECRET))
    except OSError as error:
        raise _unusable(f"The file of the signing key cannot be read ({error.strerror}).", path) from None
    except ValueError:
        raise _unusable("The file holds no signing key.", path) from None


def signature_of(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """What manifest.sig holds."""
    return signature(manifest, key, CONTEXT) + b"\n"


@dataclass(frozen=True)
class Senders:
    """The controllers' public keys. folder: <controller>.pub, a key on each line. required: nobody is without one."""

    folder: Path
    required: bool = False

    def keys_of(self, controller: str) -> list[Ed25519PublicKey]:
        """A controller's keys; none where none is registered. A file that cannot be read is an error, not nobody."""
        path = self.folder / f"{controller}.pub"
        if not path.exists():
            return []
        try:
            lines = [line for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
            keys = [public_of_line(line, PUBLIC) for line in lines]
        except (OSError, ValueError):
            keys = []
        if not keys:
            raise Fault("signature.bad_key", where=path.name)
        return keys

    def require(self, controller: str, manifest: bytes, signed: bytes | None) -> bool:
        """Is it this controller's manifest? Raises Fault. False: no key is registered, and none is required."""
        keys = self.keys_of(controller)
        if not keys:
            if self.required:
                raise Fault("signature.no_key", where=controller)
            return False
        if signed is None:
            raise Fault("signature.missing")
        if not any(verifies(signed, manifest, key, CONTEXT) for key in keys):
            raise Fault("signature.wrong")
        return True


def _unusable(what: str, path: Path, mend: str = "Make one: haven delivery keypair FILE") -> DeliveryRefused:
    return DeliveryRefused("delivery.signing_key", what, where=str(path), mend=mend)
