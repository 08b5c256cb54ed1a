"""Where do researchers work, and how does anything leave or come in? Workspaces with their hub, and the airlock."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from access.identity.addresses import is_loopback
from infra.wiring.opt_outs import OptOutParts

if TYPE_CHECKING:
    from environments.airlock.imports.service import Imports
    from environments.airlock.packages.service import Packages
    from environments.airlock.service import Airlock
    from environments.gateway.evidence.sealed import EvidenceFolder
    from environments.workspaces.control import ControlTokens
    from environments.workspaces.hub import HubPlace, OpenID
    from environments.workspaces.service import Workspaces


class EnvironmentParts(OptOutParts):
    """The workspaces, and the one door out of them."""

    @cached_property
    def airlock(self) -> Airlock:
        """The one door through which anything leaves."""
        from environments.airlock.approvals import AccessApprovals
        from environments.airlock.service import Airlock
        from infra.file_inspectors import EnclosedInspectors
        from infra.person_sets import LedgerSets
        from infra.published import GatewayScopes
        from infra.query_evidence import OpenedEvidence
        from infra.registers.folder import ensure_place

        settings = self.settings
        ensure_place(settings.register_folder)
        scopes = GatewayScopes(self.access, self.records, self.keyring, settings.scopes_folder, self.disclosures)
        return Airlock(
            self.records,
            AccessApprovals(self.access, self.disclosures),
            settings.airlock_folder,
            settings.outbox_folder,
            settings.register_folder,
            self.keyring.signing_key("release"),
            evidence=OpenedEvidence(self.evidence),
            people=LedgerSets.of_haven(self, scopes),
            key_of=self.keyring.evidence_key,
            inspectors=EnclosedInspectors(scopes),
        )

    @cached_property
    def imports(self) -> Imports:
        """The door through which code and look-up tables come in."""
        from environments.airlock.approvals import AccessApprovals
        from environments.airlock.imports.service import Imports

        settings = self.settings
        return Imports(
            self.records,
            AccessApprovals(self.access, self.disclosures),
            settings.airlock_folder / "imports",
            settings.imports_folder,
            self.keyring.signing_key("release"),
        )

    @cached_property
    def packages(self) -> Packages:
        """The index that a project's workspaces install from."""
        from environments.airlock.approvals import AccessApprovals
        from environments.airlock.packages.service import Packages

        approvals = AccessApprovals(self.access, self.disclosures)
        return Packages(self.records, approvals, self.settings.packages_folder)

    @cached_property
    def evidence(self) -> EvidenceFolder:
        """What stands behind the figures of queries, sealed."""
        from environments.gateway.evidence.sealed import EvidenceFolder

        keyring = self.keyring
        return EvidenceFolder(self.settings.evidence_folder, keyring.evidence_key, keyring.signing_key("evidence"))

    @cached_property
    def control_tokens(self) -> ControlTokens:
        """The tokens of the routes by which the hub and the command line speak to the gateway's process."""
        from environments.workspaces.control import ControlTokens

        return ControlTokens(self.settings.home / "hub" / "tokens")

    @cached_property
    def hub_place(self) -> HubPlace:
        """Where the hub stands, for the process that starts it."""
        from environments.workspaces.hub import HubPlace
        from infra.cluster import cluster_values
        from infra.servers.ports import free_port

        settings = self.settings
        pods = settings.workspaces.cluster
        pods = pods if pods is not None and pods.kubeconfig is not None else None
        return HubPlace(
            folder=settings.home / "hub",
            run=settings.run_folder / "hub",
            workspaces=settings.workspaces_folder,
            imports=settings.imports_folder,
            packages=settings.packages_folder,
            control_socket=settings.gateway_socket,
            tokens=self.control_tokens,
            environments=settings.environments_folder,
            clients=settings.clients_folder,
            port=settings.servers.hub_port or self._port_of_hub() or free_port(),
            openid=self._openid_of_hub(),
            memory=settings.workspaces.process_memory,
            home_quota=settings.workspaces.home_quota,
            idle_seconds=settings.workspaces.idle_minutes * 60,
            longest_seconds=settings.workspaces.longest_minutes * 60,
            workspace_memory=settings.workspaces.memory,
            cluster=None if pods is None else cluster_values(pods, settings),
            kubeconfig=None if pods is None else pods.kubeconfig,
        )

    def _port_of_hub(self) -> int | None:
        """On this machine: the port that the realm sends people back to after they have logged in."""
        address = urlsplit(self.settings.identity.hub)
        return (
            address.port if self.settings.identity.hub_by_openid and is_loopback(self.settings.identity.hub) else None
        )

    def _openid_of_hub(self) -> OpenID | None:
        """Where the hub lets people log in. Raises IssuerUnreachable."""
        from access.identity.discovery import BrowserLogin
        from environments.workspaces.hub import OpenID
        from infra.logins.parts import network

        identity = self.settings.identity
        if identity.issuer is None or identity.hub_secret_file is None:
            return None
        login = BrowserLogin.ask(identity.issuer, network(self.settings))
        back = urlencode({"client_id": "haven-hub", "post_logout_redirect_uri": f"{identity.hub}/"})
        return OpenID(
            authorize_url=login.authorize,
            token_url=login.tokens,
            callback_url=f"{identity.hub}/hub/oauth_callback",
            logout_url=f"{login.log_out}?{back}",
            secret_file=identity.hub_secret_file,
            ca_file=identity.ca_file,
        )

    @property
    def workspaces(self) -> Workspaces:
        """The workspaces of the services that run now. Raises WorkspacesDown."""
        from environments.workspaces.errors import WorkspacesDown
        from environments.workspaces.service import Workspaces
        from infra.servers.supervisor import service_address

        address = service_address(self.settings.run_folder, "hub")
        if address is None:
            raise WorkspacesDown(
                "The hub of the workspaces does not run.",
                where=str(self.settings.home),
                mend="Start the services: `haven up`. `haven doctor` says what is missing.",
            )
        token = self.settings.home / "hub" / "orchestrator.token"
        identity = self.settings.identity
        return Workspaces(
            self.settings.gateway_socket,
            self.control_tokens,
            address,
            token,
            sign_in_at=identity.hub if identity.hub_by_openid else None,
        )
