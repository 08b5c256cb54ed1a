"""What does identity ask of the world? The network, and who is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Unanswered(Exception):
    """No answer that may be used: no connection, a redirect, too long, too slow. The text names no address."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, and its body within the bound."""

    status: int
    body: bytes


class Network(Protocol):
    """HTTP to an issuer: never follows a redirect, never asks plain HTTP but of this machine. Raises Unanswered."""

    def get(self, url: str) -> Answer:
        """The answer to a GET."""

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """The answer to a POST of a form."""


class EndedSessions(Protocol):
    """Which sessions ended before their tokens did?"""

    def has(self, session: str) -> bool:
        """Did this one end?"""


class NoneEnded:
    """Nobody keeps which sessions ended."""

    def has(self, session: str) -> bool:
        """No."""
        return False
