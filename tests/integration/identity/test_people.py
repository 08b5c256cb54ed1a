"""Do exactly those log in who may, with their roles, and by both factors? Against a real Keycloak, page by page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from access.decisions import RefusedError
from access.people.model import Role
from access.realm.people import Change, Disable, Provision
from access.realm.service import Identity
from access.service import Access
from audit.events import EventName
from audit.model import service
from infra.housekeeping import keep_identity
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, PEOPLE, memory_records, peopled
from tests.fakes.keycloak import KeycloakForTests, documented_claims
from tests.fakes.keycloak_pages import Browsing, CommandLine, PersonAtTheDoor, proof_key, token_of
from tests.fakes.people import invented_person

HUBS_ADDRESS = "http://127.0.0.1:8460/hub/oauth_callback"


class House:
    """A haven's people in records of their own, synced into the shared realm, which is left without users."""

    def __init__(self, keycloak: KeycloakForTests) -> None:
        self.keycloak = keycloak
        self.log = MemoryAuditLog()
        self.records = memory_records()
        self.records.log = self.log
        self.access: Access = peopled(self.records)
        self.identity = Identity(keycloak.realm, keycloak.users, self.access, self.records)

    def at_the_door(self, name: str) -> PersonAtTheDoor:
        """Somebody with a new one-time password."""
        return PersonAtTheDoor(name, self.identity.reset(name, by=HOUSE).password)

    def told(self) -> list[str]:
        """What the log holds of log-ins."""
        return [event.name.value for event in self.log.events if event.name.value.startswith("login.")]

    def user(self, name: str) -> dict[str, object]:
        """The user as Keycloak has it."""
        admin = self.keycloak.realm.admin
        return dict(admin.get_user(str(admin.get_user_id(name))))


@pytest.fixture
def house(keycloak: KeycloakForTests) -> Iterator[House]:
    """Seven people who may log in."""
    house = House(keycloak)
    house.identity.sync(by=HOUSE)
    yield house
    for user in keycloak.users.users():
        keycloak.realm.admin.delete_user(user.id)


