"""Which file is a project's scope now? One row per project: the switch between a scope's builds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base


class PublishedScope(Base):
    """The scope that a project's queries run on.

    version: of the approval. digest: of the approval's scope. build: of what it was built from. tables: view to column
    to type. rows: by view, for the gateway's own limits. people_digest: SHA-256 over the sorted person ids in it.
    at: when its build began, or was last found to be what a build would be then.
    """

    __tablename__ = "published_scope"
    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    build: Mapped[str] = mapped_column(String(64))
    file: Mapped[str] = mapped_column(String(200))  # its name below the scopes folder
    tables: Mapped[dict[str, Any]] = mapped_column(JSON)
    rows: Mapped[dict[str, int]] = mapped_column(JSON)
    people: Mapped[int]
    people_digest: Mapped[str] = mapped_column(String(64))
    key_check: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def current_scope(session: Session, project: str) -> PublishedScope | None:
    """The scope that is published now."""
    return session.get(PublishedScope, project)
