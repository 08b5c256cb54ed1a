"""Where does a round's key lie, and how does it end? A random secret of its own, wrapped under the linkage role's key.

What is derived from a living key can be derived again and so never be destroyed: that is why a round's key is random.
When its file is erased, nothing that stays leads back to it; a tombstone keeps the name from ever being used again.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from access.keys.derivation import derive
from access.keys.errors import KeyRingError, RoundDestroyed, WrongRoot
from access.keys.files import erase, locked, write_private
from access.keys.model import KEY_BYTES, HeldKey, check_value

ROUNDS_FOLDER = "rounds"
STANDING_ROUNDS = ("spine",)
"""Every linkage needs their keys: nobody takes or destroys them."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
NONCE_BYTES = 12


class RoundKeys:
    """The round keys of one key folder, under the linkage role's key."""

    def __init__(self, folder: Path, linkage_key: bytes) -> None:
        self._keys = folder
        self._folder = folder / ROUNDS_FOLDER
        self._cipher = AESGCM(derive(linkage_key, "haven/2/wrap/round"))

    def __repr__(self) -> str:
        return "RoundKeys(sealed)"

    def create(self, name: str) -> HeldKey:
        """A new random key for this round. Raises KeyRingError when the name was used before."""
        with locked(self._keys):
            if self._file(name).exists() or self._tombstone(name).exists():
                raise KeyRingError(
                    "A round of this name was there before.", where=name, mend="Give the new round a new name."
                )
            return self._make(name)

    def get_or_create(self, name: str) -> HeldKey:
        """The round's key, made on first use; processes that race get the same one. Raises RoundDestroyed."""
        with locked(self._keys):
            return self._make(name) if self.find(name) is None else self._read(name)

    def find(self, name: str) -> HeldKey | None:
        """The round's key; None where no such round was made. Raises RoundDestroyed, WrongRoot."""
        if self._tombstone(name).exists():
            raise RoundDestroyed(
                "The key of this round was destroyed: what it made can be compared with nothing any more.",
                where=name,
                mend=f"`haven keys certificate {name}` says when and by whom. Make a new round.",
            )
        return self._read(name) if self._file(name).exists() else None

    def destroy(self, name: str) -> None:
        """Erase the key and leave a tombstone, which comes first: no new key takes its place."""
        with locked(self._keys):
            if not self._tombstone(name).exists():
                self._folder.mkdir(exist_ok=True, mode=0o700)
                write_private(self._tombstone(name), b"destroyed\n")
            erase(self._file(name))

    def forget(self, name: str) -> None:
        """Erase a key that was never told of; its name stays free."""
        with locked(self._keys):
            erase(self._file(name))

    def lies_here(self, name: str) -> bool:
        """Is there still a file that holds it?"""
        return self._file(name).exists()

    def names(self) -> list[str]:
        """The rounds whose keys lie here."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def _make(self, name: str) -> HeldKey:
        key, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, key, _context(name))
        self._folder.mkdir(exist_ok=True, mode=0o700)
        content = {"version": 1, "nonce": nonce.hex(), "sealed": sealed.hex(), "check": check_value(key)}
        write_private(self._file(name), json.dumps(content).encode())
        return _held(name, key)

    def _read(self, name: str) -> HeldKey:
        path = self._file(name)
        try:
            parts = json.loads(path.read_bytes())
            key = self._cipher.decrypt(bytes.fromhex(parts["nonce"]), bytes.fromhex(parts["sealed"]), _context(name))
        except InvalidTag:
            raise WrongRoot(
                "The round's key does not open under this key ring.",
                where=str(path),
                mend="Restore the whole folder of keys from one backup.",
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise KeyRingError(
                "The file of the round's key is damaged.", where=str(path), mend="Restore it from its backup."
            ) from None
        return _held(name, key)

    def _file(self, name: str) -> Path:
        return self._folder / f"{_checked(name)}.json"

    def _tombstone(self, name: str) -> Path:
        return self._folder / f"{_checked(name)}.destroyed"


def _held(name: str, key: bytes) -> HeldKey:
    return HeldKey(f"token/{name}", 1, key, check_value(key))


def _context(name: str) -> bytes:
    return f"haven/2/round/{name}".encode()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise KeyRingError(
            "This is no name for a round.",
            where="round",
            mend="Use up to 60 lower-case letters, digits, hyphens and underscores.",
        )
    return name
