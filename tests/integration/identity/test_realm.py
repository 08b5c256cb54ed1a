"""Is the realm in a real Keycloak what the table says, and is whatever drifts from it named and repaired?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakError

from access.realm.errors import RealmUnreachable
from access.realm.keycloak import KeycloakRealm
from access.realm.wanted.settings import BROWSER_FLOW, FORMS_FLOW, REALM, RealmSettings
from tests.fakes.keycloak import KeycloakForTests

Break = Callable[[KeycloakAdmin], object]


def _client(admin: KeycloakAdmin, name: str, **changes: object) -> None:
    identifier = str(admin.get_client_id(name))
    admin.update_client(identifier, {**admin.get_client(identifier), **changes})


def _execution(admin: KeycloakAdmin, flow: str, authenticator: str, **changes: object) -> None:
    (found,) = (one for one in admin.get_authentication_flow_executions(flow) if one.get("providerId") == authenticator)
    admin.update_authentication_flow_executions({**found, **changes}, flow)


def _drop_execution(admin: KeycloakAdmin, flow: str, authenticator: str) -> None:
    (found,) = (one for one in admin.get_authentication_flow_executions(flow) if one.get("providerId") == authenticator)
    admin.delete_authentication_flow_execution(found["id"])


def _another_flow(admin: KeycloakAdmin) -> None:
    """Somebody lets everybody in by password alone, for this client."""
    payload = {"alias": "password only", "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    admin.create_authentication_flow(payload)
    admin.create_authentication_flow_execution({"provider": "auth-username-password-form"}, "password only")
    _execution(admin, "password only", "auth-username-password-form", requirement="REQUIRED")
    (flow,) = (one for one in admin.get_authentication_flows() if one["alias"] == "password only")
    _client(admin, "haven-hub", authenticationFlowBindingOverrides={"browser": flow["id"]})


def _another_key(admin: KeycloakAdmin) -> None:
    realm = admin.get_realm(REALM)["id"]
    kind = "org.keycloak.keys.KeyProvider"
    admin.create_component(
        {"name": "theirs", "providerId": "rsa-generated", "providerType": kind, "parentId": realm, "config": {}}
    )


def _group_with_more(admin: KeycloakAdmin) -> None:
    (group,) = (one for one in admin.get_groups() if one["name"] == "researcher")
    admin.assign_group_realm_roles(group["id"], [admin.get_realm_role("administrator")])


def _group_of_everybody(admin: KeycloakAdmin) -> None:
    """Whoever gets a log-in from now on would be an administrator."""
    (group,) = (one for one in admin.get_groups() if one["name"] == "administrator")
    path = f"admin/realms/{REALM}/default-groups/{group['id']}"
    assert admin.connection.raw_put(path, data="{}").status_code == 204


def _scope_role(admin: KeycloakAdmin) -> None:
    role = admin.get_realm_role("administrator")
    admin.assign_realm_roles_to_client_scope(str(admin.get_client_id("haven-hub")), [role])


def _role_in_a_scope(admin: KeycloakAdmin) -> None:
    """Every client with this scope would carry the role."""
    scope = admin.get_client_scope_by_name("haven-person")
    assert scope is not None
    path = f"admin/realms/{REALM}/client-scopes/{scope['id']}/scope-mappings/realm"
    answer = admin.connection.raw_post(path, data=json.dumps([admin.get_realm_role("administrator")]))
    assert answer.status_code == 204


def _another_scope(admin: KeycloakAdmin) -> None:
    """Tokens of the command line would be for the hub, too."""
    scope = admin.get_client_scope_by_name("haven-hub")
    assert scope is not None
    admin.add_client_default_client_scope(str(admin.get_client_id("haven-cli")), scope["id"], {})
    admin.create_client_scope({"name": "theirs", "protocol": "openid-connect"})


def _other_store(admin: KeycloakAdmin) -> None:
    kind = "org.keycloak.storage.UserStorageProvider"
    config = {"vendor": ["other"], "usersDn": ["o=theirs"], "connectionUrl": ["ldap://127.0.0.1:1"],
              "enabled": ["false"], "usernameLDAPAttribute": ["uid"], "rdnLDAPAttribute": ["uid"],
              "uuidLDAPAttribute": ["uid"],
              "userObjectClasses": ["person"], "editMode": ["READ_ONLY"], "authType": ["none"]}  # fmt: skip
    parent = admin.get_realm(REALM)["id"]
    admin.create_component(
        {"name": "theirs", "providerId": "ldap", "providerType": kind, "parentId": parent, "config": config}
    )


def _without_action(admin: KeycloakAdmin) -> None:
    path = f"admin/realms/{REALM}/authentication/required-actions/CONFIGURE_TOTP"
    assert admin.connection.raw_delete(path).status_code == 204


def _without(admin: KeycloakAdmin) -> None:
    """A client, a group and a scope of ours are gone."""
    admin.delete_client(str(admin.get_client_id("haven-portal")))
    (group,) = (one for one in admin.get_groups() if one["name"] == "auditor")
    admin.delete_group(group["id"])
    scope = admin.get_client_scope_by_name("haven-portal")
    assert scope is not None
    admin.delete_client_scope(scope["id"])


def _telling_mapper(admin: KeycloakAdmin) -> None:
    """A person's e-mail address would stand in every token."""
    config = {"user.attribute": "email", "claim.name": "email", "access.token.claim": "true"}
    mapper = {"name": "e-mail", "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper"}
    admin.add_mapper_to_client(str(admin.get_client_id("haven-cli")), {**mapper, "config": config})


