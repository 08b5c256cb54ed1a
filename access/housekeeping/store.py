"""Which warnings were raised, and what did time bring about already? A row for each, so that each is told once.

A new day (a renewed training, a review whose next day was set) is another row: it is warned of anew.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import DateTime, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base

Key = tuple[str, str, date, int]
"""kind, subject, the day, and the step of the warning in days before."""


class ReminderRow(Base):
    """A warning was raised, or an event of time was written: once."""

    __tablename__ = "housekeeping_reminder"
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def raised(session: Session) -> frozenset[Key]:
    """Everything that was raised."""
    rows = session.execute(select(ReminderRow.kind, ReminderRow.subject, ReminderRow.due_on, ReminderRow.step))
    return frozenset((kind, subject, due_on, step) for kind, subject, due_on, step in rows)


def reminders(session: Session) -> list[ReminderRow]:
    """Every row, the newest first."""
    query = select(ReminderRow).order_by(ReminderRow.at.desc(), ReminderRow.kind, ReminderRow.subject)
    found = list(session.scalars(query))
    for row in found:
        row.at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    return found
