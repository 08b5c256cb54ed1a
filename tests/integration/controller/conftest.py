"""A haven and its controllers in mode B: real-shaped deliveries, and the real wheel."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from access.keys import KeyRing
from access.keys.rounds_here import RoundsHere
from audit.clock import FixedClock
from audit.model import person
from infra.demo.people import make_deliveries
from linkage.contracts.catalogue import into_catalogue
from linkage.contracts.registry import Contracts, find_contract
from linkage.intake.pack import pack
from linkage.intake.service import DeliveryIntake, ReceiptSummary
from linkage.matching.service import Linker
from linkage.sealed.door import SealedDoor
from linkage.zones import ZonePlan, Zones
from tests.fakes.agent import CONTRACTS, ROOT, Controller, prepared_desk
from tests.fakes.havens import memory_records, with_engineer

REAL_SHAPED = ROOT.parent / "shared" / "data" / "deliveries"
BY = person("data-engineer")
TODAY = datetime(2026, 10, 1, tzinfo=UTC)
TRACE = "      - {header: TRACE, name: trace, type: text, role: payload, longest: 40, meaning: For the test}\n"


@dataclass
class Haven:
    """Intake and linker of one haven, with records in memory."""

    home: Path
    real_data: bool = False
    records: object = field(default_factory=lambda: memory_records(FixedClock(TODAY)))

    def __post_init__(self) -> None:
        self.keyring = KeyRing.open(self.home / "keys")
        self.zones = Zones(ZonePlan.under(self.home), self.keyring)
        access = with_engineer(self.records)  # type: ignore[arg-type]
        self.contracts = Contracts(self.records, into_catalogue(access))  # type: ignore[arg-type]
        self.door = SealedDoor(self.keyring, real_data=self.real_data)
        self.intake = DeliveryIntake(
            self.home / "intake",
            self.zones,
            self.records,  # type: ignore[arg-type]
            self.contracts,
            access,
            sealed=self.door,
        )
        self.linker = Linker(self.zones, self.keyring, self.records, self.home / "reports")  # type: ignore[arg-type]

    def receive(self, path: Path) -> ReceiptSummary:
        """Receive a delivery, in whichever mode."""
        return self.intake.receive(path, by=BY)

    def give_round(self, name: str, controller: Controller) -> None:
        """A new round's key, sealed for the controller, whose agent knows the haven's signing key."""
        rounds = RoundsHere(self.keyring)
        rounds.create(name, ["hospital", "deaths"], by=BY)
        controller.pin(rounds.signer())
        controller.take_round(rounds.sealed(name, controller.recipient, days=30, by=BY))


@dataclass
class Sources:
    """Deliveries before they are packed, and who is who: dataset, record, person."""

    folder: Path
    truth: pl.DataFrame


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Real-shaped deliveries where they lie beside the checkout, else the demo's in the same shapes.

    The hospital's and the register's rows carry their own key once more as payload, so that a test can say whose
    they are.
    """
    folder = tmp_path_factory.mktemp("sources")
    if REAL_SHAPED.is_dir():
        for path in REAL_SHAPED.rglob("*"):
            if path.is_file():
                (folder / path.relative_to(REAL_SHAPED)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / path.relative_to(REAL_SHAPED))
    else:
        make_deliveries(folder, people=1_600, seed=7)
    _traced(folder / "hospital" / "apc_episodes.csv", "EPIKEY", ",")
    _traced(folder / "deaths" / "registrations.csv", "registration_id", "\t")
    for dataset in ("hospital", "deaths"):
        text = (CONTRACTS / f"{dataset}.yaml").read_text(encoding="utf-8") + TRACE
        (folder / f"{dataset}.yaml").write_text(text.replace('version: "1"', 'version: "2"'), encoding="utf-8")
    pack(folder / "gp", find_contract("gp"), name="gp-first")
    return Sources(folder, pl.read_csv(folder / "truth.csv", infer_schema=False))


@dataclass
class Origin:
    """Made once, because each start of the agent takes its second: a haven's keys, a controller, what it packed."""

    keys: Path
    controller: Controller
    sealed: Path


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory, sources: Sources) -> Origin:
    """A controller with the file of the round `first`, and the register's delivery sealed for the haven."""
    top = tmp_path_factory.mktemp("origin")
    haven, controller = Haven(top / "home"), Controller(top / "desk")
    haven.give_round("first", controller)
    contract = sources.folder / "deaths.yaml"
    sealed = controller.pack(sources.folder / "deaths", contract, haven.door.recipient, "deaths-first")
    return Origin(haven.home / "keys", controller, sealed)


@pytest.fixture
def haven(tmp_path: Path, sources: Sources, origin: Origin) -> Haven:
    """A haven with those keys and the contracts in force, and nothing in it."""
    shutil.copytree(origin.keys, tmp_path / "home" / "keys")
    haven = Haven(tmp_path / "home")
    for dataset in ("hospital", "deaths"):
        path = sources.folder / f"{dataset}.yaml"
        haven.contracts.install(path.read_text(encoding="utf-8"), path.name, by=BY)
    return haven


def _traced(path: Path, key: str, separator: str) -> None:
    rows = pl.read_csv(path, infer_schema=False, separator=separator)
    rows.with_columns(TRACE=pl.col(key)).write_csv(path, separator=separator)


@pytest.fixture
def desk(tmp_path: Path) -> Controller:
    """A controller with forty patients, their events, and a round's file."""
    return prepared_desk(tmp_path)
