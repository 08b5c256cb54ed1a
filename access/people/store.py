"""Where are people and the evidence about them kept? In these tables; an unknown role is an error, never a default."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import JSON, DateTime, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.organisations.store import find_organisation, sanctions_of
from access.people.invented import INVENTED
from access.people.model import (
    Accreditation,
    Evidence,
    Person,
    Proofing,
    ProofingKind,
    Role,
    Training,
    TrainingKind,
)
from audit.records import Base


class PersonRow(Base):
    """A person, what they do, and the evidence that they may."""

    __tablename__ = "person"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    organisation: Mapped[str] = mapped_column(String(60))
    roles: Mapped[list[str]] = mapped_column(JSON)
    suspended: Mapped[bool] = mapped_column(default=False)
    proofing_kind: Mapped[str | None] = mapped_column(String(40))
    proofing_by: Mapped[str | None] = mapped_column(String(120))
    proofing_on: Mapped[date | None]
    accreditation_scheme: Mapped[str | None] = mapped_column(String(120))
    accreditation_number: Mapped[str | None] = mapped_column(String(60))
    accreditation_ends: Mapped[date | None]
    acknowledged_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    last_seen: Mapped[date | None]
    anew_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class TrainingRow(Base):
    """A test of one kind of training that a person took. number: of this person and kind, as they were recorded."""

    __tablename__ = "person_test"
    person: Mapped[str] = mapped_column(String(60), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    passed_on: Mapped[date]
    score: Mapped[int]
    ends: Mapped[date]


class OfficeRow(Base):
    """An office that a person took up, and when first: from then on it is the haven's own account's no more."""

    __tablename__ = "office"
    role: Mapped[str] = mapped_column(String(40), primary_key=True)
    person: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RecoveryRow(Base):
    """Root gave an office back to the haven's own account for a while, because nobody who held it could act."""

    __tablename__ = "office_recovery"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    role: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(400))
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class EmergencyRow(Base):
    """Break-glass: who was let in despite lapsed evidence, why, from when to when, and what its review found."""

    __tablename__ = "emergency_access"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person: Mapped[str] = mapped_column(String(60), index=True)
    project: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(String(400))
    by: Mapped[str] = mapped_column(String(120))
    starts: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reviewed_by: Mapped[str | None] = mapped_column(String(120))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    justified: Mapped[bool | None]
    finding: Mapped[str | None] = mapped_column(String(400))


def find_person(session: Session, name: str) -> Person | None:
    """The person of this id, with their evidence, employer and sanctions."""
    row = session.get(PersonRow, name)
    if row is None:
        return None
    return Person(
        id=row.id,
        name=row.name,
        organisation=row.organisation,
        roles=frozenset(map(Role, row.roles)),
        evidence=_evidence(session, row),
        suspended=row.suspended,
        closed_on=row.closed_on,
        last_seen=row.last_seen,
        employer=find_organisation(session, row.organisation),
        sanctions=sanctions_of(session, f"person:{row.id}"),
        anew_at=row.anew_at and _utc(row.anew_at),
    )


def all_people(session: Session) -> list[Person]:
    """Everybody, by id."""
    return [person for name in names_of_people(session) if (person := find_person(session, name))]


def names_of_people(session: Session) -> list[str]:
    """Everybody's id, in order."""
    return list(session.scalars(select(PersonRow.id).order_by(PersonRow.id)))


def keep_person(session: Session, person: Person, at: datetime) -> None:
    """Write a person as registered: their own facts and the evidence that was handed in with them."""
    row = session.get(PersonRow, person.id) or PersonRow(id=person.id, last_seen=at.date())
    back = row.closed_on is not None and person.closed_on is None
    if back or row.organisation not in (None, person.organisation):
        row.anew_at = at
    row.name, row.organisation = person.name, person.organisation
    row.roles, row.suspended = sorted(role.value for role in person.roles), person.suspended
    if back:
        row.last_seen = at.date()  # else the account would be dormant at once
    row.closed_on = person.closed_on
    session.add(row)
    keep_evidence(session, row, person.evidence)


