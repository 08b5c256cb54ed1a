"""Logging in at an issuer that means ill: nothing of its answer is shown, asked or kept unless it is fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from access.identity.device_login import LONGEST_INTERVAL, DeviceLogin, Granted, Prompt
from access.identity.errors import IssuerUnreachable, LoginRefused
from access.identity.ports import Answer
from tests.fakes.tokens import AUDIENCE, CLIENT, URL, MemoryNetwork, as_bytes

NAMES = ("jwks_uri", "device_authorization_endpoint", "token_endpoint", "revocation_endpoint")
STARTED = {
    "device_code": "the-long-code",
    "user_code": "BCDF-GHJK",
    "verification_uri": f"{URL}/device",
    "verification_uri_complete": f"{URL}/device?user_code=BCDF-GHJK",
    "expires_in": 600,
    "interval": 5,
}
GIVEN = {"access_token": "a.b.c", "refresh_token": "refresh", "token_type": "Bearer", "expires_in": 300}


class Issuer(MemoryNetwork):
    """An issuer whose answers the test writes; what it was sent is kept."""

    def __init__(self, started: Mapping[str, Any] = STARTED, answers: list[tuple[int, Any]] | None = None) -> None:
        super().__init__()
        self.put(f"{URL}/.well-known/openid-configuration", {"issuer": URL, **{one: f"{URL}/{one}" for one in NAMES}})
        self.put(f"{URL}/device_authorization_endpoint", started)
        self.token_answers = answers or [(200, GIVEN)]
        self.sent: list[dict[str, str]] = []
        self.waits: list[float] = []
        self.shown: list[Prompt] = []

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """What the test wrote, one after the other."""
        self.sent.append(dict(form))
        if url.endswith("/token_endpoint"):
            status, body = self.token_answers.pop(0) if len(self.token_answers) > 1 else self.token_answers[0]
            return Answer(status, as_bytes(body))
        return self.get(url)

    def log_in(self) -> Granted:
        """The whole flow."""
        return DeviceLogin(URL, CLIENT, self, self.waits.append, AUDIENCE).log_in(self.shown.append)


def test_it_waits_as_long_as_it_is_told_and_shows_what_it_was_given() -> None:
    """Pending, slow down, granted: five seconds more from then on; the same proof key all along."""
    issuer = Issuer(answers=[(400, {"error": "authorization_pending"}), (400, {"error": "slow_down"}), (200, GIVEN)])
    assert issuer.log_in() == Granted("a.b.c", "refresh")
    assert issuer.waits == [5.0, 5.0, 10.0]
    assert issuer.shown[0].user_code == "BCDF-GHJK"
    start, *polls = issuer.sent
    assert start["code_challenge_method"] == "S256"
    assert {one["code_verifier"] for one in polls} == {polls[0]["code_verifier"]}
    assert start["code_challenge"] != polls[0]["code_verifier"]


def test_it_gives_up_when_the_code_has_ended() -> None:
    """An issuer that says `pending` for ever, or `slow down` for ever, is left."""
    for word in ("authorization_pending", "slow_down"):
        issuer = Issuer(STARTED | {"expires_in": 60}, [(400, {"error": word})])
        with pytest.raises(LoginRefused, match="in time"):
            issuer.log_in()
        assert max(issuer.waits) <= LONGEST_INTERVAL
        assert sum(issuer.waits) <= 60 + LONGEST_INTERVAL


@pytest.mark.parametrize(
    ("word", "says"),
    [("access_denied", "denied"), ("expired_token", "in time"), ("\x1b[2J", "refused"), (7, "refused")],
)
def test_a_refusal_is_said_in_our_own_words(word: object, says: str) -> None:
    """Nothing that the issuer writes reaches the terminal."""
    with pytest.raises(LoginRefused, match=says) as told:
        Issuer(answers=[(400, {"error": word, "error_description": "\x1b[31m"})]).log_in()
    assert "\x1b" not in str(told.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_code": "\x1b[2JABCD"},
        {"user_code": "x" * 1000},
        {"user_code": None},
        {"device_code": ""},
        {"device_code": "x" * 10_000},
        {"verification_uri": "https://elsewhere.example/device"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": None},
    ],
    ids=str,
)
def test_codes_and_addresses_that_are_not_fit_are_not_shown(changes: dict[str, Any]) -> None:
    """Signs that move a cursor, a page elsewhere: no log-in, and nothing was shown."""
    issuer = Issuer(STARTED | changes)
    with pytest.raises(IssuerUnreachable):
        issuer.log_in()
    assert issuer.shown == []


@pytest.mark.parametrize("complete", ["https://elsewhere.example/device?user_code=X", "\x1b[2J", None, 7])
def test_without_a_fit_address_for_both_the_plain_one_is_shown(complete: object) -> None:
    """The code is then typed by hand."""
    issuer = Issuer(STARTED | {"verification_uri_complete": complete})
    issuer.log_in()
    assert issuer.shown[0].page_with_code is None


@pytest.mark.parametrize(
    "given",
    [{}, {"access_token": "a"}, GIVEN | {"token_type": "mac"}, GIVEN | {"access_token": ["a"]},
     GIVEN | {"refresh_token": ""}, GIVEN | {"access_token": "a\nb"}, b"[]", b"nonsense"],
    ids=str,
)  # fmt: skip
def test_tokens_that_are_none_are_not_taken(given: Any) -> None:
    """Half an answer is no answer."""
    with pytest.raises(IssuerUnreachable):
        Issuer(answers=[(200, given)]).log_in()


@pytest.mark.parametrize("seconds", [0, -5, 10**9, True, "5", None])
def test_an_interval_that_is_none_is_the_usual_one(seconds: object) -> None:
    """Five seconds, as RFC 8628 has it."""
    issuer = Issuer(STARTED | {"interval": seconds})
    issuer.log_in()
    assert issuer.waits == [5.0]


def test_nothing_of_what_was_granted_is_shown_by_accident() -> None:
    """A repr holds no token."""
    assert repr(Granted("a.b.c", "refresh")) == "Granted()"
