"""A researcher's whole way in, in a real browser: the real Keycloak with both factors, conditions, Lab; and its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from access.decisions import Allowed, Decision, Refused
from access.realm.keycloak import KeycloakRealm
from access.realm.people import Disable
from access.realm.wanted.settings import RealmSettings
from audit.events import EventName
from audit.records import Records
from environments.workspaces.logins import HubLogins
from infra.wiring.haven import Haven
from tests.fakes.keycloak import KeycloakForTests
from tests.fakes.keycloak_pages import PersonAtTheDoor
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, free_port, workplace

pytestmark = pytest.mark.needs_chromium

MILLISECONDS = 60_000


class EverybodyButMallory:
    """The records of people: mallory was closed."""

    def may_log_in(self, person: str) -> Decision:
        """Not mallory."""
        return Refused("person.closed", "This person's account was closed.") if person == "mallory" else Allowed()


@pytest.fixture(scope="module")
def place(keycloak: KeycloakForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkplaceForTests]:
    """A real hub whose people log in at the real Keycloak, both set as haven.toml sets them."""
    port = free_port()
    hub = f"http://127.0.0.1:{port}"
    realm = KeycloakRealm(keycloak.realm.keeper, RealmSettings(hub=hub))
    realm.apply()
    secret = tmp_path_factory.mktemp("secrets") / "hub.secret"
    secret.write_text(realm.client_secret("haven-hub"))
    issuer = keycloak.issuer
    home = tmp_path_factory.mktemp("home")
    (home / "haven.toml").write_text(
        f'[identity]\nissuer = "{issuer}"\nhub = "{hub}"\nhub_secret_file = "{secret}"\n', encoding="utf-8"
    )
    haven = Haven.at(home)
    openid, verifier = haven.hub_place.openid, haven.verifier

    def logins(records: Records) -> HubLogins:
        return HubLogins(records, verifier, EverybodyButMallory())

    with workplace(environments_folder(), clients_folder(), openid, logins, port) as stands:
        stands.approvals.approved.add(("gwen", "diabetes"))
        yield stands
    keycloak.realm.apply()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of somebody who is not logged in anywhere."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(MILLISECONDS)
    yield context.new_page()
    context.close()


def _log_in(page: Page, person: PersonAtTheDoor) -> None:
    """The first log-in: password, authenticator, new password."""
    page.fill("#username", person.name)
    page.fill("#password", person.password)
    page.click("#kc-login")
    page.click("#mode-manual")
    person.secret = page.locator("#kc-totp-secret-key").inner_text().strip()
    page.fill("#totp", person.code())
    page.fill("#userLabel", "telephone")
    page.click("#saveTOTPBtn")
    person.password = f"a long sentence of {person.name[::-1]}"
    page.fill("#password-new", person.password)
    page.fill("#password-confirm", person.password)
    page.click("input[type=submit], button[type=submit]")


def _assert_accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert found.response["passes"], "axe looked at nothing"


def test_from_the_hubs_address_to_lab_and_out(
    place: WorkplaceForTests, keycloak: KeycloakForTests, page: Page, tmp_path: Path
) -> None:
    """Log in with both factors, see one's projects, acknowledge, work; log out, and the hub asks again."""
    page.goto(f"{place.place.address}/")
    _log_in(page, keycloak.person("gwen", "researcher"))
    expect(page.get_by_role("heading", name="Your workspaces")).to_be_visible()
    expect(page.get_by_text("What diabetes is for")).to_be_visible()
    _assert_accessible(page)
    page.screenshot(path=tmp_path / "workspaces.png")
    page.get_by_role("link", name="Open diabetes").click()
    expect(page.get_by_text("no table by practice is shown")).to_be_visible()
    _assert_accessible(page)
    page.screenshot(path=tmp_path / "conditions.png")
    page.get_by_label("I have read these conditions").check()
    page.get_by_role("button", name="Open the workspace").click()
    page.wait_for_url("**/user/gwen/diabetes/lab**", timeout=MILLISECONDS)
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=MILLISECONDS)
    page.screenshot(path=tmp_path / "lab.png")
    opened = [event for event in place.log.events if event.name is EventName.LOGIN_OPENED]
    assert [(event.by, event.details["client"]) for event in opened] == [("person:gwen", "haven-hub")]

    page.goto(f"{place.place.address}/hub/workspaces")
    page.get_by_role("button", name="Close diabetes").click()
    expect(page.get_by_role("link", name="Open diabetes")).to_be_visible()


def test_a_log_in_that_ended_at_the_provider_opens_nothing(
    place: WorkplaceForTests, keycloak: KeycloakForTests, page: Page
) -> None:
    """The hub's own cookie is still there; the session at Keycloak is not, so the start asks for a log-in."""
    place.approvals.approved.add(("hana", "diabetes"))
    page.goto(f"{place.place.address}/hub/spawn/hana/diabetes")
    _log_in(page, keycloak.person("hana", "researcher"))
    expect(page.get_by_role("button", name="Open the workspace")).to_be_visible()
    before = place.processes_inside()
    hana = next(user for user in keycloak.users.users() if user.name == "hana")
    keycloak.users.disable(Disable(hana, "person.closed"))
    page.get_by_label("I have read these conditions").check()
    page.get_by_role("button", name="Open the workspace").click()
    expect(page.locator("body")).not_to_contain_text("Open the workspace")
    assert place.processes_inside() == before


def test_whom_the_records_closed_the_hub_does_not_let_in(
    place: WorkplaceForTests, keycloak: KeycloakForTests, page: Page
) -> None:
    """Keycloak says who it is; the records say that the account was closed: the page gives the reason."""
    page.goto(f"{place.place.address}/hub/workspaces")
    _log_in(page, keycloak.person("mallory", "researcher"))
    expect(page.get_by_text("This person's account was closed.", exact=True)).to_be_visible()
    assert place.log.events[-1].name is EventName.LOGIN_REFUSED
    assert place.log.events[-1].details["rule"] == "person.closed"
