"""Which log-ins were reset, by whom and why? A row for each, so that it reaches people and not the log alone."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base


class LoginResetRow(Base):
    """A person was given a new one-time password and second factor. reason: where one was said."""

    __tablename__ = "login_reset"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(String(400))
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def login_resets(session: Session) -> list[LoginResetRow]:
    """Every reset of a log-in, the newest first."""
    found = list(session.scalars(select(LoginResetRow).order_by(LoginResetRow.at.desc(), LoginResetRow.id)))
    for row in found:
        row.at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    return found