def _claims(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def test_the_days_housekeeping_closes_log_ins_makes_none_and_sees_drift(house: House) -> None:
    """Who is suspended loses theirs, a new person waits for an administrator; drift is counted and mended by nobody."""
    house.access.suspend_person("ewa", by=HOUSE)
    house.access.register_person(invented_person("noor", "gp", {Role.CONTROLLER_DELEGATE}, date(2027, 1, 31)), by=HOUSE)
    haven: Any = SimpleNamespace(identity=house.identity)
    house.keycloak.realm.admin.update_realm("haven", {"registrationAllowed": True})
    try:
        drifted, synced = keep_identity(haven, by=service("housekeeping"))
        assert drifted == 1
        assert house.identity.realm.drift() != []
        assert {type(step).__name__ for step in synced.steps} == {"Disable", "LeftOut"}
        assert not house.user("ewa")["enabled"]
        assert "noor" not in {user.name for user in house.keycloak.users.users()}
    finally:
        house.keycloak.realm.apply()
    assert keep_identity(haven, by=service("housekeeping"))[0] == 0


def test_a_token_has_exactly_the_documented_claims(house: House) -> None:
    """The command line's access token names one person, one audience and the roles that count there; nothing else."""
    claims = _claims(str(token_of(house.keycloak.issuer, house.at_the_door("ewa"))["access_token"]))
    assert set(claims) == documented_claims()
    assert claims["iss"] == house.keycloak.issuer
    assert claims["aud"] == "haven-gateway"
    assert claims["azp"] == "haven-cli"
    assert claims["typ"] == "Bearer"
    assert claims["acr"] == "1"
    assert claims["scope"] == "haven-gateway"
    assert claims["preferred_username"] == "ewa"
    assert sorted(claims["haven_roles"]) == ["output_checker", "researcher"]  # type: ignore[call-overload]
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 300


def test_a_role_that_does_not_count_for_a_client_is_not_in_its_token(house: House) -> None:
    """A commissioner's role is for the portal only: in a token of the command line there is none."""
    claims = _claims(str(token_of(house.keycloak.issuer, house.at_the_door("carys"), "openid")["access_token"]))
    assert set(claims) == documented_claims() - {"haven_roles"}
    assert claims["scope"] == "openid haven-gateway"


def _at_the_hub(house: House, **changes: str) -> Browsing:
    """Somebody whom the hub sent to log in."""
    asked = {
        "client_id": "haven-hub",
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": HUBS_ADDRESS,
        **proof_key()[1],
        **changes,
    }
    browsing = Browsing()
    browsing.open(f"{house.keycloak.issuer}/protocol/openid-connect/auth?{urlencode(asked)}")
    return browsing


def test_the_hub_gets_a_token_of_its_own(house: House) -> None:
    """By code, proof key and the hub's secret: its audience is the hub, and only a researcher's role is in it."""
    verifier, proof = proof_key()
    browsing = _at_the_hub(house, **proof)
    browsing.log_in(house.at_the_door("ewa"))
    assert browsing.address.startswith(f"{HUBS_ADDRESS}?")
    form = {
        "grant_type": "authorization_code",
        "code": httpx.URL(browsing.address).params["code"],
        "redirect_uri": HUBS_ADDRESS,
        "client_id": "haven-hub",
        "client_secret": house.identity.client_secret("haven-hub", by=HOUSE),
        "code_verifier": verifier,
    }
    token = f"{house.keycloak.issuer}/protocol/openid-connect/token"
    guessed = httpx.post(token, data=form | {"client_secret": "guessed"}, trust_env=False)
    assert guessed.status_code == httpx.codes.UNAUTHORIZED
    again = _at_the_hub(house, **proof)
    again.log_in(house.at_the_door("ewa"))
    form["code"] = httpx.URL(again.address).params["code"]
    claims = _claims(httpx.post(token, data=form, trust_env=False).json()["access_token"])
    assert set(claims) == documented_claims()
    assert (claims["aud"], claims["azp"], claims["scope"]) == ("haven-hub", "haven-hub", "openid haven-hub")
    assert claims["haven_roles"] == ["researcher"]


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:8460/hub/oauth_callback/../elsewhere"},
        {"redirect_uri": "https://haven.example/hub/oauth_callback"},
        {"code_challenge": "", "code_challenge_method": ""},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"client_id": "haven-cli"},
        {"client_id": "haven-gateway"},
        {"client_id": "account-console"},
    ],
    ids=lambda changes: " ".join(f"{key}={value}" for key, value in changes.items()),
)
def test_the_hub_is_let_in_by_its_one_way_only(house: House, changes: dict[str, str]) -> None:
    """Another address, no proof key, a plain one, a token without a code, another client: no log-in page is shown."""
    browsing = _at_the_hub(house, **changes)
    assert 'name="username"' not in browsing.page
    assert "code=" not in httpx.URL(browsing.address).query.decode()


def test_a_device_code_and_a_refresh_token_count_once(house: House) -> None:
    """A device code that was collected, or whose proof key is another, gives nothing; a refresh token neither."""
    command_line, browsing, person = CommandLine(house.keycloak.issuer), Browsing(), house.at_the_door("asha")
    code = command_line.ask()
    assert command_line.collect(code).json()["error"] == "authorization_pending"
    browsing.open(code.answer["verification_uri_complete"])
    browsing.log_in(person)
    assert "Grant Access to Haven: the command line" in browsing.title
    browsing.send(accept="Yes")
    stolen = command_line.collect(code, code_verifier="A" * 60)
    assert stolen.status_code == httpx.codes.BAD_REQUEST
    again = command_line.ask()
    browsing.open(again.answer["verification_uri_complete"])
    browsing.send(accept="Yes")
    given = command_line.collect(again)
    assert given.status_code == httpx.codes.OK
    assert command_line.collect(again).status_code == httpx.codes.BAD_REQUEST
    refresh = given.json()["refresh_token"]
    assert command_line.refresh(refresh).status_code == httpx.codes.OK
    assert command_line.refresh(refresh).status_code == httpx.codes.BAD_REQUEST


