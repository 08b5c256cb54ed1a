"""Which named parts has a realm? A representation taken apart, so that wanted and found are compared part by part.

Lists whose order means nothing are sorted, and what Keycloak adds of itself (ids, times, its own flows) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from access.realm.wanted.settings import REALM, SIGNING_KEY

Data = dict[str, Any]


class Part(StrEnum):
    """The kinds of parts, in the order in which they are repaired: what stands earlier is named by what follows."""

    ROLE = "role"
    GROUP = "group"
    SCOPE = "client scope"
    CLIENT = "client"
    FLOW = "flow"
    ACTION = "required action"
    COMPONENT = "component"
    PROFILE = "user profile"
    PROVIDER = "identity provider"
    ACCOUNT = "service account"
    SETTING = "setting"


Parts = dict[tuple[Part, str], Data]

APART = frozenset(
    {
        "roles", "groups", "clientScopes", "clients", "scopeMappings", "clientScopeMappings", "authenticationFlows",
        "requiredActions", "components", "identityProviders", "userProfile", "attributes", "users",
    }
)  # fmt: skip
"""Keys of a realm that are parts of their own; every other key is a setting."""
LEFT_OUT_WHEN_EMPTY: Data = {"defaultGroups": []}
"""Settings that Keycloak leaves out of what it writes where there is nothing in them."""
KEYCLOAKS_ROLES = frozenset({"offline_access", "uma_authorization"})
NOTED_BY_KEYCLOAK = frozenset({"realm_client", "client.secret.creation.time"})
KEYCLOAKS_ATTRIBUTES = frozenset(
    {
        "cibaAuthRequestedUserHint", "cibaBackchannelTokenDeliveryMode", "cibaExpiresIn", "cibaInterval",
        "oauth2DeviceCodeLifespan", "oauth2DevicePollingInterval", "parRequestUriLifespan", "realmReusableOtpCode",
    }
)  # fmt: skip
"""What Keycloak writes into every realm's attributes; what counts of it is a setting, too."""
KEYS, STORES = "org.keycloak.keys.KeyProvider", "org.keycloak.storage.UserStorageProvider"
REGISTRATION = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy"
COMPONENTS = (KEYS, STORES, REGISTRATION)


def parts_of(representation: Mapping[str, Any]) -> Parts:
    """Every part by its kind and name, each with the fields that are compared."""
    said = {**LEFT_OUT_WHEN_EMPTY, **representation}
    settings = {key: _sorted(value) for key, value in said.items() if key not in APART}
    settings |= {f"attributes.{key}": value for key, value in representation.get("attributes", {}).items()}
    parts: Parts = {(Part.SETTING, key): {"value": value} for key, value in settings.items()}
    for part, named in (
        (Part.ROLE, _roles(representation)),
        (Part.GROUP, {group["name"]: _group(group) for group in representation.get("groups", ())}),
        (Part.SCOPE, _scopes(representation)),
        (Part.CLIENT, _clients(representation)),
        (Part.FLOW, _flows(representation)),
        (Part.ACTION, {one["alias"]: _action(one) for one in representation.get("requiredActions", ())}),
        (Part.COMPONENT, _components(representation.get("components", {}))),
        (Part.PROFILE, _profiles(representation)),
        (Part.PROVIDER, {one["alias"]: {} for one in representation.get("identityProviders", ())}),
        (Part.ACCOUNT, {one["username"]: {} for one in representation.get("users", ())}),
    ):
        parts |= {(part, name): fields for name, fields in named.items()}
    return parts


def _roles(representation: Mapping[str, Any]) -> dict[str, Data]:
    return {
        role["name"]: {
            "composites": sorted(_composites(role.get("composites", {}))),
            **({"description": role.get("description")} if role["name"] != f"default-roles-{REALM}" else {}),
        }
        for role in representation.get("roles", {}).get("realm", ())
        if role["name"] not in KEYCLOAKS_ROLES
    }


def _composites(composites: Mapping[str, Any]) -> Iterable[str]:
    yield from composites.get("realm", ())
    for client, names in composites.get("client", {}).items():
        yield from (f"{client}:{name}" for name in names)


def _group(group: Mapping[str, Any]) -> Data:
    return {
        "realmRoles": sorted(group.get("realmRoles", ())),
        "clientRoles": sorted(_composites({"client": group.get("clientRoles", {})})),
        "subGroups": sorted(one["name"] for one in group.get("subGroups", ())),
    }


def _scopes(representation: Mapping[str, Any]) -> dict[str, Data]:
    roles = {
        one["clientScope"]: one["roles"] for one in representation.get("scopeMappings", ()) if "clientScope" in one
    }
    return {
        scope["name"]: {
            "protocol": scope.get("protocol"),
            "description": scope.get("description"),
            "protocolMappers": _mappers(scope),
            "roles": sorted(roles.get(scope["name"], ())),
            **{f"attributes.{key}": value for key, value in scope.get("attributes", {}).items()},
        }
        for scope in representation.get("clientScopes", ())
    }


