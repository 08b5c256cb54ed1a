"""What browser tests share: a Chromium of the tests of log-ins, and a real Keycloak with the haven's realm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.keycloak import KeycloakForTests, running_keycloak


@pytest.fixture(scope="session")
def keycloak() -> Iterator[KeycloakForTests]:
    """A Keycloak with the haven's realm, for all browser tests that ask for it. Security keys need a host's name."""
    with running_keycloak("localhost") as stands:
        yield stands
