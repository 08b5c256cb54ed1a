"""The same questions to the local issuer and to the real Keycloak, at the gateway's own HTTP door.

What is proven of the one holds of the other: who logs in gets exactly the claims of the table; whatever is forged is
refused and logged with its rule; keys rotate while the door stands; a log-in that ended is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from access.identity.claims import CLAIMS
from access.identity.device_login import DeviceLogin, Granted, Prompt
from access.identity.discovery import Discovery
from access.identity.errors import LoginRefused
from access.identity.fetching import HttpNetwork
from access.people.model import Role
from audit.clock import SystemClock
from audit.model import person, service
from infra.settings import Settings, SettingsError
from infra.wiring.haven import Haven
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.issuers import (
    DoorAtWork,
    IssuerAtWork,
    Listener,
    door_at_work,
    keycloak_at_work,
    local_at_work,
    log_in,
    published,
    renew,
)
from tests.fakes.local_logins import CODE, DEVICE_CODE, VERIFIER
from tests.fakes.people import assessed, invented_person
from tests.fakes.tokens import AUDIENCE, CLIENT, forged, misissued, parts_of


@pytest.fixture(scope="module", params=["local", "keycloak"])
def issuer(request: pytest.FixtureRequest) -> Iterator[IssuerAtWork]:
    """Each issuer in turn."""
    if request.param == "keycloak":
        with keycloak_at_work(request.getfixturevalue("keycloak")) as keycloak:
            yield keycloak
        return
    with local_at_work() as local:
        yield local


@pytest.fixture(scope="module")
def door(issuer: IssuerAtWork) -> Iterator[DoorAtWork]:
    """A gateway that trusts it; it never restarts within this module."""
    with door_at_work(issuer) as door:
        yield door


@pytest.fixture(scope="module")
def granted(issuer: IssuerAtWork) -> Granted:
    """asha's log-in."""
    return log_in(issuer, "asha")


def test_a_token_has_exactly_the_claims_of_the_table(issuer: IssuerAtWork, door: DoorAtWork, granted: Granted) -> None:
    """No claim more and none less; the person is the haven's own id of them, and may ask."""
    assert set(parts_of(granted.access)[1]) == set(CLAIMS)
    said = door.verifier.verify(granted.access, AUDIENCE)
    assert (said.person, said.client, said.roles) == ("asha", CLIENT, {"researcher"})
    assert said.second_factor is issuer.trusted.require_second_factor
    assert door.ask(granted.access) == (200, None)


def test_whatever_is_forged_is_refused_and_logged_and_nothing_is_fetched(
    issuer: IssuerAtWork, door: DoorAtWork, granted: Granted
) -> None:
    """Every forgery is refused at the door, by its own rule, in the log; an address in a token is never asked."""
    elsewhere = Listener()
    for what, (token, rule) in forged(granted.access, published(issuer), elsewhere.address).items():
        if not token or "\n" in token or len(token) > 60_000:  # HTTP does not carry them
            continue
        assert door.ask(token) == (401, "token.refused"), what
        assert door.last_rule() == rule, what
        assert token not in repr(door.gateway.log.events)
    assert elsewhere.heard_nobody()
    elsewhere.close()
    assert door.ask(granted.access) == (200, None)


def test_before_its_time_and_after_it_a_token_opens_nothing(
    issuer: IssuerAtWork, door: DoorAtWork, granted: Granted
) -> None:
    """The same token, good now, is none by a clock an hour on, nor by one an hour back; each refusal is in the log."""
    assert door.ask(granted.access) == (200, None)
    for by, rule in ((timedelta(hours=1), "token.expired"), (timedelta(hours=-1), "token.future")):
        door.clock.by = by
        assert door.ask(granted.access) == (401, "token.refused")
        assert door.last_rule() == rule
    door.clock.by = timedelta(0)
    assert door.ask(granted.access) == (200, None)


def test_what_an_issuer_signs_and_should_not_is_refused_at_the_door_and_logged() -> None:
    """Expired, from the future, with `nbf`, without any one claim, whatever else is not exactly right: by its rule."""
    with local_at_work() as issuer, door_at_work(issuer) as door:
        tokens = misissued(issuer.bench())
        assert {f"without the claim {name}" for name in CLAIMS} | {"expired", "from the future"} <= set(tokens)
        for number, (what, (token, rule)) in enumerate(tokens.items(), 1):
            assert door.ask(token) == (401, "token.refused"), what
            assert (door.last_rule(), len(door.refusals())) == (rule, number), what
            assert token not in repr(door.gateway.log.events)
        assert door.ask(issuer.bench().good()) == (200, None)


def test_a_megabyte_and_no_token_at_all_are_refused(door: DoorAtWork, granted: Granted) -> None:
    """Too long for HTTP or for us, absent, twice, or of another scheme: nobody is let in."""
    assert door.ask(None) == (401, "token.refused")
    assert door.ask(granted.access + "A" * 5000) == (401, "token.refused")
    assert door.last_rule() == "token.too_long"
    assert door.ask(None, authorization=f"Basic {granted.access}") == (401, "token.refused")
    with _raw(door) as http:
        twice = http.get("/v1/tables?project=admissions", headers=[("authorization", f"Bearer {granted.access}")] * 2)
    assert twice.status_code == 401
    with _raw(door) as http:
        try:
            status = http.get("/v1/tables", headers={"authorization": "Bearer " + "A" * 1024 * 1024}).status_code
        except httpx.TransportError:
            status = None  # the server hung up before it was all sent
    assert status in {None, 400, 401, 431}
    assert door.ask(granted.access) == (200, None)


