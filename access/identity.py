"""Whose token is this? An EdDSA-signed JWT (RFC 7519), every claim accounted for; anything else is refused.

The local issuer stands in for Keycloak on a laptop and never where real data are (issue: governance and identity).
The verifier knows the issuer by its published keys (RFC 7517), so that another issuer can take this one's place.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from access.errors import AccessError
from audit.clock import Clock

ALGORITHM = "Ed25519"
CLAIMS = frozenset({"iss", "sub", "aud", "exp", "iat", "nbf", "jti"})
LONGEST_LIFE = timedelta(hours=1)
LEEWAY = timedelta(seconds=5)  # clocks of two machines
LONGEST_TOKEN = 4096


class TokenRefused(AccessError):
    """The token does not prove who asks. `code` stays one; the sentence says which claim failed."""

    code = "token.refused"
    exit_status = 77
    http_status = 401


class IssuerRefused(AccessError):
    """The local issuer does not work where real data are."""

    code = "issuer.refused"
    exit_status = 78


@dataclass(frozen=True)
class Claims:
    """What a verified token says: the person, and the token's own id for the audit log."""

    person: str
    token_id: str
    ends: datetime


class LocalIssuer:
    """Issues tokens to this account's own command line. Raises IssuerRefused where real data are."""

    def __init__(self, issuer: str, key: Ed25519PrivateKey, clock: Clock, *, real_data: bool) -> None:
        if real_data:
            raise IssuerRefused(
                "The local issuer may not be used with real data.",
                mend="Set up the identity provider; tokens then come from it.",
            )
        self.issuer = issuer
        self._clock = clock
        self._key = OKPKey.import_key(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), {"alg": ALGORITHM}
        )
        self._key.ensure_kid()

    def __repr__(self) -> str:
        return f"LocalIssuer({self.issuer})"

    def public_keys(self) -> dict[str, Any]:
        """The issuer's keys as it publishes them (a JWK set without private parts)."""
        return dict(KeySet([self._key]).as_dict(private=False))

    def issue(self, person: str, audience: str, seconds: int = 300) -> str:
        """A token for this person and this audience, good for so many seconds (at most an hour)."""
        now = self._clock.now()
        life = min(timedelta(seconds=seconds), LONGEST_LIFE)
        claims = {
            "iss": self.issuer,
            "sub": person,
            "aud": audience,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid, "typ": "JWT"}, claims, self._key, [ALGORITHM])


class Verifier:
    """Verifies tokens of one issuer for one audience."""

    def __init__(self, issuer: str, public_keys: Mapping[str, Any], clock: Clock) -> None:
        self.issuer = issuer
        self._keys = KeySet.import_key_set(dict(public_keys))  # type: ignore[arg-type]
        self._clock = clock

    def verify(self, token: str, audience: str) -> Claims:
        """Who holds this token. Raises TokenRefused."""
        if len(token) > LONGEST_TOKEN:
            raise _refused("is too long")
        try:
            claims = jwt.decode(token, self._keys, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, TypeError, KeyError):
            raise _refused("is not signed by the haven's issuer") from None
        return self._accounted(claims, audience)

    def _accounted(self, claims: Mapping[str, Any], audience: str) -> Claims:
        if set(claims) != CLAIMS:
            raise _refused("lacks a claim, or has one that is not known")
        for name in ("iss", "sub", "aud", "jti"):
            if not isinstance(claims[name], str) or not claims[name]:
                raise _refused(f"has no proper {name}")
        if claims["iss"] != self.issuer:
            raise _refused("is another issuer's")
        if claims["aud"] != audience:
            raise _refused("is for another service")
        begins, issued, ends = (_time(claims[name]) for name in ("nbf", "iat", "exp"))
        now = self._clock.now()
        if max(begins, issued) > now + LEEWAY:
            raise _refused("is not valid yet")
        if now >= ends or ends - issued > LONGEST_LIFE:
            raise _refused("has expired, or lives too long")
        return Claims(claims["sub"], claims["jti"], ends)


def _time(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise _refused("has a time that is none")
    return datetime.fromtimestamp(value, UTC)


def _refused(why: str) -> TokenRefused:
    return TokenRefused(f"The token {why}.", mend="Log in again.")
