"""How is the realm read from Keycloak, and made what it should be? The adapter over python-keycloak.

Everything goes one way: read, compare, repair each difference, read again. A realm that is made anew is one in which
everything is missing. It is switched on last, so that nobody logs in to half of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakConnectionError, KeycloakError

from access.realm.drift import Difference, differences
from access.realm.errors import RealmNotRepaired, RealmUnreachable
from access.realm.parts import KEYS
from access.realm.repairs import Repairs
from access.realm.representation import realm_representation
from access.realm.wanted.settings import REALM, SIGNING_KEY, RealmSettings

NOT_FOUND = 404
SECONDS = 30
ROUNDS = 3
"""So often a realm is repaired and read again; what one repair changes of another's place is mended by the next."""


@dataclass(frozen=True)
class Keeper:
    """Where Keycloak is, and the service account that keeps the realm. The secret stays in its file."""

    server: str
    client: str
    secret_file: Path


class KeycloakRealm:
    """One Keycloak's realm `haven`. Raises RealmUnreachable where Keycloak does not answer."""

    def __init__(self, keeper: Keeper, settings: RealmSettings) -> None:
        self.keeper = keeper
        self.settings = settings
        self.wanted = realm_representation(settings)
        self._admin: KeycloakAdmin | None = None

    def drift(self) -> list[Difference]:
        """Every difference between what the realm should be and what it is; a missing realm differs in everything."""
        return differences(self.wanted, self.read())

    def read(self) -> dict[str, Any]:
        """The realm as it is, without secrets; empty where there is none."""
        with self.said():
            try:
                found = self.admin.export_realm(export_clients=True, export_groups_and_role=True)
            except KeycloakError as error:
                if error.response_code == NOT_FOUND:
                    return {}
                raise
            return {**found, "userProfile": self.admin.get_realm_users_profile()}

    def apply(self) -> list[Difference]:
        """Make the realm what it should be; what was mended. Nothing, where nothing differed.

        Raises RealmNotRepaired: a difference stays, by name.
        """
        found = self.read()
        if not found:
            with self.said():
                self.admin.create_realm({"realm": REALM, "enabled": False})
            found = self.read()
        mended: list[Difference] = []
        for _ in range(ROUNDS):
            if not (left := differences(self.wanted, found)):
                return mended
            mended += [one for one in left if one not in mended]
            with self.said():
                Repairs(self.admin, self.wanted, found).repair(left)
            found = self.read()
        if left := differences(self.wanted, found):
            raise RealmNotRepaired(
                "The realm is not as it should be: " + "; ".join(map(str, left)) + ".",
                where=self.keeper.server,
                mend="Another administrator may be changing it now: look at its admin events, then try again.",
            )
        return mended

    def client_secret(self, client: str) -> str:
        """The secret of one of the haven's confidential clients, for its own service's file."""
        with self.said():
            identifier = self.admin.get_client_id(client)
            return str(self.admin.get_client_secrets(str(identifier))["value"])

    def change_signing_key(self) -> str:
        """A new key signs from now on; older ones still verify. The oldest but one is removed: at most two count."""
        with self.said():
            found = [one for one in self.admin.get_components() if str(one.get("name", "")).startswith(SIGNING_KEY)]
            found.sort(key=lambda one: int(one["config"]["priority"][0]))
            for one in found[:-1]:
                self.admin.delete_component(one["id"])
            priority = int(found[-1]["config"]["priority"][0]) + 1 if found else 100
            name = f"{SIGNING_KEY}-{priority}"
            wanted = next(one for one in self.wanted["components"][KEYS] if one["name"] == SIGNING_KEY)
            config = {**wanted["config"], "priority": [str(priority)]}
            self.admin.create_component(
                {**wanted, "name": name, "config": config, "providerType": KEYS, "parentId": self.read()["id"]}
            )
            return name

    @contextmanager
    def said(self) -> Iterator[None]:
        """Keycloak's refusals as the haven's errors; its own text may quote what was sent and is not shown."""
        with _said_by_keycloak(self.keeper.server):
            yield

    @property
    def admin(self) -> KeycloakAdmin:
        """The connection, made on first use; its token is renewed by itself."""
        if self._admin is None:
            with self.said():
                self._admin = KeycloakAdmin(
                    server_url=self.keeper.server,
                    grant_type="client_credentials",
                    client_id=self.keeper.client,
                    client_secret_key=_secret(self.keeper.secret_file),
                    realm_name=REALM,
                    user_realm_name="master",
                    timeout=SECONDS,
                )
        return self._admin


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise RealmUnreachable(
            f"The secret of the realm's keeper cannot be read ({error.strerror}).",
            where=str(path),
            mend="`haven identity up` writes it; in production, put it there yourself, readable to this account only.",
        ) from None


@contextmanager
def _said_by_keycloak(server: str) -> Iterator[None]:
    """Keycloak's refusals as the haven's errors; its own text may quote what was sent and is not shown."""
    try:
        yield
    except KeycloakConnectionError:
        raise RealmUnreachable(
            "Keycloak does not answer.", where=server, mend="Start it: haven identity up. Its log says why it ended."
        ) from None
    except KeycloakError as error:
        code = error.response_code
        if code in (401, 403):
            raise RealmUnreachable(
                f"Keycloak does not accept the realm's keeper (status {code}).",
                where=server,
                mend="Its secret file must hold the secret of its client in the realm master.",
            ) from None
        raise RealmNotRepaired(
            f"Keycloak refused a change of the realm (status {code}).",
            where=server,
            mend="Keycloak's log says why; `haven identity check` says what is not as it should be.",
        ) from None
