"""Which linkage runs were there, and with which specification and key?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Integer, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base


class LinkageRun(Base):
    """One completed run: what it linked, and how."""

    __tablename__ = "linkage_run"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    specification: Mapped[str] = mapped_column(String(40))
    key_id: Mapped[str] = mapped_column(String(120))
    key_check: Mapped[str] = mapped_column(String(40))
    deliveries: Mapped[list[str]] = mapped_column(JSON)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON)  # counts by step and dataset
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(String(120))
    model: Mapped[str | None] = mapped_column(String(64))  # None: the ladder only
    decisions: Mapped[int] = mapped_column(Integer, default=0)  # by how many decisions of reviewers it went


def newest_run(session: Session) -> LinkageRun | None:
    """The last completed run."""
    return session.scalars(select(LinkageRun).order_by(LinkageRun.at.desc(), LinkageRun.id)).first()


def all_runs(session: Session) -> list[LinkageRun]:
    """Every completed run, oldest first."""
    return list(session.scalars(select(LinkageRun).order_by(LinkageRun.at, LinkageRun.id)))
