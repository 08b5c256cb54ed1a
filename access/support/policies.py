"""Is a support in force, does it name this flow, and when must somebody be warned?"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from access.decisions import PAPERS_FURTHEST, Allowed, Decision, Refused, may_last_until
from access.support.identifiers import not_named
from access.support.model import Support

WARN_DAYS = (90, 60, 30)
REVIEWED_WITHIN = timedelta(days=366 + 42)
"""An annual review, with the weeks that an answer to the one before it may take."""


def in_force(support: Support | None, today: date) -> Decision:
    """May flows rest on this support today?"""
    if support is None:
        return Refused(
            "support.unknown",
            "No support of the Confidentiality Advisory Group is registered under the reference that is named.",
            "A governance lead registers it: haven support add FILE.",
        )
    if support.withdrawn_on is not None and support.withdrawn_on <= today:
        return Refused(
            "support.withdrawn", f"The support {support.reference} was withdrawn.", "Apply for support anew."
        )
    if today < support.starts:
        return Refused(
            "support.not_yet", f"The support {support.reference} begins on {support.starts}.", "Wait for it."
        )
    if today > support.ends:
        return Refused(
            "support.ended", f"The support {support.reference} ended on {support.ends}.", "Ask to extend it."
        )
    if today > support.review_due:
        return Refused(
            "support.review_overdue",
            f"The annual review of the support {support.reference} was due on {support.review_due}.",
            "Send the review (haven support pack REFERENCE) and record its outcome: haven support reviewed REFERENCE.",
        )
    return Allowed()


def may_come_again(before: Support | None) -> Decision:
    """May a letter be registered under this reference? Not under one that was withdrawn, whatever the letter says."""
    if before is None or before.withdrawn_on is None:
        return Allowed()
    return Refused(
        "support.withdrawn_before",
        f"The support {before.reference} was withdrawn on {before.withdrawn_on}.",
        "Apply for support anew; then register what the new letter says, under its own reference.",
    )


def may_run_until(ends: date, today: date) -> Decision:
    """May a support end on this day? Not further ahead than any paper."""
    return may_last_until(ends, today, PAPERS_FURTHEST)


def may_be_due(next_due: date, starts: date, today: date) -> Decision:
    """May the next annual review be due on this day? Within a year and some weeks of today, or of a start ahead."""
    if not (near := may_last_until(starts, today)):
        return near
    last = max(today, starts) + REVIEWED_WITHIN
    if next_due <= last:
        return Allowed()
    return Refused("support.review_not_annual", f"A support is reviewed yearly: by {last} here.", "Give that day.")


def may_amend(before: Support | None, starts: date, review_due: date, today: date) -> Decision:
    """May a letter be registered over this one? It leaves no gap before it begins, and puts no review off.

    Of a support that has ended no review can be recorded: only a letter that extends it brings it back. Of one that has
    not begun none is due.
    """
    if starts > today and in_force(before, today):
        return Refused(
            "support.begins_later",
            f"The letter begins on {starts}, and would end the one of this reference that is in force today.",
            "Register it on its first day.",
        )
    if before is None or not before.starts <= today <= before.ends or review_due <= before.review_due:
        return Allowed()
    return Refused(
        "support.review_unrecorded",
        f"The annual review is due on {before.review_due}, and an amendment does not put it off.",
        f"Register the letter with that day as its review_due; once the review is accepted, record the next day: haven"
        f" support reviewed {before.reference} --next DAY.",
    )


def names_flow(support: Support, dataset: str, discloser: str, recipient: str, purpose: str) -> Decision:
    """Is this flow named in the support?"""
    if support.names(dataset, discloser, recipient, purpose):
        return Allowed()
    return Refused(
        "support.flow_not_named",
        f"The support {support.reference} names no flow of {dataset} from {discloser} to {recipient} for {purpose}.",
        "Ask the Confidentiality Advisory Group to amend it; then register the amended support.",
    )


def may_carry(
    supports: Iterable[Support], dataset: str, discloser: str, recipient: str, carried: Collection[str], today: date
) -> Decision:
    """May a delivery bring these identifiers? Each support in force that names a flow of it must name all of them.

    Each, not all together: what one letter allows, another's projects would be linked by too.
    """
    for one in supports:
        flows = [flow for flow in one.flows if (flow.dataset, flow.discloser, flow.recipient) ==
                 (dataset, discloser, recipient)]  # fmt: skip
        if not in_force(one, today):
            continue
        for flow in flows:
            if missing := not_named(carried, flow.identifiers):
                return Refused(
                    "support.identifier_not_named",
                    f"The support {one.reference} names a flow of {dataset} for {flow.purpose} without:"
                    f" {', '.join(missing)}; the dataset's contract carries that.",
                    "Leave it out of the delivery, by a contract of a higher version; or ask the Confidentiality"
                    " Advisory Group to amend the support, and register what its letter says.",
                )
    return Allowed()


def may_rest_on(supports: Iterable[Support], dataset: str, discloser: str, recipient: str, today: date) -> Decision:
    """Does a support in force name a flow of this dataset, for whatever purpose? Asked where nothing else allows it."""
    for one in supports:
        named = {(flow.dataset, flow.discloser, flow.recipient) for flow in one.flows}
        if in_force(one, today) and (dataset, discloser, recipient) in named:
            return Allowed()
    return Refused(
        "support.flow_not_named",
        f"{dataset} may come in under section 251 only, and no support in force names a flow of it from {discloser}.",
        "A governance lead registers the support that does: haven support add FILE; or records its overdue review.",
    )


def days_to_review(support: Support, today: date) -> int:
    """Days until the annual review is due; below 0 when it is overdue."""
    return (support.review_due - today).days


def warning(support: Support, today: date) -> int | None:
    """Which of the warnings (90, 60, 30 days) is the latest that is due; None while it is early."""
    left = days_to_review(support, today)
    due = [days for days in WARN_DAYS if timedelta(days=left) <= timedelta(days=days)]
    return min(due) if due else None
