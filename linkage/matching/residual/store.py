"""Which models were trained, by whom approved; which pairs are people asked about, and what have they said?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, DateTime, Float, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.records import Base

SAMPLE_OF = "sample_of_step_"


class LinkageModel(Base):
    """One trained model: its card, and who trained and approved it. id: SHA-256 of the model, which the zone keeps."""

    __tablename__ = "linkage_model"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    specification: Mapped[str] = mapped_column(String(64))
    engine: Mapped[str] = mapped_column(String(40))
    standardisation: Mapped[str | None] = mapped_column(String(40))  # None: from before the zone kept models
    card: Mapped[dict[str, Any]] = mapped_column(JSON)
    trained_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    trained_by: Mapped[str] = mapped_column(String(120))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(String(120))


class ClericalPair(Base):
    """One pair of records, named by their subjects, that a person is asked about. No identifier stands here."""

    __tablename__ = "clerical_pair"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subject_a: Mapped[str] = mapped_column(String(36))
    subject_b: Mapped[str] = mapped_column(String(36))
    weight: Mapped[float] = mapped_column(Float)
    fields: Mapped[dict[str, float | None]] = mapped_column(JSON)  # each column's weight
    why: Mapped[str] = mapped_column(String(40))
    run: Mapped[str] = mapped_column(String(36))
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    settled: Mapped[bool] = mapped_column(Boolean, default=False)  # a later run needs no answer any more
    same: Mapped[bool | None] = mapped_column(Boolean)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(String(120))
    comment: Mapped[str | None] = mapped_column(Text)

    @property
    def is_sample(self) -> bool:
        """Was it drawn of what a step joined, to judge that step? Then nothing weighed it."""
        return self.why.startswith(SAMPLE_OF)


def all_models(session: Session) -> list[LinkageModel]:
    """Every model, the newest first."""
    return list(session.scalars(select(LinkageModel).order_by(LinkageModel.trained_at.desc(), LinkageModel.id)))


def newest_approved(session: Session) -> LinkageModel | None:
    """The model that was approved last."""
    approved = select(LinkageModel).where(LinkageModel.approved_at.is_not(None))
    return session.scalars(approved.order_by(LinkageModel.approved_at.desc(), LinkageModel.id)).first()


def open_pairs(session: Session) -> list[ClericalPair]:
    """The pairs that wait for an answer, the heaviest first."""
    waiting = select(ClericalPair).where(ClericalPair.decided_at.is_(None), ClericalPair.settled.is_(False))
    return list(session.scalars(waiting.order_by(ClericalPair.weight.desc(), ClericalPair.id)))


def every_pair(session: Session) -> list[ClericalPair]:
    """Every pair that people were ever asked about."""
    return list(session.scalars(select(ClericalPair).order_by(ClericalPair.asked_at, ClericalPair.id)))


def decided_pairs(session: Session) -> list[ClericalPair]:
    """What people have decided, in the order in which they did."""
    decided = select(ClericalPair).where(ClericalPair.decided_at.is_not(None))
    return list(session.scalars(decided.order_by(ClericalPair.decided_at, ClericalPair.id)))