def _raw(door: DoorAtWork) -> httpx.Client:
    """A client at the door's socket."""
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(door.folder / "door.sock")), base_url="http://door")


def test_a_refresh_token_and_another_issuers_token_open_nothing(door: DoorAtWork, granted: Granted) -> None:
    """Only an access token of this issuer is one."""
    assert door.ask(granted.refresh) == (401, "token.refused")
    with local_at_work() as another:
        assert door.ask(log_in(another, "asha").access) == (401, "token.refused")
    assert door.last_rule() in {"token.key", "token.algorithm"}


def test_keys_rotate_while_the_door_stands(issuer: IssuerAtWork, door: DoorAtWork, granted: Granted) -> None:
    """After a rotation the next token, under a new key id, is good at once; the one before it is good still.

    How seldom a new key is looked for has its own tests, with a clock that is moved; this door may look at once.
    """
    assert door.ask(granted.access) == (200, None)
    issuer.rotate()
    fresh = renew(issuer, granted)
    object.__setattr__(granted, "refresh", fresh.refresh)  # the old one is spent
    assert parts_of(fresh.access)[0]["kid"] != parts_of(granted.access)[0]["kid"]
    assert door.ask(fresh.access) == (200, None)
    assert door.ask(granted.access) == (200, None)


def test_a_device_code_that_is_replayed_is_refused_and_logged(issuer: IssuerAtWork) -> None:
    """It gives its token once; asked again it is none, and so is one that is made up. Each is in the issuer's log."""
    places = Discovery.ask(issuer.url, HttpNetwork())
    with httpx.Client(trust_env=False) as http:
        started = http.post(places.device, data=CODE | {"scope": AUDIENCE}).json()
        form = {
            "grant_type": DEVICE_CODE,
            "client_id": CLIENT,
            "device_code": started["device_code"],
            "code_verifier": VERIFIER,
        }
        issuer.approve(Prompt(started["verification_uri"], started["verification_uri_complete"],
                              started["user_code"], 600), "ewa")  # fmt: skip
        assert http.post(places.tokens, data=form).status_code == 200
        before = issuer.refused_codes()
        for other in (form, form | {"device_code": "made-up"}):
            answer = http.post(places.tokens, data=other)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert issuer.refused_codes() == [issuer.word_of_unknown, issuer.word_of_replayed, *before]


def test_a_log_in_that_ended_is_over_here_and_at_its_issuer(issuer: IssuerAtWork, door: DoorAtWork) -> None:
    """After the logout neither the access token nor the refresh token serves, though both have time left."""
    mine = log_in(issuer, "ewa")
    assert door.ask(mine.access) == (200, None)
    DeviceLogin(issuer.url, CLIENT, HttpNetwork(), lambda _: None, AUDIENCE).revoke(mine.refresh)
    door.ended.add(door.verifier.verify(mine.access, AUDIENCE).session)
    assert door.ask(mine.access) == (401, "token.refused")
    assert door.last_rule() == "token.session_ended"
    with pytest.raises(LoginRefused):
        renew(issuer, mine)


def test_who_is_suspended_asks_nothing_more(issuer: IssuerAtWork, door: DoorAtWork, granted: Granted) -> None:
    """The token is good and the records decide: the very next question is refused."""
    assert door.ask(granted.access) == (200, None)
    door.gateway.access.suspend_person("asha", by=service("administration"))
    assert door.ask(granted.access) == (403, "person.suspended")


def test_where_an_identity_provider_is_set_as_needs_its_login(
    issuer: IssuerAtWork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--as` through the haven's own settings: nobody without a login, with one exactly that person; no local token."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    trusted = issuer.trusted
    identity = {
        "issuer": issuer.url,
        "algorithms": trusted.algorithms,
        "require_second_factor": trusted.require_second_factor,
    }
    haven = Haven(Settings.model_validate({"home": tmp_path / "home", "identity": identity}), SystemClock())
    haven.audit_log = MemoryAuditLog()  # type: ignore[assignment]
    (tmp_path / "home" / "records").mkdir(parents=True)
    haven.access.register_organisation(assessed("university"), by=service("administration"))
    for name in ("bryn", "ewa"):
        roles = {Role.RESEARCHER, Role.CONTROLLER_DELEGATE}
        known = invented_person(name, "university", roles, date(2099, 1, 1))
        haven.access.register_person(known, by=service("administration"))
    for named in (haven.actor, haven.acting):
        with pytest.raises(LoginRefused, match="haven login"):
            named("bryn")
    said = haven.logins.log_in(lambda prompt: issuer.approve(prompt, "bryn"))
    assert (said.person, said.second_factor) == ("bryn", trusted.require_second_factor)
    for named in (haven.actor, haven.acting):
        assert named("bryn") == person("bryn")
        with pytest.raises(LoginRefused, match="another person"):
            named("ewa")
    assert haven.actor("university") == person("bryn")  # who acts for an organisation is asked about, and recorded
    with pytest.raises(SettingsError, match="identity provider"):
        _ = haven.issuer
    assert haven.logins.log_out() == "bryn"
    with pytest.raises(LoginRefused, match="haven login"):
        haven.actor("bryn")
    haven.records.engine.dispose()
