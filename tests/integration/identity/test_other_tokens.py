"""Tokens that the real Keycloak signs and that are no access tokens of ours: none of them opens the gateway's door."""

from __future__ import annotations

import pytest

from access.identity.errors import TokenRefused
from tests.fakes.issuers import door_at_work, keycloak_at_work
from tests.fakes.keycloak import KeycloakForTests
from tests.fakes.keycloak_pages import token_of
from tests.fakes.tokens import AUDIENCE, parts_of


def test_only_the_access_token_for_this_door_is_one(keycloak: KeycloakForTests) -> None:
    """The same login's ID token and refresh token, and the token of another realm of the same Keycloak: refused."""
    keepers = str(keycloak.realm.admin.connection.token["access_token"])
    assert parts_of(keepers)[1]["iss"] != keycloak.issuer
    with keycloak_at_work(keycloak) as issuer, door_at_work(issuer) as door:
        given = token_of(keycloak.issuer, issuer.known("asha"), f"openid {AUDIENCE}")
        assert door.ask(given["access_token"]) == (200, None)
        for kind, rules in (
            ("id_token", {"token.claim_missing", "token.claim_unknown"}),
            ("refresh_token", {"token.algorithm"}),
        ):
            assert door.ask(given[kind]) == (401, "token.refused")
            assert door.last_rule() in rules, kind
        assert door.ask(keepers) == (401, "token.refused")
        assert door.last_rule() in {"token.key", "token.algorithm"}
        with pytest.raises(TokenRefused) as told:
            door.verifier.verify(given["access_token"], "haven-portal")
        assert told.value.rule == "token.audience"
