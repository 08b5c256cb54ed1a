"""Zones under a temporary home, filled as a receipt fills them: identifiers and payload, joined by row keys."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from access.keys import KeyRing
from audit.clock import FixedClock
from audit.records import Records
from linkage.intake.tables import IDENTIFIERS, create_identity, create_incoming
from linkage.matching.service import Linker
from linkage.separation.here import InThisProcess
from linkage.store import DESTROYED, RECEIVED, SUPERSEDED, Delivery, received_deliveries
from linkage.zones import ZonePlan, Zones
from tests.fakes.havens import START, memory_records

Row = Mapping[str, object]


@dataclass
class LinkageBench:
    """Zones, records and a linker; `deliver` does what a receipt leaves behind."""

    home: Path
    given: Records | None = None
    clock: FixedClock = field(default_factory=lambda: FixedClock(START))

    def __post_init__(self) -> None:
        self.records = self.given or memory_records(self.clock)
        self.keyring = KeyRing.open(self.home / "keys")
        self.zones = Zones(ZonePlan.under(self.home), self.keyring)
        self.linker = Linker(self.zones, self.keyring, self.records, self.home / "reports")

    def deliver(
        self,
        dataset: str,
        table: str,
        people: Sequence[Row],
        columns: Mapping[str, str],
        *,
        supersedes: str | None = None,
    ) -> str:
        """A received delivery of these rows: identifiers and `local_id` to the one zone, `columns` to the other."""
        name = str(uuid.uuid4())
        with self.zones.linkage() as linkage, linkage.cursor():
            create_identity(linkage)
            keys = [uuid.uuid4() for _ in people]
            marks = ", ".join("?" for _ in range(3 + len(IDENTIFIERS)))
            for key, row in zip(keys, people, strict=True):
                values = [name, dataset, key, *(row.get(one) for one in IDENTIFIERS)]
                linkage.execute(
                    f"INSERT INTO identity (delivery, dataset, row_key, {', '.join(IDENTIFIERS)}) VALUES ({marks})",
                    values,
                )
        with self.zones.research() as research:
            create_incoming(research, table, dict(columns))
            for key, row in zip(keys, people, strict=True):
                values = [name, key, *(row.get(one) for one in columns)]
                names = "".join(f", {one}" for one in columns)
                marks = ", ".join("?" for _ in values)
                research.execute(f"INSERT INTO incoming_{table} (delivery, row_key{names}) VALUES ({marks})", values)
        self._record(name, dataset, supersedes)
        if supersedes:
            self._remove_debris()
        return name

    def newest(self, dataset: str) -> str:
        """The delivery of it that came last and counts."""
        with self.records.read() as session:
            return [one.id for one in received_deliveries(session) if one.dataset == dataset][-1]

    def destroy(self, delivery: str) -> None:
        """As a destruction does before its linkage."""
        from sqlalchemy.orm import Session

        with Session(self.records.engine) as session:
            session.get_one(Delivery, delivery).state = DESTROYED
            session.commit()
        self._remove_debris()

    def _remove_debris(self) -> None:
        """As a receipt does: rows of what no longer counts go, and what was linked stays until the next linkage."""
        with self.records.read() as session:
            kept = [one.id for one in received_deliveries(session)]
        for verb in ("identity.keep_only", "payload.keep_only", "quarantine.keep_only"):
            InThisProcess(self.zones).run(verb, {"deliveries": kept})

    def _record(self, name: str, dataset: str, supersedes: str | None) -> None:
        from sqlalchemy.orm import Session

        with Session(self.records.engine) as session:
            if supersedes:
                session.get_one(Delivery, supersedes).state = SUPERSEDED
            session.add(
                Delivery(
                    id=name,
                    name=name,
                    dataset=dataset,
                    controller=dataset,
                    contract_version="1",
                    period_from=date(2026, 1, 1),
                    period_to=date(2026, 2, 1),
                    digest=name,
                    state=RECEIVED,
                    supersedes=supersedes,
                    rows={},
                    quarantined={},
                    at=START,
                    by="person:engineer",
                )
            )
            session.commit()

    def persons(self) -> dict[str, str]:
        """local_id to person, as linked."""
        with self.zones.linkage() as zone:
            rows = zone.execute(
                "SELECT i.local_id, l.person::TEXT FROM identity i JOIN links l USING (record)"
            ).fetchall()
        return {str(local): str(person) for local, person in rows}

    def links(self) -> dict[str, tuple[int, str | None, bool]]:
        """local_id to step, flag and whether linked."""
        with self.zones.linkage() as zone:
            rows = zone.execute(
                "SELECT i.local_id, l.step, l.flag, l.linked FROM identity i JOIN links l USING (record)"
            ).fetchall()
        return {str(local): (int(step), flag, bool(linked)) for local, step, flag, linked in rows}
