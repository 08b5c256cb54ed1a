"""Whose tokens count, and what does a good one say?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ALGORITHMS = frozenset({"Ed25519", "EdDSA", "ES256", "PS256", "RS256"})
"""Signatures of a key pair only: never `none`, never a secret that verifiers would share (RFC 8725 3.2)."""

LONGEST_LIFE = timedelta(hours=1)
LEEWAY = timedelta(seconds=5)  # clocks of two machines


@dataclass(frozen=True)
class TrustedIssuer:
    """Whose tokens count: the issuer's address, and what its tokens may be. An empty requirement is an error.

    clients: for each audience the clients (`azp`) that its tokens may be issued to. second_factor: the values of `acr`
    that a login has whose issuer's rule asks for a second factor; required unless said otherwise.
    """

    url: str
    clients: Mapping[str, frozenset[str]]
    algorithms: frozenset[str] = frozenset({"Ed25519"})
    second_factor: frozenset[str] = frozenset()
    require_second_factor: bool = True
    longest_life: timedelta = LONGEST_LIFE

    def __post_init__(self) -> None:
        if not self.url or not self.clients or not all(self.clients.values()):
            raise ValueError("an issuer, and each audience's clients, must be named")
        if not self.algorithms or not self.algorithms <= ALGORITHMS:
            raise ValueError("the algorithms must be some of: " + ", ".join(sorted(ALGORITHMS)))
        if self.require_second_factor and not self.second_factor:
            raise ValueError("a second factor is required, and no value of acr says that one was shown")
        if not timedelta(0) < self.longest_life <= LONGEST_LIFE:
            raise ValueError("a token may live an hour at most")


@dataclass(frozen=True)
class Claims:
    """What a verified token says: the person, by which client and in which session, and its id for the audit log.

    second_factor: the login is one for which the issuer's rule asks for one. No token proves that it was shown.
    """

    person: str
    token_id: str
    session: str
    client: str
    ends: datetime
    second_factor: bool
    roles: frozenset[str] = field(default=frozenset())
