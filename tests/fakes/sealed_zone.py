"""A linkage zone in memory that also holds records in mode B, tokenised here as the agent does it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import polars as pl

from access.keys import HeldKey
from linkage.matching.records_to_link import set_registers
from linkage.sealed.composites import sealed_tokens
from linkage.sealed.filters import FILTER, bloom_filters
from linkage.sealed.records import COMPARED
from linkage.sealed.service import link_sealed
from linkage.sealed.tables import create_sealed
from linkage.standardise.specification import IDENTITY, VERSION
from tests.fakes.linkage_zone import AT, LinkageZone, Row


class SealedZone(LinkageZone):
    """rounds: the keys that live. names: of each sealed row, by its row key (a test's own knowledge)."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = {"r1": HeldKey("token/r1", 1, b"r" * 32, "check"), "r2": HeldKey("token/r2", 1, b"s" * 32, "c")}
        self.names: dict[str, str] = {}
        self.runs = 0
        create_sealed(self.zone)

    def bring_sealed(self, name: str, rows: Sequence[Row], *, round_name: str = "r1", bloom: bool = False) -> None:
        """Rows of a delivery in mode B, as a receipt leaves them. bloom: with Bloom filters."""
        self.counting.append(name)
        schema = dict.fromkeys(IDENTITY, pl.String)
        people = pl.DataFrame([{one: row.get(one) for one in IDENTITY} for row in rows], schema=schema)
        tokens = sealed_tokens(people, self.rounds[round_name], test_range=True)
        filters = bloom_filters(people, self.rounds[round_name], test_range=True).to_list()
        tokens = tokens.with_columns(pl.Series(FILTER, filters if bloom else [None] * len(rows), dtype=pl.Binary))
        for row, values in zip(rows, tokens.iter_rows(), strict=True):
            key = str(uuid.uuid4())
            self.names[key] = str(row["local_id"])
            told = [name, row["dataset"], round_name, VERSION, key, *values]
            self.zone.execute(
                f"INSERT INTO sealed_rows (delivery, dataset, round, specification, row_key, {', '.join(COMPARED)})"
                f" VALUES ({', '.join('?' * len(told))})",
                told,
            )

    def link_all(self, registers: Sequence[str] = ()) -> None:
        """One run: the ladder, then the sealed records."""
        self.runs += 1
        set_registers(self.zone, registers)
        self.link()
        link_sealed(self.zone, self.counting, self.run, AT, self.rounds.get, test_range=True)

    @property
    def run(self) -> str:
        """The run's id."""
        return f"00000000-0000-4000-8000-{self.runs:012d}"

    def sealed(self) -> dict[str, tuple[str, int, str | None]]:
        """Each sealed row's person, step and flag."""
        found = self.zone.execute(
            "SELECT r.row_key::TEXT, s.person::TEXT, s.step, s.flag FROM sealed_rows r JOIN sealed_records s"
            " USING (record)"
        ).fetchall()
        return {self.names[key]: (person, int(step), flag) for key, person, step, flag in found}

    def changes(self) -> list[tuple[str, str, str]]:
        """Merges and splits so far."""
        rows = self.zone.execute("SELECT was::TEXT, now::TEXT, kind FROM changes").fetchall()
        return [(str(was), str(now), str(kind)) for was, now, kind in rows]
