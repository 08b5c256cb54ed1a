"""How does payload come under person numbers? Row by row to the links of its row keys, in the research zone."""

from __future__ import annotations

import duckdb

from linkage.errors import LinkageError
from linkage.intake.tables import INCOMING, quoted
from linkage.zones import count


def move_table(zone: duckdb.DuckDBPyConnection, table: str, deliveries: list[str]) -> None:
    """One table's staged rows of these deliveries to their place. Raises LinkageError when a row has no link."""
    source, target = quoted(INCOMING + table), quoted(table)
    columns = [
        (str(name), str(kind))
        for name, kind in zone.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'zone' AND table_name = ?"
            " ORDER BY column_index",
            [INCOMING + table],
        ).fetchall()
        if name not in ("delivery", "row_key", "subject")
    ]
    payload = "".join(f", {quoted(name)} {kind}" for name, kind in columns)
    zone.execute(
        f"CREATE TABLE IF NOT EXISTS {target}"
        f" (delivery TEXT NOT NULL, subject UUID NOT NULL, person UUID NOT NULL, linked BOOLEAN NOT NULL{payload})"
    )
    for name, kind in columns:
        zone.execute(f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {quoted(name)} {kind}")
    lost = count(
        zone,
        f"SELECT count(*) FROM {source} i ANTI JOIN links l ON i.row_key = l.row_key"
        " WHERE list_contains(?, i.delivery)",
        [deliveries],
    )
    if lost:
        raise LinkageError(
            "Rows of the research zone have no link.",
            where=table,
            mend="Receive the delivery again under a new name, superseding this one; report this as a fault.",
        )
    names = "".join(f", {quoted(name)}" for name, _ in columns)
    zone.execute(
        f"INSERT INTO {target} BY NAME SELECT i.delivery, l.subject, l.person, l.linked{names} FROM {source} i"
        " JOIN links l ON i.row_key = l.row_key WHERE list_contains(?, i.delivery)",
        [deliveries],
    )
    zone.execute(f"DELETE FROM {source} WHERE list_contains(?, delivery)", [deliveries])
