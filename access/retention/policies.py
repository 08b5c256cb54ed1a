"""Until when may a delivery be kept, and may it be destroyed?

The shortest time that any agreement with its controller names counts, also one that has ended: an agreement's end
shortens no duty. After it, the whole dataset serves nobody and takes nothing in until that delivery is destroyed: which
of a scope's rows are whose cannot be told apart there. Before that time, a destruction needs a reason, which its
certificate tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from access.decisions import Allowed, Decision, Refused
from access.documents import UNSEEN
from access.organisations.agreement import Agreement, Destroyer
from access.retention.model import HeldDelivery, Retention


def retention_of(held: HeldDelivery, agreements: Iterable[Agreement]) -> Retention:
    """Until when this delivery may be kept. agreements: every version of each, the newest last.

    Of each the newest counts that speaks of the dataset: an amendment that leaves it out ends no duty.
    """
    named = [one for one in agreements if one.discloser == held.controller and held.dataset in one.datasets]
    if not named:
        return Retention(held)
    newest = {one.id: one for one in named}
    strictest = min(newest.values(), key=lambda one: (one.datasets[held.dataset].retention_days, one.id))
    agreed = strictest.datasets[held.dataset]
    until = held.received_on + timedelta(days=agreed.retention_days)
    return Retention(held, until, strictest.id, agreed.destruction, agreed.destroyed_by)


def may_be_kept(dataset: str, retentions: Iterable[Retention], today: date) -> Decision:
    """May this dataset's rows serve projects, and may more come in? Not while a delivery of it should be gone."""
    for one in retentions:
        if one.held.dataset != dataset or not (one.is_due(today) or one.is_going()):
            continue
        if one.is_due(today):
            why = f"could be kept until {one.until}, as the agreement {one.agreement} says, and is not destroyed."
        else:
            why = "is being destroyed, and no certificate says yet that it is gone."
        return Refused(
            "retention.over",
            f"The delivery {one.held.name} of {dataset} {why}",
            f"A governance lead has it destroyed: haven retention destroy {one.held.name} --as PERSON.",
        )
    return Allowed()


def may_be_automatic(retention: Retention | None, today: date) -> Decision:
    """May the haven itself destroy it? On the day after its last, where the agreement says so."""
    if retention is not None and retention.is_due(today) and retention.destroyed_by is Destroyer.HOUSEKEEPING:
        return Allowed()
    return Refused(
        "retention.not_automatic",
        "No agreement lets the haven destroy this by itself today.",
        "A governance lead has it destroyed: haven retention destroy DELIVERY --as PERSON.",
    )


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
    said = early and len(early.strip()) >= 8 and not UNSEEN.search(early)  # it stands in the certificate
    if retention.is_due(today) or retention.held.destroyed or said:
        return Allowed()
    until = (
        f"It may be kept until {retention.until}." if retention.until else "No agreement says until when it is kept."
    )
    return Refused(
        "retention.not_due",
        until,
        "Say in a sentence why it is destroyed before: --early REASON (the controller asks).",
    )
