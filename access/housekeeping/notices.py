"""What must reach people, not the log alone? Break-glass, dormant accounts, recovered offices, log-ins reset.

Shown to whoever looks at such work until it is done: an emergency until its review, the others for a while. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from access.housekeeping.model import ClosedAccount, RecoveredOffice, ResetLogin, WaitingEmergency
from access.people.model import Role

SHOWN_CLOSED = timedelta(days=30)
SHOWN_RECOVERED = timedelta(days=90)
SHOWN_RESET = timedelta(days=30)
OVERSEERS = frozenset({Role.ADMINISTRATOR, Role.CALDICOTT_GUARDIAN, Role.GOVERNANCE_LEAD})
"""Whom a break-glass, a recovered office and a reset log-in are shown to."""
KEEPERS = frozenset({Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD})
"""Whom closed accounts are shown to."""


@dataclass(frozen=True)
class Notice:
    """Something that waits for whoever holds one of these roles: since when, what, and what is to be done."""

    roles: frozenset[Role]
    since: date
    told: str
    mend: str


def notices(
    today: date,
    emergencies: Iterable[WaitingEmergency],
    closed: Iterable[ClosedAccount],
    recovered: Iterable[RecoveredOffice],
    reset: Iterable[ResetLogin],
) -> list[Notice]:
    """Everything that waits today, the oldest first."""
    found = [
        *map(_of_emergency, emergencies),
        *_of_closed(today, closed),
        *_of_recovered(today, recovered),
        *_of_reset(today, reset),
    ]
    return sorted(found, key=lambda one: (one.since, one.told))


def _of_emergency(one: WaitingEmergency) -> Notice:
    return Notice(
        OVERSEERS,
        one.starts.date(),
        f"BREAK-GLASS, not reviewed: {one.person} was let into {one.project} by {one.by} until"
        f" {one.ended:%Y-%m-%d %H:%M} UTC. Reason given: {one.reason}",
        f"Another governance lead reviews it: haven emergency review {one.id} --help",
    )


def _of_closed(today: date, closed: Iterable[ClosedAccount]) -> Iterator[Notice]:
    for one in closed:
        if today <= one.on + SHOWN_CLOSED:
            yield Notice(
                KEEPERS,
                one.on,
                f"The account of {one.person} was closed: {one.why}.",
                "An administrator registers them again if they are to go on: haven person add --help",
            )


def _of_recovered(today: date, recovered: Iterable[RecoveredOffice]) -> Iterator[Notice]:
    for one in recovered:
        if today <= one.at.date() + SHOWN_RECOVERED:
            yield Notice(
                OVERSEERS,
                one.at.date(),
                f"Root gave the office {one.role} back to the haven's own account until {one.until:%Y-%m-%d %H:%M} UTC."
                f" Reason given: {one.reason}",
                "See in the log what was done in that hour: haven audit search --help",
            )


def _of_reset(today: date, reset: Iterable[ResetLogin]) -> Iterator[Notice]:
    for one in reset:
        if today <= one.at.date() + SHOWN_RESET:
            why = f"Reason given: {one.reason}" if one.reason else "No reason was given."
            yield Notice(
                OVERSEERS,
                one.at.date(),
                f"The log-in of {one.person} was reset by {one.by} at {one.at:%Y-%m-%d %H:%M} UTC: a new one-time"
                f" password, a new second factor. {why}",
                f"Ask {one.person} whether they wanted it; if not: haven person suspend {one.person}",
            )
