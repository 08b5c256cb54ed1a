"""Whose tokens count at which door, as haven.toml says it: each audience has its own clients and no other's."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.logins.parts import trusted_issuer
from infra.settings import Settings
from infra.settings_tables import IdentitySettings

ISSUER = "https://login.haven.example/realms/haven"


@pytest.mark.parametrize("secret", [None, Path("/etc/haven/hub.secret")])
def test_the_hubs_tokens_count_where_people_log_in_there(tmp_path: Path, secret: Path | None) -> None:
    """For the gateway the command line's, for the hub its own; without a hub's secret, none for the hub."""
    identity = IdentitySettings(issuer=ISSUER, hub_secret_file=secret)
    trusted = trusted_issuer(Settings(home=tmp_path, identity=identity))
    hub = {"haven-hub": frozenset({"haven-hub"})} if secret else {}
    assert trusted.clients == {"haven-gateway": frozenset({"haven-cli"}), **hub}
    assert trusted.require_second_factor
