"""How are people's log-ins made, changed and ended in Keycloak? The adapter over python-keycloak for users."""

from __future__ import annotations

from typing import Any

from access.realm.keycloak import KeycloakRealm
from access.realm.people import Change, Disable, Provision, User
from access.realm.roles import ROLES
from access.realm.wanted.settings import REALM

FIRST_ACTIONS = {"totp": ["UPDATE_PASSWORD", "CONFIGURE_TOTP"], "webauthn": ["UPDATE_PASSWORD", "webauthn-register"]}
SECOND_FACTORS = frozenset({"otp", "webauthn", "webauthn-passwordless", "recovery-authn-codes"})
KEYCLOAKS_OWN = f"default-roles-{REALM}"


class KeycloakUsers:
    """The users of the realm `haven`."""

    def __init__(self, realm: KeycloakRealm) -> None:
        self._realm = realm
        self._admin = realm.admin
        self._first = FIRST_ACTIONS[realm.settings.second_factor]

    def users(self) -> list[User]:
        """All people, with the groups and whatever else each holds. A program's account is drift of the realm."""
        with self._realm.said():
            return [self._user(one) for one in self._admin.get_users({}) if not one.get("serviceAccountClientId")]

    def provision(self, step: Provision, password: str) -> None:
        """Make a user who must choose a password and a second factor at the first log-in."""
        with self._realm.said():
            self._admin.create_user(
                {
                    "username": step.person,
                    "enabled": True,
                    "requiredActions": self._first,
                    "groups": sorted(step.roles),
                    "credentials": [{"type": "password", "value": password, "temporary": True}],
                }
            )

    def change(self, step: Change) -> None:
        """Groups as the step says, nothing else, enabled."""
        with self._realm.said():
            self._hold(step.user, step.roles)
            self._admin.update_user(step.user.id, {"enabled": True})

    def disable(self, step: Disable) -> None:
        """No log-in, no session, no group."""
        with self._realm.said():
            self._admin.update_user(step.user.id, {"enabled": False})
            self._admin.user_logout(step.user.id)
            self._hold(step.user, frozenset())

    def reset(self, user: User, password: str) -> None:
        """A one-time password, no second factor, no session; locked out no longer."""
        with self._realm.said():
            self._admin.user_logout(user.id)
            for credential in self._admin.get_credentials(user.id):
                if credential["type"] in SECOND_FACTORS:
                    self._admin.delete_credential(user.id, credential["id"])
            self._admin.set_user_password(user.id, password, temporary=True)
            self._admin.update_user(user.id, {"requiredActions": self._first})
            self._admin.clear_bruteforce_attempts_for_user(user.id)

    def _user(self, found: dict[str, Any]) -> User:
        groups = frozenset(str(one["name"]) for one in self._admin.get_user_groups(found["id"]))
        return User(found["id"], found["username"], bool(found["enabled"]), groups, self._others(found["id"], groups))

    def _others(self, user: str, groups: frozenset[str]) -> tuple[str, ...]:
        """What comes neither from the table's groups nor from Keycloak for everybody: given by somebody's hand."""
        mapped = self._admin.get_all_roles_of_user(user)
        realm = [one["name"] for one in mapped.get("realmMappings", ()) if one["name"] != KEYCLOAKS_OWN]
        clients = [
            f"{name}:{one['name']}"
            for name, held in mapped.get("clientMappings", {}).items()
            for one in held["mappings"]
        ]
        return tuple(sorted([*realm, *clients, *(groups - {role.value for role in ROLES})]))

    def _hold(self, user: User, roles: frozenset[str]) -> None:
        known = {one["name"]: one["id"] for one in self._admin.get_groups()}
        for name in user.groups - roles:
            self._admin.group_user_remove(user.id, known[name])
        for name in roles - user.groups:
            self._admin.group_user_add(user.id, known[name])
        mapped = self._admin.get_all_roles_of_user(user.id)
        if direct := [one for one in mapped.get("realmMappings", ()) if one["name"] != KEYCLOAKS_OWN]:
            self._admin.delete_realm_roles_of_user(user.id, direct)
        for held in mapped.get("clientMappings", {}).values():
            self._admin.delete_client_roles_of_user(user.id, held["id"], held["mappings"])
