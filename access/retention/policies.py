"""Until when may a delivery be kept, and may it be destroyed?

The shortest time that any agreement with its controller names counts, also one that has ended: an agreement's end
shortens no duty. Before that time, a destruction needs a reason, which its certificate tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from access.decisions import Allowed, Decision, Refused
from access.organisations.agreement import Agreement
from access.retention.model import HeldDelivery, Retention


def retention_of(held: HeldDelivery, agreements: Iterable[Agreement]) -> Retention:
    """Until when this delivery may be kept."""
    mine = [one for one in agreements if one.discloser == held.controller and held.dataset in one.datasets]
    if not mine:
        return Retention(held)
    strictest = min(mine, key=lambda one: (one.datasets[held.dataset].retention_days, one.id))
    agreed = strictest.datasets[held.dataset]
    until = held.received_on + timedelta(days=agreed.retention_days)
    return Retention(held, until, strictest.id, agreed.destruction)


def may_destroy(retention: Retention | None, early: str | None, today: date) -> Decision:
    """May this delivery's rows be destroyed now? Its time is over, or somebody says why before."""
    if retention is None:
        return Refused(
            "retention.unknown", "No such delivery is held.", "`haven retention list` shows what is, and until when."
        )
    if retention.held.certified:
        return Refused(
            "retention.destroyed",
            "It was destroyed, and that was certified.",
            f"haven retention certificate {retention.held.name}",
        )
    if retention.is_due(today) or retention.held.destroyed or (early and len(early.strip()) >= 8):
        return Allowed()
    until = (
        f"It may be kept until {retention.until}." if retention.until else "No agreement says until when it is kept."
    )
    return Refused(
        "retention.not_due",
        until,
        "Say in a sentence why it is destroyed before: --early REASON (the controller asks).",
    )