def _program_who_administers(admin: KeycloakAdmin) -> None:
    """A client gets an account of its own, with every right in the realm: no list of people shows it."""
    _client(admin, "haven-hub", serviceAccountsEnabled=True)
    account = admin.get_client_service_account_user(str(admin.get_client_id("haven-hub")))
    management = str(admin.get_client_id("realm-management"))
    admin.assign_client_role(account["id"], management, [admin.get_client_role(management, "realm-admin")])


def _registration(admin: KeycloakAdmin) -> list[dict[str, Any]]:
    """The rules for strangers who register a client."""
    return [one for one in admin.get_components() if one.get("subType") == "anonymous"]


def _without_rules(admin: KeycloakAdmin) -> None:
    for one in _registration(admin):
        admin.delete_component(one["id"])


def _trusted_host(admin: KeycloakAdmin) -> None:
    (rule,) = (one for one in _registration(admin) if one["name"] == "Trusted Hosts")
    admin.update_component(rule["id"], {**rule, "config": {**rule["config"], "trusted-hosts": ["theirs.example"]}})


def _attribute(admin: KeycloakAdmin, name: str, value: str) -> None:
    admin.update_realm(REALM, {"attributes": {**admin.get_realm(REALM)["attributes"], name: value}})


DRIFTS: dict[str, tuple[Break, set[str]]] = {
    "a role is removed": (
        lambda admin: admin.delete_realm_role("output_checker"),
        {
            "missing role/output_checker",
            "changed group/output_checker/realmRoles",
            "changed client/haven-cli/scopeRoles",
            "changed client/haven-portal/scopeRoles",
        },
    ),
    "a role is added": (lambda admin: admin.create_realm_role({"name": "superuser"}), {"unknown role/superuser"}),
    "a group has more": (_group_with_more, {"changed group/researcher/realmRoles"}),
    "everybody has a role": (
        lambda admin: admin.add_realm_default_roles([admin.get_realm_role("auditor")]),
        {f"changed role/default-roles-{REALM}/composites"},
    ),
    "everybody is in a group": (_group_of_everybody, {"changed setting/defaultGroups/value"}),
    "log-ins come back anywhere": (
        lambda admin: _client(admin, "haven-hub", redirectUris=["*"]),
        {"changed client/haven-hub/redirectUris"},
    ),
    "the second factor is optional": (
        lambda admin: _execution(admin, BROWSER_FLOW, "auth-otp-form", requirement="ALTERNATIVE"),
        {f"changed flow/{FORMS_FLOW}/executions"},
    ),
    "the second factor is gone": (
        lambda admin: _drop_execution(admin, BROWSER_FLOW, "auth-otp-form"),
        {f"changed flow/{FORMS_FLOW}/executions"},
    ),
    "the realm uses another flow": (
        lambda admin: admin.update_realm(REALM, {"browserFlow": "browser"}),
        {"changed setting/browserFlow/value"},
    ),
    "one client uses another flow": (
        _another_flow,
        {"unknown flow/password only", "changed client/haven-hub/authenticationFlowBindingOverrides"},
    ),
    "guessing is allowed": (
        lambda admin: admin.update_realm(REALM, {"bruteForceProtected": False, "failureFactor": 1000}),
        {"changed setting/bruteForceProtected/value", "changed setting/failureFactor/value"},
    ),
    "a password is enough for a token": (
        lambda admin: _client(admin, "haven-cli", directAccessGrantsEnabled=True),
        {"changed client/haven-cli/directAccessGrantsEnabled"},
    ),
    "Keycloak's own client is back": (
        lambda admin: _client(admin, "admin-cli", enabled=True),
        {"changed client/admin-cli/enabled"},
    ),
    "proof keys are not asked for": (
        lambda admin: _client(admin, "haven-portal", attributes={"pkce.code.challenge.method": ""}),
        {"changed client/haven-portal/attributes.pkce.code.challenge.method"},
    ),
    "a client is added": (
        lambda admin: admin.create_client({"clientId": "theirs", "publicClient": True, "redirectUris": ["*"]}),
        {"unknown client/theirs"},
    ),
    "passwords are short": (
        lambda admin: admin.update_realm(REALM, {"passwordPolicy": "length(8)"}),
        {"changed setting/passwordPolicy/value"},
    ),
    "our pages stand in anybody's frame": (
        lambda admin: admin.update_realm(REALM, {"browserSecurityHeaders": {"xFrameOptions": "ALLOWALL"}}),
        {"changed setting/browserSecurityHeaders/value"},
    ),
    "anybody registers": (
        lambda admin: admin.update_realm(REALM, {"registrationAllowed": True}),
        {"changed setting/registrationAllowed/value"},
    ),
    "nothing is logged": (
        lambda admin: admin.update_realm(REALM, {"eventsEnabled": False, "adminEventsEnabled": False}),
        {"changed setting/adminEventsEnabled/value", "changed setting/eventsEnabled/value"},
    ),
    "another key signs": (_another_key, {"unknown component/theirs"}),
    "workspaces carry the administrator's role": (_scope_role, {"changed client/haven-hub/scopeRoles"}),
    "every token carries the administrator's role": (_role_in_a_scope, {"changed client-scope/haven-person/roles"}),
    "tokens are for more services": (
        _another_scope,
        {"changed client/haven-cli/defaultClientScopes", "unknown client-scope/theirs"},
    ),
    "people come from elsewhere": (_other_store, {"unknown component/theirs"}),
    "the second factor cannot be set up": (_without_action, {"missing required-action/CONFIGURE_TOTP"}),
    "parts of the realm are gone": (
        _without,
        {"missing client/haven-portal", "missing group/auditor", "missing client-scope/haven-portal"},
    ),
    "tokens tell more": (_telling_mapper, {"changed client/haven-cli/protocolMappers"}),
    "another provider logs people in": (
        lambda admin: admin.create_idp({"alias": "theirs", "providerId": "oidc", "enabled": True, "config": {}}),
        {"unknown identity-provider/theirs"},
    ),
    "nobody is asked to set up a factor": (
        lambda admin: admin.update_required_action(
            "CONFIGURE_TOTP", {**(admin.get_required_action_by_alias("CONFIGURE_TOTP") or {}), "defaultAction": False}
        ),
        {"changed required-action/CONFIGURE_TOTP/defaultAction"},
    ),
    "a program administers": (
        _program_who_administers,
        {"changed client/haven-hub/serviceAccountsEnabled", "unknown service-account/service-account-haven-hub"},
    ),
    "strangers register clients": (
        _without_rules,
        {
            f"missing component/{name} (anonymous)"
            for name in (
                "Allowed Client Scopes", "Allowed Protocol Mapper Types", "Allowed Registration Web Origins",
                "Consent Required", "Full Scope Disabled", "Max Clients Limit", "Trusted Hosts",
            )
        },
    ),
    "one stranger registers clients": (_trusted_host, {"changed component/Trusted Hosts (anonymous)/config"}),
    "a password is called two factors": (
        lambda admin: _attribute(admin, "acr.loa.map", '{"2": 1}'),
        {"changed setting/attributes.acr.loa.map/value"},
    ),
    "codes are entered on another page": (
        lambda admin: _attribute(admin, "shortVerificationUri", "https://theirs.example/device"),
        {"changed setting/attributes.shortVerificationUri/value"},
    ),
    "people give e-mail addresses": (
        lambda admin: admin.update_realm_users_profile(
            {**admin.get_realm_users_profile(), "unmanagedAttributePolicy": "ENABLED"}
        ),
        {"changed user-profile/users/unmanaged"},
    ),
}  # fmt: skip


