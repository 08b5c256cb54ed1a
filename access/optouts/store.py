"""Where are decisions, objections, lists and certificates kept? In the records; persons have opaque ids only."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from access.optouts.model import (
    Cut,
    DataFlow,
    DisclosurePlan,
    FlowDecision,
    FlowStanding,
    ListState,
    Objection,
    ObjectionState,
    ObjectionTarget,
    OptOutCase,
    OptOutCertificate,
    OptOutList,
)
from access.optouts.policies import HEEDED
from access.projects.store import aware
from audit.records import Base

ANSWERED = frozenset({ListState.IN_FORCE})


class OptOutDecisionRow(Base):
    """A decision on a flow; never changed: a later one counts in its place."""

    __tablename__ = "optout_decision"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(index=True)  # in their order, whatever the clock says
    project: Mapped[str] = mapped_column(String(60), index=True)
    version: Mapped[int]
    dataset: Mapped[str] = mapped_column(String(60))
    recipient: Mapped[str] = mapped_column(String(60))
    case: Mapped[str] = mapped_column(String(40))
    evidence: Mapped[str | None] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ObjectionRow(Base):
    """An objection and what became of it."""

    __tablename__ = "optout_objection"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    target: Mapped[str] = mapped_column(String(60), primary_key=True)
    wish: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20), index=True)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    considered: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(120))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class OptOutListRow(Base):
    """One asking for the list, as it is known outside the linkage zone."""

    __tablename__ = "optout_list"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    number: Mapped[int] = mapped_column(index=True)  # in their order, whatever the clock says
    state: Mapped[str] = mapped_column(String(20), index=True)
    as_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    asked: Mapped[int]
    bad: Mapped[dict[str, int]] = mapped_column(JSON)
    failure: Mapped[str | None] = mapped_column(String(60))
    sentence: Mapped[str | None] = mapped_column(Text)


class OptOutCertificateRow(Base):
    """What was done about opt-outs in one disclosure; never changed."""

    __tablename__ = "optout_certificate"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    version: Mapped[int]
    standings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    objections: Mapped[list[str]] = mapped_column(JSON)
    using: Mapped[str | None] = mapped_column("list", String(60))
    cuts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    stamp: Mapped[str] = mapped_column(String(64))
    people: Mapped[list[int]] = mapped_column(JSON)
    rows: Mapped[dict[str, list[int]]] = mapped_column(JSON)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


def decisions_on(session: Session, project: str, version: int) -> list[FlowDecision]:
    """Every decision on the flows of this version, oldest first."""
    query = select(OptOutDecisionRow).where(OptOutDecisionRow.project == project, OptOutDecisionRow.version == version)
    return [
        FlowDecision(
            row.id,
            DataFlow(row.project, row.version, row.dataset, row.recipient),
            OptOutCase(row.case),
            row.evidence,
            row.by,
            aware(row.at),
        )
        for row in session.scalars(query.order_by(OptOutDecisionRow.number))
    ]


def objections(session: Session, objection: str | None = None) -> list[Objection]:
    """Every objection, or those of one person's letter, oldest first."""
    query = select(ObjectionRow).order_by(ObjectionRow.at, ObjectionRow.id, ObjectionRow.kind, ObjectionRow.target)
    if objection is not None:
        query = query.where(ObjectionRow.id == objection)
    return [
        Objection(
            row.id,
            ObjectionTarget(row.kind, row.target),
            row.wish,
            ObjectionState(row.state),
            row.by,
            aware(row.at),
            row.considered,
            row.answered_by,
            row.answered_at and aware(row.answered_at),
        )
        for row in session.scalars(query)
    ]


def heeded(session: Session, project: str, controllers: set[str]) -> list[str]:
    """The objections that a disclosure to this project of these controllers' data must heed now."""
    concerned = [
        one.id
        for one in objections(session)
        if one.state in HEEDED
        and ((one.target.kind, one.target.name) == ("project", project)
             or (one.target.kind == "controller" and one.target.name in controllers))
    ]  # fmt: skip
    return sorted(set(concerned))


def lists(session: Session) -> list[OptOutList]:
    """Every asking, the newest first."""
    rows = session.scalars(select(OptOutListRow).order_by(OptOutListRow.number.desc()))
    return [_list_of(row) for row in rows]


def newest_list(session: Session) -> OptOutList | None:
    """The last asking."""
    return next(iter(lists(session)), None)


def newest_ended(session: Session) -> OptOutList | None:
    """The last asking that came to an end, well or not; one that is under way tells nothing yet."""
    return next((one for one in lists(session) if one.state is not ListState.ASKED), None)


