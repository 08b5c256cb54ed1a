"""What docs/identity.md and its example say is what the code takes: settings, and what is built out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.identity.distribution import WITHOUT
from infra.settings_tables import IdentitySettings
from tests.fakes.keycloak import documented_claims

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")


def test_the_pages_settings_are_settings() -> None:
    """The table [identity] of the page is taken as it stands there."""
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    settings = IdentitySettings.model_validate(tomllib.loads(block)["identity"])
    assert settings.server == "https://id-admin.haven.example.nhs.uk"
    assert settings.second_factor == "webauthn"


@pytest.mark.parametrize(
    "settings",
    [
        {"server": "http://id.example", "keeper_secret_file": "/etc/s", "issuer": "https://id.example/realms/haven"},
        {"server": "https://id.example", "issuer": "https://id.example/realms/haven"},
        {"server": "https://id.example", "keeper_secret_file": "/etc/s"},
        {"second_factor": "none"},
        {"second_factors": "totp"},
        {"memory": "lots"},
    ],
)
def test_settings_that_would_weaken_are_refused(settings: dict[str, str]) -> None:
    """Without TLS elsewhere, a keeper's secret or an issuer, or with another factor: an error at start."""
    with pytest.raises(ValidationError):
        IdentitySettings.model_validate(settings)


def test_the_example_builds_out_what_is_built_out_here() -> None:
    """Production lacks the same features as the Keycloak that is tested."""
    example = (ROOT / "docs" / "examples" / "identity" / "keycloak.conf").read_text(encoding="utf-8")
    (features,) = re.findall(r"^features-disabled=(.*)$", example, re.MULTILINE)
    assert set(features.split(",")) == set(WITHOUT)


def test_no_documented_claim_names_somebody_elsewhere() -> None:
    """An access token says fourteen things, and neither a name nor an address."""
    claims = documented_claims()
    assert len(claims) == 14
    assert not claims & {"name", "given_name", "family_name", "email", "email_verified", "phone_number", "groups"}
