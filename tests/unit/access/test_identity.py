"""Tokens: every claim accounted for; whatever is not exactly right is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OctKey

from access.identity import CLAIMS, IssuerRefused, LocalIssuer, TokenRefused, Verifier
from audit.clock import FixedClock

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ISSUER = "https://haven.example/issuer"
KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that the test moves."""
    return FixedClock(NOW)


@pytest.fixture
def issuer(clock: FixedClock) -> LocalIssuer:
    """An issuer."""
    return LocalIssuer(ISSUER, KEY, clock, real_data=False)


@pytest.fixture
def verifier(issuer: LocalIssuer, clock: FixedClock) -> Verifier:
    """Its verifier, which knows only its public keys."""
    keys = issuer.public_keys()
    assert all("d" not in key for key in keys["keys"])
    return Verifier(ISSUER, keys, clock)


def test_a_token_says_who_and_until_when(issuer: LocalIssuer, verifier: Verifier) -> None:
    """A good token gives its person and its end."""
    claims = verifier.verify(issuer.issue("asha", "gateway", 120), "gateway")
    assert claims.person == "asha"
    assert claims.ends == NOW + timedelta(seconds=120)


def test_the_local_issuer_refuses_real_data(clock: FixedClock) -> None:
    """Where real data are, tokens come from the identity provider."""
    with pytest.raises(IssuerRefused):
        LocalIssuer(ISSUER, KEY, clock, real_data=True)


def test_a_token_for_another_service_is_refused(issuer: LocalIssuer, verifier: Verifier) -> None:
    """The audience must be the asker's own."""
    with pytest.raises(TokenRefused):
        verifier.verify(issuer.issue("asha", "hub"), "gateway")


def test_an_expired_or_a_future_token_is_refused(issuer: LocalIssuer, verifier: Verifier, clock: FixedClock) -> None:
    """At its end a token is over; before its start it is not yet one."""
    token = issuer.issue("asha", "gateway", 60)
    clock.at = NOW + timedelta(seconds=60)
    with pytest.raises(TokenRefused):
        verifier.verify(token, "gateway")
    clock.at = NOW - timedelta(minutes=5)
    with pytest.raises(TokenRefused):
        verifier.verify(token, "gateway")


def test_no_token_lives_longer_than_an_hour(issuer: LocalIssuer, verifier: Verifier) -> None:
    """A wish for a day gets an hour."""
    assert verifier.verify(issuer.issue("asha", "gateway", 86_400), "gateway").ends == NOW + timedelta(hours=1)


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_a_missing_or_wrong_claim_is_refused(issuer: LocalIssuer, verifier: Verifier, claim: str) -> None:
    """Each claim is needed, and each must be of its kind; signed by the right key or not."""
    good = jwt.decode(issuer.issue("asha", "gateway"), issuer._key, algorithms=["Ed25519"]).claims
    for changed in (
        {name: value for name, value in good.items() if name != claim},
        good | {claim: ""},
        good | {claim: True},
        good | {claim: ["a", "b"]},
        good | {"admin": True},
    ):
        token = jwt.encode({"alg": "Ed25519", "kid": issuer._key.kid}, changed, issuer._key, ["Ed25519"])
        with pytest.raises(TokenRefused):
            verifier.verify(token, "gateway")


def test_another_algorithm_or_key_is_refused(issuer: LocalIssuer, verifier: Verifier, clock: FixedClock) -> None:
    """`none`, a symmetric key made of the public one, another Ed25519 key: all refused."""
    token = issuer.issue("asha", "gateway")
    header, body, _ = token.split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    other = LocalIssuer(ISSUER, Ed25519PrivateKey.generate(), clock, real_data=False).issue("asha", "gateway")
    public = json.dumps(issuer.public_keys()).ljust(64)
    symmetric = jwt.encode({"alg": "HS256"}, {"sub": "asha"}, OctKey.import_key(public), ["HS256"])
    for bad in (f"{none}.{body}.", f"{header}.{body}.", other, symmetric, "", "a.b.c", "x" * 5000, token[:-4] + "AAAA"):
        with pytest.raises(TokenRefused):
            verifier.verify(bad, "gateway")
