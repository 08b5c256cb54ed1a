"""Since which linkage run is who they are who they are? A run can join somebody who opted out with somebody published.

A run is marked before it changes any link, and what was published is held from there on: killed anywhere, it stays
held until a run came to its end and the scope was published again (rules: opt-outs are a gate; fail closed).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.projects.store import aware
from audit.records import Base


class LinkageMarkRow(Base):
    """A linkage run that may change who is whom. ended: it came to its end, or a later one did for it."""

    __tablename__ = "optout_linkage"
    run: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(index=True)  # in their order, whatever the clock says
    ended: Mapped[bool]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def mark_begun(session: Session, run: str, at: datetime) -> None:
    """From here on this run may change who is whom."""
    number = (session.scalar(select(func.max(LinkageMarkRow.number))) or 0) + 1
    session.add(LinkageMarkRow(run=run, number=number, ended=False, at=at))


def mark_ended(session: Session) -> None:
    """The run came to its end: it linked everything, so also what those that died before it had left."""
    session.execute(update(LinkageMarkRow).values(ended=True))


def forget_mark(session: Session, run: str) -> None:
    """The run failed before it changed anything."""
    session.execute(delete(LinkageMarkRow).where(LinkageMarkRow.run == run))


def under_way_since(session: Session) -> datetime | None:
    """Since when may people be linked anew just now, or did a run die while it did so? None: they are not."""
    at = session.scalar(select(func.min(LinkageMarkRow.at)).where(~LinkageMarkRow.ended))
    return at and aware(at)


def last_ended(session: Session) -> str | None:
    """The last run that came to its end; None: none since runs are marked."""
    query = select(LinkageMarkRow.run).where(LinkageMarkRow.ended).order_by(LinkageMarkRow.number.desc()).limit(1)
    return session.scalar(query)
