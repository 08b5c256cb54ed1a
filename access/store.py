"""Where are organisations, people, datasets and projects kept? In these tables; nothing of them points to audit's.

Rows become the frozen data of access.model at this edge. An unknown role is an error here, never a default.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.model import Approval, DatasetEntry, Organisation, Person, ProjectVersion, Role
from access.project_file import ProjectFile
from audit.records import Base


class OrganisationRow(Base):
    """An organisation."""

    __tablename__ = "organisation"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))


class PersonRow(Base):
    """A person and what they may do."""

    __tablename__ = "person"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    organisation: Mapped[str] = mapped_column(String(60))
    roles: Mapped[list[str]] = mapped_column(JSON)
    training_ends: Mapped[date]
    suspended: Mapped[bool] = mapped_column(default=False)


class DatasetRow(Base):
    """A dataset of the catalogue."""

    __tablename__ = "dataset_entry"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    controller: Mapped[str] = mapped_column(String(60))
    notice: Mapped[str] = mapped_column(String(400))
    disclosure_profile: Mapped[str] = mapped_column(String(60))
    tables: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON)


class ProjectVersionRow(Base):
    """One version of a project, as applied for; never changed but for `closed`."""

    __tablename__ = "project_version"
    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    applicant: Mapped[str] = mapped_column(String(60))
    controllers: Mapped[list[str]] = mapped_column(JSON)
    file: Mapped[str] = mapped_column(Text)  # the project's file as data: JSON of access.project_file.ProjectFile
    closed: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ApprovalRow(Base):
    """A controller's approval of one version; withdrawn at most once, never removed."""

    __tablename__ = "project_approval"
    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    controller: Mapped[str] = mapped_column(String(60), primary_key=True)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(String(400))


def find_person(session: Session, name: str) -> Person | None:
    """The person of this id."""
    row = session.get(PersonRow, name)
    if row is None:
        return None
    roles = frozenset(map(Role, row.roles))
    return Person(row.id, row.name, row.organisation, roles, row.training_ends, row.suspended)


def find_organisation(session: Session, name: str) -> Organisation | None:
    """The organisation of this id."""
    row = session.get(OrganisationRow, name)
    return None if row is None else Organisation(row.id, row.name)


def all_people(session: Session) -> list[Person]:
    """Everybody, by id."""
    names = session.scalars(select(PersonRow.id).order_by(PersonRow.id)).all()
    return [person for name in names if (person := find_person(session, name))]


def all_organisations(session: Session) -> list[Organisation]:
    """Every organisation, by id."""
    return [Organisation(row.id, row.name) for row in session.scalars(select(OrganisationRow).order_by("id"))]


def catalogue(session: Session) -> dict[str, DatasetEntry]:
    """Every dataset of the catalogue."""
    rows = session.scalars(select(DatasetRow).order_by(DatasetRow.id))
    return {r.id: DatasetEntry(r.id, r.controller, r.notice, r.disclosure_profile, r.tables) for r in rows}


def versions_of(session: Session, project: str) -> list[ProjectVersion]:
    """Every version of a project with its approvals, the newest first."""
    query = select(ProjectVersionRow).where(ProjectVersionRow.project == project)
    rows = session.scalars(query.order_by(ProjectVersionRow.version.desc())).all()
    return [_version(session, row) for row in rows]


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
        ApprovalRow.project == project, ApprovalRow.controller == controller, ApprovalRow.withdrawn_at.is_(None)
    )
    return list(session.scalars(query))


def _version(session: Session, row: ProjectVersionRow) -> ProjectVersion:
    file = ProjectFile.model_validate_json(row.file)
    query = select(ApprovalRow).where(ApprovalRow.project == row.project, ApprovalRow.version == row.version)
    approvals = {
        one.controller: Approval(one.controller, one.by, aware(one.at), one.withdrawn_at is not None, one.reason)
        for one in session.scalars(query)
    }
    return ProjectVersion(
        project=row.project,
        version=row.version,
        title=file.title,
        applicant=row.applicant,
        people=frozenset(file.people),
        controllers=frozenset(row.controllers),
        ends=file.ends,
        closed=row.closed,
        approvals=approvals,
    )


def aware(at: datetime) -> datetime:
    """SQLite gives times back without their zone; they were written in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def as_data(project: ProjectVersion, state: str, file: ProjectFile) -> dict[str, Any]:
    """A project for a program."""
    return {
        "project": project.project,
        "version": project.version,
        "state": state,
        "title": project.title,
        "purpose": file.purpose,
        "legal_basis": file.legal_basis,
        "applicant": project.applicant,
        "people": sorted(project.people),
        "ends": project.ends.isoformat(),
        "approvals": [
            {
                "controller": name,
                "state": _approval_state(project.approvals.get(name)),
                "by": (one := project.approvals.get(name)) and one.by,
                "at": one and one.at.isoformat(),
                "reason": one and one.reason,
            }
            for name in sorted(project.controllers)
        ],
    }


def _approval_state(approval: Approval | None) -> str:
    if approval is None:
        return "asked"
    return "withdrawn" if approval.withdrawn else "approved"
