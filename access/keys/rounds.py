"""Where does a round's key lie, and how does it end? A random secret of its own, wrapped under the linkage role's key.

What is derived from a living key can be derived again and so never be destroyed: that is why a round's key is random.
When its file is erased, nothing that stays leads back to it; a tombstone keeps the name from ever being used again
(access.keys.tombstones). It is sealed for one recipient, whatever the records of whoever asks say.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from access.keys.derivation import derive
from access.keys.errors import KeyRingError, RoundDestroyed, RoundTaken, WrongRoot
from access.keys.files import erase, locked, write_private
from access.keys.model import KEY_BYTES, EndedRound, HeldKey, RoundEnd, check_value
from access.keys.tombstones import TOMBSTONE, USED, Use, read_tombstone, read_use, write_tombstone, write_use

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

    def create(
        self, name: str, datasets: Sequence[str] = (), *, at: datetime | None = None, by: str | None = None
    ) -> HeldKey:
        """A new random key for this round. datasets: whose records it is for. Raises KeyRingError: a used name."""
        with locked(self._keys):
            if self._file(name).exists() or self._tombstone(name).exists():
                raise KeyRingError(
                    "A round of this name was there before.", where=name, mend="Give the new round a new name."
                )
            return self._make(name, {"datasets": list(datasets), "made_at": _text(at), "made_by": by})

    def get_or_create(self, name: str) -> HeldKey:
        """The round's key, made on first use; processes that race get the same one. Raises RoundDestroyed."""
        with locked(self._keys):
            return self._make(name) if self.find(name) is None else self._read(name)

    def find(self, name: str) -> HeldKey | None:
        """The round's key; None where no such round was made. Raises RoundDestroyed, WrongRoot."""
        if self._tombstone(name).exists():
            raise _gone(read_tombstone(self._tombstone(name)))
        return self._read(name) if self._file(name).exists() else None

    def datasets_of(self, name: str) -> tuple[str, ...]:
        """For which datasets this round was made; none: there is no such round, or it named none."""
        return tuple(self._told(name).get("datasets") or ()) if self._file(name).exists() else ()

    def use(self, name: str, recipient: str, *, at: datetime, by: str) -> None:
        """Note that its key goes to this recipient; again is well. Raises RoundTaken: it went to another before."""
        with locked(self._keys):
            path = self._file(name).with_suffix(USED)
            before = read_use(path)
            if before is not None and before.used_for != recipient:
                raise RoundTaken(
                    "The key of this round was sealed for another recipient; a round's key goes to one.",
                    where=name,
                    mend="Make a new round: haven keys new-round NAME",
                )
            if before is None:
                write_use(path, Use(recipient, at.isoformat(), by))

    def destroy(self, name: str, *, at: datetime | None = None, by: str | None = None) -> None:
        """Erase the key and leave a tombstone, which comes first: no new key takes its place."""
        with locked(self._keys):
            self._folder.mkdir(exist_ok=True, mode=0o700)
            self._end(name, RoundEnd.DESTROYED, at, by)

    def forget(self, name: str, *, at: datetime | None = None, by: str | None = None) -> None:
        """The same for a key that nobody certifies, as of a round that could not be recorded; nothing where none is."""
        with locked(self._keys):
            if self._file(name).exists():
                self._end(name, RoundEnd.FORGOTTEN, at, by)

    def ended(self) -> list[EndedRound]:
        """The tombstones of this folder."""
        return [read_tombstone(path) for path in sorted(self._folder.glob(f"*{TOMBSTONE}"))]

    def lies_here(self, name: str) -> bool:
        """Is there still a file that holds it?"""
        return self._file(name).exists()

    def names(self) -> list[str]:
        """The rounds whose keys lie here."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def _end(self, name: str, end: RoundEnd, at: datetime | None, by: str | None) -> None:
        key, use, tombstone = self._file(name), self._file(name).with_suffix(USED), self._tombstone(name)
        if not tombstone.exists():
            write_tombstone(tombstone, key, use, end, _text(at), by)
        erase(key)
        erase(use)

    def _make(self, name: str, told: dict[str, Any] | None = None) -> HeldKey:
        """told: of the round, beside its wrapped key."""
        key, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, key, _context(name))
        self._folder.mkdir(exist_ok=True, mode=0o700)
        content = {"version": 1, "nonce": nonce.hex(), "sealed": sealed.hex(), "check": check_value(key)}
        write_private(self._file(name), json.dumps(content | (told or {})).encode())
        return _held(name, key)

    def _told(self, name: str) -> dict[str, Any]:
        """What stands in the key's file. Raises KeyRingError."""
        path = self._file(name)
        try:
            return dict(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            raise _damaged(path) from None

    def _read(self, name: str) -> HeldKey:
        path, parts = self._file(name), self._told(name)
        try:
            key = self._cipher.decrypt(bytes.fromhex(parts["nonce"]), bytes.fromhex(parts["sealed"]), _context(name))
        except InvalidTag:
            raise WrongRoot(
                "The round's key does not open under this key ring.",
                where=str(path),
                mend="Restore the whole folder of keys from one backup.",
            ) from None
        except (ValueError, KeyError, TypeError):
            raise _damaged(path) from None
        return _held(name, key)

    def _file(self, name: str) -> Path:
        return self._folder / f"{_checked(name)}.json"

    def _tombstone(self, name: str) -> Path:
        return self._folder / f"{_checked(name)}{TOMBSTONE}"


def _held(name: str, key: bytes) -> HeldKey:
    return HeldKey(f"token/{name}", 1, key, check_value(key))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _gone(ended: EndedRound) -> RoundDestroyed:
    if ended.end is RoundEnd.FORGOTTEN:
        return RoundDestroyed(
            "The key of this round was erased without a certificate: what it made can be compared with nothing.",
            where=ended.name,
            mend="`haven keys ended-rounds` says when and by whom. Make a new round.",
        )
    return RoundDestroyed(
        "The key of this round was destroyed: what it made can be compared with nothing any more.",
        where=ended.name,
        mend=f"`haven keys certificate {ended.name}` says when and by whom. Make a new round.",
    )


def _damaged(path: Path) -> KeyRingError:
    return KeyRingError("The file of the round's key is damaged.", where=str(path), mend="Restore it from its backup.")


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
