"""What browser tests share: a Chromium, and a real Keycloak with the haven's realm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.fakes.keycloak import KeycloakForTests, running_keycloak

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def keycloak() -> Iterator[KeycloakForTests]:
    """A Keycloak with the haven's realm, for all browser tests that ask for it. Security keys need a host's name."""
    with running_keycloak("localhost") as stands:
        yield stands
