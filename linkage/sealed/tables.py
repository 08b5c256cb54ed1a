"""What lies in the linkage zone of a delivery in mode B? Its rows, and the distinct records that they are.

`sealed_rows`: one row for each row of the delivery, with its tokens until a linkage run has made its record.
`sealed_records`: each distinct way in which one delivery round records one person: tokens while the round lives, and
the link. They stand beside `evidence` and `links`, not in them: what the ladder, the model and the trials work on has
elementary tokens, and a record without any would be looked at by all of them for nothing (docs/adr/0012-mode-b.md).
"""

from __future__ import annotations

import duckdb

from linkage.sealed.composites import TOKENS
from linkage.sealed.filters import FILTER

ROWS = "sealed_rows"
OF_LINK = ("met", "person", "linked", "id_type", "step", "last_step", "flag")
"""What is said of a record: the identified record it was linked to, and as linkage.matching.spine says of others."""


def create_sealed(zone: duckdb.DuckDBPyConnection) -> None:
    """Make the tables; nothing happens where they are there."""
    tokens = ", ".join([*(f"{name} UBIGINT" for name in TOKENS), f"{FILTER} BLOB"])
    zone.execute(
        f"CREATE TABLE IF NOT EXISTS {ROWS} (delivery TEXT NOT NULL, dataset TEXT NOT NULL, round TEXT NOT NULL,"
        f" specification TEXT NOT NULL, row_key UUID, record BIGINT, {tokens})"
    )
    zone.execute(
        "CREATE TABLE IF NOT EXISTS sealed_records (record BIGINT NOT NULL, subject UUID NOT NULL,"
        f" dataset TEXT NOT NULL, round TEXT NOT NULL, specification TEXT NOT NULL, {tokens}, met BIGINT, person UUID,"
        " linked BOOLEAN, id_type TEXT, step UTINYINT, last_step UTINYINT, flag TEXT, run UUID, as_at TIMESTAMP)"
    )
