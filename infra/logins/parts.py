"""Which issuer has this haven, and how is it asked? The parts of identity, put together from the settings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from access.identity.device_login import DeviceLogin
from access.identity.ended_sessions import EndedInFolder
from access.identity.errors import IssuerUnreachable
from access.identity.fetching import HttpNetwork
from access.identity.keys import PublishedKeys
from access.identity.local.issuer import TOKEN_SECONDS, LocalIssuer
from access.identity.local.issuer_keys import IssuerKeys
from access.identity.model import TrustedIssuer
from access.identity.tokens import Verifier
from access.keys import KeyRing
from access.service import Access
from audit.clock import Clock
from audit.records import Records
from environments.gateway.model import AUDIENCE
from environments.workspaces.logins import AUDIENCE as HUB
from infra.logins.kept import KeptLogin, config_folder
from infra.logins.service import Logins
from infra.servers.supervisor import service_address
from infra.settings import Settings, SettingsError

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

LOCAL = "issuer"


def issuer_address(settings: Settings) -> str:
    """The address of the issuer whose tokens count. Raises IssuerUnreachable: the local one does not run."""
    address = settings.identity.issuer or service_address(settings.run_folder, LOCAL)
    if address is None:
        raise IssuerUnreachable(
            "The local development issuer does not run.", where=str(settings.home), mend="Start it: `haven up`"
        )
    return address


def issuer_keys(settings: Settings, keyring: KeyRing, clock: Clock) -> IssuerKeys:
    """The versions of the local issuer's key."""
    return IssuerKeys(settings.issuer_folder, lambda version: keyring.signing_key("token", version), clock)


def require_local_issuer(settings: Settings) -> None:
    """Raises SettingsError where an identity provider is set."""
    if settings.identity.issuer is not None:
        raise SettingsError(
            "An identity provider is set; the local development issuer gives no tokens beside it.",
            where="[identity] issuer",
            mend="Log in there: haven login",
        )


def local_issuer(settings: Settings, keyring: KeyRing, clock: Clock, address: str | None = None) -> LocalIssuer:
    """The local development issuer; address: its own, where it is just starting. Raises IssuerRefused."""
    require_local_issuer(settings)
    keys = issuer_keys(settings, keyring, clock)
    return LocalIssuer(address or issuer_address(settings), keys, clock, real_data=settings.real_data)


def token_without_login(haven: Haven, person: str, audience: str, seconds: int = TOKEN_SECONDS) -> str:
    """The local issuer's token for whom `--as` names: on a laptop nobody proves it. Raises IssuerRefused."""
    known = haven.access.person(person)
    return haven.issuer.issue(person, audience, seconds, roles=known.roles if known else ())


def trusted_issuer(settings: Settings) -> TrustedIssuer:
    """Whose tokens count, and what they must be."""
    identity = settings.identity
    local = identity.issuer is None
    hub = {HUB: frozenset({HUB})} if identity.hub_by_openid else {}  # whose tokens are the hub's own, and its only
    return TrustedIssuer(
        url=issuer_address(settings),
        clients={AUDIENCE: identity.clients, **hub},
        algorithms=frozenset({"Ed25519"}) if local else identity.algorithms,
        second_factor=frozenset() if local else identity.second_factor_levels,
        require_second_factor=not local and identity.require_second_factor,
    )


def ended_sessions(settings: Settings, clock: Clock) -> EndedInFolder:
    """The logins that ended here."""
    return EndedInFolder(settings.issuer_folder / "ended", clock)


def network(settings: Settings) -> HttpNetwork:
    """HTTP to the issuer."""
    return HttpNetwork(settings.identity.ca_file)


def verifier(settings: Settings, clock: Clock) -> Verifier:
    """Verifies the issuer's tokens with the keys that it publishes."""
    trusted = trusted_issuer(settings)
    keys = PublishedKeys(trusted.url, network(settings), clock)
    return Verifier(trusted, keys, clock, ended_sessions(settings, clock))


def logins(
    settings: Settings, records: Records, access: Access, verifies: Verifier, folder: Path | None = None
) -> Logins:
    """The logins of this account at this home."""
    issuer = issuer_address(settings)
    return Logins(
        DeviceLogin(issuer, settings.identity.client, network(settings), time.sleep, AUDIENCE),
        KeptLogin(folder or config_folder(), settings.home, issuer),
        verifies,
        records,
        access,
        ended_sessions(settings, records.clock),
        AUDIENCE,
    )