def _mappers(holder: Mapping[str, Any]) -> list[Data]:
    """By name; what a mapper says is off is the same as what it does not say."""
    return [
        {
            "name": one["name"],
            "protocolMapper": one["protocolMapper"],
            "config": {key: value for key, value in one.get("config", {}).items() if value not in ("false", "")},
        }
        for one in sorted(holder.get("protocolMappers") or (), key=lambda one: str(one["name"]))
    ]


def _clients(representation: Mapping[str, Any]) -> dict[str, Data]:
    realm_roles = {one["client"]: one["roles"] for one in representation.get("scopeMappings", ()) if "client" in one}
    client_roles = _client_scope_mappings(representation)
    own = representation.get("roles", {}).get("client", {})
    return {
        (name := client["clientId"]): _client(client)
        | (
            {
                "protocolMappers": _mappers(client),
                "scopeRoles": sorted(realm_roles.get(name, ())),
                "scopeClientRoles": sorted(client_roles.get(name, ())),
                "roles": sorted(role["name"] for role in own.get(name, ())),
            }
            if "fullScopeAllowed" in client  # else a client of Keycloak's own, of which little is wanted
            else {}
        )
        for client in representation.get("clients", ())
    }


def _client(client: Mapping[str, Any]) -> Data:
    fields = {key: _sorted(value) for key, value in client.items() if key not in ("clientId", "attributes")}
    attributes = {key: value for key, value in client.get("attributes", {}).items() if key not in NOTED_BY_KEYCLOAK}
    return fields | {f"attributes.{key}": value for key, value in attributes.items()}


def _client_scope_mappings(representation: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for owner, mappings in representation.get("clientScopeMappings", {}).items():
        for one in mappings:
            found.setdefault(one.get("client", ""), []).extend(f"{owner}:{role}" for role in one["roles"])
    return found


def _flows(representation: Mapping[str, Any]) -> dict[str, Data]:
    return {
        flow["alias"]: {
            "topLevel": flow["topLevel"],
            "executions": [
                _execution(one)
                for one in sorted(flow["authenticationExecutions"], key=lambda one: int(one["priority"]))
            ],
        }
        for flow in representation.get("authenticationFlows", ())
        if not flow["builtIn"]
    }


def _priority(one: Mapping[str, Any]) -> int:
    return int(one["priority"])


def _execution(one: Mapping[str, Any]) -> str:
    what = f"flow {one['flowAlias']}" if one.get("authenticatorFlow") else str(one["authenticator"])
    configured = f" with {one['authenticatorConfig']}" if one.get("authenticatorConfig") else ""
    return f"{what} {one['requirement']}{configured}"


def _action(one: Mapping[str, Any]) -> Data:
    return {"enabled": one["enabled"], "defaultAction": one["defaultAction"]}


def _components(components: Mapping[str, Any]) -> dict[str, Data]:
    """Keys, user stores and rules of registration. All the haven's signing keys are one: in a change there are two."""
    found: dict[str, Data] = {
        component_name(one): {
            "providerId": one["providerId"],
            "config": {key: sorted(value) for key, value in one.get("config", {}).items()},
        }
        for one in components.get(REGISTRATION, ())
    }
    for kind in (KEYS, STORES):
        for one in components.get(kind, ()):
            config = {key: list(value) for key, value in one.get("config", {}).items()}
            fields = {"providerId": one["providerId"]} | {f"config.{key}": value for key, value in config.items()}
            name = str(one["name"])
            if _changed_key(name, one["providerId"], config):
                name = SIGNING_KEY
                fields["config.priority"] = ["100"]
            found[name] = found.get(name, {}) | fields
    return found


def component_name(component: Mapping[str, Any]) -> str:
    """Its name; and for whom it is, where one name is given twice (`Trusted Hosts (anonymous)`)."""
    whose = component.get("subType")
    return f"{component.get('name')} ({whose})" if whose else str(component.get("name"))


def _changed_key(name: str, provider: str, config: Data) -> bool:
    """Is it a signing key that took another's place (`haven-es256-101`), made as the first was?"""
    number = name.removeprefix(f"{SIGNING_KEY}-")
    return number.isdecimal() and provider == "ecdsa-generated" and config.get("ecdsaEllipticCurveKey") == ["P-256"]


def _profiles(representation: Mapping[str, Any]) -> dict[str, Data]:
    return {"users": _profile(representation["userProfile"])} if representation.get("userProfile") else {}


def _profile(profile: Mapping[str, Any]) -> Data:
    attributes = [
        {
            "name": one["name"],
            "view": sorted(one.get("permissions", {}).get("view", ())),
            "edit": sorted(one.get("permissions", {}).get("edit", ())),
            "required": bool(one.get("required")),
        }
        for one in profile.get("attributes", ())
    ]
    return {"attributes": attributes, "unmanaged": profile.get("unmanagedAttributePolicy", "DISABLED")}


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value
