"""Which tables may stand in haven.toml? One typed model each; infra.settings puts them together.

No secret stands in any: they name files that one account can read. An unknown key is an error at start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from access.identity.addresses import is_safe
from access.identity.model import ALGORITHMS

ACCOUNT = r"^[a-z_][a-z0-9_-]{0,31}$"
CLIENT = r"^[a-z][a-z0-9-]{0,62}$"


Bound = Annotated[int, Field(ge=0)]
Bounds = tuple[Bound, Bound, Bound]


class BrakeSettings(BaseModel):
    """From how many queries of a sort within the window on: told to the log, slowed down, stopped; 0: never."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    people: int = Field(default=10, gt=0)  # fewer behind a result are few
    window_seconds: float = Field(default=3600.0, gt=0)
    delay_seconds: float = Field(default=5.0, ge=0)
    narrow: Bounds = (50, 150, 0)
    near_pair: Bounds = (10, 20, 0)
    look_up: Bounds = (20, 40, 120)
    after_refusal: Bounds = (20, 40, 0)
    failed: Bounds = (30, 60, 0)


class GatewaySettings(BaseModel):
    """Limits of one query, and of many (brakes)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    row_limit: int = Field(default=5_000_000, gt=0)
    byte_limit: int = Field(default=2 * 1024**3, gt=0)
    seconds: float = Field(default=300.0, gt=0)
    worker_memory: str = Field(default="2GB", pattern=r"^[1-9][0-9]* ?[KMGT]i?B$")
    worker_threads: int = Field(default=2, gt=0)
    worker_idle_seconds: float = Field(default=300.0, gt=0)
    brakes: BrakeSettings = BrakeSettings()


class ClusterSettings(BaseModel):
    """The cluster in which workspaces are pods (docs/kubernetes.md); what may stand here, the hub's code says.

    kubeconfig: where the cluster is, and who the hub is there. None: workspaces stay sandboxes of this machine, and the
    table is for `haven workspace kubernetes` alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    image: str  # NAME@sha256:DIGEST
    node: str  # on which the haven runs, too
    account: int  # number of the haven's own account there
    storage_class: str  # of the homes
    environment: str = "/opt/haven/environments/workspace"  # the researchers', in the image
    namespace: str = "haven-workspaces"
    processors: float = 2.0  # of one workspace
    most_workspaces: int = 20  # open at once
    kubeconfig: Path | None = None


class WorkspaceSettings(BaseModel):
    """The most that one workspace may hold, in bytes: one process's memory, all its memory, its home on the disk.

    And how long it may stay open, in minutes: without any use, and in all; 0: no bound.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    process_memory: int = Field(default=4 * 1024**3, ge=512 * 1024**2)
    memory: int = Field(default=8 * 1024**3, ge=512 * 1024**2)
    home_quota: int = Field(default=20 * 1024**3, ge=1024**2)
    idle_minutes: int = Field(default=120, ge=0)
    longest_minutes: int = Field(default=24 * 60, ge=0)
    cluster: ClusterSettings | None = None  # for `haven workspace kubernetes`


class ServerSettings(BaseModel):
    """Loopback ports; 0 lets the system choose, and `haven up` writes what it chose."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    hub_port: int = Field(default=0, ge=0, lt=65536)
    issuer_port: int = Field(default=0, ge=0, lt=65536)
    prefect_port: int = Field(default=0, ge=0, lt=65536)


class IdentitySettings(BaseModel):
    """The identity provider: where Keycloak is, and where log-ins come back to (docs/identity.md).

    server: None is the Keycloak of `haven identity up`, on this machine only and never with real data. issuer: None is
    the local development issuer, which asks for no password: for synthetic data only (docs/logging-in.md).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    server: str | None = Field(default=None, pattern=r"^https://[^\s?#]+$")
    port: int = Field(default=0, ge=0, lt=65536)  # of `haven identity up`; 0: the system chooses once
    memory: str = Field(default="384m", pattern=r"^[1-9]\d*[mg]$")  # of its heap, as Java says it
    keeper: str = "haven-keeper"  # the service account that keeps the realm
    keeper_secret_file: Path | None = None  # readable by this account only; required with `server`
    ca_file: Path | None = None  # who signs the server's certificate; None: a public authority
    portal: str = "http://127.0.0.1:8450"
    hub: str = "http://127.0.0.1:8460"
    hub_secret_file: Path | None = None  # of the client haven-hub: people then log in at the provider; else by codes
    second_factor: Literal["totp", "webauthn"] = "totp"
    issuer: str | None = Field(default=None, max_length=512)  # whose tokens count; None: the local one
    client: str = Field(default="haven-cli", pattern=CLIENT)  # as which the command line logs in
    clients: frozenset[str] = frozenset({"haven-cli"})  # whose tokens the gateway takes (`azp`)
    algorithms: frozenset[str] = frozenset({"ES256"})
    require_second_factor: bool = True
    second_factor_levels: frozenset[str] = frozenset({"0", "1"})  # `acr` after one: in the haven's realm, all

    @model_validator(mode="after")
    def _can_be_trusted(self) -> Self:
        if self.issuer is not None and not is_safe(self.issuer):
            raise ValueError("issuer must be an https address, or an http address of this machine")
        if not self.algorithms or not self.algorithms <= ALGORITHMS:
            raise ValueError("algorithms must be some of: " + ", ".join(sorted(ALGORITHMS)))
        if not self.clients or self.client not in self.clients:
            raise ValueError("clients must name the clients of the haven, 'client' among them")
        if self.require_second_factor and not self.second_factor_levels:
            raise ValueError("second_factor_levels must name the values of acr that say that one was shown")
        return self

    @property
    def hub_by_openid(self) -> bool:
        """Do people log in at the identity provider to reach their workspaces?"""
        return self.issuer is not None and self.hub_secret_file is not None

    @model_validator(mode="after")
    def _hub_has_an_issuer(self) -> Self:
        if self.hub_secret_file is not None and self.issuer is None:
            raise ValueError("with hub_secret_file, issuer must say where people log in")
        return self

    @model_validator(mode="after")
    def _keeper_has_a_secret(self) -> Self:
        if self.server is not None and self.keeper_secret_file is None:
            raise ValueError("with server, keeper_secret_file must name the file that holds the keeper's secret")
        if self.server is not None and self.issuer is None:
            raise ValueError("with server, issuer must say whose tokens count: else nobody would have to log in")
        return self


class TokenSettings(BaseModel):
    """A PKCS#11 token that holds the root key."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    module: Path  # the maker's library
    token: str
    label: str = "haven-root"
    pin_file: Path  # readable by this account only


