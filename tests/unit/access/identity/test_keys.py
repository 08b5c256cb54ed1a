"""Published keys: they rotate without a restart, a flood of made-up ids asks nothing, and stale ones are dropped."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from access.identity.errors import IssuerUnreachable, TokenRefused
from access.identity.keys import AGAIN, FRESH, STALE, PublishedKeys, read_keys
from access.identity.strict import Unreadable, write_base64url
from access.identity.tokens import Verifier
from access.people.model import Role
from tests.fakes.tokens import AUDIENCE, URL, MemoryNetwork, TokenBench, later, new_key, parts_of

DOCUMENT = f"{URL}/.well-known/openid-configuration"
KEYS = f"{URL}/jwks_uri"


@pytest.fixture
def bench() -> TokenBench:
    """An issuer."""
    return TokenBench()


@pytest.fixture
def network(bench: TokenBench) -> MemoryNetwork:
    """The network at which it publishes."""
    network = MemoryNetwork()
    network.publish(bench)
    return network


@pytest.fixture
def verifier(bench: TokenBench, network: MemoryNetwork) -> Verifier:
    """A verifier that knows its address only."""
    return Verifier(bench.trusted, PublishedKeys(URL, network, bench.clock), bench.clock)


def _rule(verifier: Verifier, token: str) -> str:
    with pytest.raises(TokenRefused) as told:
        verifier.verify(token, AUDIENCE)
    return told.value.rule


def test_keys_are_found_by_discovery_and_held(bench: TokenBench, network: MemoryNetwork, verifier: Verifier) -> None:
    """Two addresses are asked once; the next tokens ask nothing."""
    for _ in range(5):
        assert verifier.verify(bench.good(), AUDIENCE).person == "asha"
    assert network.asked == [DOCUMENT, KEYS]


def test_a_new_key_counts_without_a_restart_and_the_old_one_until_it_is_taken_back(
    bench: TokenBench, network: MemoryNetwork, verifier: Verifier
) -> None:
    """Rotation: the new key's first token is good; a key that is published no more is dropped."""
    before = bench.issuer.issue("asha", AUDIENCE, 3600, roles=[Role.RESEARCHER])
    verifier.verify(before, AUDIENCE)
    later(bench, AGAIN.total_seconds())
    bench.signing.keys.append(new_key())
    verifier.verify(bench.good(), AUDIENCE)
    verifier.verify(before, AUDIENCE)
    bench.signing.keys.pop(0)
    later(bench, FRESH.total_seconds())
    assert _rule(verifier, before) == "token.key"
    assert verifier.verify(bench.good(), AUDIENCE).person == "asha"


def test_a_flood_of_made_up_key_ids_asks_nothing(bench: TokenBench, network: MemoryNetwork, verifier: Verifier) -> None:
    """A thousand unknown ids cost one asking at most, and good tokens go on."""
    verifier.verify(bench.good(), AUDIENCE)
    later(bench, AGAIN.total_seconds())
    for number in range(1000):
        assert (
            _rule(verifier, bench.signed(bench.claims(), bench.header() | {"kid": f"made-up-{number}"})) == "token.key"
        )
    assert len(network.asked) == 4
    assert verifier.verify(bench.good(), AUDIENCE).person == "asha"


def test_without_an_answer_keys_count_until_they_are_stale_and_then_nobody_is_let_in(
    bench: TokenBench, network: MemoryNetwork, verifier: Verifier
) -> None:
    """The issuer goes away: held keys serve for a bounded while, and a haven that never heard it refuses at once."""
    verifier.verify(bench.good(), AUDIENCE)
    network.answers.clear()
    later(bench, FRESH.total_seconds())
    assert verifier.verify(bench.good(), AUDIENCE).person == "asha"
    later(bench, (STALE - FRESH).total_seconds())
    assert _rule(verifier, bench.good()) == "token.keys_unreachable"
    asked = len(network.asked)
    for _ in range(50):
        assert _rule(verifier, bench.good()) == "token.keys_unreachable"
    assert len(network.asked) == asked  # not asked oftener because it does not answer
    network.publish(bench)
    later(bench, AGAIN.total_seconds())
    assert verifier.verify(bench.good(), AUDIENCE).person == "asha"


def _document(**changes: Any) -> dict[str, Any]:
    names = ("jwks_uri", "device_authorization_endpoint", "token_endpoint", "revocation_endpoint")
    return {"issuer": URL, **{name: f"{URL}/{name}" for name in names}} | changes


