"""The local issuer's page in a real browser: a code is approved there, under its own policy, for everybody to use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from access.identity.device_login import DeviceLogin, Granted, Prompt
from access.identity.fetching import HttpNetwork
from tests.fakes.issuers import LocalAtWork, local_at_work
from tests.fakes.tokens import AUDIENCE, CLIENT, parts_of

pytestmark = pytest.mark.needs_chromium


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalAtWork]:
    """A local issuer on a loopback port."""
    with local_at_work() as issuer:
        yield issuer


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose console is listened to: a broken policy would be told there."""
    context, said = browser.new_context(), []
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    yield page
    context.close()
    assert [text for text in said if not text.startswith("Failed to load resource")] == []


class LogIn:
    """A log-in under way, as the command line does it."""

    def __init__(self, issuer: LocalAtWork) -> None:
        self.prompt: Prompt | None = None
        self.granted: Granted | None = None
        self._shown, self._gone_on = threading.Event(), threading.Event()
        device = DeviceLogin(issuer.url, CLIENT, HttpNetwork(), lambda _: self._wait(), AUDIENCE)
        self._thread = threading.Thread(target=lambda: setattr(self, "granted", device.log_in(self._show)))
        self._thread.start()
        self._shown.wait()

    def _show(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self._shown.set()

    def _wait(self) -> None:
        self._gone_on.wait()

    def go_on(self) -> Granted | None:
        """The page is done: ask for the tokens."""
        self._gone_on.set()
        self._thread.join()
        return self.granted


def test_a_developer_approves_a_code_in_chromium(issuer: LocalAtWork, page: Page, tmp_path: Path) -> None:
    """The address, the code to compare, the person, the button; then the program has its token."""
    under_way = LogIn(issuer)
    assert under_way.prompt is not None
    page.goto(str(under_way.prompt.page_with_code))
    expect(page.get_by_text(under_way.prompt.user_code)).to_be_visible()
    expect(page.get_by_text("synthetic data only")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.warning')).borderLeftStyle") == "solid"
    assert Axe().run(page).violations_count == 0
    page.get_by_label("Asha (asha, university)").check()
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Logged in as asha")).to_be_visible()
    granted = under_way.go_on()
    assert granted is not None
    assert parts_of(granted.access)[1]["preferred_username"] == "asha"


def test_the_code_can_be_typed(issuer: LocalAtWork, page: Page) -> None:
    """From the plain address, with the keyboard alone; a wrong code is said in words."""
    under_way = LogIn(issuer)
    assert under_way.prompt is not None
    page.goto(under_way.prompt.page)
    assert Axe().run(page).violations_count == 0
    page.get_by_label("The code that the program shows").fill(under_way.prompt.user_code.lower())
    page.keyboard.press("Enter")
    page.get_by_label("Bryn (bryn, university)").check()
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Logged in as bryn")).to_be_visible()
    assert under_way.go_on() is not None


def test_a_page_elsewhere_approves_nothing(issuer: LocalAtWork, page: Page, tmp_path: Path) -> None:
    """A form on another page, sent by a real browser with the issuer's cookie at hand: refused, the code waits on."""
    code, grant = issuer.logins.start(CLIENT, "A" * 43)
    page.goto(f"{issuer.url}/device?user_code={grant.user_code}")
    proof = page.locator("input[name=proof]").get_attribute("value")
    elsewhere = tmp_path / "elsewhere.html"
    fields = {"user_code": grant.user_code, "proof": proof, "person": "asha", "decision": "approve"}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    elsewhere.write_text(f'<form method="post" action="{issuer.url}/device">{inputs}<button>go</button></form>')
    page.goto(elsewhere.as_uri())
    with page.expect_response("**/device") as answer:
        page.get_by_role("button").click()
    assert answer.value.status == 403
    assert issuer.logins.waiting(grant.user_code).state == "waiting"
    assert code