def test_no_client_gives_a_token_for_a_password(house: House) -> None:
    """Whoever knows a password gets no token with it alone, at none of the realm's clients."""
    person = house.at_the_door("asha")
    for client in ("haven-cli", "haven-portal", "haven-hub", "haven-gateway", "admin-cli", "account"):
        form = {"grant_type": "password", "client_id": client, "username": person.name, "password": person.password}
        answer = httpx.post(f"{house.keycloak.issuer}/protocol/openid-connect/token", data=form, trust_env=False)
        assert answer.status_code in (400, 401), client


def test_a_device_code_needs_a_proof_key(house: House) -> None:
    """The command line asks with a proof key (RFC 7636), or is refused."""
    address = f"{house.keycloak.issuer}/protocol/openid-connect/auth/device"
    answer = httpx.post(address, data={"client_id": "haven-cli"}, trust_env=False)
    assert answer.status_code == httpx.codes.BAD_REQUEST


def test_sync_gives_log_ins_and_again_changes_nothing(house: House) -> None:
    """Each registered person has one log-in with the roles of the records; a second sync finds nothing to do."""
    assert {user.name: set(user.groups) for user in house.keycloak.users.users()} == {
        person.id: {role.value for role in person.roles} for person in house.access.people()
    }
    asked = house.user("asha")["requiredActions"]
    assert isinstance(asked, list)
    assert sorted(asked) == ["CONFIGURE_TOTP", "UPDATE_PASSWORD"]
    assert house.told() == ["login.provisioned"] * len(PEOPLE)
    assert house.identity.sync(by=HOUSE).steps == ()
    assert house.told() == ["login.provisioned"] * len(PEOPLE)


def test_sync_follows_roles_and_takes_what_nobody_gave(house: House) -> None:
    """A changed role, and a role that somebody gave by hand in Keycloak, are put right by the next sync."""
    admin = house.keycloak.realm.admin
    asha = str(admin.get_user_id("asha"))
    admin.assign_realm_roles(asha, [admin.get_realm_role("administrator")])
    management = str(admin.get_client_id("realm-management"))
    admin.assign_client_role(asha, management, [admin.get_client_role(management, "manage-users")])
    until = date(2027, 1, 31)
    house.access.register_person(invented_person("bryn", "university", {Role.AUDITOR}, until), by=HOUSE)
    steps = house.identity.sync(by=HOUSE).steps
    assert {step.user.name: step.roles for step in steps if isinstance(step, Change)} == {
        "asha": {"researcher"},
        "bryn": {"auditor"},
    }
    assert house.identity.sync(by=HOUSE).steps == ()
    assert {role["name"] for role in admin.get_composite_realm_roles_of_user(asha)} >= {"researcher"}
    assert "administrator" not in {role["name"] for role in admin.get_composite_realm_roles_of_user(asha)}


def test_a_suspended_person_is_out_at_once(house: House) -> None:
    """The sync after a suspension ends the session: a refresh token gives nothing more, nor does the password."""
    person, command_line = house.at_the_door("asha"), CommandLine(house.keycloak.issuer)
    given = token_of(house.keycloak.issuer, person)
    house.access.suspend_person("asha", by=HOUSE)
    (step,) = house.identity.sync(by=HOUSE).steps
    assert isinstance(step, Disable)
    assert step.code == "person.suspended"
    assert command_line.refresh(given["refresh_token"]).status_code == httpx.codes.BAD_REQUEST
    browsing = Browsing()
    browsing.open(command_line.ask().answer["verification_uri_complete"])
    browsing.send(username=person.name, password=person.password)
    assert "Account is disabled" in browsing.page
    assert house.identity.sync(by=HOUSE).steps == ()


def test_a_stranger_is_closed_and_named_by_number_only(house: House) -> None:
    """A user whom nobody registered cannot log in after a sync; the log has Keycloak's id and not the name."""
    house.keycloak.users.provision(Provision("maria-1961", frozenset({"researcher"})), "one-time password of theirs")
    (step,) = house.identity.sync(by=HOUSE).steps
    assert isinstance(step, Disable)
    assert house.user("maria-1961")["enabled"] is False
    assert house.log.events[-1].name is EventName.LOGIN_DISABLED
    assert "maria" not in json.dumps(dict(house.log.events[-1].details))


