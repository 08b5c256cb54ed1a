"""A linkage zone in memory, filled and linked without a haven around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import patch

import duckdb

from access.keys import HeldKey
from linkage.intake.tables import IDENTIFIERS, create_identity, random_row_keys
from linkage.matching import neighbourhood
from linkage.matching.decisions import PairDecision
from linkage.matching.records_to_link import prepare, set_registers
from linkage.matching.residual.settling import LADDER_ONLY, ResidualPlan, prepare_residual
from linkage.matching.service import link_zone

KEY = HeldKey("token/test", 1, b"k" * 32, "check")
AT = datetime(2026, 1, 1, tzinfo=UTC)
RUN = "00000000-0000-4000-8000-000000000000"
Row = Mapping[str, str | None]
Together = set[frozenset[str]]
ADA: Row = {
    "surname": "Harrington",
    "forenames": "Ada",
    "sex": "F",
    "date_of_birth": "1951-03-14",
    "postcode": "LS1 1AA",
    "nhs_number": None,
}
"""Somebody of a dataset and a row that the test names."""


class LinkageZone:
    """A linkage zone in memory. counting: deliveries whose rows count now. plan: how the residual is settled."""

    def __init__(self, plan: ResidualPlan = LADDER_ONLY, registers: Iterable[str] = ()) -> None:
        self.zone = duckdb.connect()
        self.plan = plan
        self.counting: list[str] = []
        create_identity(self.zone)
        prepare(self.zone)
        prepare_residual(self.zone)
        set_registers(self.zone, registers)

    def bring(self, name: str, rows: Sequence[Row]) -> None:
        """Put rows into the zone, as a receipt does."""
        self.counting.append(name)
        keys = random_row_keys(len(rows)).to_pylist()
        for key, row in zip(keys, rows, strict=True):
            values = [name, row["dataset"], key, *(row.get(column) for column in IDENTIFIERS)]
            self.zone.execute(f"INSERT INTO identity BY POSITION SELECT {', '.join('?' * len(values))}, NULL", values)

    def link(self, *, everybody: bool = False) -> None:
        """Link what counts, looking at the neighbourhood of what is new however large it is."""
        with patch.object(neighbourhood, "WHOLE_FROM", 2.0):
            link_zone(self.zone, self.counting, RUN, KEY, AT, True, plan=self.plan, everybody=everybody)

    def together(self) -> Together:
        """Which rows are one person's."""
        found = self.zone.execute(
            "SELECT list(i.local_id) FROM identity i JOIN links l USING (record) GROUP BY l.person"
        ).fetchall()
        return {frozenset(names) for (names,) in found}

    def persons(self) -> dict[str, str]:
        """Each row's person."""
        rows = self.zone.execute("SELECT i.local_id, l.person::TEXT FROM identity i JOIN links l USING (record)")
        return {str(name): str(person) for name, person in rows.fetchall()}

    def changes(self) -> set[tuple[str, str]]:
        """Who became whom."""
        return {(str(was), str(now)) for was, now in self.zone.execute("SELECT was, now FROM changes").fetchall()}

    def steps(self) -> dict[str, int]:
        """The step that joined each row."""
        rows = self.zone.execute("SELECT i.local_id, l.step FROM identity i JOIN links l USING (record)")
        return {str(name): int(step) for name, step in rows.fetchall()}

    def doubtful(self) -> set[tuple[frozenset[str], str]]:
        """The pairs of rows that people are asked about, with why."""
        rows = self.zone.execute(
            "SELECT a.local_id, b.local_id, why FROM doubtful JOIN evidence x ON x.subject = subject_a"
            " JOIN evidence y ON y.subject = subject_b JOIN identity a ON a.record = x.record"
            " JOIN identity b ON b.record = y.record"
        )
        return {(frozenset((str(a), str(b))), str(why)) for a, b, why in rows.fetchall()}

    def decide(self, one: str, other: str, *, same: bool) -> None:
        """A reviewer says of two rows whether they are one person's."""
        a, b = (
            str(
                self.zone.execute(
                    "SELECT e.subject::TEXT FROM evidence e JOIN identity i USING (record) WHERE i.local_id = ?", [name]
                ).fetchall()[0][0]
            )
            for name in (one, other)
        )
        self.plan = replace(self.plan, decisions=(*self.plan.decisions, PairDecision(a, b, same)))
