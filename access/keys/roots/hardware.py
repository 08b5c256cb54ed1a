"""The root key in a PKCS#11 token: AES-256, sensitive, not extractable; wrapping is AES-GCM inside the token.

The root key never leaves the token; the role keys that it wraps do, into the memory of the process that uses them.
PKCS#11 3.0 section 2.12 (AES-GCM). Each version of the root key is an object of one label, its number as its id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import (
    NoSuchToken,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    TokenNotPresent,
)
from pkcs11.mechanisms import GCMParams

from access.keys.errors import RootUnavailable, WrongRoot
from access.keys.files import changeable_by_others, read_secret

VERSION_BYTES = 4
NONCE_BYTES = 12
TAG_BITS = 128
KEY_BITS = 256
UNREADABLE_BY_ANYBODY = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True}


class HardwareRoot:
    """The root key `label` in the token `token`, reached through the maker's library `module`.

    pin_file: holds the user PIN, readable by this account only. The PIN is tried once: tokens lock.
    """

    def __init__(self, module: Path, token: str, label: str, pin_file: Path) -> None:
        self._module = module
        self._token = token
        self._label = label
        self._pin_file = pin_file

    def __repr__(self) -> str:
        return f"HardwareRoot({self.name})"

    @property
    def name(self) -> str:
        """Token and label."""
        return f"pkcs11:{self._token}/{self._label}"

    def make(self) -> None:
        """Make the root key in the token where there is none."""
        with self._session() as session:
            if not self._versions(session):
                self._generate(session, 1)

    def wrap(self, key: bytes, context: str) -> bytes:
        """Number of the root key, nonce, and AES-GCM done in the token."""
        nonce = os.urandom(NONCE_BYTES)
        with self._session() as session:
            versions = self._required(session)
            number = max(versions)
            sealed: bytes = versions[number].encrypt(
                key, mechanism=Mechanism.AES_GCM, mechanism_param=_parameters(nonce, context)
            )
        return number.to_bytes(VERSION_BYTES, "big") + nonce + sealed

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """What was wrapped. Raises WrongRoot."""
        number = int.from_bytes(wrapped[:VERSION_BYTES], "big")
        nonce, sealed = wrapped[VERSION_BYTES:][:NONCE_BYTES], wrapped[VERSION_BYTES + NONCE_BYTES :]
        with self._session() as session:
            root = self._required(session).get(number)
            if root is None:
                raise self._wrong()
            try:
                key: bytes = root.decrypt(
                    sealed, mechanism=Mechanism.AES_GCM, mechanism_param=_parameters(nonce, context)
                )
            except PKCS11Error:  # tokens tell a tag that does not fit by different names
                raise self._wrong() from None
        return key

    def rotate(self) -> int:
        """A new key object beside the others."""
        with self._session() as session:
            number = max(self._required(session)) + 1
            self._generate(session, number)
        return number

    def retire(self, before: int) -> None:
        """Destroy the key objects of the versions below."""
        with self._session() as session:
            for number, root in self._versions(session).items():
                if number < before:
                    root.destroy()

    def _generate(self, session: Any, number: int) -> None:
        session.generate_key(
            KeyType.AES,
            KEY_BITS,
            id=number.to_bytes(VERSION_BYTES, "big"),
            label=self._label,
            store=True,
            capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
            template=UNREADABLE_BY_ANYBODY,
        )

    def _versions(self, session: Any) -> dict[int, Any]:
        found = session.get_objects(
            {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._label, Attribute.TOKEN: True}
        )
        return {int.from_bytes(key.id, "big"): key for key in found}

    def _required(self, session: Any) -> dict[int, Any]:
        versions = self._versions(session)
        if not versions:
            raise RootUnavailable(
                "The token holds no root key of this label.",
                where=self.name,
                mend="Insert the token that this home was made with, or restore the root key from the token's backup.",
            )
        return versions

    def _require_own_library(self) -> None:
        """Whoever can change the library reads the PIN and uses the key. Raises RootUnavailable."""
        try:
            place = changeable_by_others(self._module)
        except OSError as error:
            raise self._unavailable(
                f"The token's library cannot be used ({error.strerror}).", "Name it in haven.toml."
            ) from None
        if place is not None:
            raise self._unavailable(
                f"Others can change {place}, and with it the token's library.",
                f"chown root {place}; chmod go-w {place}",
            )

    @contextmanager
    def _session(self) -> Iterator[Any]:
        """A session of the user's; whatever goes wrong in it is told without the library's own words."""
        self._require_own_library()
        pin = read_secret(self._pin_file, "PIN")
        try:
            token = pkcs11.lib(str(self._module)).get_token(token_label=self._token)
            with token.open(user_pin=pin.decode(), rw=True) as session:
                yield session
        except (PinIncorrect, PinInvalid, PinLenRange):
            raise self._unavailable(
                "The token refuses the PIN.", "Correct the PIN file; tokens lock after a few tries."
            ) from None
        except PinLocked:
            raise self._unavailable("The token is locked.", "Its security officer unlocks it.") from None
        except (NoSuchToken, TokenNotPresent):
            raise self._unavailable(
                "The token is not there.", "Insert it, or correct its label in the settings."
            ) from None
        except (PKCS11Error, RuntimeError, OSError, UnicodeDecodeError) as error:
            raise self._unavailable(
                f"The token cannot be used ({type(error).__name__}).",
                "Look at the module's path and the token's state.",
            ) from None

    def _unavailable(self, what: str, mend: str) -> RootUnavailable:
        return RootUnavailable(what, where=self.name, mend=mend)

    def _wrong(self) -> WrongRoot:
        return WrongRoot(
            "A wrapped key does not open under the token's root key.",
            where=self.name,
            mend="Use the token that this home was made with, or restore the folder of keys from its backup.",
        )


def _parameters(nonce: bytes, context: str) -> GCMParams:
    return GCMParams(nonce=nonce, aad=context.encode(), tag_bits=TAG_BITS)
