"""Users of a realm in memory, held to the real Keycloak by tests/integration/identity/test_contract.py."""

from __future__ import annotations

from dataclasses import replace

from access.realm.drift import Difference
from access.realm.errors import RealmNotRepaired, RealmUnreachable
from access.realm.people import Change, Disable, Provision, User


class MemoryUsers:
    """Keeps users and the one-time passwords that they were given."""

    def __init__(self) -> None:
        self.kept: dict[str, User] = {}
        self.passwords: dict[str, str] = {}
        self.broken = False
        self.refuses: frozenset[str] = frozenset()

    def users(self) -> list[User]:
        """All of them."""
        return list(self.kept.values())

    def provision(self, step: Provision, password: str) -> None:
        """A new user."""
        self._answer(step.person)
        self.kept[step.person] = User(f"id of {step.person}", step.person, True, step.roles)
        self.passwords[step.person] = password

    def change(self, step: Change) -> None:
        """Groups as the step says, nothing else, enabled."""
        self._answer(step.user.name)
        self.kept[step.user.name] = replace(step.user, enabled=True, groups=step.roles, others=())

    def disable(self, step: Disable) -> None:
        """No log-in, no group."""
        self._answer(step.user.name)
        self.kept[step.user.name] = replace(step.user, enabled=False, groups=frozenset(), others=())

    def reset(self, user: User, password: str) -> None:
        """A one-time password."""
        self._answer(user.name)
        self.passwords[user.name] = password

    def _answer(self, name: str) -> None:
        if self.broken:
            raise RealmUnreachable("Keycloak does not answer.")
        if name in self.refuses:
            raise RealmNotRepaired("Keycloak refused a change.")


class MemoryRealm:
    """A realm that differs in what it was told."""

    def __init__(self, *differences: Difference) -> None:
        self.differences = list(differences)
        self.broken = False

    def drift(self) -> list[Difference]:
        """What it was told."""
        return list(self.differences)

    def apply(self) -> list[Difference]:
        """Nothing differs any more."""
        if self.broken:
            raise RealmUnreachable("Keycloak does not answer.")
        mended, self.differences = self.differences, []
        return mended

    def change_signing_key(self) -> str:
        """A name."""
        return "haven-es256-101"

    def client_secret(self, client: str) -> str:
        """A secret."""
        return f"the secret of {client}"
