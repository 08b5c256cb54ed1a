"""How is this haven set up? One typed model: `haven.toml` in the home, overridden by HAVEN_* variables.

An unknown key is an error at start. No secret stands here: keys live in the key ring (access.keys).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from access.identity.addresses import is_loopback
from access.organisations.model import OURSELVES
from infra.errors import DeploymentError
from infra.settings_tables import (
    AccountSettings,
    GatewaySettings,
    IdentitySettings,
    KeySettings,
    LinkageSettings,
    OptOutSettings,
    ServerSettings,
    WorkspaceSettings,
)

ROOT = Path(__file__).resolve().parent.parent
SETTINGS_FILE = "haven.toml"
ACCOUNTS_FILE = "accounts.json"
LONGEST_SOCKET_FOLDER = 70  # a Unix socket's path may have 107 bytes; ours add up to 36


class SettingsError(DeploymentError):
    """haven.toml is wrong; the message names the key."""

    code = "settings.invalid"
    exit_status = 78


class Settings(BaseModel):
    """The one settings model. Folders are derived from `home`; each zone has its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path
    database: str | None = None  # an SQLAlchemy URL without password; None: SQLite in the home
    organisation: str = Field(default=OURSELVES, pattern=r"^[a-z][a-z0-9_-]{1,59}$")  # who runs the haven, by its id
    real_data: bool = False  # True turns every demo convenience off; the haven then fails closed
    duckdb_httpfs: Path | None = None  # OpenSSL for DuckDB's encryption; required when real_data
    passphrase_file: Path | None = None  # seals the root key; outside the home; required when real_data
    keys: KeySettings = KeySettings()
    linkage: LinkageSettings = LinkageSettings()
    gateway: GatewaySettings = GatewaySettings()
    workspaces: WorkspaceSettings = WorkspaceSettings()
    servers: ServerSettings = ServerSettings()
    identity: IdentitySettings = IdentitySettings()
    accounts: AccountSettings = AccountSettings()
    optouts: OptOutSettings = OptOutSettings()

    @property
    def accounts_file(self) -> Path:
        """Stands where the accounts are installed; written by root, and only readable to them."""
        return self.home / ACCOUNTS_FILE

    @property
    def separated(self) -> bool:
        """Do the zones belong to accounts of their own?"""
        return self.accounts_file.exists()

    @property
    def agreed_contracts_folder(self) -> Path:
        """Contracts that do not ship with the haven, where accounts are installed: root's to write."""
        return self.home / "zones" / "contracts"

    @property
    def controller_keys_folder(self) -> Path:
        """What root knows of controllers: their public keys for signatures, and for whom rounds' keys are sealed."""
        return self.home / "zones" / "controllers"

    @property
    def reference_tables_folder(self) -> Path:
        """Where root puts reference tables, which the intake's process alone reads (they hold NHS numbers)."""
        return self.home / "zones" / "references"

    @property
    def zone_logs_folder(self) -> Path:
        """What the zones' processes say, where root starts them."""
        return self.home / "zones" / "logs"

    def zone_keys_folder(self, zone: str) -> Path:
        """The root key and the role key of one zone, or of the intake, where accounts are installed."""
        return self.keys_folder / zone

    def zone_socket(self, process: str) -> Path:
        """Where the process of a zone's account answers."""
        return self.home / "run" / "zones" / process / "zone.sock"

    @model_validator(mode="after")
    def _exchange_is_on_an_encrypted_disk(self) -> Self:
        if self.real_data and self.linkage.engine == "spark" and self.linkage.spark.folder is None:
            raise ValueError("with real data, [linkage.spark] folder must name a folder on an encrypted disk")
        return self

    @model_validator(mode="after")
    def _people_prove_who_they_are(self) -> Self:
        issuer = self.identity.issuer
        if self.real_data and (issuer is None or not issuer.startswith("https://") or is_loopback(issuer)):
            raise ValueError("with real data, [identity] issuer must be the https address of the identity provider")
        if self.real_data and not self.identity.require_second_factor:
            raise ValueError("with real data, [identity] require_second_factor may not be turned off")
        return self

    @property
    def issuer_folder(self) -> Path:
        """The versions of the local issuer's key, and the logins that ended here."""
        return self.home / "issuer"

    @model_validator(mode="after")
    def _real_people_are_asked_about_at_the_real_service(self) -> Self:
        mesh = self.optouts.mesh
        if self.real_data and mesh is not None and not mesh.url.startswith("https://"):
            raise ValueError("with real data, [optouts.mesh] url must be https")
        return self

    @property
    def database_url(self) -> str:
        """SQLite in the home unless the settings name a server."""
        return self.database or f"sqlite:///{self.home / 'records' / 'haven.db'}"

    @property
    def audit_folder(self) -> Path:
        return self.home / "audit"

    @property
    def keys_folder(self) -> Path:
        return self.home / "keys"

    @property
    def inbox_folder(self) -> Path:
        """Where controllers' deliveries wait, one folder per dataset."""
        return self.home / "inbox"

    @property
    def intake_folder(self) -> Path:
        """Quarantine and delivery reports."""
        return self.home / "intake"

    @property
    def linkage_zone(self) -> Path:
        return self.home / "zones" / "linkage"

    @property
    def research_zone(self) -> Path:
        return self.home / "zones" / "research"

    @property
    def scopes_folder(self) -> Path:
        return self.home / "scopes"

    @property
    def evidence_folder(self) -> Path:
        return self.home / "evidence"

    @property
    def airlock_folder(self) -> Path:
        return self.home / "airlock"

    @property
    def imports_folder(self) -> Path:
        """What workspaces read of what was brought in, one folder per project."""
        return self.home / "imports"

    @property
    def packages_folder(self) -> Path:
        """The indexes that workspaces install from, one folder per project."""
        return self.home / "packages"

    @property
    def outbox_folder(self) -> Path:
        return self.home / "outbox"

    @property
    def register_folder(self) -> Path:
        return self.home / "register"

    @property
    def reports_folder(self) -> Path:
        return self.home / "reports"

    @property
    def delivery_reports_folder(self) -> Path:
        """Delivery reports, where accounts are installed: counts only, written by the orchestrator."""
        return self.reports_folder / "intake"

    @property
    def workspaces_folder(self) -> Path:
        return self.home / "workspaces"

    @property
    def logs_folder(self) -> Path:
        return self.home / "logs"

    @property
    def identity_folder(self) -> Path:
        """Keycloak of `haven identity up`: its data, its configuration, its keeper's secret."""
        return self.home / "identity"

    @property
    def prefect_folder(self) -> Path:
        return self.home / "prefect"

    @property
    def environments_folder(self) -> Path:
        """Where the launcher made the environments."""
        return Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs"))

    @property
    def clients_folder(self) -> Path:
        """The distributions that are put into foreign environments."""
        return ROOT / "clients"

    @property
    def tutorial(self) -> Path:
        """The notebook that is put into each new workspace."""
        return self.clients_folder / "haven-hub" / "jupyter" / "start-here.ipynb"

    @property
    def run_folder(self) -> Path:
        """Sockets and process ids; outside the home when its path is too long for a Unix socket."""
        inside = self.home / "run"
        if self.separated:
            return inside
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
            return inside
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"haven-{os.getuid()}-{name}"

    @property
    def audit_socket(self) -> Path:
        return self.run_folder / "audit.sock"

    @property
    def gateway_socket(self) -> Path:
        return self.run_folder / "gateway.sock"


def load_settings(home: Path) -> Settings:
    """The settings of `home`. Raises SettingsError naming each wrong key."""
    home = home.expanduser().absolute()
    path = home / SETTINGS_FILE
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingsError(f"{SETTINGS_FILE} cannot be read: {error}", where=str(path)) from None
    if "home" in values:
        raise SettingsError("'home' may not stand in the settings file", where=str(path), mend="Use --home.")
    if url := os.environ.get("HAVEN_DATABASE"):
        values["database"] = url
    try:
        return Settings(home=home, **values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)
        )
        raise SettingsError(f"{SETTINGS_FILE}: {problems}", where=str(path), mend="Correct the named keys.") from None
