"""What is measured of a linkage run, raw; and what a section of its report is, fit to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from linkage.matching.quality.implausible import Sign
from linkage.matching.quality.rates import MatchRate
from linkage.matching.quality.trials import Trial

Row = list[str]


@dataclass(frozen=True)
class WeightCounts:
    """How many weigh so many whole bits: records that the model joined, and pairs that people are asked about.

    Never what one pair weighs: how common a name is can be read out of a weight's fractions.
    """

    joined: dict[int, int]
    asked: dict[int, int]

    def above(self, limit: int) -> int:
        """How many weigh so much at the least."""
        return sum(n for found in (self.joined, self.asked) for weight, n in found.items() if weight >= limit)


@dataclass(frozen=True)
class Measured:
    """All that is measured of one run, raw."""

    run: str
    at: datetime
    model: str | None
    counts: dict[str, Any]
    rates: list[MatchRate]
    hidden: Trial | None = None
    decoys: Trial | None = None
    signs: list[Sign] = field(default_factory=list)
    weights: WeightCounts = field(default_factory=lambda: WeightCounts({}, {}))
    judged: Sequence[tuple[int, int, int]] = ()  # step, pairs that reviewers judged, pairs they called one person
    apart_elsewhere: Sequence[tuple[int, int, int]] = ()  # of implausible.apart_elsewhere
    engine: str = "duckdb"  # on which the ladder ran


@dataclass(frozen=True)
class Section:
    """One table of the report, fit to be shown. plot: labels and values; about: what it tells, and what it does not."""

    key: str
    title: str
    may_leave: bool
    headers: tuple[str, ...]
    rows: list[Row]
    about: str
    plot: tuple[list[str], list[float], str] | None = None


def summarise(zone: duckdb.DuckDBPyConnection, new: list[str]) -> dict[str, Any]:
    """Counts in the linkage zone: rows by dataset and step, flags, people; of the deliveries `new` rows by step.

    Raw: suppress before showing.
    """
    steps = zone.execute(
        "SELECT i.dataset, l.step, count(*) FROM identity i JOIN links l USING (record) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    flags = zone.execute(
        "SELECT i.dataset, l.flag, count(*) FROM identity i JOIN links l USING (record) WHERE l.flag IS NOT NULL"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    people = zone.execute("SELECT count(DISTINCT person) FROM links").fetchall()
    came = zone.execute(
        "SELECT l.step, count(*) FROM identity i JOIN links l USING (record) WHERE list_contains(?, i.delivery)"
        " GROUP BY ALL ORDER BY ALL",
        [new],
    ).fetchall()
    return {
        "new": [[int(step), int(rows)] for step, rows in came],
        "steps": [[dataset, int(step), int(rows)] for dataset, step, rows in steps],
        "flags": [[dataset, flag, int(rows)] for dataset, flag, rows in flags],
        "people": int(people[0][0]),
        "pairs": _found_elsewhere(zone),
    }


def _found_elsewhere(zone: duckdb.DuckDBPyConnection) -> list[list[str | int]]:
    """dataset, another one, the people of the first, and how many of them are in the second too."""
    rows = zone.execute(
        "WITH people AS (SELECT DISTINCT i.dataset, l.person FROM identity i JOIN links l USING (record)),"
        " shared AS (SELECT a.dataset, b.dataset AS other, count(*) AS found FROM people a JOIN people b"
        " ON a.person = b.person AND a.dataset <> b.dataset GROUP BY ALL),"
        " sizes AS (SELECT dataset, count(*) AS n FROM people GROUP BY dataset)"
        " SELECT x.dataset, y.dataset, x.n, coalesce(b.found, 0) FROM sizes x JOIN sizes y ON x.dataset <> y.dataset"
        " LEFT JOIN shared b ON b.dataset = x.dataset AND b.other = y.dataset ORDER BY ALL"
    ).fetchall()
    return [[str(one), str(other), int(of), int(found)] for one, other, of, found in rows]


def count_weights(zone: duckdb.DuckDBPyConnection) -> WeightCounts:
    """By whole bits, rounded down."""
    joined, asked = (
        zone.execute(
            f"SELECT floor({name})::BIGINT, count(*) FROM {table} WHERE {name} IS NOT NULL GROUP BY 1"
        ).fetchall()
        for name, table in (("score", "links"), ("weight", "doubtful"))
    )
    return WeightCounts(dict(joined), dict(asked))
