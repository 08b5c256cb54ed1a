"""Wanted against found, without a Keycloak: what is the same, what is missing, changed or nobody's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from access.realm.drift import Kind, differences
from access.realm.representation import realm_representation
from access.realm.wanted.settings import RealmSettings

Realm = dict[str, Any]
WANTED = realm_representation(RealmSettings())


def _named(many: list[Realm], key: str, name: str) -> Realm:
    return next(one for one in many if one[key] == name)


def _client(realm: Realm, name: str = "haven-cli") -> Realm:
    return _named(realm["clients"], "clientId", name)


def _said(change: Callable[[Realm], object]) -> list[str]:
    found = copy.deepcopy(WANTED)
    change(found)
    return [str(one) for one in differences(WANTED, found)]


def test_a_realm_does_not_differ_from_itself() -> None:
    """What is wanted, found as it is, has no difference."""
    assert differences(WANTED, copy.deepcopy(WANTED)) == []


def test_order_and_what_keycloak_adds_make_no_difference() -> None:
    """Ids, Keycloak's own roles and flows, sorted lists, and settings nobody wants anything of are not drift."""

    def as_keycloak_writes_it(realm: Realm) -> None:
        realm |= {"id": "a7", "loginTheme": "theirs", "keycloakVersion": "26"}
        realm["roles"]["realm"] += [{"name": "offline_access"}, {"name": "uma_authorization"}]
        realm["roles"]["client"] = {"realm-management": [{"name": "manage-users"}]}
        realm["authenticationFlows"].append(
            {"alias": "browser", "topLevel": True, "builtIn": True, "authenticationExecutions": []}
        )
        for client in realm["clients"]:
            client["id"] = "c1"
            client.setdefault("defaultClientScopes", []).reverse()
            client.setdefault("attributes", {})["client.secret.creation.time"] = "1"
        realm["requiredActions"].append({"alias": "new", "enabled": False, "defaultAction": False})

    assert _said(as_keycloak_writes_it) == []


def test_an_empty_realm_lacks_every_part() -> None:
    """Where there is no realm, each part is missing and each setting has to be set."""
    found = differences(WANTED, {})
    assert {one.kind for one in found if one.part.value != "setting"} == {Kind.MISSING}
    assert {one.part.value for one in found} >= {"role", "group", "client", "client scope", "flow", "setting"}


CHANGES: dict[str, tuple[Callable[[Realm], object], list[str]]] = {
    "a wider address": (
        lambda realm: _client(realm, "haven-hub").update(redirectUris=["*"]),
        ["client 'haven-hub', redirectUris: is *, should be http://127.0.0.1:8460/hub/oauth_callback"],
    ),
    "an optional factor": (
        lambda realm: _named(realm["authenticationFlows"], "alias", "haven browser forms")["authenticationExecutions"][
            1
        ].update(requirement="CONDITIONAL"),
        [
            "flow 'haven browser forms', executions: is auth-username-password-form REQUIRED, auth-otp-form CONDITIONAL"
            ", should be auth-username-password-form REQUIRED, auth-otp-form REQUIRED"
        ],
    ),
    "the same steps in another order": (
        lambda realm: _named(realm["authenticationFlows"], "alias", "haven browser forms")["authenticationExecutions"][
            1
        ].update(priority=-1),
        [
            "flow 'haven browser forms', executions: is auth-otp-form REQUIRED, auth-username-password-form REQUIRED, "
            "should be auth-username-password-form REQUIRED, auth-otp-form REQUIRED"
        ],
    ),
    "a new client": (
        lambda realm: realm["clients"].append({"clientId": "theirs", "fullScopeAllowed": True}),
        ["client 'theirs' is not the haven's"],
    ),
    "a new attribute of a client": (
        lambda realm: _client(realm)["attributes"].update({"standard.token.exchange.enabled": "true"}),
        ["client 'haven-cli', attributes.standard.token.exchange.enabled: is true, should be nothing"],
    ),
    "a new action": (
        lambda realm: realm["requiredActions"].append({"alias": "new", "enabled": True, "defaultAction": False}),
        ["required action 'new' is not the haven's"],
    ),
    "a store of users": (
        lambda realm: realm["components"].update(
            {"org.keycloak.storage.UserStorageProvider": [{"name": "ldap", "providerId": "ldap", "config": {}}]}
        ),
        ["component 'ldap' is not the haven's"],
    ),
    "the administrators' client has an account": (
        lambda realm: _client(realm, "realm-management").update(
            bearerOnly=False, serviceAccountsEnabled=True, directAccessGrantsEnabled=True, redirectUris=["*"]
        ),
        [
            "client 'realm-management', bearerOnly: is False, should be True",
            "client 'realm-management', directAccessGrantsEnabled: is True, should be False",
            "client 'realm-management', redirectUris: is *, should be nothing",
            "client 'realm-management', serviceAccountsEnabled: is True, should be False",
        ],
    ),
    "a program's account": (
        lambda realm: realm["users"].append({"username": "service-account-realm-management"}),
        ["service account 'service-account-realm-management' is not the haven's"],
    ),
    "an attribute of the realm": (
        lambda realm: realm["attributes"].update({"acr.loa.map": '{"2": 1}', "cibaInterval": "5"}),
        ["setting 'attributes.acr.loa.map': is {\"2\": 1}, should be nothing"],
    ),
    "a scope that carries a role": (
        lambda realm: realm["scopeMappings"].append({"clientScope": "haven-person", "roles": ["administrator"]}),
        ["client scope 'haven-person', roles: is administrator, should be nothing"],
    ),
    "a role that brings another": (
        lambda realm: _named(realm["roles"]["realm"], "name", "researcher").update(
            composites={"realm": ["administrator"], "client": {"realm-management": ["realm-admin"]}}
        ),
        ["role 'researcher', composites: is administrator, realm-management:realm-admin, should be nothing"],
    ),
    "a group that everybody comes into": (
        lambda realm: realm.update(defaultGroups=["/administrator"]),
        ["setting 'defaultGroups': is /administrator, should be nothing"],
    ),
    "no group that everybody comes into, as Keycloak writes it": (lambda realm: realm.pop("defaultGroups"), []),
    "a key of another curve": (
        lambda realm: realm["components"]["org.keycloak.keys.KeyProvider"].append(
            {"name": "haven-es256-102", "providerId": "ecdsa-generated", "config": {"ecdsaEllipticCurveKey": ["P-521"]}}
        ),
        ["component 'haven-es256-102' is not the haven's"],
    ),
    "a longer session": (
        lambda realm: realm.update(ssoSessionMaxLifespan=99_999),
        ["setting 'ssoSessionMaxLifespan': is 99999, should be 36000"],
    ),
    "switched off": (lambda realm: realm.update(enabled=False), ["setting 'enabled': is False, should be True"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_difference_is_said_by_name(name: str) -> None:
    """Each change of the realm gives the one sentence that names it, what it is and what it should be."""
    change, sentences = CHANGES[name]
    assert _said(change) == sentences


def test_a_signing_key_that_took_anothers_place_is_the_havens() -> None:
    """While keys are changed there are two; when the first is gone, the one that took its place stands for it."""
    keys = "org.keycloak.keys.KeyProvider"

    def changed(realm: Realm) -> None:
        first = realm["components"][keys][0]
        realm["components"][keys][0] = {
            **first,
            "name": "haven-es256-101",
            "config": {**first["config"], "priority": ["101"]},
        }

    assert _said(changed) == []
    assert _said(lambda realm: realm["components"][keys].pop(0)) == ["component 'haven-es256' is missing"]
