"""Whose token counts? The rule book of identity: what a good token is, and every way in which one is not.

A token says who somebody is, for some minutes, to one service. It is signed by the one issuer that this haven trusts.
Whatever is not exactly right is refused, and the refusal names its rule.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.identity.claims import CLAIMS
from access.identity.errors import TokenRefused
from access.identity.keys import HeldKeys
from access.identity.model import TrustedIssuer
from access.identity.tokens import Verifier
from access.people.model import Role
from tests.fakes.tokens import AUDIENCE, CLIENT, NOW, URL, TokenBench, forged, later, misissued

ELSEWHERE = "http://127.0.0.1:9/keys"


@pytest.fixture
def bench() -> TokenBench:
    """An issuer and its verifier."""
    return TokenBench()


def _names(kind: str) -> list[str]:
    made = TokenBench()
    tokens = forged(made.good(), made.issuer.public_keys(), ELSEWHERE) if kind == "forged" else misissued(made)
    return list(tokens)


def test_a_good_token_says_who_until_when_and_where(bench: TokenBench) -> None:
    """A person, their session, their client and the end; nothing that the person may do is taken from it."""
    said = bench.verifier.verify(bench.good(), AUDIENCE)
    assert (said.person, said.client) == ("asha", CLIENT)
    assert said.ends == NOW + timedelta(minutes=5)
    assert not said.second_factor


def test_every_claim_has_its_check(bench: TokenBench) -> None:
    """The table and a real token hold the same claims: none is passed over unread."""
    assert set(bench.claims()) == set(CLAIMS)
    assert len({(claim.rule, claim.why) for claim in CLAIMS.values()}) == len(CLAIMS)


@pytest.mark.parametrize("what", _names("forged"))
def test_what_somebody_forges_is_refused(bench: TokenBench, what: str) -> None:
    """Made without the issuer's key: refused, by the rule that it breaks."""
    token, rule = forged(bench.good(), bench.issuer.public_keys(), ELSEWHERE)[what]
    with pytest.raises(TokenRefused) as told:
        bench.verifier.verify(token, AUDIENCE)
    assert told.value.rule == rule


@pytest.mark.parametrize("what", _names("misissued"))
def test_what_is_signed_and_not_right_is_refused(bench: TokenBench, what: str) -> None:
    """The issuer's own signature is not enough: each claim must hold."""
    token, rule = misissued(bench)[what]
    with pytest.raises(TokenRefused) as told:
        bench.verifier.verify(token, AUDIENCE)
    assert told.value.rule == rule


def test_the_refusal_tells_the_rule_and_nothing_of_the_token(bench: TokenBench) -> None:
    """Neither the token nor a claim's value stands in what is said or logged."""
    for token, rule in (*forged(bench.good(), bench.issuer.public_keys(), ELSEWHERE).values(),
                        *misissued(bench).values()):  # fmt: skip
        with pytest.raises(TokenRefused) as told:
            bench.verifier.verify(token, AUDIENCE)
        text = f"{told.value} {told.value.as_dict()}"
        assert rule in text
        assert "asha" not in text
        assert "bryn" not in text
        assert not token or token not in text


def test_at_its_end_a_token_is_over(bench: TokenBench) -> None:
    """Good until the very second; then no more, whatever the clocks' leeway."""
    token = bench.good()
    later(bench, 299)
    assert bench.verifier.verify(token, AUDIENCE).person == "asha"
    later(bench, 1)
    with pytest.raises(TokenRefused):
        bench.verifier.verify(token, AUDIENCE)


def test_no_token_lives_longer_than_an_hour(bench: TokenBench) -> None:
    """A wish for a day gets an hour."""
    said = bench.verifier.verify(bench.issuer.issue("asha", AUDIENCE, 86_400, roles=[Role.RESEARCHER]), AUDIENCE)
    assert said.ends == NOW + timedelta(hours=1)


def test_where_a_second_factor_is_required_a_login_without_one_does_not_count(bench: TokenBench) -> None:
    """`acr` must be one of the values that say that a second factor was shown."""
    strict = TrustedIssuer(URL, {AUDIENCE: frozenset({CLIENT})}, second_factor=frozenset({"mfa"}))
    verifier = Verifier(strict, HeldKeys(bench.issuer.public_keys()), bench.clock)
    with pytest.raises(TokenRefused) as told:
        verifier.verify(bench.good(), AUDIENCE)
    assert told.value.rule == "token.second_factor"
    said = verifier.verify(bench.signed(bench.claims() | {"acr": "mfa"}), AUDIENCE)
    assert said.second_factor


def test_a_login_that_was_ended_takes_its_token_with_it(bench: TokenBench) -> None:
    """After the logout the token is refused, though it has minutes left."""

    class _Ended:
        def has(self, session: str) -> bool:
            """This one."""
            return session == bench.verifier.verify(token, AUDIENCE).session

    token = bench.good()
    verifier = Verifier(bench.trusted, HeldKeys(bench.issuer.public_keys()), bench.clock, _Ended())
    with pytest.raises(TokenRefused) as told:
        verifier.verify(token, AUDIENCE)
    assert told.value.rule == "token.session_ended"


@pytest.mark.parametrize(
    "changes",
    [
        {"url": ""},
        {"clients": {}},
        {"clients": {AUDIENCE: frozenset()}},
        {"algorithms": frozenset()},
        {"algorithms": frozenset({"HS256"})},
        {"algorithms": frozenset({"none"})},
        {"second_factor": frozenset()},
        {"longest_life": timedelta(days=1)},
        {"longest_life": timedelta(0)},
    ],
    ids=str,
)
def test_an_empty_requirement_is_an_error_at_start(changes: dict[str, object]) -> None:
    """No issuer, no client, no algorithm, or one that needs a shared secret: the service does not start."""
    good = {"url": URL, "clients": {AUDIENCE: frozenset({CLIENT})}, "second_factor": frozenset({"mfa"})}
    TrustedIssuer(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must|may|required"):
        TrustedIssuer(**(good | changes))  # type: ignore[arg-type]
