"""Which adapter stands behind which port? Here, and only here, the haven is put together.

Every part is made on first use: a command pays only for what it touches.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from audit.clock import Clock, SystemClock
from audit.progress import Progress, silent
from infra.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from access.identity import LocalIssuer, Verifier
    from access.keys import KeyRing
    from access.keys.custody import KeyCustody
    from access.service import Access
    from audit.client import SocketAuditLog
    from audit.model import Actor
    from audit.records import Records
    from environments.airlock.service import Airlock
    from environments.workspaces.control import ControlTokens
    from environments.workspaces.hub import HubPlace
    from environments.workspaces.service import Workspaces
    from linkage.contracts.contract import DatasetContract
    from linkage.contracts.registry import Contracts
    from linkage.intake.at_the_door import ThroughTheDoor
    from linkage.intake.service import DeliveryIntake
    from linkage.intake.signing import Senders
    from linkage.matching.engines.piece_tables import RunPieces
    from linkage.matching.service import Linker
    from linkage.references.service import ReferenceTables
    from linkage.scopes.service import ScopePublisher, ScopeSummary
    from linkage.sealed.door import SealedDoor
    from linkage.separation.client import ZonePlace
    from linkage.separation.ports import ZoneRunner
    from linkage.zones import Zones

PRIVATE = 0o700
"""In the linkage zone's folder: where engines beside the haven's process find their tokens for the while."""


def _require_own(folder: Path) -> None:
    """The folder of sockets may lie where others can write: only this account's own will do, open to nobody else.

    Raises SettingsError for a link, or for another account's folder.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SettingsError(
            "The folder for the services' sockets belongs to another account, or is a link.",
            where=str(folder),
            mend="Remove it, or use a home with a shorter path, so that the sockets lie inside it.",
        )
    folder.chmod(PRIVATE)


def _require_orchestrator(settings: Settings) -> None:
    """Where accounts are installed, everything but the zones runs as the orchestrator's; root would leave its files."""
    from infra.accounts.layout import ORCHESTRATOR, Accounts

    accounts = Accounts.installed(settings)
    if os.geteuid() != accounts.uid(ORCHESTRATOR):
        name = accounts.names[ORCHESTRATOR]
        raise SettingsError(
            f"This haven's commands run as the account '{name}'.",
            where=str(settings.home),
            mend=f"sudo -u {name} haven ... ; as root only: haven up, down, accounts",
        )


