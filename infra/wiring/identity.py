"""Who says that a person is who they say? Keycloak: the one that is started here, and the realm in it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infra.settings import SettingsError
from infra.wiring.people import PeopleParts

if TYPE_CHECKING:
    from access.realm.keycloak import Keeper, KeycloakRealm
    from access.realm.service import Identity
    from infra.identity.server import IdentityServer


class IdentityParts(PeopleParts):
    """The identity provider, and what it should hold."""

    @cached_property
    def identity_server(self) -> IdentityServer:
        """The Keycloak of `haven identity up`, running or not; refuses with real data."""
        from infra.identity.distribution import Distribution
        from infra.identity.server import IdentityServer

        settings = self.settings
        if settings.real_data or settings.identity.server:
            raise SettingsError(
                "This haven's Keycloak is a server of its own; nothing is started for it here.",
                where="[identity] server",
                mend="docs/identity.md, 'In production', says how it is set up and started.",
            )
        return IdentityServer(
            settings.identity_folder,
            settings.logs_folder / "keycloak.log",
            Distribution(settings.environments_folder),
            settings.identity.keeper,
            settings.identity.port,
            memory=settings.identity.memory,
        )

    @cached_property
    def identity(self) -> Identity:
        """The realm in Keycloak, and the log-ins of people. Raises RealmUnreachable where Keycloak does not run."""
        from access.realm.keycloak_users import KeycloakUsers
        from access.realm.service import Identity

        return Identity(self.realm, KeycloakUsers(self.realm), self.access, self.records)

    @cached_property
    def realm(self) -> KeycloakRealm:
        """The realm alone, which opens no records. Raises RealmUnreachable where Keycloak does not run."""
        from access.realm.keycloak import KeycloakRealm
        from access.realm.wanted.settings import RealmSettings

        chosen = self.settings.identity
        return KeycloakRealm(self._realm_keeper(), RealmSettings(chosen.portal, chosen.hub, chosen.second_factor))

    def _realm_keeper(self) -> Keeper:
        from access.realm.errors import RealmUnreachable
        from access.realm.keycloak import Keeper

        chosen = self.settings.identity
        if chosen.server and chosen.keeper_secret_file:
            return Keeper(chosen.server, chosen.keeper, chosen.keeper_secret_file, chosen.ca_file)
        server = self.identity_server
        if (address := server.address) is None:
            raise RealmUnreachable(
                "Keycloak does not run.", where=str(server.folder), mend="Start it: haven identity up"
            )
        return Keeper(address, chosen.keeper, server.secret_file)