def keep_evidence(session: Session, row: PersonRow, evidence: Evidence) -> None:
    """Write each part of the evidence that is there; what is not there stays as it was."""
    if (proofing := evidence.proofing) is not None:
        row.proofing_kind, row.proofing_by, row.proofing_on = proofing.kind.value, proofing.by, proofing.on
    if (held := evidence.accreditation) is not None:
        row.accreditation_scheme, row.accreditation_number = held.scheme, held.number
        row.accreditation_ends = held.ends
    if evidence.acknowledged_on is not None:
        row.acknowledged_on = evidence.acknowledged_on
    for one in evidence.trainings:
        _keep_test(session, row.id, one)


def _keep_test(session: Session, name: str, test: Training) -> None:
    """One row more, unless the same test was recorded: an older one never takes the place of a newer."""
    found = [row for row in _tests(session, name) if row.kind == test.kind.value]
    if any(_as_training(row) == test for row in found):
        return
    number = max((row.number for row in found), default=0) + 1
    session.add(
        TrainingRow(
            person=name, kind=test.kind.value, number=number, passed_on=test.passed_on, score=test.score, ends=test.ends
        )
    )
    session.flush()


def take_up_offices(session: Session, name: str, at: datetime) -> None:
    """Note which offices this person takes up: they hold the role, and acknowledged their duty. For good."""
    row = session.get_one(PersonRow, name)
    if row.acknowledged_on is None or row.proofing_by == INVENTED:
        return  # invented evidence is none where real data are held
    for role in row.roles:
        if session.get(OfficeRow, role) is None:
            session.add(OfficeRow(role=role, person=name, at=at))


def was_taken_up(session: Session, role: Role) -> bool:
    """Did anybody ever take this office up?"""
    return session.get(OfficeRow, role.value) is not None


def forget_evidence(session: Session, name: str) -> None:
    """Nothing is held of this person any more; what was recorded stays in the log."""
    session.execute(delete(TrainingRow).where(TrainingRow.person == name))
    row = session.get_one(PersonRow, name)
    row.proofing_kind = row.proofing_by = row.proofing_on = None
    row.accreditation_scheme = row.accreditation_number = row.accreditation_ends = None
    row.acknowledged_on = None


def emergencies(session: Session, *, unreviewed: bool = False) -> list[EmergencyRow]:
    """Every break-glass, the newest first; or those that wait for their review."""
    query = select(EmergencyRow).order_by(EmergencyRow.starts.desc())
    return list(session.scalars(query.where(EmergencyRow.reviewed_at.is_(None)) if unreviewed else query))


def emergency_in_force(session: Session, person: str, project: str, now: datetime) -> EmergencyRow | None:
    """The break-glass under which this person works on this project now, if there is one."""
    query = select(EmergencyRow).where(EmergencyRow.person == person, EmergencyRow.project == project)
    found = (
        row for row in session.scalars(query) if _utc(row.starts) <= now < _utc(row.ends) and row.justified is not False
    )
    return next(found, None)


def _evidence(session: Session, row: PersonRow) -> Evidence:
    proofing = accreditation = None
    if row.proofing_kind is not None and row.proofing_on is not None:
        proofing = Proofing(ProofingKind(row.proofing_kind), row.proofing_by or "", row.proofing_on)
    if row.accreditation_number is not None and row.accreditation_ends is not None:
        accreditation = Accreditation(row.accreditation_scheme or "", row.accreditation_number, row.accreditation_ends)
    newest = {one.kind: _as_training(one) for one in _tests(session, row.id)}
    return Evidence(proofing, tuple(newest[kind] for kind in sorted(newest)), accreditation, row.acknowledged_on)


def _tests(session: Session, name: str) -> list[TrainingRow]:
    """The person's tests, the one taken last at the end; of one day, the one recorded last."""
    query = select(TrainingRow).where(TrainingRow.person == name)
    return list(session.scalars(query.order_by(TrainingRow.passed_on, TrainingRow.number)))


def _as_training(row: TrainingRow) -> Training:
    return Training(TrainingKind(row.kind), row.passed_on, row.score, row.ends)


def _utc(at: datetime) -> datetime:
    """SQLite gives times back without their zone; they were written in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def recoveries(session: Session) -> list[RecoveryRow]:
    """Every recovery of an office, the newest first."""
    found = list(session.scalars(select(RecoveryRow).order_by(RecoveryRow.at.desc())))
    for row in found:
        row.at, row.until = _utc(row.at), _utc(row.until)
    return found
