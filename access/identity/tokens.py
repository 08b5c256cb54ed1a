"""Whose token is this? A signed JWT (RFC 7519) of the one trusted issuer, read strictly; anything else is refused.

The order is the defence: length and shape, then the header (three members and no other: a key, an address or an
extension in it is a refusal, and nothing in it is ever fetched), then the algorithm against our list, the key by its
id among the published ones, the signature, and only then the claims (RFC 8725).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from access.identity.claims import Question, SignedClaims, account_for
from access.identity.errors import IssuerUnreachable, TokenRefused
from access.identity.keys import KEY_ID, KeySource, PublicKey
from access.identity.model import Claims, TrustedIssuer
from access.identity.ports import EndedSessions, NoneEnded
from access.identity.strict import Unreadable, read_base64url, read_object
from audit.clock import Clock

LONGEST_TOKEN = 4096
HEADER = frozenset({"alg", "kid", "typ"})
KINDS = frozenset({"JWT", "at+jwt"})  # RFC 9068 names the second


class Verifier:
    """Verifies the tokens of one issuer."""

    def __init__(
        self, issuer: TrustedIssuer, keys: KeySource, clock: Clock, ended: EndedSessions | None = None
    ) -> None:
        self.issuer = issuer
        self._keys = keys
        self._clock = clock
        self._ended = ended or NoneEnded()

    def now(self) -> datetime:
        """The time by which tokens are judged."""
        return self._clock.now()

    def verify(self, token: str, audience: str) -> Claims:
        """Who holds this token. Raises TokenRefused with the rule that it breaks."""
        header, message, claims, signature = _parts(token)
        key = self._key(header)
        if not key.signed(header["alg"], message, signature):
            raise TokenRefused("token.signature", "is not signed by the haven's issuer")
        question = Question(self.issuer, audience, self._clock.now())
        said = account_for(SignedClaims(_object(claims)), question)
        if self._ended.has(said.session):
            raise TokenRefused("token.session_ended", "is of a login that was ended")
        return said

    def _key(self, header: Mapping[str, Any]) -> PublicKey:
        """The published key that the header names, once the header holds nothing else."""
        if set(header) != HEADER or not all(isinstance(value, str) for value in header.values()):
            raise TokenRefused("token.header", "has a header that is not known, or lacks one")
        if header["typ"] not in KINDS:
            raise TokenRefused("token.header", "is of another kind")
        if header["alg"] not in self.issuer.algorithms:
            raise TokenRefused("token.algorithm", "is signed in a way that does not count here")
        if not KEY_ID.fullmatch(header["kid"]):
            raise TokenRefused("token.key", "names no proper key")
        try:
            key = self._keys.find(header["kid"])
        except IssuerUnreachable:
            raise TokenRefused("token.keys_unreachable", "cannot be checked: its issuer does not answer") from None
        if key is None:
            raise TokenRefused("token.key", "is not signed with a key of the haven's issuer")
        return key


def _parts(token: str) -> tuple[dict[str, Any], bytes, bytes, bytes]:
    """Header, what is signed, the claims' bytes, the signature. Raises TokenRefused."""
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused("token.too_long", "is too long")
    parts = token.split(".")
    if not token.isascii() or len(parts) != 3:
        raise TokenRefused("token.malformed", "is none")
    try:
        header, claims, signature = map(read_base64url, parts)
    except Unreadable:
        raise TokenRefused("token.malformed", "is none") from None
    return _object(header), token.rpartition(".")[0].encode("ascii"), claims, signature


def _object(content: bytes) -> dict[str, Any]:
    try:
        return read_object(content)
    except Unreadable:
        raise TokenRefused("token.malformed", "cannot be read in exactly one way") from None
