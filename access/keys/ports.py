"""What does the key ring need of the place where the root key lies? It wraps role keys there, and unwraps them.

All adapters (access.keys.roots) are held to one contract test. The root key has versions: a new one wraps, every one
that is not retired unwraps.
"""

from __future__ import annotations

from typing import Protocol


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
