"""What can go wrong, as a researcher reads it.

HavenClientError
├── Refused      a rule said no: `code`, `reason`, and `mend`: what to do, or who can change it
├── Incomplete   the answer broke off; nothing of it is given, so that no part is taken for the whole
└── GatewayDown  the gateway does not answer
"""

from __future__ import annotations


class HavenClientError(Exception):
    """Root of the client's errors."""

    def _render_traceback_(self) -> list[str]:
        """In a notebook the sentence is enough; the client's own frames help nobody."""
        return [f"{type(self).__name__}: {self}"]


class Refused(HavenClientError):
    """A rule of the haven said no."""

    def __init__(self, code: str, reason: str, mend: str | None = None) -> None:
        super().__init__(f"[{code}] {reason}" + (f"\nWhat to do: {mend}" if mend else ""))
        self.code = code
        self.reason = reason
        self.mend = mend


class Incomplete(HavenClientError):
    """The answer broke off before its end; nothing of it is given."""


class GatewayDown(HavenClientError):
    """The gateway does not answer."""
