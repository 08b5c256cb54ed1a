"""Where are certificates of destroyed deliveries kept? In this table; a certificate is never changed or removed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base


class DestructionRow(Base):
    """A delivery was destroyed: its signed certificate."""

    __tablename__ = "delivery_destruction"
    delivery: Mapped[str] = mapped_column(String(36), primary_key=True)
    certificate: Mapped[dict[str, Any]] = mapped_column(JSON)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def certified(session: Session) -> frozenset[str]:
    """The deliveries whose destruction is certified."""
    return frozenset(session.scalars(select(DestructionRow.delivery)))


def last_destroyed(session: Session, datasets: Iterable[str]) -> datetime | None:
    """When a delivery of one of these datasets was last certified as destroyed; in UTC."""
    wanted = frozenset(datasets)
    rows = session.scalars(select(DestructionRow).order_by(DestructionRow.at.desc()))
    found = next((row.at for row in rows if row.certificate["statement"]["dataset"] in wanted), None)
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
