"""Load, list and remove reference tables. The next linkage makes everybody's evidence anew and looks at everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from access.service import Access
from audit.events import EventName
from audit.model import Actor
from audit.records import Records
from audit.suppression import shown_count
from linkage.matching.residual.asked import Asked
from linkage.references import policies
from linkage.references.errors import UnknownReference
from linkage.references.reading import ReferenceKind, kind_named, read_table
from linkage.references.tables import in_force, prepare_references
from linkage.zones import Zones, count


@dataclass(frozen=True)
class LoadedReference:
    """A table in force. bad: rows that are not followed, by reason."""

    kind: str
    version: int
    digest: str
    rows: int
    bad: dict[str, int]


class ReferenceTables:
    """The reference tables of one haven."""

    def __init__(self, zones: Zones, records: Records, access: Access, *, real_data: bool = False) -> None:
        self._zones = zones
        self._records = records
        self._asked = Asked(records, access)
        self._test_range = not real_data

    def all(self) -> list[LoadedReference]:
        """The tables in force, by kind."""
        with self._zones.linkage(read_only=True) as zone:
            return [LoadedReference(*one, {}) for one in in_force(zone)]

    def load(self, kind: str, path: Path, *, by: Actor) -> LoadedReference:
        """Put a table in the place of the one before. Raises UnknownReference, ReferenceRefused, RefusedError."""
        asked = self._allowed(kind, by)
        table = read_table(path, asked, test_range=self._test_range)
        at = self._records.clock.now().astimezone(UTC).replace(tzinfo=None)
        with self._zones.linkage() as zone:
            prepare_references(zone)
            newest = count(zone, "SELECT coalesce(max(version), 0) FROM reference_tables WHERE kind = ?", [kind])
            zone.execute("UPDATE reference_tables SET in_force = false WHERE kind = ?", [kind])
            zone.execute("DELETE FROM reference_rows WHERE kind = ?", [kind])
            values = [kind, newest + 1, table.digest, table.rows.height, at]
            zone.execute("INSERT INTO reference_tables VALUES (?, ?, ?, ?, ?, true)", values)
            zone.register("given", table.rows.to_arrow())
            zone.execute("INSERT INTO reference_rows SELECT ?, old, new FROM given", [kind])
            zone.unregister("given")
            loaded = LoadedReference(kind, newest + 1, table.digest, table.rows.height, table.bad)
            # Before the zone is switched: without its entry the table does not come into force.
            self._note(EventName.LINKAGE_REFERENCE_LOADED, loaded, by)
        return loaded

    def remove(self, kind: str, *, by: Actor) -> None:
        """Follow this kind no more. Raises UnknownReference, RefusedError (recorded)."""
        self._allowed(kind, by)
        found = next((one for one in self.all() if one.kind == kind), None)
        if found is None:
            raise UnknownReference("No table of this kind is loaded.", where=kind, mend="haven linkage reference list")
        with self._zones.linkage() as zone:
            zone.execute("UPDATE reference_tables SET in_force = false WHERE kind = ?", [kind])
            zone.execute("DELETE FROM reference_rows WHERE kind = ?", [kind])
            self._note(EventName.LINKAGE_REFERENCE_REMOVED, found, by)

    def _allowed(self, kind: str, by: Actor) -> ReferenceKind:
        found = kind_named(kind)
        decision = policies.may_load(self._asked.person(by), self._asked.today())
        self._asked.require(decision, EventName.LINKAGE_REFERENCE_REFUSED, by, kind=kind)
        return found

    def _note(self, event: EventName, table: LoadedReference, by: Actor) -> None:
        bad = {f"rows_{name}": shown_count(many) for name, many in table.bad.items()}
        self._records.note(
            event,
            by=by,
            kind=table.kind,
            version=table.version,
            digest=table.digest,
            rows=shown_count(table.rows),
            **bad,
        )
