"""What is held, until when? The deliveries, as whoever keeps them tells, under the agreements with this haven."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from access.organisations.agreement import Agreement
from access.organisations.policies import made_with
from access.organisations.store import every_agreement
from access.retention.model import HeldDelivery, Retention
from access.retention.policies import retention_of

Held = Callable[[Session], Sequence[HeldDelivery]]
"""The deliveries whose rows the haven holds or held, the oldest first; handed in by the component that keeps them."""


def retentions_in(session: Session, held: Held, ourselves: str) -> list[Retention]:
    """Every delivery that was taken in and not replaced, and until when it may be kept; the oldest first.

    Agreements count also when they have ended or were withdrawn: that shortens no duty.
    """
    kept = held(session)
    if not kept:
        return []
    mine = made_with((Agreement.model_validate(row.document) for row in every_agreement(session)), ourselves)
    return [retention_of(one, mine) for one in kept]