def test_a_reset_takes_password_and_second_factor(house: House) -> None:
    """After a reset the old password and the old authenticator count no longer; the new log-in sets up both anew."""
    person = house.at_the_door("asha")
    token_of(house.keycloak.issuer, person)
    before = PersonAtTheDoor(person.name, person.password, person.secret)
    after = house.at_the_door("asha")
    browsing = Browsing()
    browsing.open(CommandLine(house.keycloak.issuer).ask().answer["verification_uri_complete"])
    browsing.send(username=before.name, password=before.password)
    assert "Invalid username or password" in browsing.page
    token_of(house.keycloak.issuer, after)
    assert after.secret is not None
    assert after.secret != before.secret


def test_who_may_not_log_in_is_not_reset(house: House) -> None:
    """A reset of somebody who is suspended, or whom nobody knows, is refused and recorded."""
    house.access.suspend_person("asha", by=HOUSE)
    for name, code in (("asha", "person.suspended"), ("nobody", "person.unknown")):
        with pytest.raises(RefusedError) as refusal:
            house.identity.reset(name, by=HOUSE)
        assert refusal.value.refused.code == code
        assert house.log.events[-1].name is EventName.LOGIN_RESET_REFUSED


def test_a_weak_password_is_not_taken(house: House) -> None:
    """The first password of one's own must be long, and not hold one's name."""
    person, browsing = house.at_the_door("asha"), Browsing()
    browsing.open(CommandLine(house.keycloak.issuer).ask().answer["verification_uri_complete"])
    browsing.send(username=person.name, password=person.password)
    for _ in range(2):
        if 'name="totpSecret"' in browsing.page:
            browsing.set_up(person)
    for weak, said in (("Spring2026!", "minimum length 14"), ("my name is asha indeed", "username")):
        browsing.send(**{"password-new": weak, "password-confirm": weak})
        assert said in browsing.page, weak


def test_a_new_key_signs_and_the_old_one_still_counts(house: House) -> None:
    """After a change of keys both are published, tokens carry the new one, and nothing has drifted."""
    person = house.at_the_door("asha")
    old = token_of(house.keycloak.issuer, person)
    house.identity.change_signing_key(by=HOUSE)
    new = CommandLine(house.keycloak.issuer).refresh(old["refresh_token"]).json()
    published = httpx.get(f"{house.keycloak.issuer}/protocol/openid-connect/certs", trust_env=False).json()["keys"]
    kids = [_header(str(one["access_token"]))["kid"] for one in (old, new)]
    assert kids[0] != kids[1]
    assert set(kids) <= {key["kid"] for key in published}
    assert house.keycloak.realm.drift() == []


def test_keycloak_tells_who_logged_in_and_what_was_changed(house: House) -> None:
    """Log-ins, failures and each change by an administrator are kept with details, and no password is among them."""
    admin, person = house.keycloak.realm.admin, house.at_the_door("asha")
    first, new = person.password, house.keycloak.person("zoe", "auditor")
    token_of(house.keycloak.issuer, person)
    browsing = Browsing()
    browsing.open(CommandLine(house.keycloak.issuer).ask().answer["verification_uri_complete"])
    browsing.send(username="asha", password="a wrong one")
    events = admin.get_events({"max": 200})
    assert {"LOGIN", "LOGIN_ERROR", "UPDATE_CREDENTIAL"} <= {event["type"] for event in events}
    changes = admin.get_admin_events({"max": 5000})
    assert {"USER", "CLIENT"} <= {change["resourceType"] for change in changes}
    assert any(change.get("representation") for change in changes)
    told = json.dumps([events, changes])
    assert "zoe" in told
    for password in (first, person.password, new.password):
        assert password not in told


def _header(token: str) -> dict[str, str]:
    head = token.split(".", maxsplit=1)[0]
    return dict(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))))
