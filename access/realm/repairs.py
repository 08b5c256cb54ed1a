"""How is one difference mended in Keycloak? One method per kind of part; each leaves the part as it is wanted.

In between, the realm is never wider than before: a flow is emptied before it is built anew (an empty flow lets nobody
in), a second factor stands in it before the flow counts, and what is unknown is removed last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from keycloak import KeycloakAdmin

from access.realm.drift import Difference, Kind
from access.realm.parts import COMPONENTS, KEYCLOAKS_ATTRIBUTES, REGISTRATION, Part, component_name
from access.realm.wanted.settings import REALM

MERGED = ("attributes", "authenticationFlowBindingOverrides")
"""What Keycloak keeps of these unless it is told to be empty."""
DEFAULT_SCOPES = ("defaultDefaultClientScopes", "defaultOptionalClientScopes")
DEFAULT_GROUPS = "defaultGroups"
Data = dict[str, Any]


class Repairs:
    """Mends differences of one realm. found: the realm as it was read when they were found."""

    def __init__(self, admin: KeycloakAdmin, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        self.admin = admin
        self.wanted = wanted
        self.found = found

    def repair(self, differences: Iterable[Difference]) -> None:
        """Mend all of them, each part once, in the order given; the realm is switched on last."""
        left = list(differences)
        mend: dict[Part, Callable[[str], None]] = {
            Part.ROLE: self._role,
            Part.GROUP: self._group,
            Part.SCOPE: self._scope,
            Part.CLIENT: self._client,
            Part.FLOW: self._flow,
            Part.ACTION: self._action,
            Part.COMPONENT: self._component,
            Part.PROFILE: lambda _: self._profile(),
            Part.SETTING: lambda _: self._settings([one.name for one in left if one.part is Part.SETTING]),
        }
        done: set[tuple[Part, str]] = set()
        for one in left:
            place = (one.part, "" if one.part is Part.SETTING else self._family(one))
            if one.kind is Kind.UNKNOWN:
                self._remove(one.part, one.name)
            elif place not in done:
                mend[one.part](place[1])
                done.add(place)
        if any(one.part is Part.SETTING and one.name == "enabled" for one in left):
            self.admin.update_realm(REALM, {"enabled": self.wanted["enabled"]})

    def _family(self, one: Difference) -> str:
        """A flow below another is mended with the one above it."""
        if one.part is not Part.FLOW:
            return one.name
        for flow in self.wanted["authenticationFlows"]:
            if any(step.get("flowAlias") == one.name for step in flow["authenticationExecutions"]):
                return str(flow["alias"])
        return one.name

    # -- roles and groups

    def _role(self, name: str) -> None:
        wanted = _named(self.wanted["roles"]["realm"], "name", name)
        payload = {key: value for key, value in wanted.items() if key != "composites"}
        if _named(self.found["roles"]["realm"], "name", name):
            self.admin.update_realm_role(name, payload)
        else:
            self.admin.create_realm_role(payload)
        identifier = self.admin.get_realm_role(name)["id"]
        if others := self.admin.get_role_composites_by_id(identifier):
            self.admin.remove_composite_realm_roles_to_role(name, others)

    def _group(self, name: str) -> None:
        wanted = set(_named(self.wanted["groups"], "name", name)["realmRoles"])
        group = _named(self.admin.get_groups(), "name", name)
        identifier = group["id"] if group else str(self.admin.create_group({"name": name}))
        found = {one["name"]: one for one in self.admin.get_group_realm_roles(identifier)}
        if others := [found[role] for role in set(found) - wanted]:
            self.admin.delete_group_realm_roles(identifier, others)
        if lacking := [self.admin.get_realm_role(role) for role in sorted(wanted - set(found))]:
            self.admin.assign_group_realm_roles(identifier, lacking)
        for client in self.admin.get_clients():
            if roles := self.admin.get_group_client_roles(identifier, client["id"]):
                self.admin.delete_group_client_roles(identifier, client["id"], roles)
        for below in self.admin.get_group_children(identifier):
            self.admin.delete_group(below["id"])

    # -- scopes and clients

    def _scope(self, name: str) -> None:
        wanted = _named(self.wanted["clientScopes"], "name", name)
        found = self.admin.get_client_scope_by_name(name)
        if not found:
            self.admin.create_client_scope(wanted)
            return
        self.admin.update_client_scope(found["id"], {key: wanted[key] for key in wanted if key != "protocolMappers"})
        for mapper in found.get("protocolMappers", ()):
            self.admin.delete_mapper_from_client_scope(found["id"], mapper["id"])
        for mapper in wanted["protocolMappers"]:
            self.admin.add_mapper_to_client_scope(found["id"], mapper)
        if roles := self.admin.connection.raw_get(self._scope_roles(found["id"])).json():
            self.admin.connection.raw_delete(self._scope_roles(found["id"]), data=json.dumps(roles))

    @staticmethod
    def _scope_roles(identifier: str) -> str:
        return f"admin/realms/{REALM}/client-scopes/{identifier}/scope-mappings/realm"

    def _client(self, name: str) -> None:
        wanted = _named(self.wanted["clients"], "clientId", name)
        found = _named(self.admin.get_clients(), "clientId", name)
        if not found:
            identifier = self.admin.create_client(wanted)
        else:
            identifier = str(found["id"])
            emptied = {key: _emptied(wanted, found, key) for key in MERGED if key in wanted}
            self.admin.update_client(identifier, {**wanted, **emptied, "id": identifier})
        if "fullScopeAllowed" not in wanted:
            return
        for mapper in self.admin.get_mappers_from_client(identifier):
            self.admin.remove_client_mapper(identifier, mapper["id"])
        self._scopes_of_client(identifier, wanted)
        self._roles_of_client(identifier, name)

    def _scopes_of_client(self, identifier: str, wanted: Mapping[str, Any]) -> None:
        all_scopes = {one["name"]: one["id"] for one in self.admin.get_client_scopes()}
        default = {one["name"]: one["id"] for one in self.admin.get_client_default_client_scopes(identifier)}
        for one in self.admin.get_client_optional_client_scopes(identifier):
            self.admin.delete_client_optional_client_scope(identifier, one["id"])
        for name in set(default) - set(wanted["defaultClientScopes"]):
            self.admin.delete_client_default_client_scope(identifier, default[name])
        for name in set(wanted["defaultClientScopes"]) - set(default):
            self.admin.add_client_default_client_scope(identifier, all_scopes[name], {})

    def _roles_of_client(self, identifier: str, name: str) -> None:
        """The roles that a token for this client can carry, and none of its own."""
        wanted = {role for one in self.wanted["scopeMappings"] if one["client"] == name for role in one["roles"]}
        found = {one["name"]: one for one in self.admin.get_realm_roles_of_client_scope(identifier)}
        if others := [found[role] for role in set(found) - wanted]:
            self.admin.delete_realm_roles_of_client_scope(identifier, others)
        if lacking := [self.admin.get_realm_role(role) for role in sorted(wanted - set(found))]:
            self.admin.assign_realm_roles_to_client_scope(identifier, lacking)
        for role in self.admin.get_client_roles(identifier):
            self.admin.delete_client_role(identifier, role["name"])
        for other in self.admin.get_clients():
            if roles := self.admin.get_client_roles_of_client_scope(identifier, other["id"]):
                self.admin.delete_client_roles_of_client_scope(identifier, other["id"], roles)

    # -- flows and actions

    def _flow(self, alias: str) -> None:
        """Built anew under the same name, so that what it is bound to stays bound."""
        wanted = _named(self.wanted["authenticationFlows"], "alias", alias)
        if not _named(self.admin.get_authentication_flows(), "alias", alias):
            self.admin.create_authentication_flow({**wanted, "authenticationExecutions": []})
        for execution in self.admin.get_authentication_flow_executions(alias):
            if execution["level"] == 0:
                self.admin.delete_authentication_flow_execution(execution["id"])
        for step in wanted["authenticationExecutions"]:
            self._add_step(alias, step)
        self._require(alias, wanted)

    def _add_step(self, flow: str, step: Mapping[str, Any]) -> None:
        if "flowAlias" not in step:
            self.admin.create_authentication_flow_execution({"provider": step["authenticator"]}, flow)
            return
        below = _named(self.wanted["authenticationFlows"], "alias", step["flowAlias"])
        payload = {"alias": below["alias"], "description": below["description"], "type": "basic-flow"}
        self.admin.create_authentication_flow_subflow({**payload, "provider": "registration-page-form"}, flow)
        for one in below["authenticationExecutions"]:
            self._add_step(below["alias"], one)
        self._require(below["alias"], below)

    def _require(self, alias: str, wanted: Mapping[str, Any]) -> None:
        """New steps are off until all of them stand; those of a flow below are on before it is."""
        steps = [one for one in self.admin.get_authentication_flow_executions(alias) if one["level"] == 0]
        for found, step in zip(steps, wanted["authenticationExecutions"], strict=True):
            payload = {**found, "requirement": step["requirement"], "priority": step["priority"]}
            self.admin.update_authentication_flow_executions(payload, alias)

    def _action(self, alias: str) -> None:
        wanted = _named(self.wanted["requiredActions"], "alias", alias)
        found = _named(self.admin.get_required_actions(), "alias", alias)
        if not found:
            path = f"admin/realms/{REALM}/authentication/register-required-action"
            self.admin.connection.raw_post(path, data=json.dumps({"providerId": alias, "name": alias}))
            found = self.admin.get_required_action_by_alias(alias) or {}
        self.admin.update_required_action(alias, {**found, **wanted})

    # -- keys, people's fields, settings

    def _component(self, name: str) -> None:
        (kind, wanted), *_ = (
            (kind, one) for kind in COMPONENTS for one in self.wanted["components"][kind] if component_name(one) == name
        )
        payload = {**wanted, "providerType": kind, "parentId": self.found["id"]}
        if found := self._found_component(name):
            if kind == REGISTRATION:  # of keys, what stands in it stays: it is the key
                payload["config"] = {key: [] for key in found.get("config", {})} | wanted["config"]
            self.admin.update_component(found["id"], {**payload, "id": found["id"]})
        else:
            self.admin.create_component(payload)

    def _found_component(self, name: str) -> Data:
        return next((dict(one) for one in self.admin.get_components() if component_name(one) == name), {})

    def _profile(self) -> None:
        self.admin.update_realm_users_profile(dict(self.wanted["userProfile"]))

    def _settings(self, names: Iterable[str]) -> None:
        """In one call, but for what every new client or user would get, and for the switch of the realm."""
        names = set(names) - {"enabled"}
        apart = {*DEFAULT_SCOPES, DEFAULT_GROUPS}
        payload = {name: self.wanted[name] for name in names if name in self.wanted and name not in apart}
        if any(name.startswith("attributes.") for name in names):
            kept = {key: value for key, value in self.found["attributes"].items() if key in KEYCLOAKS_ATTRIBUTES}
            payload["attributes"] = kept | self.wanted["attributes"]
        if payload:
            self.admin.update_realm(REALM, payload)
        if names & set(DEFAULT_SCOPES):
            for one in self.admin.get_default_default_client_scopes():
                self.admin.delete_default_default_client_scope(one["id"])
            for one in self.admin.get_default_optional_client_scopes():
                self.admin.delete_default_optional_client_scope(one["id"])
        if DEFAULT_GROUPS in names:
            path = f"admin/realms/{REALM}/default-groups"
            for one in self.admin.connection.raw_get(path).json():
                self.admin.connection.raw_delete(f"{path}/{one['id']}")

    # -- what nobody wanted

    def _remove(self, part: Part, name: str) -> None:
        admin = self.admin
        match part:
            case Part.ROLE:
                admin.delete_realm_role(name)
            case Part.GROUP:
                admin.delete_group(_named(admin.get_groups(), "name", name)["id"])
            case Part.SCOPE:
                admin.delete_client_scope(_named(admin.get_client_scopes(), "name", name)["id"])
            case Part.CLIENT:
                admin.delete_client(_named(admin.get_clients(), "clientId", name)["id"])
            case Part.FLOW:
                if flow := _named(admin.get_authentication_flows(), "alias", name):  # else it went with the one above
                    admin.delete_authentication_flow(flow["id"])
            case Part.ACTION:
                admin.update_required_action(
                    name, {**(admin.get_required_action_by_alias(name) or {}), "enabled": False}
                )
            case Part.COMPONENT:
                admin.delete_component(self._found_component(name)["id"])
            case Part.PROVIDER:
                admin.delete_idp(name)
            case Part.ACCOUNT:
                if user := admin.get_user_id(name):  # else it went with its client, or with the client's setting
                    admin.delete_user(user)
            case Part.PROFILE | Part.SETTING:
                raise LookupError(f"a {part} cannot be unknown")


def _emptied(wanted: Data, found: Data, key: str) -> Data:
    return {**dict.fromkeys(found.get(key, {}), ""), **wanted[key]}


def _named(many: Iterable[Mapping[str, Any]], key: str, name: str) -> Data:
    """The one of this name; empty where there is none."""
    return next((dict(one) for one in many if one.get(key) == name), {})
