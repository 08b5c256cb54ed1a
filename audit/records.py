"""One verb, one record: a change in the records and its audit entry stand or fall together.

The entry is made durable first, then the change is committed with the entry's receipt beside it. If the log
refuses, nothing changes. If the machine dies between the two, `settle` finds the entry whose receipt is
missing and appends `change.abandoned`, so that the log never claims in silence what did not happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import DateTime, Engine, String, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from audit.clock import Clock
from audit.events import EventName
from audit.model import Actor, AuditEvent, Json, service
from audit.ports import AuditLog


class Base(DeclarativeBase):
    """The one metadata. Each component owns its tables; no foreign key leaves or enters audit's."""


class AuditReceipt(Base):
    """An entry that the log holds for a change that this database holds."""

    __tablename__ = "audit_receipt"
    event_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    log_index: Mapped[int] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@dataclass
class Change:
    """One unit of change: its database session, and the events that go with it."""

    session: Session
    by: Actor
    at: datetime
    events: list[AuditEvent] = field(default_factory=list)
    abandoned: bool = False

    def abandon(self) -> None:
        """There is nothing to change after all: the session is rolled back, and no event is asked for."""
        self.abandoned = True

    def hold(self, subject: str) -> None:
        """Let nobody else change this subject until the change is over: whoever comes second is asked after it.

        PostgreSQL locks the subject's name; SQLite has one lock, which any writing statement takes.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            self.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(subject, 0))))
        else:
            nothing = AuditReceipt.event_id == ""
            self.session.execute(update(AuditReceipt).where(nothing).values(log_index=AuditReceipt.log_index))

    def record(
        self,
        name: EventName,
        *,
        project: str | None = None,
        dataset: str | None = None,
        **details: Json,
    ) -> None:
        """Say what happened; written before the change is committed."""
        self.events.append(
            AuditEvent(
                name=name, at=self.at, by=self.by, project=project, dataset=dataset, details=details, change=True
            )
        )


class Records:
    """The records of the haven and the log beside them."""

    def __init__(self, engine: Engine, log: AuditLog, clock: Clock) -> None:
        self.engine = engine
        self.log = log
        self.clock = clock
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading. Nothing in it is ever committed."""
        with self._sessions() as session:
            yield session
            session.expunge_all()  # what was read stays readable after the session
            session.rollback()

    @contextmanager
    def change(self, *, by: Actor) -> Iterator[Change]:
        """Change the records and say so. A change without an event is a programming error and is refused."""
        with self._sessions() as session:
            change = Change(session, by, self.clock.now())
            yield change
            if change.abandoned:
                session.rollback()
                return
            session.flush()
            if not change.events:
                raise RuntimeError("a change of the records must record an audit event")
            receipts = self.log.append(change.events)
            try:
                for event, receipt in zip(change.events, receipts, strict=True):
                    session.add(AuditReceipt(event_id=event.id, log_index=receipt.index, name=event.name, at=event.at))
                session.commit()
            except BaseException:
                session.rollback()
                self._abandon(change.events)
                raise

    def note(
        self,
        name: EventName,
        *,
        by: Actor,
        project: str | None = None,
        dataset: str | None = None,
        **details: Json,
    ) -> AuditEvent:
        """Record a fact that changes no record: a refusal, a query, a start."""
        event = AuditEvent(
            name=name,
            at=self.clock.now(),
            by=by,
            project=project,
            dataset=dataset,
            details=details,
        )
        self.log.append([event])
        return event

    def _abandon(self, events: list[AuditEvent]) -> None:
        self.log.append(
            [
                AuditEvent(
                    name=EventName.CHANGE_ABANDONED,
                    at=self.clock.now(),
                    by=service("records"),
                    project=event.project,
                    dataset=event.dataset,
                    details={"event": event.id, "name": event.name.value},
                )
                for event in events
            ]
        )