def list_in_force(session: Session) -> OptOutList | None:
    """The last asking that was answered, unless it was purged."""
    return next((one for one in lists(session) if one.state in ANSWERED), None)


def certificates(session: Session, *, project: str | None = None) -> list[OptOutCertificate]:
    """Every certificate, the newest first."""
    query = select(OptOutCertificateRow).order_by(OptOutCertificateRow.at.desc(), OptOutCertificateRow.id)
    if project is not None:
        query = query.where(OptOutCertificateRow.project == project)
    return [_certificate_of(session, row) for row in session.scalars(query)]


def find_certificate(session: Session, name: str) -> OptOutCertificate | None:
    """The certificate of this id."""
    row = session.get(OptOutCertificateRow, name)
    return None if row is None else _certificate_of(session, row)


def next_number(session: Session, table: type[OptOutDecisionRow] | type[OptOutListRow]) -> int:
    """The number of the next row."""
    return (session.scalar(select(func.max(table.number))) or 0) + 1


def stamps_of(session: Session, project: str, build: str) -> set[str]:
    """Under what this build was certified, at whatever time: a plan that is as before allows what it allowed before."""
    query = select(OptOutCertificateRow.stamp).where(
        OptOutCertificateRow.project == project, OptOutCertificateRow.subject == build
    )
    return set(session.scalars(query))


def newest_of(session: Session, project: str, subject: str) -> OptOutCertificate | None:
    """The last certificate of this build or release."""
    query = select(OptOutCertificateRow).where(
        OptOutCertificateRow.project == project, OptOutCertificateRow.subject == subject
    )
    row = session.scalars(query.order_by(OptOutCertificateRow.at.desc()).limit(1)).first()
    return None if row is None else _certificate_of(session, row)


def cuts_given(session: Session) -> list[tuple[str, str, datetime, Cut]]:
    """certificate, project, time and cut of each disclosure so far, oldest first."""
    rows = session.scalars(select(OptOutCertificateRow).order_by(OptOutCertificateRow.at))
    return [(row.id, row.project, aware(row.at), _cut_of(cut)) for row in rows for cut in row.cuts]


def certificate_row(certificate: OptOutCertificate) -> OptOutCertificateRow:
    """As it is kept."""
    plan = certificate.plan
    return OptOutCertificateRow(
        id=certificate.id,
        kind=certificate.kind,
        subject=certificate.subject,
        project=plan.project,
        version=plan.version,
        standings=[_standing_data(one) for one in plan.standings],
        objections=list(plan.objections),
        using=plan.using and plan.using.id,
        cuts=[_cut_data(cut) for cut in plan.cuts],
        stamp=plan.stamp,
        people=list(certificate.people),
        rows={table: list(pair) for table, pair in certificate.rows.items()},
        by=certificate.by,
        at=certificate.at,
    )


def _certificate_of(session: Session, row: OptOutCertificateRow) -> OptOutCertificate:
    using = session.get(OptOutListRow, row.using) if row.using else None
    plan = DisclosurePlan(
        row.project,
        row.version,
        tuple(_standing_of(row, one) for one in row.standings),
        tuple(row.objections),
        None if using is None else _list_of(using),
        tuple(_cut_of(cut) for cut in row.cuts),
        row.stamp,
    )
    rows = {table: (before, after) for table, (before, after) in row.rows.items()}
    before, after = row.people
    return OptOutCertificate(row.id, row.kind, row.subject, plan, (before, after), rows, row.by, aware(row.at))


def _standing_data(one: FlowStanding) -> dict[str, Any]:
    return {
        "dataset": one.flow.dataset,
        "recipient": one.flow.recipient,
        "applies": one.applies,
        "numberless": one.numberless,
        "decisions": list(one.decisions),
    }


def _standing_of(row: OptOutCertificateRow, one: dict[str, Any]) -> FlowStanding:
    flow = DataFlow(row.project, row.version, one["dataset"], one["recipient"])
    return FlowStanding(flow, one["applies"], one["numberless"], tuple(one["decisions"]))


def _cut_data(cut: Cut) -> dict[str, Any]:
    days = {"from": cut.start and cut.start.isoformat(), "to": cut.end and cut.end.isoformat()}
    return {"recipient": cut.recipient, "dataset": cut.dataset, "column": cut.column, **days, "applied": cut.applied}


def _cut_of(data: dict[str, Any]) -> Cut:
    start, end = (data[name] and date.fromisoformat(data[name]) for name in ("from", "to"))
    return Cut(data["recipient"], data["dataset"], start, end, data["applied"], data.get("column"))


def _list_of(row: OptOutListRow) -> OptOutList:
    return OptOutList(
        row.id, ListState(row.state), aware(row.as_at), row.asked, dict(row.bad), row.failure, row.sentence
    )
