"""Where are imports, their files and moves kept? In these tables; rows are added, and none is ever removed.

Of a request only state and hold change; of a file only the hash that was approved, once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, DateTime, ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base
from environments.airlock.imports.model import FileKind, ImportFile, ImportRequest
from environments.airlock.imports.states import ImportState
from environments.airlock.store import MoveColumns, aware, moves_of


class ImportRow(Base):
    """One request to bring files in."""

    __tablename__ = "import_request"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    state: Mapped[str] = mapped_column(String(20), index=True)
    author: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    members: Mapped[list[str]] = mapped_column(JSON)  # everybody who was in the project at the request
    checkers: Mapped[list[str]] = mapped_column(JSON)  # who held the role at the request
    held: Mapped[str | None] = mapped_column(Text)  # why it was not delivered
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    moved: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ImportFileRow(Base):
    """One file: what was sealed, under which hash; and which hash was approved."""

    __tablename__ = "import_file"
    request: Mapped[str] = mapped_column(ForeignKey("import_request.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    approved: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int]
    findings: Mapped[list[str]] = mapped_column(JSON)  # in sentences, without values


class ImportMoveRow(MoveColumns, Base):
    """One change of state of an import."""

    __tablename__ = "import_move"
    request: Mapped[str] = mapped_column(ForeignKey("import_request.id"), primary_key=True)


def find_import(session: Session, request_id: str) -> ImportRequest | None:
    """An import with its files and moves."""
    row = session.get(ImportRow, request_id)
    return None if row is None else _request(session, row)


def all_imports(session: Session, project: str | None = None) -> list[ImportRequest]:
    """Every import, of one project or of all, the oldest first."""
    query = select(ImportRow).order_by(ImportRow.created, ImportRow.id)
    if project is not None:
        query = query.where(ImportRow.project == project)
    return [_request(session, row) for row in session.scalars(query)]


def recalled_among(session: Session, hashes: set[str]) -> bool:
    """Was a file with one of these hashes recalled?"""
    query = (
        select(ImportFileRow.sha256)
        .join(ImportRow, ImportRow.id == ImportFileRow.request)
        .where(ImportRow.state == ImportState.RECALLED.value, ImportFileRow.sha256.in_(hashes))
    )
    return session.scalars(query).first() is not None


def _request(session: Session, row: ImportRow) -> ImportRequest:
    files = _files(session, row.id)
    return ImportRequest(
        id=row.id,
        project=row.project,
        state=ImportState(row.state),
        author=row.author,
        why=row.why,
        members=frozenset(row.members),
        checkers=frozenset(row.checkers),
        earlier_makers=_makers_of(session, row.project, {file.name for file in files}),
        held=row.held,
        created=aware(row.created),
        moved=aware(row.moved),
        files=files,
        moves=moves_of(session, ImportMoveRow, ImportState, row.id),
    )


def _files(session: Session, request: str) -> tuple[ImportFile, ...]:
    query = select(ImportFileRow).where(ImportFileRow.request == request).order_by(ImportFileRow.name)
    return tuple(
        ImportFile(r.name, FileKind(r.kind), r.sha256, r.approved, r.size, tuple(r.findings))
        for r in session.scalars(query)
    )


def _makers_of(session: Session, project: str, names: set[str]) -> frozenset[str]:
    query = (
        select(ImportRow.author)
        .join(ImportFileRow, ImportFileRow.request == ImportRow.id)
        .where(ImportRow.project == project, ImportFileRow.name.in_(names))
    )
    return frozenset(session.scalars(query))
