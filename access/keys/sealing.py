"""How does a key leave the haven? Sealed for one age recipient (X25519); nobody here can open it again."""

from __future__ import annotations

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
