"""Tokens under mutation: whatever is changed in a good one, it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from access.identity.claims import CLAIMS
from access.identity.errors import TokenRefused
from access.identity.strict import write_base64url
from tests.fakes.tokens import AUDIENCE, TokenBench, parts_of

BENCH = TokenBench()
GOOD = BENCH.good()
HEADER, CLAIM_VALUES, SIGNATURE = parts_of(GOOD)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
FREE = {"jti", "sid", "sub", "acr", "haven_roles", "preferred_username", "iat", "auth_time", "exp"}
"""Claims whose value the issuer chooses: another that is as good is another good token, not a forged one."""


def _refused(token: str) -> str:
    with pytest.raises(TokenRefused) as told:
        BENCH.verifier.verify(token, AUDIENCE)
    assert told.value.rule.startswith("token.")
    return told.value.rule


def _joined(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    return ".".join(map(write_base64url, (json.dumps(header).encode(), json.dumps(claims).encode(), signature)))


@given(st.integers(0, len(GOOD) - 1), st.characters(max_codepoint=0x2FF))
@settings(max_examples=400, deadline=None)
def test_any_letter_of_a_token_changed_is_a_refusal(place: int, letter: str) -> None:
    """One letter anywhere, be it a spare bit of the last: another token, and none."""
    assume(letter != GOOD[place])
    _refused(GOOD[:place] + letter + GOOD[place + 1 :])


@given(st.integers(0, len(SIGNATURE) * 8 - 1))
@settings(max_examples=200, deadline=None)
def test_any_bit_of_the_signature_changed_is_a_refusal(bit: int) -> None:
    """One bit of the signature."""
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << (bit % 8)
    head, body, _ = GOOD.split(".")
    assert _refused(f"{head}.{body}.{write_base64url(bytes(changed))}") == "token.signature"


@given(st.sampled_from(sorted(CLAIM_VALUES)), VALUES)
@settings(max_examples=300, deadline=None)
def test_any_claim_changed_without_the_key_is_a_refusal(name: str, value: Any) -> None:
    """A claim changed after signing: the signature is another's."""
    assume(value != CLAIM_VALUES[name] or type(value) is not type(CLAIM_VALUES[name]))
    _refused(_joined(HEADER, CLAIM_VALUES | {name: value}, SIGNATURE))


@given(st.sampled_from(sorted(set(CLAIMS) - FREE)), VALUES)
@settings(max_examples=300, deadline=None)
def test_what_the_haven_requires_of_a_claim_the_key_itself_cannot_change(name: str, value: Any) -> None:
    """Issuer, audience, client, kind: signed or not, any other value is a refusal."""
    assume(value != CLAIM_VALUES[name] or type(value) is not type(CLAIM_VALUES[name]))
    _refused(BENCH.signed(CLAIM_VALUES | {name: value}))


@given(st.sampled_from(sorted(FREE)), VALUES)
@settings(max_examples=300, deadline=None)
def test_a_claim_of_another_kind_is_refused_though_it_is_signed(name: str, value: Any) -> None:
    """A text for a time, a list for a text, nothing for something: the key does not make it right."""
    assume(type(value) is not type(CLAIM_VALUES[name]))
    _refused(BENCH.signed(CLAIM_VALUES | {name: value}))


@given(st.text(), VALUES)
@settings(max_examples=200, deadline=None)
def test_any_claim_more_is_a_refusal(name: str, value: Any) -> None:
    """A claim that no line of the table accounts for."""
    assume(name not in CLAIMS)
    refusals = {"token.claim_unknown", "token.malformed", "token.too_long"}
    assert _refused(BENCH.signed(CLAIM_VALUES | {name: value})) in refusals


@given(st.sampled_from(["alg", "kid", "typ"]) | st.text(), VALUES)
@settings(max_examples=300, deadline=None)
def test_any_member_of_the_header_changed_or_added_is_a_refusal(name: str, value: Any) -> None:
    """Signed by the right key under another header: refused. (`at+jwt` is the one other kind that is known.)"""
    assume(HEADER.get(name) != value and value != "at+jwt")
    _refused(BENCH.signed(CLAIM_VALUES, HEADER | {name: value}))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nonsense_is_refused_and_never_a_fault(content: bytes) -> None:
    """Whatever bytes stand where a token should: a refusal, never another error."""
    _refused(content.decode("latin-1"))
    _refused(BENCH.signed(content))
    _refused(BENCH.signed(CLAIM_VALUES, content))
