"""Where are projects and the decisions about them kept? In these tables; nothing of them points to audit's.

Nothing is removed: a version, a decision, a withdrawal and a suspension each keep their row. The state is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.decisions import Refused
from access.projects.file import ProjectFile
from access.projects.model import Approval, Endorsement, Outcome, ProjectVersion, Suspension
from access.projects.narrowing import Narrowing
from access.projects.states import is_decided
from audit.records import Base

Lapses = Callable[[ProjectFile, Mapping[str, Any] | None], tuple[Refused, ...]]
"""What else is not in force for a project with this file, and these datasets as they were when it was submitted."""


class ProjectVersionRow(Base):
    """One version of a project, as applied for; a draft until it is submitted."""

    __tablename__ = "project_version"
    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    applicant: Mapped[str] = mapped_column(String(60))
    controllers: Mapped[list[str]] = mapped_column(JSON)
    file: Mapped[str] = mapped_column(Text)  # the project's file as data: JSON of access.projects.file.ProjectFile
    closed: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # None of one closed before it was kept
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    went_live_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    datasets: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # controller and kinds, as they were when submitted


class ApprovalRow(Base):
    """A controller's decision on one version; withdrawn at most once, never removed."""

    __tablename__ = "project_approval"
    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    controller: Mapped[str] = mapped_column(String(60), primary_key=True)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str] = mapped_column(String(20), default=Outcome.APPROVED.value)
    narrowing: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(String(400))


class EndorsementRow(Base):
    """The Caldicott Guardian's decision on one version, with the answers of the release test."""

    __tablename__ = "project_endorsement"
    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str] = mapped_column(String(20))
    answers: Mapped[dict[str, str]] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(String(400))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))


class SuspensionRow(Base):
    """A project was stopped; lifted at most once."""

    __tablename__ = "project_suspension"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    reason: Mapped[str] = mapped_column(String(400))
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_by: Mapped[str | None] = mapped_column(String(120))


class RecertificationRow(Base):
    """The lead said who still needs access."""

    __tablename__ = "project_recertification"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    kept: Mapped[list[str]] = mapped_column(JSON)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def versions_of(session: Session, project: str, lapses: Lapses) -> list[ProjectVersion]:
    """Every version of a project with its decisions, the newest first."""
    query = select(ProjectVersionRow).where(ProjectVersionRow.project == project)
    rows = session.scalars(query.order_by(ProjectVersionRow.version.desc())).all()
    insiders, last = _insiders(rows), last_recertification(session, project)
    versions = [_version(session, row, lapses, insiders) for row in rows]
    return [_recertified(one, versions, last) for one in versions] if last is not None else versions


def _insiders(rows: Sequence[ProjectVersionRow]) -> frozenset[str]:
    """People and leads of every submitted version; of drafts the applicants alone, since they name whom they like."""
    found = {row.applicant for row in rows}
    for row in rows:
        if row.submitted_at is not None:
            file = ProjectFile.model_validate_json(row.file)
            found |= {*file.people, *([file.lead] if file.lead else [])}
    return frozenset(found)


def versions_as_decided(session: Session, project: str) -> list[ProjectVersion]:
    """The same for whoever asks only who decided what: parts outside the project are not looked at."""
    return versions_of(session, project, lambda _file, _datasets: ())


def project_file(session: Session, project: str, version: int) -> ProjectFile:
    """The file of a version that is known to exist."""
    row = session.get_one(ProjectVersionRow, (project, version))
    return ProjectFile.model_validate_json(row.file)


def project_names(session: Session) -> list[str]:
    """Every project, by id."""
    return list(session.scalars(select(ProjectVersionRow.project).distinct().order_by(ProjectVersionRow.project)))


def newest_version(session: Session, project: str) -> int:
    """The number of the newest version; 0 when there is none."""
    query = select(func.max(ProjectVersionRow.version)).where(ProjectVersionRow.project == project)
    return session.scalar(query) or 0


