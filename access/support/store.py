"""Where are supports under section 251 kept? In this table; the newest version of a reference counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.support.file import SupportFile
from access.support.model import Support
from audit.records import Base


class SupportRow(Base):
    """One version of a support, as its letter says; a review or an amendment makes the next."""

    __tablename__ = "support"
    reference: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_on: Mapped[date | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))


def newest(session: Session, reference: str) -> SupportRow | None:
    """The newest version of this reference."""
    query = select(SupportRow).where(SupportRow.reference == reference).order_by(SupportRow.version.desc())
    return session.scalars(query).first()


def find_support(session: Session, reference: str) -> Support | None:
    """The support of this reference, as its newest version says."""
    row = newest(session, reference)
    return None if row is None else _support(row)


def all_supports(session: Session) -> list[Support]:
    """The newest version of every support, by reference."""
    names = session.scalars(select(SupportRow.reference).distinct().order_by(SupportRow.reference)).all()
    return [one for name in names if (one := find_support(session, name))]


def _support(row: SupportRow) -> Support:
    return replace(SupportFile.model_validate(row.document).as_support(), withdrawn_on=row.withdrawn_on)
