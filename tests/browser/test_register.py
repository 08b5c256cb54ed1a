"""The public register as the public meets it: in a real browser, without script, by keyboard; axe finds nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from infra.registers.folder import locked, prepare, switch
from infra.registers.gathering import gather
from infra.registers.publishing import register_bytes
from tests.fakes.registers import LOG, RegisteredWorld

pytestmark = pytest.mark.needs_chromium

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
PAGES = ("index.html", "releases.html", "projects/admissions.html", "projects/too-wide.html", "projects/waits.html")
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}}
SMALL, LARGE = {"width": 320, "height": 640}, {"width": 1280, "height": 900}


class _Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing of it."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A register in its place, served on this machine only."""
    place = tmp_path_factory.mktemp("public") / "register"
    sources = RegisteredWorld().sources()
    with locked(place):
        prepare(place, register_bytes(gather(sources), LOG, sources.releases))
        switch(place, "1" * 64)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(place)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page."""
    context = browser.new_context(viewport=LARGE)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(page: Page, address: str, name: str, size: dict[str, int]) -> None:
    """No rule of WCAG 2.2 AA, nor of axe's own practice, is broken on any page, on a telephone or a desk."""
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto(f"{address}/{name}")
    found = Axe().run(page, options=RULES)
    assert found.response["passes"], "axe looked at nothing"
    assert found.violations_count == 0, found.generate_report()


def test_axe_would_find_something(page: Page) -> None:
    """The check can fail: a page without a language and with pale text is told."""
    page.set_content("<html><body><p style='color:#ddd;background:#fff'>pale</p><img src='x'></body></html>")
    assert {one["id"] for one in Axe().run(page, options=RULES).response["violations"]} >= {
        "color-contrast",
        "image-alt",
    }


def test_the_register_works_without_script(browser: Browser, address: str) -> None:
    """With script turned off a reader goes from the index to a project and back."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/index.html")
    page.get_by_role("link", name="Admissions of people with diabetes").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Admissions of people with diabetes"
    page.get_by_role("navigation").get_by_role("link", name="Public register").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Public register of data uses"
    context.close()


def test_the_first_key_leads_to_the_content(page: Page, address: str) -> None:
    """Tab shows the skip link, Enter goes past the navigation."""
    page.goto(f"{address}/index.html")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("one => one === document.activeElement && one.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_telephone_scrolls_tables_and_not_the_page(page: Page, address: str) -> None:
    """At 320 pixels the page itself is no wider than the screen (WCAG 1.4.10)."""
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    for name in PAGES:
        page.goto(f"{address}/{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"], name


def test_nothing_is_fetched_but_the_page(page: Page, address: str) -> None:
    """One request for one page: no font, no script, no picture from anywhere."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/index.html")
    page.wait_for_load_state("networkidle")
    assert [one for one in asked if "favicon" not in one] == [f"{address}/index.html"]


def test_it_prints(page: Page, address: str, tmp_path: Path) -> None:
    """On paper there is no navigation, and links tell where they lead."""
    page.goto(f"{address}/index.html")
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    paper = tmp_path / "register.pdf"
    page.pdf(path=paper)
    assert paper.read_bytes().startswith(b"%PDF")
