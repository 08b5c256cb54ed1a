"""How does one log in at the local issuer? By a code that is approved in a browser; each code and token serves once.

The local issuer asks for no password and says so. It speaks as the identity provider does: device codes (RFC 8628)
with a proof key (RFC 7636), refresh tokens that rotate (RFC 9700), revocation (RFC 7009), published keys (RFC 7517).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from access.identity.errors import IssuerRefused
from access.identity.keys import HeldKeys
from access.identity.local.issuer import LocalIssuer
from access.identity.tokens import Verifier
from access.service import Access
from audit.clock import SystemClock
from audit.model import person as person_actor
from tests.fakes.havens import HOUSE
from tests.fakes.local_logins import CODE, LocalLoginsForTests, approve, collect
from tests.fakes.tokens import AUDIENCE, CLIENT, URL, HeldSigning


@pytest.fixture
def house() -> LocalLoginsForTests:
    """A local issuer and its people."""
    return LocalLoginsForTests()


def _verifier(house: LocalLoginsForTests) -> Verifier:
    trusted = house.issuer.trusted({AUDIENCE: [CLIENT]})
    return Verifier(trusted, HeldKeys(house.issuer.public_keys()), house.clock)


def test_it_does_not_start_with_real_data() -> None:
    """Where real data are, people prove who they are to the identity provider."""
    with pytest.raises(IssuerRefused):
        LocalIssuer(URL, HeldSigning(), SystemClock(), real_data=True)


def test_a_person_logs_in_and_their_token_counts(house: LocalLoginsForTests) -> None:
    """A code, its approval as a registered person, and a token whose every claim holds."""
    with house.http() as http:
        started = http.post("/device/code", data=CODE).json()
        assert collect(http, started["device_code"]).json()["error"] == "authorization_pending"
        page = http.get("/device", params={"user_code": started["user_code"]})
        assert "synthetic data only" in page.text
        assert started["user_code"] in page.text
        assert approve(http, started["user_code"], "asha").status_code == 200
        house.later(2)
        given = collect(http, started["device_code"]).json()
    said = _verifier(house).verify(given["access_token"], AUDIENCE)
    assert said.person == "asha"
    assert said.roles == {"researcher"}
    assert not said.second_factor
    assert [event.by for event in house.records.log.events if event.name == "token.issued"] == ["person:asha"]  # type: ignore[attr-defined]


def test_a_code_that_is_replayed_is_refused_logged_and_ends_the_login_it_gave(house: LocalLoginsForTests) -> None:
    """Two who hold one code cannot both be right: the second asker ends the first one's login."""
    with house.http() as http:
        started = http.post("/device/code", data=CODE).json()
        approve(http, started["user_code"], "asha")
        given = collect(http, started["device_code"]).json()
        again = collect(http, started["device_code"])
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert house.rules() == ["device.replayed"]
        session = _verifier(house).verify(given["access_token"], AUDIENCE).session
        assert house.ended == [session]
        renewed = http.post("/token", data=_refresh(given["refresh_token"]))
        assert renewed.json()["error"] == "invalid_grant"


def _refresh(token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": token}


def _logged_in(house: LocalLoginsForTests, person: str = "asha") -> str:
    """The refresh token of a fresh login."""
    with house.http() as http:
        started = http.post("/device/code", data=CODE).json()
        approve(http, started["user_code"], person)
        return str(collect(http, started["device_code"]).json()["refresh_token"])


def test_a_refresh_token_serves_once(house: LocalLoginsForTests) -> None:
    """It gives the next; when it comes again the login ends, for whoever holds which."""
    first = _logged_in(house)
    with house.http() as http:
        second = http.post("/token", data=_refresh(first)).json()["refresh_token"]
        assert second != first
        assert http.post("/token", data=_refresh(first)).json()["error"] == "invalid_grant"
        assert http.post("/token", data=_refresh(second)).json()["error"] == "invalid_grant"
    assert house.rules() == ["refresh.replayed", "refresh.unknown"]
    assert len(house.ended) == 1


def test_a_login_ends_after_a_working_day(house: LocalLoginsForTests) -> None:
    """However often it is renewed: after the longest session of the person's roles they log in anew."""
    refresh = _logged_in(house)
    with house.http() as http:
        for _ in range(9):
            house.later(3600)
            refresh = http.post("/token", data=_refresh(refresh)).json()["refresh_token"]
        house.later(3600)
        assert http.post("/token", data=_refresh(refresh)).json()["error"] == "invalid_grant"
    assert house.rules() == ["refresh.expired"]


def test_a_login_that_is_ended_gives_no_more_tokens(house: LocalLoginsForTests) -> None:
    """Revocation ends the session; a token that is unknown has ended already."""
    refresh = _logged_in(house)
    with house.http() as http:
        for token in (refresh, refresh, "unknown"):
            assert http.post("/revoke", data={"token": token, "client_id": CLIENT}).status_code == 200
        assert http.post("/token", data=_refresh(refresh)).json()["error"] == "invalid_grant"
    assert len(house.ended) == 1


@pytest.mark.parametrize(
    "ended",
    [
        lambda access: access.suspend_person("asha", by=HOUSE),
        lambda access: access.close_person("asha", "left us", by=HOUSE),
        lambda access: access.sanction(person_actor("asha"), "sold extracts on", None, by=HOUSE),
    ],
    ids=["suspended", "closed", "barred"],
)
def test_who_may_not_log_in_gets_no_more_tokens(house: LocalLoginsForTests, ended: Callable[[Access], object]) -> None:
    """The records are asked at each renewal, and the page does not offer them."""
    refresh = _logged_in(house)
    ended(house.access)
    with house.http() as http:
        assert http.post("/token", data=_refresh(refresh)).json()["error"] == "access_denied"
        started = http.post("/device/code", data=CODE).json()
        assert 'value="asha"' not in http.get("/device", params={"user_code": started["user_code"]}).text
        assert approve(http, started["user_code"], "asha").status_code == 400
    assert house.rules() == ["person.unknown", "person.unknown"]


@pytest.mark.parametrize("person", ["nobody", "carys", "", "../asha"])
def test_nobody_else_can_be_chosen(house: LocalLoginsForTests, person: str) -> None:
    """Not who is unknown, nor who has no role that counts at the command line."""
    with house.http() as http:
        started = http.post("/device/code", data=CODE).json()
        assert approve(http, started["user_code"], person).status_code == 400
        house.later(2)
        assert collect(http, started["device_code"]).json()["error"] == "authorization_pending"


def test_a_denied_code_gives_nothing(house: LocalLoginsForTests) -> None:
    """The other button."""
    with house.http() as http:
        started = http.post("/device/code", data=CODE).json()
        assert approve(http, started["user_code"], "asha", decision="deny").status_code == 200
        assert collect(http, started["device_code"]).json()["error"] == "access_denied"