def approvals_in_force(session: Session, project: str, controller: str) -> list[ApprovalRow]:
    """The rows of this controller's approvals of any version that are not withdrawn."""
    query = select(ApprovalRow).where(
        ApprovalRow.project == project,
        ApprovalRow.controller == controller,
        ApprovalRow.outcome == Outcome.APPROVED.value,
        ApprovalRow.withdrawn_at.is_(None),
    )
    return list(session.scalars(query))


def endorsements_in_force(session: Session, project: str) -> list[EndorsementRow]:
    """The Guardian's approvals of any version that are not withdrawn."""
    query = select(EndorsementRow).where(
        EndorsementRow.project == project,
        EndorsementRow.outcome == Outcome.APPROVED.value,
        EndorsementRow.withdrawn_at.is_(None),
    )
    return list(session.scalars(query))


def suspension_in_force(session: Session, project: str) -> SuspensionRow | None:
    """The suspension that nobody has lifted."""
    query = select(SuspensionRow).where(SuspensionRow.project == project, SuspensionRow.lifted_at.is_(None))
    return session.scalars(query).first()


def last_recertification(session: Session, project: str) -> RecertificationRow | None:
    """When the lead last said who needs access."""
    query = select(RecertificationRow).where(RecertificationRow.project == project)
    return session.scalars(query.order_by(RecertificationRow.at.desc())).first()


def _version(session: Session, row: ProjectVersionRow, lapses: Lapses, insiders: frozenset[str]) -> ProjectVersion:
    file = ProjectFile.model_validate_json(row.file)
    suspended = suspension_in_force(session, row.project)
    return ProjectVersion(
        project=row.project,
        version=row.version,
        title=file.title,
        applicant=row.applicant,
        people=frozenset(file.people),
        controllers=frozenset(row.controllers),
        ends=file.ends,
        closed=row.closed,
        closed_at=row.closed_at and aware(row.closed_at),
        approvals=_approvals(session, row),
        lead=file.lead,
        submitted_at=row.submitted_at and aware(row.submitted_at),
        went_live_at=row.went_live_at and aware(row.went_live_at),
        endorsement=_endorsement(session.get(EndorsementRow, (row.project, row.version))),
        suspension=Suspension(suspended.reason, suspended.by, aware(suspended.at)) if suspended else None,
        lapsed=lapses(file, row.datasets),
        insiders=insiders,
    )


def _recertified(
    version: ProjectVersion, versions: Sequence[ProjectVersion], last: RecertificationRow
) -> ProjectVersion:
    """The version with the people whom the lead has kept, and when the lead last said so.

    Of an amendment that waited then, the lead was not asked: whom it adds it keeps, and whom the lead let go it loses.
    versions: of the project, the newest first, with all the people of their files.
    """
    at, kept = aware(last.at), frozenset(last.kept)
    if version.submitted_at is None or at < version.submitted_at:
        return version
    asked = next((one for one in versions if _was_decided(one, at)), version)
    if asked.version < version.version:
        return replace(version, people=version.people - (asked.people - kept))
    return replace(version, people=version.people & kept, recertified_at=at)


def _was_decided(version: ProjectVersion, at: datetime) -> bool:
    """Had everybody approved it by then?"""
    return is_decided(version) and all(one.at <= at for one in version.decisions)


def _approvals(session: Session, row: ProjectVersionRow) -> dict[str, Approval]:
    query = select(ApprovalRow).where(ApprovalRow.project == row.project, ApprovalRow.version == row.version)
    return {
        one.controller: Approval(
            controller=one.controller,
            by=one.by,
            at=aware(one.at),
            withdrawn=one.withdrawn_at is not None,
            reason=one.reason,
            outcome=Outcome(one.outcome),
            narrowing=Narrowing.model_validate(one.narrowing or {}),
            withdrawn_at=one.withdrawn_at and aware(one.withdrawn_at),
        )
        for one in session.scalars(query)
    }


def _endorsement(row: EndorsementRow | None) -> Endorsement | None:
    if row is None:
        return None
    taken_back = row.withdrawn_at and aware(row.withdrawn_at)
    return Endorsement(
        row.by, aware(row.at), Outcome(row.outcome), row.reason, row.answers, taken_back is not None, taken_back
    )


def aware(at: datetime) -> datetime:
    """SQLite gives times back without their zone; they were written in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
