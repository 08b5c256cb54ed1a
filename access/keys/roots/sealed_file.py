"""The root key in a file, sealed with a passphrase (scrypt, AES-256-GCM): the laptop's arrangement, and the default.

Version 1 of the file, from before there were role keys, holds one root from which every key was derived directly: it
still opens, and is then the home's founding secret (access.keys.ring).
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from access.keys.derivation import derive
from access.keys.errors import KeyRingError, WrongRoot
from access.keys.files import erase, read_secret, write_private
from access.keys.model import KEY_BYTES

ROOT_FILE = "root.key"
PASSPHRASE_FILE = "passphrase"  # noqa: S105 - a file name
SCRYPT_COST = 2**15
NONCE_BYTES = 12
VERSION_BYTES = 4


class SealedFileRoot:
    """The root key of `folder`, opened with `passphrase`."""

    name = "sealed-file"

    def __init__(self, folder: Path, passphrase: bytes) -> None:
        self._path = folder / ROOT_FILE
        self._passphrase = passphrase
        self._roots: dict[int, bytes] = {}
        self.founding: bytes | None = None  # the one root of a home from before there were role keys
        if self._path.exists():
            self._load()

    def __repr__(self) -> str:
        return "SealedFileRoot(sealed)"

    def make(self) -> None:
        """Make the root key where there is none."""
        if not self._roots:
            self._save({1: os.urandom(KEY_BYTES)})

    def wrap(self, key: bytes, context: str) -> bytes:
        """Number of the root, nonce, and AES-256-GCM under a key derived for wrapping."""
        number, nonce = max(self._held()), os.urandom(NONCE_BYTES)
        sealed = AESGCM(_wrapping(self._roots[number])).encrypt(nonce, key, context.encode())
        return number.to_bytes(VERSION_BYTES, "big") + nonce + sealed

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """What was wrapped. Raises WrongRoot."""
        number = int.from_bytes(wrapped[:VERSION_BYTES], "big")
        root = self._held().get(number)
        nonce, sealed = wrapped[VERSION_BYTES:][:NONCE_BYTES], wrapped[VERSION_BYTES + NONCE_BYTES :]
        try:
            if root is None:
                raise InvalidTag
            return AESGCM(_wrapping(root)).decrypt(nonce, sealed, context.encode())
        except (InvalidTag, ValueError):
            raise WrongRoot(
                "A wrapped key does not open under the root key.",
                where=str(self._path),
                mend="Restore the whole folder of keys from one backup.",
            ) from None

    def rotate(self) -> int:
        """A new root beside the others, all under the passphrase."""
        number = max(self._held()) + 1
        self._save({**self._roots, number: os.urandom(KEY_BYTES)})
        return number

    def retire(self, before: int) -> None:
        """Keep the roots from `before` on."""
        self._save({number: root for number, root in self._held().items() if number >= before})

    def erase(self) -> None:
        """The root now lies elsewhere: nothing of it stays here."""
        erase(self._path)
        self._roots, self.founding = {}, None

    def _held(self) -> dict[int, bytes]:
        if not self._roots:
            raise KeyRingError(
                "The root key file is missing.", where=str(self._path), mend="Restore it from its backup."
            )
        return self._roots

    def _save(self, roots: dict[int, bytes]) -> None:
        salt = os.urandom(16)
        cipher = AESGCM(_from_passphrase(self._passphrase, salt))
        sealed = []
        for number, root in roots.items():
            nonce = os.urandom(NONCE_BYTES)
            content = cipher.encrypt(nonce, root, f"haven root key 2/{number}".encode())
            sealed.append({"number": number, "nonce": nonce.hex(), "sealed": content.hex()})
        write_private(self._path, json.dumps({"version": 2, "salt": salt.hex(), "roots": sealed}).encode())
        self._roots = roots

    def _load(self) -> None:
        try:
            parts = json.loads(self._path.read_bytes())
            cipher = AESGCM(_from_passphrase(self._passphrase, bytes.fromhex(parts["salt"])))
            if parts["version"] == 1:
                self.founding = _opened(cipher, parts, b"haven root key 1")
                self._roots = {1: self.founding}
                return
            self._roots = {
                int(one["number"]): _opened(cipher, one, f"haven root key 2/{one['number']}".encode())
                for one in parts["roots"]
            }
        except InvalidTag:
            raise KeyRingError(
                "The passphrase does not open the root key.",
                where=str(self._path),
                mend="Use the passphrase that this haven was made with, or restore the key file from its backup.",
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise KeyRingError(
                "The root key file is damaged.", where=str(self._path), mend="Restore it from its backup."
            ) from None


def passphrase_of(folder: Path, *, real_data: bool, passphrase_file: Path | None) -> bytes:
    """The passphrase: from a file outside the folder, or the laptop's own file beside the sealed key."""
    if passphrase_file is None:
        if real_data:
            raise KeyRingError(
                "With real data the passphrase may not lie beside the key it seals.",
                where=str(folder),
                mend="Name a file on another volume, readable by this account only, as passphrase_file.",
            )
        passphrase_file = folder / PASSPHRASE_FILE
        if not passphrase_file.exists():
            write_private(passphrase_file, base64.b64encode(os.urandom(KEY_BYTES)))
    return read_secret(passphrase_file, "passphrase")


def _opened(cipher: AESGCM, parts: dict[str, Any], context: bytes) -> bytes:
    return cipher.decrypt(bytes.fromhex(parts["nonce"]), bytes.fromhex(parts["sealed"]), context)


def _wrapping(root: bytes) -> bytes:
    return derive(root, "haven/2/wrap")


def _from_passphrase(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_COST, r=8, p=1).derive(passphrase)
