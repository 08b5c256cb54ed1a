"""Does the log claim what did not happen? After a crash between entry and commit, say so in the log.

An entry of a change whose receipt is not in the records, and that is older than any change could still be under
way, gets `change.abandoned`. Nothing is ever taken out of the log. Idempotent.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.canonical import from_entry
from audit.events import EventName
from audit.model import AuditEvent, service
from audit.reader import LogReader
from audit.records import AuditReceipt, Records

LONGEST_CHANGE = timedelta(minutes=2)
OVERLAP = 5_000


def settle(records: Records, reader: LogReader) -> int:
    """Tell abandoned changes; returns how many were found now."""
    with records.read() as session:
        newest = session.scalar(select(func.max(AuditReceipt.log_index)))
        start = max(0, (newest if newest is not None else -1) + 1 - OVERLAP)
        lost = _lost(session, reader, start, records)
    if lost:
        records.log.append(
            [
                AuditEvent(
                    name=EventName.CHANGE_ABANDONED,
                    at=records.clock.now(),
                    by=service("records"),
                    project=event.project,
                    dataset=event.dataset,
                    details={"event": event.id, "name": event.name.value},
                )
                for event in lost
            ]
        )
    return len(lost)


def _lost(session: Session, reader: LogReader, start: int, records: Records) -> list[AuditEvent]:
    until = records.clock.now() - LONGEST_CHANGE
    changes: dict[str, AuditEvent] = {}
    told: set[str] = set()
    for _, entry in reader.entries(start):
        event = from_entry(entry)
        if event.name is EventName.CHANGE_ABANDONED:
            told.add(str(event.details.get("event")))
        elif event.change and event.at < until:
            changes[event.id] = event
    kept = set(session.scalars(select(AuditReceipt.event_id).where(AuditReceipt.log_index >= start)))
    return [event for name, event in changes.items() if name not in kept and name not in told]
