"""What should the haven's realm be? Settings in, Keycloak's realm representation out: data only, no I/O.

Every key that could weaken a log-in or widen a token stands in it with its value, also where it is Keycloak's default:
drift is compared with what stands here, and what does not stand here is not watched.
"""

from __future__ import annotations

from access.realm.roles import COMMAND_LINE, GATEWAY, HUB, PORTAL, ROLES, roles_of
from access.realm.wanted.clients import client_scopes, clients, registration_policies
from access.realm.wanted.log_in import flows, required_actions, rules_of_log_in
from access.realm.wanted.settings import DAY, REALM, SIGNING_KEY, Data, RealmSettings


def realm_representation(settings: RealmSettings) -> Data:
    """The whole realm as Keycloak writes it (RealmRepresentation), without ids and secrets."""
    return {
        "realm": REALM,
        "enabled": True,
        "displayName": "Haven",
        **rules_of_log_in(),
        "attributes": {"adminEventsExpiration": str(400 * DAY)},
        "roles": {"realm": _roles()},
        "groups": [{"name": role.value, "realmRoles": [role.value]} for role in ROLES],
        "defaultGroups": [],  # nobody has a role by having a log-in
        "clientScopes": client_scopes(),
        "defaultDefaultClientScopes": [],
        "defaultOptionalClientScopes": [],
        "clients": clients(settings),
        "scopeMappings": [
            {"client": client, "roles": [role.value for role in roles_of(client)]}
            for client in (PORTAL, HUB, GATEWAY, COMMAND_LINE)
        ],
        "authenticationFlows": flows(settings),
        "requiredActions": required_actions(settings),
        "components": _components(),
        "identityProviders": [],
        "users": [],  # of programs: none has an account here, so that none holds a role
        "userProfile": _user_profile(),
    }


def _roles() -> list[Data]:
    own = [{"name": role.value, "description": f"{line.title}: {line.may}"} for role, line in ROLES.items()]
    return [*own, {"name": f"default-roles-{REALM}", "composites": {}}]


def _components() -> Data:
    return {
        "org.keycloak.keys.KeyProvider": [
            {
                "name": SIGNING_KEY,
                "providerId": "ecdsa-generated",
                "config": {
                    "priority": ["100"],
                    "enabled": ["true"],
                    "active": ["true"],
                    "ecdsaEllipticCurveKey": ["P-256"],
                },
            },
            {
                "name": "hmac-generated-hs512",
                "providerId": "hmac-generated",
                "config": {"priority": ["100"], "algorithm": ["HS512"]},
            },
            {"name": "aes-generated", "providerId": "aes-generated", "config": {"priority": ["100"]}},
        ],
        "org.keycloak.storage.UserStorageProvider": [],  # people come from the haven's records only
        "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy": registration_policies(),
    }


def _user_profile() -> Data:
    """A user is a person's id and nothing else: who they are stands in the haven's records.

    Keycloak insists on knowing what an e-mail address is; nobody is asked for one, and nobody can give theirs.
    """
    only_administrators = {"view": ["admin"], "edit": ["admin"]}
    return {
        "attributes": [
            {
                "name": "username",
                "displayName": "${username}",
                "permissions": {"view": ["admin", "user"], "edit": ["admin"]},
                "multivalued": False,
                "validations": {"length": {"min": 1, "max": 60}},
            },
            {
                "name": "email",
                "displayName": "${email}",
                "permissions": only_administrators,
                "multivalued": False,
                "validations": {"email": {}, "length": {"max": 255}},
            },
        ],
        "groups": [],
    }
