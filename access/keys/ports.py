"""What do the keys need of places that are not theirs? One wraps role keys; one holds the rounds' keys.

All adapters (access.keys.roots) are held to one contract test. The root key has versions: a new one wraps, every one
that is not retired unwraps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from access.keys.model import EndedRound, RoundSign


class RootKeys(Protocol):
    """A store of one root key. Each method raises KeyRingError with a sentence, within seconds."""

    @property
    def name(self) -> str:
        """Which store, and which key in it; stands beside what it wrapped. Nothing secret."""
        ...

    def make(self) -> None:
        """Make the root key where there is none."""
        ...

    def wrap(self, key: bytes, context: str) -> bytes:
        """`key` under the newest root version, bound to `context`."""
        ...

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """What was wrapped for this very context. Raises WrongRoot."""
        ...

    def rotate(self) -> int:
        """Make a new version, which wraps from now on; its number."""
        ...

    def retire(self, before: int) -> None:
        """End every version below `before`: what they wrapped opens nowhere any more."""
        ...


class RoundPlace(Protocol):
    """Where the rounds' keys lie: in this process (access.keys.rounds_here), or with the linkage zone's account.

    None of them gives a key to whoever asks. by: who asks, as whoever asks says. Raises KeyRingError, for the name of a
    standing round too.
    """

    def create(self, name: str, datasets: Sequence[str], *, by: str) -> RoundSign:
        """Make a random key for this round, for records of these datasets. Each name once."""
        ...

    def sealed(self, name: str, recipient: str, *, days: int, by: str) -> bytes:
        """The round's file (access.keys.round_file): its key for the holder of this age key, signed; for so many days.

        Raises RecipientUnlisted; RoundTaken: it was sealed for another.
        """
        ...

    def signer(self) -> str:
        """The public key that checks rounds' files, as a line."""
        ...

    def destroy(self, name: str, *, by: str) -> bool:
        """Erase the key for good, and keep its name from ever being used; is no file left that holds it?"""
        ...

    def forget(self, name: str, *, by: str) -> None:
        """The same, for a key that nobody certifies. A tombstone tells of it."""
        ...

    def ended(self) -> list[EndedRound]:
        """The tombstones: every round whose key was erased there."""
        ...


class RoundSigns(Protocol):
    """Which rounds there are, for whoever must tell a right key from a wrong one and needs none."""

    def find(self, name: str) -> RoundSign | None:
        """The living round of this name; None: there is none, or it is a standing one. Raises RoundDestroyed."""
        ...
