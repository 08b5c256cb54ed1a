"""Where are requests, their files, verdicts and moves kept? In these tables; rows are added, and none is ever removed.

Only a request's own row changes (its state, round and hold); every change of state stands beside it as a move. What a
person wrote is kept as written; counts of cells are not here but in the sealed container (rules/airlock.md, 4 and 5).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, DateTime, ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import AuditReceipt, Base
from environments.airlock.imports.states import ImportState
from environments.airlock.model import (
    Gate,
    InspectionRecord,
    Move,
    Recipient,
    ReleaseFile,
    ReleaseRequest,
    Verdict,
)
from environments.airlock.packages.states import PackageState
from environments.airlock.states import ReleaseState


class RequestRow(Base):
    """One request to let files leave."""

    __tablename__ = "release_request"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    gate: Mapped[str] = mapped_column(String(20))
    recipient: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20), index=True)
    author: Mapped[str] = mapped_column(String(120))
    round: Mapped[int]  # one more with every submission; verdicts count in their own round only
    profile: Mapped[str] = mapped_column(String(200))
    scope_version: Mapped[int]
    members: Mapped[list[str]] = mapped_column(JSON)  # everybody who was in the project at any submission
    checkers: Mapped[list[str]] = mapped_column(JSON)  # who held the role at the latest submission (rule 9)
    vetoes: Mapped[list[str]] = mapped_column(JSON)  # controllers that must decide too (rule 3)
    held: Mapped[str | None] = mapped_column(Text)  # why the latest release was not carried out
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    moved: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class FileRow(Base):
    """One file of one round: what was sealed, by whom, under which hash."""

    __tablename__ = "release_file"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    request: Mapped[str] = mapped_column(ForeignKey("release_request.id"), index=True)
    round: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    content: Mapped[str] = mapped_column(String(64), index=True)  # hash of the cells, however they are written
    size: Mapped[int]
    uploader: Mapped[str] = mapped_column(String(120))
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    problems: Mapped[list[str]] = mapped_column(JSON)  # what the check found, in sentences without counts
    inspection: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # InspectionRecord; None of a table
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class VerdictRow(Base):
    """One person's verdict on one file, bound to the file's hash. A revised verdict is another row."""

    __tablename__ = "release_verdict"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    request: Mapped[str] = mapped_column(ForeignKey("release_request.id"), index=True)
    round: Mapped[int]
    file: Mapped[str] = mapped_column(ForeignKey("release_file.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(120))
    controller: Mapped[str | None] = mapped_column(String(60))  # for whose veto; None: an output checker's
    approve: Mapped[bool]
    comment: Mapped[str] = mapped_column(Text)
    number: Mapped[int]  # the order within the request
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class MoveColumns:
    """One change of state of a request; `event` is its entry in the audit log."""

    request: Mapped[str]
    number: Mapped[int] = mapped_column(primary_key=True)
    before: Mapped[str | None] = mapped_column(String(20))
    after: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(Text)
    event: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


Moves = TypeVar("Moves", bound=MoveColumns)
States = TypeVar("States", ReleaseState, ImportState, PackageState)


class MoveRow(MoveColumns, Base):
    """One change of state of a request to release."""

    __tablename__ = "release_move"
    request: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)


class ReleaseRow(Base):
    """What left: the manifest as signed, kept so that a repeated release writes the same bytes."""

    __tablename__ = "release_manifest"
    request: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    manifest: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RecalledRow(Base):
    """A hash that may never leave again, and the incident for which it was recalled."""

    __tablename__ = "release_recalled_hash"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(ForeignKey("release_request.id"))
    incident: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RecipientRow(Base):
    """Who was told of a recall, and when they acknowledged it."""

    __tablename__ = "release_recall_recipient"
    request: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    recipient: Mapped[str] = mapped_column(String(200), primary_key=True)
    notified: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    acknowledged: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def find_request(session: Session, request_id: str) -> ReleaseRequest | None:
    """A request with its files, verdicts and moves, all rounds."""
    row = session.get(RequestRow, request_id)
    return None if row is None else _request(session, row)


def all_requests(session: Session, project: str | None = None) -> list[ReleaseRequest]:
    """Every request, of one project or of all, the oldest first."""
    query = select(RequestRow).order_by(RequestRow.created, RequestRow.id)
    if project is not None:
        query = query.where(RequestRow.project == project)
    return [_request(session, row) for row in session.scalars(query)]


def recalled_among(session: Session, hashes: set[str]) -> bool:
    """Was any of these hashes recalled?"""
    return session.scalars(select(RecalledRow.sha256).where(RecalledRow.sha256.in_(hashes))).first() is not None


def makers_of(session: Session, project: str, names: set[str]) -> frozenset[str]:
    """Everybody who ever offered a file of one of these names in the project."""
    query = (
        select(FileRow.uploader)
        .join(RequestRow, RequestRow.id == FileRow.request)
        .where(RequestRow.project == project, FileRow.name.in_(names))
    )
    return frozenset(session.scalars(query))


def log_index_of(session: Session, event: str) -> int | None:
    """Where in the audit log the entry of this event stands."""
    receipt = session.get(AuditReceipt, event)
    return None if receipt is None else receipt.log_index


def _request(session: Session, row: RequestRow) -> ReleaseRequest:
    return ReleaseRequest(
        id=row.id,
        project=row.project,
        gate=Gate(row.gate),
        recipient=row.recipient,
        state=ReleaseState(row.state),
        author=row.author,
        round=row.round,
        profile=row.profile,
        scope_version=row.scope_version,
        members=frozenset(row.members),
        checkers=frozenset(row.checkers),
        vetoes=frozenset(row.vetoes),
        held=row.held,
        created=aware(row.created),
        moved=aware(row.moved),
        every_file=_files(session, row.id),
        every_verdict=_verdicts(session, row.id),
        moves=moves_of(session, MoveRow, ReleaseState, row.id),
        recipients=_recipients(session, row.id),
    )


def _files(session: Session, request: str) -> tuple[ReleaseFile, ...]:
    query = select(FileRow).where(FileRow.request == request).order_by(FileRow.round, FileRow.name)
    return tuple(
        ReleaseFile(
            r.id,
            r.round,
            r.name,
            r.sha256,
            r.content,
            r.size,
            r.uploader,
            r.context,
            tuple(r.problems),
            aware(r.at),
            None if r.inspection is None else InspectionRecord.from_data(r.inspection),
        )
        for r in session.scalars(query)
    )


def _verdicts(session: Session, request: str) -> tuple[Verdict, ...]:
    query = select(VerdictRow).where(VerdictRow.request == request).order_by(VerdictRow.number)
    return tuple(
        Verdict(r.round, r.file, r.sha256, r.by, r.controller, r.approve, r.comment, aware(r.at))
        for r in session.scalars(query)
    )


def moves_of(session: Session, kind: type[Moves], states: type[States], request: str) -> tuple[Move, ...]:
    """A request's moves, in order. kind: the table of its way; states: the states that the table holds."""
    query = select(kind).where(kind.request == request).order_by(kind.number)
    return tuple(
        Move(states(r.before) if r.before else None, states(r.after), r.by, r.reason, r.event, aware(r.at))
        for r in session.scalars(query)
    )


def _recipients(session: Session, request: str) -> tuple[Recipient, ...]:
    query = select(RecipientRow).where(RecipientRow.request == request).order_by(RecipientRow.recipient)
    return tuple(
        Recipient(r.recipient, aware(r.notified), aware(r.acknowledged) if r.acknowledged else None)
        for r in session.scalars(query)
    )


def aware(at: datetime) -> datetime:
    """SQLite gives times back without their zone; they were written in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
