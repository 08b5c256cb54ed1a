"""One real Keycloak for all integration tests that ask for it: started by the first, ended with the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.keycloak import KeycloakForTests, running_keycloak


@pytest.fixture(scope="session")
def keycloak() -> Iterator[KeycloakForTests]:
    """A Keycloak with the haven's realm. Tests share it: each uses people of its own, and repairs what it breaks."""
    with running_keycloak() as stands:
        yield stands
