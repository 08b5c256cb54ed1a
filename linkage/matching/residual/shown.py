"""What does a reviewer see of a pair? Both records, field by field, with what each column weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from linkage.standardise.specification import IDENTITY
from linkage.writings import writings_sql

WEIGHED_AS = {"forenames": "forename", "date_of_birth": "born"}


@dataclass(frozen=True)
class ShownPair:
    """Both records of a pair. rows: field, left, right, and the weight of the column that the field is part of."""

    id: str
    why: str
    weight: float
    datasets: tuple[str, str]
    rows: tuple[tuple[str, str, str, float | None], ...]

    @property
    def fields_weighed(self) -> bool:
        """Was the pair weighed by a model? A sample of what the ladder joined was not."""
        return any(weight is not None for *_, weight in self.rows)


@dataclass(frozen=True)
class AskedPair:
    """One pair that people are asked about, named by its subjects. fields: each column's weight."""

    id: str
    subject_a: str
    subject_b: str
    why: str
    weight: float
    fields: Mapping[str, float | None]
    run: str = ""


def both_records(zone: duckdb.DuckDBPyConnection, pair: AskedPair) -> ShownPair | None:
    """Read both from the linkage zone; None where one of them is there no more."""
    columns, written = ", ".join(IDENTITY), writings_sql("record IN (FROM whose)")
    sides = [
        zone.execute(
            "WITH whose AS (SELECT record FROM evidence WHERE subject = ?::UUID)"
            f" SELECT e.dataset, {columns} FROM ({written}) i JOIN evidence e USING (record) ORDER BY record LIMIT 1",
            [subject],
        ).fetchall()
        for subject in (pair.subject_a, pair.subject_b)
    ]
    if not all(sides):
        return None
    left, right = (side[0] for side in sides)
    rows = tuple(
        (name, left[place] or "", right[place] or "", pair.fields.get(WEIGHED_AS.get(name, name)))
        for place, name in enumerate(IDENTITY, 1)
        if left[place] or right[place]
    )
    return ShownPair(pair.id, pair.why, pair.weight, (str(left[0]), str(right[0])), rows)
