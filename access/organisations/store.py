"""Where are organisations, sanctions, agreements, authorisers and datasets kept? In these tables.

Rows become the frozen data of the model at this edge. An unknown status is an error here, never a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.organisations.agreement import Agreement
from access.organisations.model import DatasetEntry, Organisation, Sanction, SecurityAssessment, SecurityStatus
from access.organisations.policies import agreement_in_force
from audit.records import Base


class OrganisationRow(Base):
    """An organisation, with its security assessment."""

    __tablename__ = "organisation"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    ods_code: Mapped[str | None] = mapped_column(String(20))
    security_status: Mapped[str | None] = mapped_column(String(40))
    security_ends: Mapped[date | None]


class DatasetRow(Base):
    """A dataset of the catalogue."""

    __tablename__ = "dataset_entry"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    controller: Mapped[str] = mapped_column(String(60))
    notice: Mapped[str] = mapped_column(String(400))
    disclosure_profile: Mapped[str] = mapped_column(String(60))
    tables: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON)


class SanctionRow(Base):
    """A sanction of a person or an organisation; lifted at most once, never removed."""

    __tablename__ = "sanction"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), index=True)
    reason: Mapped[str] = mapped_column(String(400))
    starts: Mapped[date]
    until: Mapped[date | None]
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lifted_by: Mapped[str | None] = mapped_column(String(120))
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_because: Mapped[str | None] = mapped_column(String(400))


class AgreementRow(Base):
    """One version of an agreement; the newest of an id counts."""

    __tablename__ = "agreement"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_on: Mapped[date | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(120))


class AuthoriserRow(Base):
    """A person appointed to answer for anonymisation, from one day to another, or until somebody ended it before."""

    __tablename__ = "authoriser"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person: Mapped[str] = mapped_column(String(60))
    starts: Mapped[date]
    until: Mapped[date]
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(String(120))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_because: Mapped[str | None] = mapped_column(String(400))


def sanctions_of(session: Session, subject: str) -> tuple[Sanction, ...]:
    """Every sanction of this person or organisation, the oldest first."""
    rows = session.scalars(select(SanctionRow).where(SanctionRow.subject == subject).order_by(SanctionRow.at))
    return tuple(map(as_sanction, rows))


def as_sanction(row: SanctionRow) -> Sanction:
    """A row as the rules use it."""
    return Sanction(row.id, row.subject, row.reason, row.starts, row.until, row.by, row.lifted_by)


def all_sanctions(session: Session) -> list[Sanction]:
    """Every sanction, the oldest first."""
    return [as_sanction(row) for row in session.scalars(select(SanctionRow).order_by(SanctionRow.at))]


def find_organisation(session: Session, name: str) -> Organisation | None:
    """The organisation of this id, with its assessment and sanctions."""
    row = session.get(OrganisationRow, name)
    return None if row is None else _organisation(session, row)


def all_organisations(session: Session) -> list[Organisation]:
    """Every organisation, by id."""
    return [
        _organisation(session, row) for row in session.scalars(select(OrganisationRow).order_by(OrganisationRow.id))
    ]


def catalogue(session: Session) -> dict[str, DatasetEntry]:
    """Every dataset of the catalogue."""
    rows = session.scalars(select(DatasetRow).order_by(DatasetRow.id))
    return {r.id: DatasetEntry(r.id, r.controller, r.notice, r.disclosure_profile, r.tables) for r in rows}


def every_agreement(session: Session) -> Sequence[AgreementRow]:
    """Every version of every agreement, by id, the newest of each last."""
    return session.scalars(select(AgreementRow).order_by(AgreementRow.id, AgreementRow.version)).all()


def newest_agreements(session: Session) -> Mapping[str, AgreementRow]:
    """The newest version of each agreement, by id."""
    return {row.id: row for row in every_agreement(session)}


def papers_over_the_same(session: Session, agreement: Agreement) -> list[Agreement]:
    """Every version of the agreement of this id, or of the same two over any of the same data; the newest last."""
    rows = sorted(every_agreement(session), key=lambda row: row.at)
    return [
        Agreement.model_validate(row.document)
        for row in rows
        if row.id == agreement.id or _is_over_the_same(row.document, agreement)
    ]


def last_withdrawn(session: Session, agreement: Agreement) -> date | None:
    """The last day on which this agreement was withdrawn, or another of the same parties that shares a dataset."""
    rows = session.scalars(select(AgreementRow).where(AgreementRow.withdrawn_on.is_not(None)))
    days = (row.withdrawn_on for row in rows if row.id == agreement.id or _is_over_the_same(row.document, agreement))
    return max((day for day in days if day is not None), default=None)


def _is_over_the_same(document: Mapping[str, Any], agreement: Agreement) -> bool:
    parties = (document["discloser"], document["recipient"]) == (agreement.discloser, agreement.recipient)
    return parties and not agreement.datasets.keys().isdisjoint(document["datasets"])


def agreements_in_force(session: Session, today: date) -> list[Agreement]:
    """Every agreement whose newest version is in force on this day."""
    found = [(Agreement.model_validate(row.document), row.withdrawn_on) for row in newest_agreements(session).values()]
    return [one for one, withdrawn in found if agreement_in_force(one, withdrawn, today)]


def authorisers(session: Session, today: date) -> list[str]:
    """Who is appointed on this day to answer for anonymisation."""
    return sorted({row.person for row in appointments(session) if row.starts <= today <= row.until})


def appointments(session: Session) -> list[AuthoriserRow]:
    """Every appointment that nobody ended before its last day, the oldest first."""
    query = select(AuthoriserRow).where(AuthoriserRow.ended_at.is_(None)).order_by(AuthoriserRow.at)
    return list(session.scalars(query))


def _organisation(session: Session, row: OrganisationRow) -> Organisation:
    security = None
    if row.security_status is not None and row.security_ends is not None:
        security = SecurityAssessment(row.ods_code or "", SecurityStatus(row.security_status), row.security_ends)
    return Organisation(row.id, row.name, security, sanctions_of(session, f"organisation:{row.id}"))
