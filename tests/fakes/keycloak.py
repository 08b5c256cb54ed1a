"""A real Keycloak for tests: one per session, on a free loopback port, with data in a folder that is removed.

Used from a conftest: `from tests.fakes.keycloak import running_keycloak`. The programs are got and built on first use.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from access.realm.keycloak import Keeper, KeycloakRealm
from access.realm.keycloak_users import KeycloakUsers
from access.realm.people import Provision
from access.realm.wanted.settings import RealmSettings
from infra.identity.distribution import Distribution
from infra.identity.server import IdentityServer
from infra.servers.ports import LOOPBACK
from tests.fakes.keycloak_pages import PersonAtTheDoor, token_of

ROOT = Path(__file__).resolve().parents[2]
KEEPER = "haven-keeper"


def environments_folder() -> Path:
    """Where the environments are, and Keycloak's programs beside them."""
    return Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs"))


def documented_claims() -> set[str]:
    """The claims of an access token, as docs/identity.md lists them."""
    page = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
    table = page.partition("| claim |")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


@dataclass
class KeycloakForTests:
    """A Keycloak that runs, with the haven's realm applied."""

    address: str
    realm: KeycloakRealm
    users: KeycloakUsers

    @property
    def issuer(self) -> str:
        """What stands in tokens as `iss`."""
        return f"{self.address}/realms/haven"

    def person(self, name: str, *roles: str) -> PersonAtTheDoor:
        """A new user with these roles, and a one-time password that they have in hand."""
        password = f"one-time {secrets.token_hex(12)}"
        self.users.provision(Provision(name, frozenset(roles)), password)
        return PersonAtTheDoor(name, password)

    def access_token(self, person: PersonAtTheDoor, scope: str = "") -> str:
        """An access token of the command line's, by a whole log-in with both factors (the first one sets them up)."""
        return str(token_of(self.issuer, person, scope)["access_token"])


@contextmanager
def running_keycloak(host: str = LOOPBACK) -> Iterator[KeycloakForTests]:
    """Start it, apply the realm, and end it with everything it kept. host: as browsers name this machine."""
    distribution = Distribution(environments_folder())
    distribution.install(print)
    folder = Path(tempfile.mkdtemp(prefix="haven-keycloak-"))
    server = IdentityServer(folder / "identity", folder / "keycloak.log", distribution, KEEPER, host=host)
    try:
        address = server.start()
        realm = KeycloakRealm(Keeper(address, KEEPER, server.secret_file), RealmSettings())
        realm.apply()
        yield KeycloakForTests(address, realm, KeycloakUsers(realm))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
