"""Where are requests for packages and their moves kept? In these tables; rows are added, and none is ever removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, DateTime, ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base
from environments.airlock.packages.model import PackageRequest
from environments.airlock.packages.states import PackageState
from environments.airlock.store import MoveColumns, aware, moves_of


class PackageRow(Base):
    """One request for one version of a package."""

    __tablename__ = "package_request"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    name: Mapped[str] = mapped_column(String(80))
    version: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20), index=True)
    author: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)
    members: Mapped[list[str]] = mapped_column(JSON)
    checkers: Mapped[list[str]] = mapped_column(JSON)
    file: Mapped[str | None] = mapped_column(String(200))
    sha256: Mapped[str | None] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    moved: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PackageMoveRow(MoveColumns, Base):
    """One change of state of a request for a package."""

    __tablename__ = "package_move"
    request: Mapped[str] = mapped_column(ForeignKey("package_request.id"), primary_key=True)


def find_package(session: Session, request_id: str) -> PackageRequest | None:
    """A request with its moves."""
    row = session.get(PackageRow, request_id)
    return None if row is None else _request(session, row)


def all_packages(session: Session, project: str | None = None) -> list[PackageRequest]:
    """Every request, of one project or of all, the oldest first."""
    query = select(PackageRow).order_by(PackageRow.created, PackageRow.id)
    if project is not None:
        query = query.where(PackageRow.project == project)
    return [_request(session, row) for row in session.scalars(query)]


def _request(session: Session, row: PackageRow) -> PackageRequest:
    return PackageRequest(
        id=row.id,
        project=row.project,
        name=row.name,
        version=row.version,
        state=PackageState(row.state),
        author=row.author,
        why=row.why,
        members=frozenset(row.members),
        checkers=frozenset(row.checkers),
        file=row.file,
        sha256=row.sha256,
        created=aware(row.created),
        moved=aware(row.moved),
        moves=moves_of(session, PackageMoveRow, PackageState, row.id),
    )
