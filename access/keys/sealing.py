"""How does a key leave the haven, and what comes in sealed for it? By age (X25519).

What is sealed for somebody else nobody here can open again. The haven's own identity is derived by the key ring.
"""

from __future__ import annotations

from io import RawIOBase
from typing import BinaryIO

import pyrage

from access.decisions import Allowed, Decision, Refused

WANTED = "Their public key begins with age1 and is made by age-keygen; send it in that form."


def age_recipient(text: str) -> Decision:
    """Is this an age public key that can be sealed for?"""
    try:
        pyrage.x25519.Recipient.from_str(text)
    except (pyrage.RecipientError, ValueError, TypeError):
        return Refused("keys.no_recipient", "This is no age public key.", WANTED)
    return Allowed()


def sealed_for(recipient: str, content: bytes) -> bytes:
    """`content`, that only the holder of the recipient's private key reads."""
    sealed: bytes = pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(recipient)])
    return sealed


def recipient_for(secret: bytes) -> str:
    """The age public key of this secret: what is sealed for it, the holder of the secret opens."""
    return str(_identity(secret).to_public())


def unseal(secret: bytes, sealed: BinaryIO, opened: RawIOBase) -> bool:
    """Open a file that was sealed for this secret's recipient; False where it was not, or is damaged or cut short."""
    try:
        pyrage.decrypt_io(sealed, opened, [_identity(secret)])
    except pyrage.DecryptError:
        return False
    except OSError as error:
        if error.errno:  # the system's, such as a full disk: no fault of the file
            raise
        return False
    return True


LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
KIND = "age-secret-key-"


def _identity(secret: bytes) -> pyrage.x25519.Identity:
    """32 bytes as an age identity, which is written in Bech32 (BIP 173) without its limit of length."""
    bits = "".join(f"{byte:08b}" for byte in secret)
    data = [int(bits[place : place + 5].ljust(5, "0"), 2) for place in range(0, len(bits), 5)]
    spelt = [ord(letter) >> 5 for letter in KIND] + [0] + [ord(letter) & 31 for letter in KIND]
    check = _polymod([*spelt, *data, 0, 0, 0, 0, 0, 0]) ^ 1
    data += [(check >> 5 * (5 - place)) & 31 for place in range(6)]
    return pyrage.x25519.Identity.from_str(f"{KIND}1{''.join(LETTERS[value] for value in data)}".upper())


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(GENERATORS):
            check ^= generator if (top >> place) & 1 else 0
    return check
