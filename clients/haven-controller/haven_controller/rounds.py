"""Who can read what? The agent's own age identity, and the round's key that the haven sealed for it.

The identity lies in a file of this account only. The round's key is held in memory while one delivery is packed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyrage

from haven_controller.errors import AgentError, RoundUnusable
from haven_controller.rules.access.keys.model import KEY_BYTES, HeldKey, check_value

LARGEST = 64 * 1024


def new_identity(path: Path) -> str:
    """Make an age identity in a new file; its public key, the recipient. Raises AgentError."""
    identity = pyrage.x25519.Identity.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise AgentError(
            f"The file of the identity cannot be made ({error.strerror}).",
            where=str(path),
            mend="Name a file that is not there yet.",
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public())


def read_identity(path: Path) -> pyrage.x25519.Identity:
    """The identity of this file, which must be closed to other accounts. Raises AgentError."""
    try:
        if path.stat().st_mode & 0o077:
            raise AgentError(
                "The file of the identity is open to other accounts.", where=str(path), mend=f"chmod 600 {path}"
            )
        lines = path.read_text(encoding="utf-8").splitlines()
        return pyrage.x25519.Identity.from_str(next(line for line in lines if line.startswith("AGE-SECRET-KEY-")))
    except OSError as error:
        raise AgentError(
            f"The file of the identity cannot be read ({error.strerror}).",
            where=str(path),
            mend="Make one: haven-controller key-new FILE",
        ) from None
    except (StopIteration, ValueError, pyrage.IdentityError):
        raise AgentError(
            "The file holds no age identity.", where=str(path), mend="Make one: haven-controller key-new FILE"
        ) from None


def open_round(path: Path, identity: pyrage.x25519.Identity) -> HeldKey:
    """The round's key from the file that the haven sent. Raises RoundUnusable."""
    try:
        sealed = path.read_bytes()
    except OSError as error:
        raise RoundUnusable(
            f"The round's file cannot be read ({error.strerror}).",
            where=str(path),
            mend="Name the file that the haven sent for this round.",
        ) from None
    try:
        parts = json.loads(pyrage.decrypt(sealed[:LARGEST], [identity]))
        key = bytes.fromhex(parts["key"])
        held = HeldKey(str(parts["key_id"]), int(parts["version"]), key, str(parts["check_value"]))
    except pyrage.DecryptError:
        raise RoundUnusable(
            "The round's file does not open with this identity: it was sealed for another, or is damaged.",
            where=str(path),
            mend="Send the haven your recipient (the public key in your identity's file), and ask for the round anew.",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise RoundUnusable(
            "The round's file holds no round's key.", where=str(path), mend="Ask the haven for the round's file."
        ) from None
    if len(key) != KEY_BYTES or check_value(key) != held.check_value or not held.key_id.startswith("token/"):
        raise RoundUnusable(
            "The round's key is not the one that its check value tells of.",
            where=str(path),
            mend="Ask the haven for the round's file again.",
        )
    return held


def recipient_of(text: str) -> pyrage.x25519.Recipient:
    """The haven's public key. Raises AgentError."""
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except (pyrage.RecipientError, ValueError):
        raise AgentError(
            "This is no age public key.", where="--to", mend="The haven prints its own: haven delivery recipient"
        ) from None
