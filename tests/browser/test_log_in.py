"""A person's first log-in and the ones after it, in a real browser: passwords, authenticator, consent, and the lock."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from access.realm.keycloak import KeycloakRealm
from access.realm.keycloak_users import KeycloakUsers
from access.realm.wanted.settings import RealmSettings
from tests.fakes.keycloak import KeycloakForTests, documented_claims
from tests.fakes.keycloak_pages import CommandLine, DeviceCode, PersonAtTheDoor

pytestmark = pytest.mark.needs_chromium

MILLISECONDS = 60_000


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of somebody who is not logged in anywhere."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(MILLISECONDS)
    yield context.new_page()
    context.close()


def _title(page: Page, words: str) -> None:
    expect(page.locator("#kc-page-title")).to_contain_text(words, timeout=MILLISECONDS)


def _open(page: Page, code: DeviceCode) -> None:
    page.goto(code.answer["verification_uri_complete"])


def _sign_in(page: Page, name: str, password: str) -> None:
    _title(page, "Sign in")
    page.fill("#username", name)
    page.fill("#password", password)
    page.click("#kc-login")


def _set_up_authenticator(page: Page, person: PersonAtTheDoor) -> None:
    """As somebody does who cannot scan the picture: the secret is shown in letters."""
    _title(page, "Mobile Authenticator Setup")
    page.click("#mode-manual")
    person.secret = page.locator("#kc-totp-secret-key").inner_text().strip()
    page.fill("#totp", person.code())
    page.fill("#userLabel", "telephone")
    page.click("#saveTOTPBtn")


def _choose_password(page: Page, password: str) -> None:
    _title(page, "Update password")
    page.fill("#password-new", password)
    page.fill("#password-confirm", password)
    page.click("input[type=submit], button[type=submit]")


def _give_code(page: Page, code: str) -> None:
    page.fill("#otp", code)
    page.click("#kc-login")


def _claims(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def _first_log_in(page: Page, person: PersonAtTheDoor) -> None:
    _sign_in(page, person.name, person.password)
    _set_up_authenticator(page, person)
    person.password = f"a long sentence of {person.name[::-1]}"
    _choose_password(page, person.password)


def test_from_the_one_time_password_to_a_token(keycloak: KeycloakForTests, page: Page) -> None:
    """New password, authenticator, consent: the command line gets a token that says exactly what is documented."""
    person, command_line = keycloak.person("asha", "researcher", "output_checker"), CommandLine(keycloak.issuer)
    code = command_line.ask()
    _open(page, code)
    _first_log_in(page, person)
    _title(page, "Grant Access to Haven: the command line")
    assert command_line.collect(code).json()["error"] in ("authorization_pending", "slow_down")
    page.click("#kc-login")
    _title(page, "Device Login Successful")
    page.wait_for_timeout(1000 * int(code.answer["interval"]))
    given = command_line.collect(code)
    assert given.status_code == httpx.codes.OK, given.text
    claims = _claims(given.json()["access_token"])
    assert set(claims) == documented_claims()
    assert claims["aud"] == "haven-gateway"
    assert claims["preferred_username"] == "asha"
    assert set(claims["haven_roles"]) == {"researcher", "output_checker"}  # type: ignore[call-overload]


def test_every_log_in_asks_for_the_second_factor(keycloak: KeycloakForTests, browser: Browser, page: Page) -> None:
    """Somebody who comes with their password is asked for a code; a wrong one is refused, the right one is not."""
    person, command_line = keycloak.person("bryn", "researcher"), CommandLine(keycloak.issuer)
    _open(page, command_line.ask())
    _first_log_in(page, person)
    _title(page, "Grant Access")

    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(MILLISECONDS)
    elsewhere = context.new_page()
    _open(elsewhere, command_line.ask())
    _sign_in(elsewhere, person.name, person.password)
    expect(elsewhere.locator("#otp")).to_be_visible()
    expect(elsewhere.get_by_text("Grant Access")).to_have_count(0)
    _give_code(elsewhere, "000000")
    expect(elsewhere.get_by_text("Invalid authenticator code")).to_be_visible()
    _give_code(elsewhere, person.code())
    _title(elsewhere, "Grant Access")
    context.close()


def test_who_says_no_gives_nothing(keycloak: KeycloakForTests, page: Page) -> None:
    """A code that somebody else asked for is refused on the consent page, and the asker is told so."""
    person, command_line = keycloak.person("carys", "auditor"), CommandLine(keycloak.issuer)
    code = command_line.ask()
    _open(page, code)
    _first_log_in(page, person)
    _title(page, "Grant Access")
    page.click("#kc-cancel")
    expect(page.locator("body")).to_contain_text("Consent denied")
    assert command_line.collect(code).json()["error"] == "access_denied"


@pytest.fixture
def with_security_keys(keycloak: KeycloakForTests) -> Iterator[KeycloakForTests]:
    """The same Keycloak, its realm applied with the other second factor; afterwards as it was."""
    realm = KeycloakRealm(keycloak.realm.keeper, RealmSettings(second_factor="webauthn"))
    realm.apply()
    yield KeycloakForTests(keycloak.address, realm, KeycloakUsers(realm))
    keycloak.realm.apply()


def test_a_security_key_as_the_second_factor(with_security_keys: KeycloakForTests, page: Page) -> None:
    """Where the settings say so, a first log-in registers a key, and the next one cannot go on without it."""
    keycloak = with_security_keys
    assert keycloak.realm.drift() == []
    person, command_line = keycloak.person("ewa", "researcher"), CommandLine(keycloak.issuer)
    key = _plug_in_a_key(page)
    page.on("dialog", lambda asked: asked.accept("key"))
    _open(page, command_line.ask())
    _sign_in(page, person.name, person.password)
    person.password = "a long sentence of hers"
    _choose_password(page, person.password)
    _title(page, "Passkey Registration")
    _touch_key(page, "#registerWebAuthn")
    _title(page, "Grant Access")

    page.context.clear_cookies()
    _open(page, command_line.ask())
    _sign_in(page, person.name, person.password)
    _title(page, "Passkey login")
    expect(page.get_by_text("Grant Access")).to_have_count(0)
    _touch_key(page, "#authenticateWebAuthnButton")
    _title(page, "Grant Access")
    assert key


def _touch_key(page: Page, button: str) -> None:
    """The button means something when the page's script has run, which is when it is loaded."""
    page.wait_for_load_state("load")
    page.click(button)


def _plug_in_a_key(page: Page) -> str:
    """A key of Chromium's own making, whose holder is always there and known to it."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return str(devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])


def test_guessing_locks_the_account(keycloak: KeycloakForTests, page: Page) -> None:
    """After five wrong passwords the right one is not taken either; the page does not say why."""
    person = keycloak.person("dev", "output_checker")
    _open(page, CommandLine(keycloak.issuer).ask())
    for number in range(5):
        _sign_in(page, person.name, f"a guess, number {number}")
        expect(page.get_by_text("Invalid username or password").first).to_be_visible()
    _sign_in(page, person.name, person.password)
    expect(page.get_by_text("Invalid username or password").first).to_be_visible()
    identifier = str(keycloak.realm.admin.get_user_id("dev"))
    assert keycloak.realm.admin.get_bruteforce_detection_status(identifier)["disabled"] is True
