"""What must an engine do to run the ladder? Keep named SELECTs, count, change what was joined.

SELECTs are said in DuckDB's dialect, and only in what other engines can be told too. Nothing here imports an engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class LadderEngine(Protocol):
    """Tables by name, each there until it is replaced or dropped."""

    def keep(self, name: str, select: str) -> None:
        """From now on the table `name` is what the SELECT gives, which may read the table that it replaces."""

    def numbers(self, select: str) -> tuple[int, ...]:
        """The one row of whole numbers that a SELECT gives."""

    def change(self, table: str, columns: Sequence[str], changes: Mapping[str, str]) -> None:
        """The table becomes what `changed` says, in the way that is fastest here."""

    def drop(self, name: str) -> None:
        """Remove the table if it is there."""


def changed(table: str, columns: Sequence[str], changes: Mapping[str, str]) -> str:
    """The table with these changes in the rows whose cluster is in `labels` (as `l`)."""
    values = (
        f"CASE WHEN l.cluster IS NULL THEN {table}.{name} ELSE {changes[name]} END AS {name}"
        if name in changes
        else f"{table}.{name}"
        for name in columns
    )
    return f"SELECT {', '.join(values)} FROM {table} LEFT JOIN labels l ON {table}.cluster = l.cluster"
