"""Which deliveries are in? One record each; its state is the switch.

Rows in a zone count only while their delivery stands here as received: everything else is debris of a crash or
of a superseded or destroyed delivery, and the next receipt removes it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.retention.model import HeldDelivery
from access.retention.store import certified
from audit.records import Base

RECEIVED = "received"
SUPERSEDED = "superseded"
REFUSED = "refused"
DESTROYED = "destroyed"


class Delivery(Base):
    """One delivery that was presented, and what became of it."""

    __tablename__ = "delivery"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), index=True)
    dataset: Mapped[str] = mapped_column(String(60), index=True)
    controller: Mapped[str] = mapped_column(String(60))
    contract_version: Mapped[str] = mapped_column(String(40))
    period_from: Mapped[date | None]
    period_to: Mapped[date | None]
    digest: Mapped[str] = mapped_column(String(64), index=True)  # SHA-256 of the canonical manifest
    state: Mapped[str] = mapped_column(String(20), index=True)
    supersedes: Mapped[str | None] = mapped_column(String(36))  # the id of the delivery that this one replaced
    reason: Mapped[str | None] = mapped_column(String(60))  # why it was refused
    rows: Mapped[dict[str, int]] = mapped_column(JSON)  # by table, taken in
    quarantined: Mapped[dict[str, int]] = mapped_column(JSON)  # by reason code
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(String(120))
    round: Mapped[str | None] = mapped_column(String(60))  # mode B: under whose key the tokens were made
    round_check: Mapped[str | None] = mapped_column(String(16))  # and that key's check value


class InstalledContract(Base):
    """A contract in force: the text as installed, so that a receipt never depends on a file that moved."""

    __tablename__ = "dataset_contract"
    dataset: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[str] = mapped_column(String(40), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(String(120))


def received_deliveries(session: Session) -> list[Delivery]:
    """The deliveries whose rows count, oldest first."""
    query = select(Delivery).where(Delivery.state == RECEIVED).order_by(Delivery.at, Delivery.id)
    return list(session.scalars(query))


def all_deliveries(session: Session, dataset: str | None = None) -> list[Delivery]:
    """Every delivery that was presented, oldest first."""
    query = select(Delivery).order_by(Delivery.at, Delivery.id)
    return list(session.scalars(query.where(Delivery.dataset == dataset) if dataset else query))


def held_deliveries(session: Session) -> list[HeldDelivery]:
    """What was taken in and not replaced, as retention asks of it; the oldest first."""
    gone = certified(session)
    rows = [row for row in all_deliveries(session) if row.state in {RECEIVED, DESTROYED}]
    return [
        HeldDelivery(
            id=row.id,
            name=row.name,
            dataset=row.dataset,
            controller=row.controller,
            digest=row.digest,
            received_on=_day(row),
            destroyed=row.state == DESTROYED,
            certified=row.id in gone,
        )
        for row in rows
    ]


def _day(row: Delivery) -> date:
    """SQLite gives times back without their zone; they were written in UTC."""
    at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    return at.astimezone(UTC).date()


def delivery_named(session: Session, name_or_id: str, *, state: str | None = RECEIVED) -> Delivery | None:
    """The delivery of this name or id in this state (None: any state, the newest first)."""
    query = select(Delivery).where((Delivery.name == name_or_id) | (Delivery.id == name_or_id))
    if state:
        query = query.where(Delivery.state == state)
    return session.scalars(query.order_by(Delivery.at.desc())).first()


def as_data(delivery: Delivery) -> dict[str, Any]:
    """A delivery's record for a program: counts and codes, times in UTC."""
    at = delivery.at if delivery.at.tzinfo else delivery.at.replace(tzinfo=UTC)
    return {
        "id": delivery.id,
        "name": delivery.name,
        "dataset": delivery.dataset,
        "controller": delivery.controller,
        "contract_version": delivery.contract_version,
        "period": [delivery.period_from, delivery.period_to],
        "state": delivery.state,
        "reason": delivery.reason,
        "supersedes": delivery.supersedes,
        "rows": delivery.rows,
        "quarantined": delivery.quarantined,
        "at": at.isoformat(),
        "by": delivery.by,
        "round": delivery.round,
        "round_check": delivery.round_check,
    }
