"""Make it so: register a support, record its annual review, withdraw it; say who must be warned."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any

from access.decisions import Decision, Refused
from access.people.model import Role
from access.support import policies, store
from access.support.file import SupportFile
from access.support.model import Support
from access.verbs import Verbs
from audit.events import EventName
from audit.model import Actor
from audit.records import Change


@dataclass(frozen=True)
class ReviewWarning:
    """A support whose annual review is due within 90, 60 or 30 days, or overdue (days_left below 0)."""

    reference: str
    review_due: date
    days_left: int
    step: int


class SupportVerbs(Verbs):
    """Section 251 support."""

    def register_support(self, file: SupportFile, *, by: Actor) -> int:
        """Keep a support, or its amendment as the next version; which. The same again changes nothing.

        Raises RefusedError, recorded; also for a reference that was withdrawn.
        """
        document = file.model_dump(mode="json", by_alias=True)
        with self._changing_support(file.reference, by) as change:
            before = store.newest(change.session, file.reference)
            known = store.find_support(change.session, file.reference)
            decision = self._office(by, Role.GOVERNANCE_LEAD) and policies.may_come_again(known)
            decision = decision and policies.may_be_due(file.review_due, file.starts, self._today())
            decision = decision and policies.may_run_until(file.ends, self._today())
            decision = decision and policies.may_amend(known, file.starts, file.review_due, self._today())
            self._require(decision, EventName.SUPPORT_REFUSED, None, by, support=file.reference)
            if before is not None and before.document == document:
                change.abandon()
                return before.version
            version = before.version + 1 if before else 1
            _keep(change, document, version, EventName.SUPPORT_REGISTERED)
        return version

    def record_review(self, reference: str, next_due: date, *, by: Actor) -> None:
        """The annual review was accepted; the next is due on this day. Raises RefusedError, recorded."""
        with self._changing_support(reference, by) as change:
            before = store.newest(change.session, reference)
            decision = self._known(before, by)
            if decision and before is not None:
                decision = _may_be_next(next_due, self._today(), before.document)
            self._require(decision, EventName.SUPPORT_REFUSED, None, by, support=reference)
            if before is None:
                raise RuntimeError("a support that may be reviewed exists")
            document = before.document | {"review_due": next_due.isoformat()}
            _keep(change, document, before.version + 1, EventName.SUPPORT_REVIEWED)

    def withdraw_support(self, reference: str, *, by: Actor) -> None:
        """The support is gone from today: every project that rests on it stops. Raises RefusedError, recorded."""
        with self._changing_support(reference, by) as change:
            row = store.newest(change.session, reference)
            self._require(self._known(row, by), EventName.SUPPORT_REFUSED, None, by, support=reference)
            if row is None:
                raise RuntimeError("a support that may be withdrawn exists")
            row.withdrawn_on, row.withdrawn_by = change.at.date(), by
            change.record(EventName.SUPPORT_WITHDRAWN, support=reference)

    def supports(self) -> list[Support]:
        """Every support, by reference."""
        with self.records.read() as session:
            return store.all_supports(session)

    def support(self, reference: str) -> Support | None:
        """The support of this reference."""
        with self.records.read() as session:
            return store.find_support(session, reference)

    def review_warnings(self) -> list[ReviewWarning]:
        """The supports in force whose annual review is due within 90 days or overdue, the most urgent first."""
        today, found = self._today(), []
        for one in self.supports():
            step = policies.warning(one, today)
            if step is not None and one.withdrawn_on is None and today <= one.ends:
                found.append(ReviewWarning(one.reference, one.review_due, policies.days_to_review(one, today), step))
        return sorted(found, key=lambda warning: warning.days_left)

    def _known(self, row: store.SupportRow | None, by: Actor) -> Decision:
        if row is None or row.withdrawn_on is not None:
            return Refused("support.unknown", "No such support is registered.", "`haven support list` shows them.")
        return self._office(by, Role.GOVERNANCE_LEAD)

    def _changing_support(self, reference: str, by: Actor) -> AbstractContextManager[Change]:
        return self._changing(f"support:{reference}", EventName.SUPPORT_REFUSED, by)


def _may_be_next(next_due: date, today: date, document: dict[str, Any]) -> Decision:
    """May the next review be due on this day? After today and the support's start, within a year, not after its end."""
    if next_due <= max(today, date.fromisoformat(document["starts"])):
        return Refused("support.review_past", "The next review must lie ahead.", "Give a later day.")
    if next_due > date.fromisoformat(document["ends"]):
        return Refused("support.review_after_end", "The support ends before that day.", "Give an earlier day.")
    return policies.may_be_due(next_due, date.fromisoformat(document["starts"]), today)


def _keep(change: Change, document: dict[str, Any], version: int, event: EventName) -> None:
    change.session.add(
        store.SupportRow(
            reference=document["reference"], version=version, document=document, by=change.by, at=change.at
        )
    )
    change.record(event, support=document["reference"], version=version, review_due=document["review_due"])
