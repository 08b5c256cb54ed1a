"""Who signs tokens on a laptop? The local development issuer, for synthetic data only: it asks for no password.

Its tokens have the claims of the identity provider's, so that one table accounts for both; `acr` says that nobody
proved anything. With real data it does not start.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from access.identity.errors import IssuerRefused
from access.identity.local.issuer_keys import SIGNS_WITH
from access.identity.model import LONGEST_LIFE, TrustedIssuer
from access.people.model import Role
from access.realm.roles import COMMAND_LINE, roles_of
from audit.clock import Clock

NO_PROOF = "none"
"""`acr`: nothing was asked of the person. No haven takes it for a second factor."""

TOKEN_SECONDS = 300


class SigningKeys(Protocol):
    """The issuer's own keys."""

    def current(self) -> OKPKey:
        """The key that signs."""

    def published(self) -> list[OKPKey]:
        """The keys that tokens may be signed with."""


class LocalIssuer:
    """Issues tokens to people of the records. Raises IssuerRefused where real data are."""

    def __init__(self, url: str, keys: SigningKeys, clock: Clock, *, real_data: bool) -> None:
        if real_data:
            raise IssuerRefused(
                "The local issuer may not be used with real data.",
                mend="Set up the identity provider; tokens then come from it (docs/logging-in.md).",
            )
        self.url = url
        self.clock = clock
        self._keys = keys

    def __repr__(self) -> str:
        return f"LocalIssuer({self.url})"

    def trusted(self, clients: Mapping[str, Iterable[str]]) -> TrustedIssuer:
        """How its tokens are trusted: without a second factor, which it cannot ask for."""
        return TrustedIssuer(
            self.url, {audience: frozenset(names) for audience, names in clients.items()}, require_second_factor=False
        )

    def public_keys(self) -> dict[str, Any]:
        """The issuer's keys as it publishes them (a JWK set without private parts)."""
        return dict(KeySet(list(self._keys.published())).as_dict(private=False))

    def issue(
        self,
        person: str,
        audience: str,
        seconds: int = TOKEN_SECONDS,
        *,
        client: str = COMMAND_LINE,
        roles: Iterable[Role],
        session: str | None = None,
        logged_in: datetime | None = None,
    ) -> str:
        """A token for this person and this audience, good for so many seconds (at most an hour).

        It carries those of the roles that count for the client. Raises IssuerRefused: none does.
        """
        carried = sorted(role.value for role in set(roles) & set(roles_of(client)))
        if not carried:
            raise IssuerRefused("The person has no role that counts here.", where=client, mend="haven person list")
        now, key = self.clock.now(), self._keys.current()
        claims = {
            "iss": self.url,
            "sub": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.url}#{person}")),
            "aud": audience,
            "azp": client,
            "iat": int(now.timestamp()),
            "exp": int((now + min(timedelta(seconds=seconds), LONGEST_LIFE)).timestamp()),
            "auth_time": int((logged_in or now).timestamp()),
            "jti": str(uuid.uuid4()),
            "sid": session or str(uuid.uuid4()),
            "typ": "Bearer",
            "acr": NO_PROOF,
            "scope": audience,
            "preferred_username": person,
            "haven_roles": carried,
        }
        return jwt.encode({"alg": SIGNS_WITH, "kid": key.kid, "typ": "JWT"}, claims, key, [SIGNS_WITH])
