"""What does this agent know of its haven? The key that signs its rounds' files, pinned once, and the rounds it opened.

Both lie beside the identity, in `<identity>.haven`. Nothing that comes with a round's file is believed of who made it:
the pinned key was compared by telephone. What was opened before tells an older file that comes again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haven_controller.errors import AgentError, RoundUnusable
from haven_controller.rules.access.keys.round_file import SIGNER, RoundFile
from haven_controller.rules.access.keys.signatures import fingerprint, public_of_line

ENDING = ".haven"
OTHERS_WRITE = 0o022
BY_TELEPHONE = "by telephone, from the haven's linkage unit or root user and not from its administrator"


@dataclass
class KnownHaven:
    """signer: the pinned line. rounds: of each that was opened: datasets, check_value, made_at."""

    signer: str
    rounds: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def key(self) -> Ed25519PublicKey:
        """The pinned key. Raises ValueError."""
        return public_of_line(self.signer, SIGNER)

    def require_no_replay(self, file: RoundFile, where: Path) -> None:
        """Is it the newest of its datasets, and its name's first key? Raises RoundUnusable."""
        before = self.rounds.get(file.key_id)
        if before is not None and before["check_value"] != file.check_value:
            raise RoundUnusable(
                "The round's file holds another key than the one that this round had before.",
                where=str(where),
                mend=f"A round has one key: ask the haven why, {BY_TELEPHONE}, and for a new round.",
            )
        others = [
            one
            for name, one in self.rounds.items()
            if name != file.key_id and set(one["datasets"]) & set(file.datasets)
        ]
        if any(datetime.fromisoformat(one["made_at"]) > file.made_at for one in others):
            raise RoundUnusable(
                "The round's file is older than one that was used for this dataset since: it comes a second time.",
                where=str(where),
                mend="Use the newest file. If the haven did send this one now, ask it for a new round.",
            )

    def opened(self, file: RoundFile) -> None:
        """Keep that this file was opened."""
        self.rounds[file.key_id] = {
            "datasets": list(file.datasets),
            "check_value": file.check_value,
            "made_at": file.made_at.isoformat(),
        }


def pin(identity: Path, line: str, told: str) -> str:
    """Keep the haven's signing key. told: its fingerprint, as it was heard; as it is. Raises AgentError."""
    try:
        key = public_of_line(line.strip(), SIGNER)
    except ValueError:
        raise AgentError(
            "This is no haven's signing key for rounds.",
            where="LINE",
            mend="The haven prints it: haven keys round-signer",
        ) from None
    letters = fingerprint(key)
    if "".join(told.lower().split()) != letters.replace(" ", ""):
        raise AgentError(
            "The key's fingerprint is not the one that you were told; nothing was pinned.",
            where="--fingerprint",
            mend=f"Ask for the key and its fingerprint again, {BY_TELEPHONE}.",
        )
    with _held(identity):
        path = _path(identity)
        if path.exists() and _read(identity).signer != line.strip():
            raise AgentError(
                "Another key is pinned for this identity; it stays.",
                where=str(path),
                mend=f"If the haven has a new one, be told so {BY_TELEPHONE}; then remove the file and pin again.",
            )
        if not path.exists():
            _write(path, KnownHaven(line.strip()))
    return letters


@contextmanager
def known_haven(identity: Path) -> Iterator[KnownHaven]:
    """What is known; a change is kept at the end of the block unless that raises. Raises RoundUnusable, AgentError."""
    with _held(identity):
        found = _read(identity)
        before = deepcopy(found)
        yield found
        if found != before:
            _write(_path(identity), found)


def _path(identity: Path) -> Path:
    return identity.with_name(identity.name + ENDING)


@contextmanager
def _held(identity: Path) -> Iterator[None]:
    """One process at a time: by the identity's own file, which is never replaced. Raises AgentError."""
    try:
        file = identity.open("rb")
    except OSError as error:
        raise AgentError(
            f"The file of the identity cannot be read ({error.strerror}).",
            where=str(identity),
            mend="Make one: haven-controller key-new FILE",
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(identity: Path) -> KnownHaven:
    path = _path(identity)
    try:
        if path.stat().st_mode & OTHERS_WRITE:
            raise AgentError(
                "Other accounts could change what is known of the haven.", where=str(path), mend=f"chmod 600 {path}"
            )
        told: dict[str, Any] = json.loads(path.read_bytes())
        found = KnownHaven(**told)
        for one in found.rounds.values():
            _ = set(one["datasets"]), one["check_value"], datetime.fromisoformat(one["made_at"])
        _ = found.key
    except FileNotFoundError:
        raise RoundUnusable(
            "No haven's signing key is pinned: nothing would prove who made the round's file.",
            where=str(path),
            mend="Ask for the key, and compare its fingerprint by telephone: "
            f"haven-controller pin LINE --fingerprint LETTERS --identity {identity}",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise RoundUnusable(
            "What is known of the haven cannot be read.",
            where=str(path),
            mend="Restore it, or remove it and pin the haven's signing key again: haven-controller pin --help",
        ) from None
    return found


def _write(path: Path, known: KnownHaven) -> None:
    """Whole or not at all. Raises AgentError."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"signer": known.signer, "rounds": known.rounds}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise AgentError(
            f"What is known of the haven cannot be kept ({error.strerror}).",
            where=str(path),
            mend="Put the identity into a folder that you can write.",
        ) from None
