"""Who can read what, and who made it? The agent's own age identity, and the round's key that the haven sealed for it.

The identity lies in a file of this account only. A round's file is opened only where the haven's pinned key signed
everything in it (access.keys.round_file). The round's key is held in memory while one delivery is packed.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyrage

from haven_controller.errors import AgentError, RoundUnusable
from haven_controller.known_haven import BY_TELEPHONE, KnownHaven, known_haven
from haven_controller.rules.access.keys.model import KEY_BYTES, HeldKey, check_value
from haven_controller.rules.access.keys.round_file import RoundFile, is_signed_by, parts_of, statement_of

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
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    except OSError as error:
        path.unlink(missing_ok=True)  # half an identity is none
        raise AgentError(
            f"The file of the identity cannot be written ({error.strerror}).",
            where=str(path),
            mend="Make room on this disk, and run the command again.",
        ) from None
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


@dataclass(frozen=True)
class OpenedRound:
    """A round's key, and for which datasets it is."""

    key: HeldKey
    datasets: tuple[str, ...]
    where: Path

    def require_dataset(self, dataset: str) -> None:
        """Is it for the dataset of this contract? Raises RoundUnusable."""
        if dataset not in self.datasets:
            raise RoundUnusable(
                f"The round is for {', '.join(self.datasets)}, and the contract for {dataset}.",
                where=str(self.where),
                mend="Name the file of this dataset's round, or ask the haven for one.",
            )


def open_round(path: Path, identity_file: Path, now: datetime) -> OpenedRound:
    """The round's key from the file that the haven sent: signed by its pinned key, for us, in time.

    The signature is looked at before anything that the file says, and all that before it is decrypted. Raises
    RoundUnusable.
    """
    identity = read_identity(identity_file)
    with known_haven(identity_file) as haven:
        file = _signed_statement(path, haven)
        if file.recipient != str(identity.to_public()):
            raise RoundUnusable(
                "The round's file is for another recipient than this identity.",
                where=str(path),
                mend="Send the haven your recipient (the public key in your identity's file), and ask for a new round.",
            )
        if now >= file.expires:
            raise RoundUnusable(
                f"The round's file could be used until {file.expires:%Y-%m-%d %H:%M} UTC.",
                where=str(path),
                mend="Ask the haven for a new round; if it is not that late, set this computer's clock.",
            )
        haven.require_no_replay(file, path)
        key = _unsealed(file, identity, path)
        haven.opened(file)
    return OpenedRound(key, file.datasets, path)


def _signed_statement(path: Path, haven: KnownHaven) -> RoundFile:
    """What the file says, if the pinned key signed it. Raises RoundUnusable."""
    try:
        with path.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise RoundUnusable(
            f"The round's file cannot be read ({error.strerror}).",
            where=str(path),
            mend="Name the file that the haven sent for this round.",
        ) from None
    parts = parts_of(content)
    if parts is None:
        raise RoundUnusable(
            "The round's file is not signed: nothing proves that the haven made it.",
            where=str(path),
            mend="Ask the haven for the file that `haven keys use-round` writes; an older haven signs none.",
        )
    if not is_signed_by(*parts, haven.key):
        raise RoundUnusable(
            "The signature of the round's file is not by the haven's pinned key over what it says:"
            " it was changed on its way, or somebody else made it.",
            where=str(path),
            mend=f"Do not use it. Tell the haven, {BY_TELEPHONE}, and ask for the file again.",
        )
    try:
        return statement_of(parts[1])
    except ValueError:
        raise RoundUnusable(
            "The round's file says something that this agent does not know.",
            where=str(path),
            mend="Install the agent that the haven sends with it.",
        ) from None


def _unsealed(file: RoundFile, identity: pyrage.x25519.Identity, path: Path) -> HeldKey:
    """The key that the signed file holds, which must be the one that it tells of. Raises RoundUnusable."""
    try:
        parts = json.loads(pyrage.decrypt(file.sealed, [identity]))
        held = HeldKey(str(parts["key_id"]), int(parts["version"]), bytes.fromhex(parts["key"]), file.check_value)
    except (pyrage.DecryptError, ValueError, KeyError, TypeError):
        raise RoundUnusable(
            "What is sealed in the round's file does not open, or is no key.",
            where=str(path),
            mend="Ask the haven for a new round.",
        ) from None
    told = (held.key_id, held.version) == (file.key_id, file.version) and held.key_id.startswith("token/")
    if not told or len(held.key) != KEY_BYTES or check_value(held.key) != file.check_value:
        raise RoundUnusable(
            "The round's key is not the one that its check value tells of.",
            where=str(path),
            mend="Ask the haven for a new round.",
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
