"""What do the records know of keys? Versions, check values and states; never a key, wrapped or not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.keys.model import RoundKey, RoundState, UnwrapRequest, UnwrapState
from audit.records import Base

FIRST_VERSION = 1


class ProjectKeyRow(Base):
    """A version of a project's key that a rotation made; version 1 is there without a row."""

    __tablename__ = "project_key"
    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    check_value: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(400))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(String(120))


class RoundKeyRow(Base):
    """A round's key. ending: its destruction has begun; the certificate stands when it is done.

    datasets: of whose records it makes tokens; nothing for a round that was made before rounds named theirs.
    """

    __tablename__ = "round_key"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(400))
    check_value: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    ending: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[str] = mapped_column(String(120))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    used_by: Mapped[str | None] = mapped_column(String(120))
    certificate: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    datasets: Mapped[list[str] | None] = mapped_column(JSON)


class UnwrapRow(Base):
    """A request for a project's key. ends: until when it may be approved, or after approval handed out."""

    __tablename__ = "key_unwrap"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    version: Mapped[int]
    recipient: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(String(400))
    state: Mapped[str] = mapped_column(String(20))
    ends: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    requested_by: Mapped[str] = mapped_column(String(60))
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(String(60))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    handed_out_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def project_key_version(session: Session, project: str) -> int:
    """The version under which the project's pseudonyms are made now."""
    newest = session.scalar(select(func.max(ProjectKeyRow.version)).where(ProjectKeyRow.project == project))
    return newest or FIRST_VERSION


def all_rounds(session: Session) -> list[RoundKey]:
    """Every round that was made by name."""
    return [as_round(row) for row in session.scalars(select(RoundKeyRow).order_by(RoundKeyRow.name))]


def find_round(session: Session, name: str) -> RoundKey | None:
    """The round of this name."""
    row = session.get(RoundKeyRow, name)
    return as_round(row) if row else None


def as_round(row: RoundKeyRow) -> RoundKey:
    """The record as data."""
    return RoundKey(
        name=row.name,
        purpose=row.purpose,
        check_value=row.check_value,
        state=RoundState(row.state),
        created_at=_utc(row.created_at),
        created_by=row.created_by,
        used_at=_utc(row.used_at) if row.used_at else None,
        used_by=row.used_by,
        datasets=tuple(row.datasets or ()),
    )


def find_unwrap(session: Session, request: str, now: datetime) -> UnwrapRequest | None:
    """The request of this id, as it stands now."""
    row = session.get(UnwrapRow, request)
    return _as_request(row, now) if row else None


def all_unwraps(session: Session, now: datetime) -> list[UnwrapRequest]:
    """Every request, oldest first."""
    rows = session.scalars(select(UnwrapRow).order_by(UnwrapRow.requested_at, UnwrapRow.id))
    return [_as_request(row, now) for row in rows]


def _as_request(row: UnwrapRow, now: datetime) -> UnwrapRequest:
    state = UnwrapState(row.state)
    if state is not UnwrapState.HANDED_OUT and now > _utc(row.ends):
        state = UnwrapState.LAPSED
    return UnwrapRequest(
        id=row.id,
        project=row.project,
        version=row.version,
        recipient=row.recipient,
        reason=row.reason,
        requested_by=row.requested_by,
        requested_at=_utc(row.requested_at),
        approved_by=row.approved_by,
        approved_at=_utc(row.approved_at) if row.approved_at else None,
        ends=_utc(row.ends),
        state=state,
    )


def _utc(at: datetime) -> datetime:
    """SQLite keeps no zone; every time here is UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
