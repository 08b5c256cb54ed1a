"""Small intact deliveries of invented people, and an intake that receives them: nothing shared, nothing real.

Every identifying value and every text carries the canary, so that a test finds any row value where none may be.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from access.keys import KeyRing
from audit.clock import FixedClock
from audit.model import person
from audit.records import Records
from linkage.contracts.catalogue import into_catalogue
from linkage.contracts.registry import Contracts, find_contract
from linkage.intake.manifest import Period
from linkage.intake.pack import pack
from linkage.intake.service import DeliveryIntake, ReceiptSummary
from linkage.intake.tables import INCOMING, deliveries_in, incoming_tables
from linkage.store import as_data, received_deliveries
from linkage.zones import ZonePlan, Zones
from tests.fakes.havens import START, memory_records, with_engineer

CANARY = "zqcanary"
ENGINEER = person("data-engineer")
PEOPLE, EVENTS = 40, 80
START_OF_PERIOD = date(2025, 1, 1)
Rows = list[list[str]]


def nhs_number(number: int) -> str:
    """A valid number of the test range: the next one at or after `number` whose check digit exists."""
    while True:
        digits = f"999{number:06d}"
        check = 11 - sum(int(d) * w for d, w in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            return digits + str(check % 11)
        number += 500_000


def patients(count: int = PEOPLE) -> Rows:
    """The rows of a GP's patients, header first."""
    header = "patient_id,nhs_number,surname,forename,sex,date_of_birth,postcode,ethnic_category,practice_code"
    rows = [[*header.split(","), "registration_date", "date_of_death"]]
    for n in range(count):
        born, here = f"{1 + n % 28:02d}/{1 + n % 12:02d}/{1940 + n % 60}", f"{13 + n % 15}/01/2015"
        names = [f"Zqcanary{n}", f"Fo{CANARY}{n}"]
        rows.append(
            [key_of(n), nhs_number(n), *names, "FM"[n % 2], born, f"LS{n % 9 + 1} 2AB", "A", "Y94141", here, ""]
        )
    return rows


def events(count: int = EVENTS, people: int = PEOPLE) -> Rows:
    """The rows of the same patients' events, header first."""
    rows = [["patient_id", "event_date", "code", "term", "value", "unit"]]
    for n in range(count):
        when = f"{13 + n % 15}/{1 + n % 12:02d}/2025"
        rows.append([key_of(n % people), when, "8480-6", f"Term {CANARY} {n}", f"{80 + n % 40}.5", f"mm[{CANARY}]"])
    return rows


def episodes(count: int = PEOPLE) -> Rows:
    """The rows of a hospital's episodes, header first."""
    header = "EPIKEY,NEWNHSNO,LOPATID,DOB,SEX,HOMEADD,ETHNOS,PROCODE3,ADMIMETH,ADMIDATE,DISDATE"
    header += ",SPELDUR,STARTAGE,DIAG_4_01"
    rows = [header.split(",")]
    for n in range(count):
        start = f"202501{1 + n % 20:02d}"
        rows.append([key_of(n), nhs_number(n), f"H{CANARY}{n}", "19500101", "1", "LS1 2AB", "A", "RXF", "21"])
        rows[-1] += [start, "20250125", "3", "75", "R69X"]
    return rows


def care(count: int = PEOPLE) -> Rows:
    """The rows of a council's care events, header first; names that Windows-1252 writes otherwise than UTF-8."""
    header = "Event Reference;NHS Number;Client Name;Date of Birth;Gender;Postcode;Local Authority;Event Type;"
    header += "Service Component;Event Start Date;Event End Date;Primary Support Reason"
    rows = [header.split(";")]
    for n in range(count):
        rows.append([key_of(n), nhs_number(n), f"Zqcanaryé{n}, Zoë", "1950-01-31", "Female", "LS1 2AB", "Leeds"])
        rows[-1] += ["Service", "Direct Payment", "2025-01-02", "", "Physical Support"]
    return rows


def key_of(number: int) -> str:
    """A controller's own key of a record."""
    return f"{CANARY}-{number:06d}"


def as_csv(rows: Rows, delimiter: str = ",", line_end: str = "\r\n") -> str:
    """The text of a CSV file."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return out.getvalue()


def from_csv(path: Path) -> Rows:
    """The rows of a CSV file in UTF-8 with commas."""
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def intact(folder: Path, dataset: str = "gp", *, name: str | None = None, people: int = PEOPLE, day: int = 0) -> Path:
    """A packed delivery without a fault; another `day` (its period's last) makes it another delivery."""
    folder.mkdir(parents=True)
    if dataset == "gp":
        (folder / "patients.csv").write_bytes(as_csv(patients(people)).encode())
        (folder / "events.csv").write_bytes(as_csv(events(2 * people, people)).encode())
    elif dataset == "hospital":
        (folder / "apc_episodes.csv").write_bytes(as_csv(episodes(people)).encode())
    else:
        (folder / "cld_events.csv").write_bytes(as_csv(care(people), ";").encode("cp1252"))
    repack(folder, dataset, name=name or folder.name, day=day)
    return folder


def repack(
    folder: Path, dataset: str = "gp", *, name: str | None = None, supersedes: str | None = None, day: int = 0
) -> None:
    """Write the manifest again, as a controller would."""
    period = Period.model_validate({"from": START_OF_PERIOD, "to": START_OF_PERIOD + timedelta(days=day)})
    pack(folder, find_contract(dataset), name=name, period=period, supersedes=supersedes)


@dataclass
class IntakeBench:
    """An intake with its zones under `home` and its records in memory."""

    home: Path
    records: Records = field(default_factory=lambda: memory_records(FixedClock(START)))

    def __post_init__(self) -> None:
        self.zones = Zones(ZonePlan.under(self.home), KeyRing.open(self.home / "keys"))
        self.access = with_engineer(self.records)
        contracts = Contracts(self.records, into_catalogue(self.access))
        self.intake = DeliveryIntake(self.home / "intake", self.zones, self.records, contracts, self.access)

    def receive(self, path: Path) -> ReceiptSummary:
        """Receive a delivery as the data engineer."""
        return self.intake.receive(path, by=ENGINEER)

    def state(self) -> dict[str, Any]:
        """All that counts: the received deliveries' records, and every row in both zones, whatever its order."""
        with self.records.read() as session:
            received = [as_data(delivery) for delivery in received_deliveries(session)]
        with self.zones.linkage(read_only=True) as zone:
            identity = sorted(map(repr, zone.execute("SELECT * FROM identity").fetchall()))
        with self.zones.research(read_only=True) as zone:
            tables = incoming_tables(zone)
            payload = {t: sorted(map(repr, zone.execute(f"SELECT * FROM {INCOMING}{t}").fetchall())) for t in tables}
        return {"received": received, "identity": identity, "payload": payload}

    def rows_of(self, delivery: str) -> dict[str, int]:
        """How many rows of a delivery lie where: identity, each staging table, quarantine."""
        with self.zones.linkage(read_only=True) as zone:
            counts = {"identity": _count(zone, "identity", delivery)}
        with self.zones.research(read_only=True) as zone:
            counts |= {table: _count(zone, INCOMING + table, delivery) for table in incoming_tables(zone)}
        with self.zones.quarantine(read_only=True) as zone:
            counts["quarantine"] = _count(zone, "quarantine", delivery)
        return counts


def _count(zone: Any, table: str, delivery: str) -> int:
    if delivery not in deliveries_in(zone, table):
        return 0
    return int(zone.execute(f"SELECT count(*) FROM {table} WHERE delivery = ?", [delivery]).fetchall()[0][0])