def _require_roots(folder: Path) -> None:
    """Where accounts are installed, the folder of sockets is root's, and each account has its own place in it."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
        raise SettingsError(
            "The folder for the services' sockets is not root's.",
            where=str(folder),
            mend="As root: haven accounts install",
        )


@dataclass
class Haven:
    """One haven: its settings, and its parts made on first use."""

    settings: Settings
    clock: Clock
    run_pieces: RunPieces | None = None  # who makes the pieces of a partitioned linkage; None: this process
    left_out: dict[str, str] = field(default_factory=dict)  # services that this machine cannot run, and why

    @classmethod
    def at(cls, home: Path) -> Haven:
        """The haven at `home`; its folders are made, private to this account."""
        settings = load_settings(home)
        if settings.separated:
            _require_orchestrator(settings)
        for folder in (settings.home, settings.run_folder, settings.home / "records"):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        if settings.separated:
            _require_roots(settings.run_folder)
        else:
            _require_own(settings.run_folder)
        return cls(settings, SystemClock())

    @cached_property
    def audit_log(self) -> SocketAuditLog:
        """The log's client; starts the writer process when none runs."""
        from audit.client import SocketAuditLog

        return SocketAuditLog(self.settings.audit_folder, self.settings.audit_socket)

    @cached_property
    def records(self) -> Records:
        """The database of records, migrated to the newest schema."""
        from audit.records import Records
        from infra.database import open_database

        return Records(open_database(self.settings), self.audit_log, self.clock)

    def settle(self) -> int:
        """Tell in the log which changes were written there and not kept (after a crash); how many were found now."""
        from audit.reader import LogReader
        from audit.settle import settle

        return settle(self.records, LogReader(self.settings.audit_folder))

    @cached_property
    def keyring(self) -> KeyRing:
        """The key ring, opened with its passphrase; without the zones' keys where accounts are installed."""
        from access.keys import KeyRing, KeyRole
        from access.keys.errors import KeyRingError
        from infra.accounts.layout import COMMON_ROLES
        from infra.keys import key_places

        settings = self.settings
        if not settings.keys_folder.exists() and any(settings.linkage_zone.glob("*.duckdb")):
            raise KeyRingError(
                "The folder of keys is gone, and the zones that it opens are there. No new keys were made.",
                where=str(settings.keys_folder),
                mend="Restore it whole from its backup.",
            )
        return KeyRing.open(
            settings.keys_folder,
            real_data=settings.real_data,
            passphrase_file=settings.passphrase_file,
            root=key_places(settings.keys).get(settings.keys.root),
            roles=COMMON_ROLES if settings.separated else tuple(KeyRole),
        )

    @cached_property
    def custody(self) -> KeyCustody:
        """The keys and the records of them."""
        from access.keys.custody import KeyCustody

        if not self.settings.separated:
            return KeyCustody(self.keyring, self.records, self.access)
        from linkage.sealed.rounds import RoundsInTheZone

        rounds = RoundsInTheZone(cast("ZoneRunner", self.zone_runner))
        return KeyCustody(self.keyring, self.records, self.access, rounds)

    def rotate_root(self, *, by: Actor) -> str:
        """A new version of the root key; where the settings name another place, it moves there. Its place now."""
        from infra.keys import rotate_root

        return rotate_root(self.settings, self.records, self.access, by=by)

    @cached_property
    def access(self) -> Access:
        """Who may do what, for which approved purpose, until when."""
        from access.service import Access

        return Access(self.records, real_data=self.settings.real_data)

    def actor(self, name: str) -> Actor:
        """The registered person or organisation that this name means. Raises AccessError for nobody, or for two."""
        from access.errors import AccessError
        from audit.model import organisation, person

        kind, _, bare = name.rpartition(":")
        found = [person(bare)] if kind in ("", "person") and self.access.person(bare) else []
        if kind in ("", "organisation") and bare in {one.id for one in self.access.organisations()}:
            found.append(organisation(bare))
        if len(found) == 1:
            return found[0]
        raise AccessError(
            "A person and an organisation both have this name." if found else "Nobody is registered under this name.",
            where="--as",
            mend="Write person:NAME or organisation:NAME. `haven person list` and `haven organisation list` show them.",
        )

    @cached_property
    def issuer(self) -> LocalIssuer:
        """Issues tokens to this account's own command line; refuses where real data are."""
        from access.identity import LocalIssuer

        settings = self.settings
        key = self.keyring.signing_key("token")
        return LocalIssuer(settings.issuer, key, self.clock, real_data=settings.real_data)

    @cached_property
    def verifier(self) -> Verifier:
        """Verifies the tokens of the issuer."""
        from access.identity import Verifier

        return Verifier(self.settings.issuer, self.issuer.public_keys(), self.clock)

    @cached_property
    def zones(self) -> Zones:
        """The zones of this process; none can be opened here where accounts are installed."""
        from linkage.separation.elsewhere import ZonesElsewhere
        from linkage.zones import Zones

        if self.settings.separated:
            return cast("Zones", ZonesElsewhere())
        return Zones(self.settings, self.keyring)

    @cached_property
    def zone_runner(self) -> Zones | ZoneRunner:
        """Who does what in the zones: this process, or the processes of their accounts."""
        if not self.settings.separated:
            return self.zones
        from infra.accounts.layout import Accounts
        from infra.accounts.serving import zones_of_accounts

        return zones_of_accounts(self.settings, Accounts.installed(self.settings), self.settings.home / "records")

    @cached_property
    def contracts(self) -> Contracts:
        """The dataset contracts in force."""
        from linkage.contracts.registry import Contracts

        return Contracts(self.records, self._register_dataset)

    def _register_dataset(self, contract: DatasetContract, by: Actor) -> None:
        """An installed contract's dataset, put where projects look it up; its controller is registered with it."""
        from access.organisations.model import DatasetEntry, Organisation

        if contract.controller not in {one.id for one in self.access.organisations()}:
            self.access.register_organisation(Organisation(contract.controller, contract.controller), by=by)
        entry = DatasetEntry(
            id=contract.dataset,
            controller=contract.controller,
            notice=contract.fair_processing_notice,
            disclosure_profile=contract.disclosure_profile,
            tables={file.table: dict(file.payload) for file in contract.files},
        )
        self.access.register_dataset(entry, by=by)

    @cached_property
    def delivery_intake(self) -> DeliveryIntake:
        """Where deliveries are received."""
        from linkage.intake.service import DeliveryIntake

        settings = self.settings
        if not settings.separated:
            return DeliveryIntake(
                settings.intake_folder, self.zones, self.records, self.contracts, sealed=self.sealed_door,
                senders=self.senders,
            )  # fmt: skip
        folder, door = settings.delivery_reports_folder, self._intake_door()
        return DeliveryIntake(folder, self.zone_runner, self.records, self.contracts, door=door)

    def _intake_door(self) -> ThroughTheDoor:
        """The process of the intake's account."""
        from linkage.intake.at_the_door import ThroughTheDoor

        return ThroughTheDoor(self._intake_place(), self.settings.home / "records")

    def _intake_place(self) -> ZonePlace:
        from infra.accounts.layout import INTAKE, Accounts
        from infra.accounts.serving import place_of

        return place_of(self.settings, Accounts.installed(self.settings), INTAKE)

    @property
    def delivery_recipient(self) -> str:
        """The age public key that controllers seal deliveries for (mode B)."""
        return self._intake_door().recipient if self.settings.separated else self.sealed_door.recipient

    @cached_property
    def senders(self) -> Senders:
        """The controllers' keys; with real data nobody is without one."""
        from linkage.intake.signing import Senders

        return Senders(self.settings.controller_keys_folder, required=self.settings.real_data)

    @cached_property
    def sealed_door(self) -> SealedDoor:
        """Opens what controllers seal for this haven (mode B)."""
        from linkage.sealed.door import SealedDoor

        return SealedDoor(self.keyring, real_data=self.settings.real_data)

    @cached_property
    def linker(self) -> Linker:
        """Links what was received to the person spine."""
        from infra.engines import linkage_engine
        from linkage.matching.service import Linker

        settings = self.settings
        return Linker(
            self.zone_runner,
            self.keyring,
            self.records,
            settings.reports_folder,
            access=self.access,
            real_data=settings.real_data,
            most_pairs=settings.linkage.most_pairs,
            engine=linkage_engine(settings, self.run_pieces),
        )

    @cached_property
    def reference_tables(self) -> ReferenceTables:
        """Whose NHS number or postcode took another's place."""
        from linkage.references.door import ReadAtTheDoor
        from linkage.references.service import ReferenceTables

        return ReferenceTables(
            self.zone_runner,
            self.records,
            self.access,
            real_data=self.settings.real_data,
            door=ReadAtTheDoor(self._intake_place()) if self.settings.separated else None,
        )

    @cached_property
    def scope_publisher(self) -> ScopePublisher:
        """Builds the file that a project's queries run on."""
        from linkage.scopes.service import ScopePublisher

        return ScopePublisher(self.zone_runner, self.keyring, self.records, self.settings.scopes_folder)

    def publish_scope(self, project: str, progress: Progress = silent) -> ScopeSummary:
        """Publish what the project's live approval allows. Raises RefusedError, which is recorded."""
        from access.decisions import RefusedError
        from audit.events import EventName
        from audit.model import service

        publisher = service("publisher")
        try:
            scope = self.access.live_scope(project)
        except RefusedError as error:
            self.records.note(EventName.SCOPE_PUBLISH_REFUSED, by=publisher, project=project, rule=error.refused.code)
            raise
        return self.scope_publisher.publish(scope, by=publisher, progress=progress)

    @cached_property
    def airlock(self) -> Airlock:
        """The one door through which anything leaves."""
        from environments.airlock.approvals import AccessApprovals
        from environments.airlock.service import Airlock
        from infra.registers.folder import ensure_place

        settings = self.settings
        ensure_place(settings.register_folder)
        return Airlock(
            self.records,
            AccessApprovals(self.access),
            settings.airlock_folder,
            settings.outbox_folder,
            settings.register_folder,
            self.keyring.signing_key("release"),
        )

    @cached_property
    def control_tokens(self) -> ControlTokens:
        """The tokens of the routes by which the hub and the command line speak to the gateway's process."""
        from environments.workspaces.control import ControlTokens

        return ControlTokens(self.settings.home / "hub" / "tokens")

    @cached_property
    def hub_place(self) -> HubPlace:
        """Where the hub stands, for the process that starts it."""
        from environments.workspaces.hub import HubPlace
        from infra.servers.ports import free_port

        settings = self.settings
        return HubPlace(
            folder=settings.home / "hub",
            run=settings.run_folder / "hub",
            workspaces=settings.workspaces_folder,
            control_socket=settings.gateway_socket,
            tokens=self.control_tokens,
            environments=settings.environments_folder,
            clients=settings.clients_folder,
            port=settings.servers.hub_port or free_port(),
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
                mend="Start the services: `haven up`. `haven workspace check` says whether this machine can.",
            )
        token = self.settings.home / "hub" / "orchestrator.token"
        return Workspaces(self.settings.gateway_socket, self.control_tokens, address, token)