class TransitSettings(BaseModel):
    """A transit engine of OpenBao or Vault that holds the root key."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    address: str
    key: str = "haven-root"
    mount: str = "transit"
    token_file: Path  # an access token, such as an agent keeps fresh; readable by this account only
    ca_file: Path | None = None
    namespace: str | None = None


class KeySettings(BaseModel):
    """Where the root key lies. Both tables may stand here while it moves from one place to another."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    root: Literal["sealed-file", "pkcs11", "transit"] = "sealed-file"
    pkcs11: TokenSettings | None = None
    transit: TransitSettings | None = None

    @model_validator(mode="after")
    def _named_place_is_described(self) -> Self:
        if (self.root == "pkcs11" and self.pkcs11 is None) or (self.root == "transit" and self.transit is None):
            raise ValueError(f"root = '{self.root}' needs the table [keys.{self.root}]")
        return self


class SparkSettings(BaseModel):
    """Where Apache Spark runs, and what it may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    master: str = Field(default="local[*]", pattern=r"^(local(\[(\*|[1-9]\d*)\])?|yarn|(spark|k8s)://\S+)$")
    memory: str = Field(default="4g", pattern=r"^[1-9]\d*[mg]$")  # of the process that drives it, as Java says it
    folder: Path | None = None  # tokens lie there, unencrypted, while it runs; None: beside the linkage zone
    weigh: bool = False  # also what the ladder leaves: identifiers of candidate pairs then leave the haven's process


class PartitionSettings(BaseModel):
    """The pieces of the engine `partitioned`: how large, and how many at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    workers: int = Field(default=2, gt=0)
    threads: int = Field(default=1, gt=0)  # of each worker
    memory: str = "4GB"  # of each worker
    rows: int = Field(default=5_000_000, gt=0)  # of a piece


class LinkageSettings(BaseModel):
    """What linkage may cost, and on what it runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    engine: Literal["duckdb", "partitioned", "spark"] = "duckdb"
    spark: SparkSettings = SparkSettings()
    partitions: PartitionSettings = PartitionSettings()
    most_pairs: int = Field(
        default=20_000_000, gt=0
    )  # weighed after the ladder in one run; above it the run is refused


class MeshSettings(BaseModel):
    """The MESH mailbox through which opt-outs are asked for; its secrets lie in files of one account only."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str = Field(pattern=r"^(https://\S+|http://127\.0\.0\.1:\d+)$")
    mailbox: str = Field(pattern=r"^[A-Z0-9]{3,40}$")
    password_file: Path
    shared_key_file: Path
    recipient: str = "X26HC036"  # the national service's
    certificate: Path | None = None
    private_key: Path | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _two_sides_are_certified(self) -> Self:
        if self.url.startswith("https://") and (self.certificate is None or self.private_key is None):
            raise ValueError("MESH asks for certificate and private_key")
        return self


class OptOutSettings(BaseModel):
    """How opt-outs are asked for, and how old the list may be: somebody must decide that, there is no default."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    longest_age_days: int | None = Field(default=None, gt=0)
    reply_within_minutes: int = Field(default=120, gt=0)
    mesh: MeshSettings | None = None


class AccountSettings(BaseModel):
    """The system accounts that `haven accounts install` makes, and where the zones' own root keys lie."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    orchestrator: str = Field(default="haven", pattern=ACCOUNT)
    linkage: str = Field(default="haven-linkage", pattern=ACCOUNT)
    research: str = Field(default="haven-research", pattern=ACCOUNT)
    intake: str = Field(default="haven-intake", pattern=ACCOUNT)
    reviewers: str = Field(default="haven-reviewers", pattern=ACCOUNT)  # the group whose members see doubtful pairs
    passphrases: Path | None = None  # folder of NAME.passphrase, each its account's own; required when real_data
    linkage_keys: KeySettings = KeySettings()
    research_keys: KeySettings = KeySettings()
    intake_keys: KeySettings = KeySettings()

    @model_validator(mode="after")
    def _all_different(self) -> Self:
        if len({self.orchestrator, self.linkage, self.research, self.intake, self.reviewers}) < 5:
            raise ValueError("each part needs an account of its own, and the reviewers a group of their own")
        return self
