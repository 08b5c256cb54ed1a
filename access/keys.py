"""Which key for what? One sealed root key; every other key is derived from it for one purpose.

The root key file is sealed with a passphrase (scrypt, AES-256-GCM). Derivation is HKDF-SHA256 with the purpose
as its context, so that no key says anything of another. Keys live in memory only: never in an argument, an
environment variable, SQL text, a log or a repr (design section 9). Every held key carries a check value, so
that a wrong key fails at once and not as a match rate of nought.
"""

from __future__ import annotations

import base64
import fcntl
import hmac
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from access.errors import AccessError

ROOT_FILE = "root.key"
PASSPHRASE_FILE = "passphrase"  # noqa: S105 - a file name
SCRYPT_COST = 2**15
KEY_BYTES = 32
CHECK_BYTES = 8
PRIVATE = 0o600


class KeyRingError(AccessError):
    """The key ring cannot be opened."""

    code = "keys.unavailable"
    exit_status = 78


@dataclass(frozen=True)
class HeldKey:
    """A key in memory: its id and version, its bytes (32, never shown), and a value to check it by."""

    key_id: str
    version: int
    key: bytes = field(repr=False)
    check_value: str


class KeyRing:
    """The keys of one haven, derived on request. The same inputs give the same keys after a restart."""

    def __init__(self, root: bytes) -> None:
        self._root = root

    def __repr__(self) -> str:
        return "KeyRing(sealed)"

    @classmethod
    def open(cls, folder: Path, *, real_data: bool = False, passphrase_file: Path | None = None) -> KeyRing:
        """Open the key ring of `folder`, made on first use; two processes that race get the same one.

        real_data: the passphrase must come from outside the folder. Raises KeyRingError.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            passphrase = _passphrase(folder, real_data, passphrase_file)
            sealed = folder / ROOT_FILE
            if not sealed.exists():
                _write_private(sealed, _seal(os.urandom(KEY_BYTES), passphrase))
            return cls(_unseal(sealed, passphrase))

    def zone_key(self, zone: str) -> str:
        """The key of a zone's database at rest, as DuckDB takes it (base64 text)."""
        return base64.b64encode(self._derive(f"zone/{zone}")).decode("ascii")

    def scope_file_key(self, project: str, version: int) -> str:
        """The key of one scope file at rest, as DuckDB takes it (base64 text)."""
        return base64.b64encode(self._derive(f"scope/{project}/{version}")).decode("ascii")

    def token_key(self, round_name: str) -> HeldKey:
        """The key under which one round of linkage makes its tokens."""
        return self._held(f"token/{round_name}", 1)

    def project_key(self, project: str, version: int = 1) -> HeldKey:
        """The AES-256 key under which a project's pseudonyms are made."""
        return self._held(f"project/{project}", version)

    def signing_key(self, purpose: str) -> Ed25519PrivateKey:
        """The Ed25519 key for one purpose (`token`, `release`)."""
        return Ed25519PrivateKey.from_private_bytes(self._derive(f"sign/{purpose}"))

    def secret(self, purpose: str) -> bytes:
        """32 bytes for a purpose that is none of the others, such as a seal between two own processes."""
        return self._derive(f"secret/{purpose}")

    def _held(self, key_id: str, version: int) -> HeldKey:
        key = self._derive(f"{key_id}/v{version}")
        check = hmac.digest(key, b"haven key check value", "sha256")[:CHECK_BYTES].hex()
        return HeldKey(key_id, version, key, check)

    def _derive(self, context: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"haven/1/{context}".encode()).derive(
            self._root
        )


def _passphrase(folder: Path, real_data: bool, passphrase_file: Path | None) -> bytes:
    """The passphrase: from a file outside the folder, or the laptop's own file beside the sealed key."""
    own = folder / PASSPHRASE_FILE
    if passphrase_file is None:
        if real_data:
            raise KeyRingError(
                "With real data the passphrase may not lie beside the key it seals.",
                where=str(folder),
                mend="Name a file on another volume, readable by this account only, as passphrase_file.",
            )
        if not own.exists():
            _write_private(own, base64.b64encode(os.urandom(KEY_BYTES)))
        passphrase_file = own
    try:
        mode = passphrase_file.stat().st_mode & 0o077
        text = passphrase_file.read_bytes().strip()
    except OSError as error:
        raise KeyRingError(
            f"The passphrase file cannot be read ({error.strerror}).", where=str(passphrase_file)
        ) from None
    if mode or not text:
        raise KeyRingError(
            "The passphrase file is empty or readable by other accounts.",
            where=str(passphrase_file),
            mend="Write the passphrase into it and run chmod 600 on it.",
        )
    return text


def _wrapping_key(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_COST, r=8, p=1).derive(passphrase)


def _seal(root: bytes, passphrase: bytes) -> bytes:
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_wrapping_key(passphrase, salt)).encrypt(nonce, root, b"haven root key 1")
    return json.dumps({"version": 1, "salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}).encode()


def _unseal(path: Path, passphrase: bytes) -> bytes:
    try:
        parts = json.loads(path.read_bytes())
        key = _wrapping_key(passphrase, bytes.fromhex(parts["salt"]))
        return AESGCM(key).decrypt(bytes.fromhex(parts["nonce"]), bytes.fromhex(parts["sealed"]), b"haven root key 1")
    except InvalidTag:
        raise KeyRingError(
            "The passphrase does not open the root key.",
            where=str(path),
            mend="Use the passphrase that this haven was made with, or restore the key file from its backup.",
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise KeyRingError(
            "The root key file is damaged.", where=str(path), mend="Restore it from its backup."
        ) from None


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only this account can read, whole or not at all."""
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