def test_a_second_apply_changes_nothing(keycloak: KeycloakForTests) -> None:
    """The realm that was applied differs in nothing from what is wanted, and applying again finds nothing to do."""
    before = keycloak.realm.read()
    assert keycloak.realm.drift() == []
    assert keycloak.realm.apply() == []
    assert keycloak.realm.read() == before
    assert before["enabled"] is True


def test_nobody_changes_what_the_administrators_roles_belong_to(keycloak: KeycloakForTests) -> None:
    """Keycloak refuses it by its interface, so that only whoever has its database can; it stays bearer-only."""
    for change in ({"bearerOnly": False}, {"serviceAccountsEnabled": True}, {"redirectUris": ["*"]}):
        with pytest.raises(KeycloakError) as refusal:
            _client(keycloak.realm.admin, "realm-management", **change)
        assert refusal.value.response_code == 403
    assert keycloak.realm.drift() == []


@pytest.mark.parametrize("name", DRIFTS)
def test_what_drifts_is_named_and_repaired(keycloak: KeycloakForTests, name: str) -> None:
    """Each way of weakening the realm is reported by name, and one repair takes it back."""
    weaken, named = DRIFTS[name]
    weaken(keycloak.realm.admin)
    try:
        found = {f"{one.kind.value} {one.path}" for one in keycloak.realm.drift()}
    finally:
        mended = keycloak.realm.apply()
    assert found == named
    assert {f"{one.kind.value} {one.path}" for one in mended} >= named
    assert keycloak.realm.drift() == []


