"""Load, approve, list and remove reference tables.

A table merges people, so that it counts only when another person than who loaded it has approved it. The next linkage
then makes everybody's evidence anew and looks at everybody.
"""

from __future__ import annotations

import uuid
from datetime import UTC
from pathlib import Path
from typing import Any

from access.decisions import Decision
from access.optouts.linkages import mark_begun
from access.service import Access
from audit.events import EventName
from audit.model import Actor
from audit.records import Records
from audit.suppression import shown_count
from linkage.matching.residual.asked import Asked
from linkage.references import policies
from linkage.references.door import LoadedReference, ReadHere, ReferenceDoor
from linkage.references.errors import UnknownReference
from linkage.references.reading import kind_named
from linkage.separation.ports import ZoneRunner, runner_of
from linkage.zones import Zones


class ReferenceTables:
    """The reference tables of one haven. door: who reads a table; None: this process."""

    def __init__(
        self,
        zones: Zones | ZoneRunner,
        records: Records,
        access: Access,
        *,
        real_data: bool = False,
        door: ReferenceDoor | None = None,
    ) -> None:
        self._runner = runner_of(zones)
        self._records = records
        self._asked = Asked(records, access)
        self._door = door or ReadHere(self._runner, test_range=not real_data)

    def all(self) -> list[LoadedReference]:
        """The tables in force and those that wait for approval, by kind."""
        found = self._runner.run("references.list").data["tables"]
        return [LoadedReference(bad={}, **one) for one in found]

    def load(self, kind: str, path: Path, *, by: Actor) -> LoadedReference:
        """Read a table; it waits for approval. Raises UnknownReference, ReferenceRefused, RefusedError (recorded)."""
        kind_named(kind)
        self._require(policies.may_load(self._asked.person(by), self._asked.today()), kind, by)
        at = self._records.clock.now().astimezone(UTC).replace(tzinfo=None)
        loaded = self._door.load(kind, path, at.isoformat(), by)
        self._note(EventName.LINKAGE_REFERENCE_LOADED, loaded, by)
        return loaded

    def approve(self, kind: str, *, by: Actor) -> LoadedReference:
        """The next linkage follows the table that waits. Raises UnknownReference, RefusedError (recorded)."""
        kind_named(kind)
        waiting = next((one for one in self.all() if one.kind == kind and not one.in_force), None)
        if waiting is None:
            raise UnknownReference("No table of this kind waits.", where=kind, mend="haven linkage reference list")
        self._require(policies.may_approve(self._asked.person(by), waiting.by, self._asked.today()), kind, by)
        # Before the zone is changed: without its entry the table does not come into force.
        same = any(one.in_force and (one.kind, one.digest) == (kind, waiting.digest) for one in self.all())
        self._note_and_hold(EventName.LINKAGE_REFERENCE_APPROVED, [waiting], by, hold=not same)
        self._runner.run("references.approve", {"kind": kind, "version": waiting.version})
        return next(one for one in self.all() if one.kind == kind and one.in_force)

    def remove(self, kind: str, *, by: Actor) -> None:
        """Follow this kind no more. Raises UnknownReference, RefusedError (recorded)."""
        kind_named(kind)
        found = [one for one in self.all() if one.kind == kind]
        if not found:
            raise UnknownReference("No table of this kind is loaded.", where=kind, mend="haven linkage reference list")
        followed = next((one for one in found if one.in_force), None)
        person, today = self._asked.person(by), self._asked.today()
        decision = policies.may_remove(person, followed.by, today) if followed else policies.may_load(person, today)
        self._require(decision, kind, by)
        self._note_and_hold(EventName.LINKAGE_REFERENCE_REMOVED, found, by, hold=followed is not None)
        self._runner.run("references.remove", {"kind": kind})

    def _require(self, decision: Decision, kind: str, by: Actor) -> None:
        self._asked.require(decision, EventName.LINKAGE_REFERENCE_REFUSED, by, kind=kind)

    def _note_and_hold(self, event: EventName, tables: list[LoadedReference], by: Actor, *, hold: bool) -> None:
        """Whose wish a number stands for changes with a table: what is published is held until the next linkage."""
        with self._records.change(by=by) as change:
            if hold:
                mark_begun(change.session, str(uuid.uuid4()), change.at)
            for table in tables:
                change.record(event, **_facts(table))

    def _note(self, event: EventName, table: LoadedReference, by: Actor) -> None:
        self._records.note(event, by=by, **_facts(table))


def _facts(table: LoadedReference) -> dict[str, Any]:
    bad = {f"rows_{name}": shown_count(many) for name, many in table.bad.items()}
    facts = {"kind": table.kind, "version": table.version, "digest": table.digest, "rows": shown_count(table.rows)}
    return {**facts, **bad}
