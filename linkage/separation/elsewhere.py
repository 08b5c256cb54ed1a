"""What of linkage is no verb yet? Where accounts are apart, what would open a zone from here is refused, never done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from linkage.errors import ZoneForbids


class ZonesElsewhere:
    """Stands where zones would be opened. Every opening is refused."""

    @contextmanager
    def linkage(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Refuses."""
        raise _refusal("linkage")
        yield

    @contextmanager
    def research(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Refuses."""
        raise _refusal("research")
        yield


def _refusal(zone: str) -> ZoneForbids:
    return ZoneForbids(
        "This account opens no zone, and what was asked is not yet done by the zone's own process.",
        where=f"{zone} zone",
        mend="docs/separation.md says what works with installed accounts.",
    )
