"""The realm as data: the whole of it compared, and what must hold of it whatever the settings are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from access.realm.representation import realm_representation
from access.realm.wanted.settings import RealmSettings, RealmSettingsWrong

WHOLE = Path(__file__).with_name("realm.json")
"""Written by: python -m tests.unit.access.realm.test_representation"""
PRODUCTION = RealmSettings("https://haven.example.nhs.uk", "https://work.haven.example.nhs.uk", "webauthn")


def _written(settings: RealmSettings) -> str:
    return json.dumps(realm_representation(settings), indent=1, ensure_ascii=False) + "\n"


def test_the_whole_realm_is_as_it_was_read_last() -> None:
    """Nothing of the realm changes without somebody reading it: the representation is the file beside this test."""
    assert _written(RealmSettings()) == WHOLE.read_text(encoding="utf-8")


@pytest.mark.parametrize("settings", [RealmSettings(), PRODUCTION], ids=["here", "in production"])
def test_no_client_takes_a_password_or_a_wildcard(settings: RealmSettings) -> None:
    """No client of ours has a password grant, an implicit flow, every role, or an address that is not exact."""
    for client in realm_representation(settings)["clients"]:
        assert not client.get("directAccessGrantsEnabled")
        assert not client.get("implicitFlowEnabled")
        assert not client.get("fullScopeAllowed")
        assert not client.get("serviceAccountsEnabled")
        assert all("*" not in address for address in client.get("redirectUris", ()))


def test_the_command_line_has_the_device_flow_and_nothing_else() -> None:
    """The public client cannot be sent back to anywhere, and its tokens are for the gateway."""
    (client,) = (one for one in realm_representation(PRODUCTION)["clients"] if one["clientId"] == "haven-cli")
    assert client["publicClient"]
    assert client["redirectUris"] == []
    assert client["defaultClientScopes"] == ["haven-person", "haven-gateway"]
    switched_on = {key for key, value in client.items() if value is True}
    assert switched_on == {"enabled", "publicClient"}
    assert client["attributes"]["oauth2.device.authorization.grant.enabled"] == "true"


def test_the_second_factor_is_required_and_not_conditional() -> None:
    """Password and second factor are both REQUIRED, whichever factor was chosen."""
    for settings, factor in ((RealmSettings(), "auth-otp-form"), (PRODUCTION, "webauthn-authenticator")):
        flows = {flow["alias"]: flow for flow in realm_representation(settings)["authenticationFlows"]}
        steps = flows["haven browser forms"]["authenticationExecutions"]
        assert [(one["authenticator"], one["requirement"]) for one in steps] == [
            ("auth-username-password-form", "REQUIRED"),
            (factor, "REQUIRED"),
        ]
        actions = realm_representation(settings)["requiredActions"]
        assert len([one["alias"] for one in actions if one["defaultAction"]]) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://haven.example.nhs.uk",
        "https://*.example.nhs.uk",
        "https://haven.example/?next=",
        "https://haven.example#a",
        "https://user@haven.example",
        "ftp://haven.example",
        "javascript:alert(1)",
        "haven.example",
        "",
    ],
)
def test_log_ins_are_not_sent_anywhere(address: str) -> None:
    """An address that is not exactly one https address is refused, with the setting's name."""
    for settings in ({"portal": address}, {"hub": address}):
        with pytest.raises(RealmSettingsWrong) as refusal:
            RealmSettings(**settings)  # type: ignore[arg-type]
        assert refusal.value.where == f"[identity] {next(iter(settings))}"


if __name__ == "__main__":
    WHOLE.write_text(_written(RealmSettings()), encoding="utf-8")
