"""Who asks, on which day, and what is done about a no: it is recorded, and said."""

from __future__ import annotations

from datetime import date

from access.decisions import Decision, Refused
from access.people.model import Person
from access.service import Access
from audit.events import EventName
from audit.model import Actor
from audit.records import Records


class Asked:
    """What the verbs of linkage ask of access."""

    def __init__(self, records: Records, access: Access) -> None:
        self._records = records
        self._access = access

    def person(self, by: Actor) -> Person | None:
        """The registered person who acts; None for an organisation or a service."""
        kind, _, name = by.partition(":")
        return self._access.person(name) if kind == "person" else None

    def today(self) -> date:
        """The day by the haven's clock."""
        return self._records.clock.now().date()

    def require(self, decision: Decision, event: EventName, by: Actor, **details: str) -> None:
        """Record a refusal under this event. Raises RefusedError for it."""
        if isinstance(decision, Refused):
            self._records.note(event, by=by, rule=decision.code, **details)
        decision.require()