@pytest.mark.parametrize(
    "document",
    [
        _document(issuer=URL + "/"),
        _document(issuer="https://elsewhere.example"),
        _document(jwks_uri="https://elsewhere.example/keys"),
        _document(jwks_uri="http://127.0.0.1:8090/keys"),
        _document(jwks_uri="file:///etc/passwd"),
        _document(jwks_uri="http://asha@127.0.0.1:8089/keys"),
        _document(token_endpoint="https://elsewhere.example/token"),
        _document(jwks_uri=None),
        {"issuer": URL},
        {},
        b"[]",
        b"not json",
        b'{"issuer": "' + URL.encode() + b'", "issuer": "' + URL.encode() + b'"}',
    ],
    ids=str,
)
def test_a_document_that_is_not_the_issuers_own_is_no_document(
    bench: TokenBench, network: MemoryNetwork, verifier: Verifier, document: Any
) -> None:
    """Another issuer's name, an address elsewhere, an unclear text: no key is taken from it, nothing is asked there."""
    network.put(DOCUMENT, document)
    assert _rule(verifier, bench.good()) == "token.keys_unreachable"
    assert network.asked == [DOCUMENT]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda keys: {"keys": keys["keys"] * 2},
        lambda keys: {"keys": [keys["keys"][0] | {"kid": f"k{n}"} for n in range(100)]},
        lambda keys: {"keys": [new_key().as_dict(private=True)]},
        lambda keys: {"keys": [OctKey.generate_key(256, {"kid": "s"}).as_dict(private=True)]},
        lambda keys: {"keys": "none"},
        lambda keys: {"keys": ["text"]},
        lambda keys: {},
    ],
)
def test_a_set_of_keys_that_is_not_clean_is_refused_whole(
    bench: TokenBench, spoil: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Two keys of one id, too many, a private part or a shared secret among them: none of them counts."""
    with pytest.raises(Unreadable):
        read_keys(spoil(bench.issuer.public_keys()))


def test_keys_that_no_token_may_be_signed_with_are_passed_over(bench: TokenBench) -> None:
    """A key for encryption, an unknown curve, a small RSA key, one without id: they stand there and verify nothing."""
    good = bench.issuer.public_keys()["keys"][0]
    others = [
        RSAKey.generate_key(2048, {"kid": "enc", "use": "enc", "alg": "RSA-OAEP"}).as_dict(private=False),
        {"kty": "RSA", "kid": "small", "n": write_base64url(b"\xff" * 128), "e": "AQAB"},
        ECKey.generate_key("P-521", {"kid": "curve"}).as_dict(private=False),
        {name: value for name, value in good.items() if name != "kid"},
        good | {"kid": "../x"},
        good | {"kid": "other-algorithm", "alg": "ES256"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "broken", "x": "AA"},
        {"kty": "AKP", "kid": "new-kind", "alg": "ML-DSA-44", "pub": "AA"},
    ]
    assert set(read_keys({"keys": [good, *others]})) == {good["kid"]}


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}), "PS256"),
        (RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig", "alg": "RS256"}), "RS256"),
        (ECKey.generate_key("P-256", {"kid": "ec"}), "ES256"),
        (new_key(), "EdDSA"),
    ],
    ids=["PS256", "RS256", "ES256", "EdDSA"],
)
def test_each_kind_of_key_verifies_its_own_signature_and_no_other(key: Any, algorithm: str) -> None:
    """The key decides which signatures it makes; the header cannot choose another."""
    from joserfc.jws import JWSRegistry

    name = {"EdDSA": "Ed25519"}.get(algorithm, algorithm)
    signature = JWSRegistry.algorithms[name].sign(b"message", key)
    found = read_keys({"keys": [key.as_dict(private=False)]})[key.kid]
    assert found.signed(algorithm, b"message", signature)
    assert not found.signed(algorithm, b"messagE", signature)
    for other in {"Ed25519", "ES256", "PS256", "RS256", "HS256", "none"} - {name}:
        assert not found.signed(other, b"message", signature)


def test_a_key_says_nothing_of_itself(bench: TokenBench) -> None:
    """Neither a key nor an issuer shows what it holds."""
    key = read_keys(bench.issuer.public_keys())[bench.signing.current().kid]  # type: ignore[index]
    assert json.dumps(bench.issuer.public_keys()["keys"][0]["x"]) not in repr(key)
    assert repr(bench.issuer) == f"LocalIssuer({URL})"
    assert all("d" not in one for one in bench.issuer.public_keys()["keys"])
    assert parts_of(bench.good())[0]["kid"] == bench.signing.current().kid


def test_the_first_asker_waits_and_an_unreachable_issuer_is_said(bench: TokenBench) -> None:
    """With nothing held there is nothing to answer from."""
    with pytest.raises(IssuerUnreachable):
        PublishedKeys(URL, MemoryNetwork(), bench.clock, again=timedelta(0)).find("any")