def test_the_keepers_secret_passes_no_proxy(keycloak: KeycloakForTests, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a shell names a proxy for everything, Keycloak is still asked directly."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert KeycloakRealm(keycloak.realm.keeper, RealmSettings()).drift() == []


def test_a_keeper_who_is_not_believed_is_told_so(keycloak: KeycloakForTests, tmp_path: Path) -> None:
    """A wrong secret, no secret and no Keycloak are each said as that, and no secret is in what is said."""
    wrong = tmp_path / "secret"
    wrong.write_text("not-the-secret-of-the-keeper", encoding="utf-8")
    for keeper, said in (
        (replace(keycloak.realm.keeper, secret_file=wrong), "does not accept"),
        (replace(keycloak.realm.keeper, secret_file=tmp_path / "none"), "cannot be read"),
        (replace(keycloak.realm.keeper, server="http://127.0.0.1:9"), "does not answer"),
    ):
        with pytest.raises(RealmUnreachable, match=said) as refusal:
            KeycloakRealm(keeper, RealmSettings()).drift()
        assert "not-the-secret" not in str(refusal.value)


def test_a_realm_is_made_from_nothing_again(keycloak: KeycloakForTests) -> None:
    """A realm that was deleted altogether is everything missing, and is made as the first one was."""
    keycloak.realm.admin.delete_realm(REALM)
    assert len(keycloak.realm.drift()) > 50
    assert keycloak.realm.apply()
    assert keycloak.realm.drift() == []
