"""What does a reviewer see of a pair? Both records, field by field, as written and as compared, and why they weigh so.

Values are compared as the model compared them, so that "M" and "1" are one sex. What is said of a pair stays between
the linkage zone and who reviews it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb
import polars as pl

from linkage.matching.residual.explained import Explained, Weighed, explain, weighed_by
from linkage.private_folders import Spilling
from linkage.standardise.specification import IDENTITY
from linkage.writings import writings_sql
from linkage.zones import count

COMPARED_AS = {"forenames": "forename", "date_of_birth": "born"}
"""The column of the specification that a field is compared as, where it has another name."""
FULL_NAME = "full_name"
"""Compared as surname and forename, which stand in lines of their own."""


@dataclass(frozen=True)
class ShownField:
    """One field of both records.

    written: as received. compared: as the model compares it; empty where the value tells nothing.
    agreement: in the model's words. weight: of that level. rarity: what the value's rarity adds to it.
    """

    name: str
    written: tuple[str, str]
    compared: tuple[str, str]
    agreement: str | None = None
    weight: float | None = None
    rarity: float | None = None

    @property
    def differs(self) -> bool:
        """Are both known and not the same? A spelling with capitals, or another code for it, is the same."""
        left, right = self.compared
        return bool(left and right and left != right)


@dataclass(frozen=True)
class ShownPair:
    """Both records of a pair. others: what else weighs, in words; with the fields' weights it adds up to `weight`."""

    id: str
    why: str
    weight: float
    datasets: tuple[str, str]
    fields: tuple[ShownField, ...]
    others: tuple[tuple[str, float], ...] = ()

    @property
    def weighed(self) -> bool:
        """Was the pair weighed by a model? A sample of what the ladder joined was not."""
        return any(field.weight is not None for field in self.fields)

    @property
    def parts(self) -> tuple[float, ...]:
        """All that adds up to the weight, in the order in which it is shown."""
        said = [one for field in self.fields for one in (field.weight, field.rarity) if one is not None]
        return (*said, *(weight for _, weight in self.others))


@dataclass(frozen=True)
class AskedPair:
    """One pair that people are asked about, named by its subjects."""

    id: str
    subject_a: str
    subject_b: str
    why: str
    run: str = ""


def both_records(
    zone: duckdb.DuckDBPyConnection, pair: AskedPair, *, spilling: Spilling | None = None
) -> ShownPair | None:
    """Read both from the linkage zone; None where one of them is there no more. spilling: as the zone does."""
    sides = [_record_of(zone, subject) for subject in (pair.subject_a, pair.subject_b)]
    left, right = sides
    if left is None or right is None:
        return None
    weighed = _weighed(zone, pair)
    people = pl.DataFrame([left, right], schema={"record": pl.Int64, **dict.fromkeys(IDENTITY, pl.String)})
    found = explain(zone, people, weighed, spilling=spilling)
    fields = tuple(
        _field(name, (left[name] or "", right[name] or ""), found)
        for name in IDENTITY
        if left[name] or right[name] or any(found.compared.get(COMPARED_AS.get(name, name), ("", "")))
    )
    datasets = (str(left["dataset"]), str(right["dataset"]))
    return ShownPair(pair.id, pair.why, weighed.weight if weighed else 0.0, datasets, fields, found.others)


def _field(name: str, written: tuple[str, str], found: Explained) -> ShownField:
    if name == FULL_NAME:
        return ShownField(name, written, ("", ""))
    column = COMPARED_AS.get(name, name)
    part = found.parts.get(column)
    said = (part.agreement, part.weight, part.rarity) if part else (None, None, None)
    return ShownField(name, written, found.compared[column], *said)


def _record_of(zone: duckdb.DuckDBPyConnection, subject: str) -> dict[str, str | None] | None:
    """record, dataset and IDENTITY of one subject, as written."""
    found = zone.sql(
        "WITH whose AS (SELECT record FROM evidence WHERE subject = $subject::UUID)"
        f" SELECT e.dataset, i.* EXCLUDE (dataset) FROM ({writings_sql('record IN (FROM whose)')}) i"
        " JOIN evidence e USING (record) ORDER BY record LIMIT 1",
        params={"subject": subject},
    )
    rows = found.to_arrow_table().to_pylist()
    return rows[0] if rows else None


def _weighed(zone: duckdb.DuckDBPyConnection, pair: AskedPair) -> Weighed | None:
    """How the linkage weighed this pair, as it keeps it; None where it did not."""
    if not count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'doubtful'"):
        return None
    found = zone.sql(
        "SELECT * FROM doubtful WHERE [subject_a, subject_b] IN ([$a::UUID, $b::UUID], [$b::UUID, $a::UUID])"
        " ORDER BY weight DESC LIMIT 1",
        params={"a": pair.subject_a, "b": pair.subject_b},
    )
    rows = found.to_arrow_table().to_pylist()
    fields = json.loads(rows[0]["fields"]) if rows else {}
    if not fields:
        return None
    (row,) = rows  # a zone that was linked last by an older version has no column `model`
    return Weighed(row["weight"], fields, weighed_by(zone, row.get("model")), row.get("test_range") is not False)
