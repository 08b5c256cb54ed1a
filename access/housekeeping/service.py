"""Make it so, once a day: what time brings about is written, what falls due is told to who must act.

Each thing done is one event in the log and one row in the table of reminders, in one change: run again, by a clock or
by hand, it finds the row and does nothing. Rights never wait for this: they are asked anew each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.exc import IntegrityError

from access.housekeeping import store
from access.housekeeping.calendar import KnownProject, WhatIsKept, calendar
from access.housekeeping.model import ClosedAccount, Due, HouseworkDone, RecoveredOffice, ResetLogin, WaitingEmergency
from access.housekeeping.notices import Notice, notices
from access.organisations import store as organisations_store
from access.organisations.agreement import Agreement
from access.people.model import Person
from access.people.service import DORMANT_AFTER
from access.projects.states import ProjectState, state_of
from access.realm import store as realm_store
from access.retention.model import Retention
from access.service import Access
from audit.events import EventName
from audit.model import Actor, Json

SHOWN = timedelta(days=90)
EXPIRED, WENT_LIVE, CLOSED_DORMANT, RAN = "project-expired", "project-live", "account-closed", "housekeeping"


class Housekeeping:
    """The daily housekeeping of the approvals. retentions: of the deliveries, handed in by who knows them."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._records = access.records

    def today(self) -> date:
        """The day that the calendar is read on."""
        return self._records.clock.now().date()

    def due(self, retentions: Sequence[Retention] = (), within: timedelta = SHOWN) -> list[Due]:
        """What is overdue or falls due within this time, the most urgent first."""
        limit = self.today() + within
        return [one for one in calendar(self._kept(retentions)) if one.on <= limit]

    def notices(self, person: Person | None = None) -> list[Notice]:
        """What waits for this person's roles, or for anybody's; the oldest first."""
        closed = [
            ClosedAccount(one.id, one.closed_on, f"not used since {one.last_seen}")
            for one in self._access.people()
            if one.closed_on and one.last_seen and one.closed_on - one.last_seen > DORMANT_AFTER
        ]
        recovered = [RecoveredOffice(row.role, row.at, row.until, row.reason) for row in self._access.recoveries()]
        found = notices(self.today(), self._emergencies(), closed, recovered, self._reset())
        return found if person is None else [one for one in found if one.roles & person.roles]

    def run(self, retentions: Sequence[Retention] = (), *, by: Actor) -> list[HouseworkDone]:
        """Do what is to be done today; what was done. Empty when all of it was done before."""
        done = [*self._expire(by), *self._note_live(by), *self._close_dormant(by), *self._remind(retentions, by)]
        counts: dict[str, Json] = dict(Counter(one.kind for one in done))
        self._once((RAN, "day", self.today(), 0), EventName.HOUSEKEEPING_COMPLETED, by, done=counts)
        return done

    # -- what time brings about

    def _expire(self, by: Actor) -> Iterable[HouseworkDone]:
        for version in self._access.every_version():
            if state_of(version, self.today()) is not ProjectState.EXPIRED:
                continue
            key = (EXPIRED, f"{version.project}/{version.version}", version.last_day, 0)
            if self._once(
                key, EventName.PROJECT_EXPIRED, by, project=version.project, version=version.version,
                last_day=version.last_day.isoformat(),
            ):  # fmt: skip
                yield HouseworkDone(EXPIRED, version.project, f"version {version.version} ended on {version.last_day}")

    def _note_live(self, by: Actor) -> Iterable[HouseworkDone]:
        for name in self._access.note_live(by=by):
            yield HouseworkDone(WENT_LIVE, name, "is live: the part that it waited for is in force")

    def _close_dormant(self, by: Actor) -> Iterable[HouseworkDone]:
        for name in self._access.close_dormant(by=by):
            yield HouseworkDone(CLOSED_DORMANT, name, f"was not used for {DORMANT_AFTER.days} days")

    # -- who must be told

    def _remind(self, retentions: Sequence[Retention], by: Actor) -> Iterable[HouseworkDone]:
        today = self.today()
        with self._records.read() as session:
            before = store.raised(session)
        for due in calendar(self._kept(retentions)):
            step = due.step(today)
            if step is None or (key := (due.kind.value, due.subject, due.on, step)) in before:
                continue
            details: dict[str, Json] = {"kind": key[0], "subject": due.subject, "due_on": due.on.isoformat(),
                                        "step": step, "who": due.who}  # fmt: skip
            if self._once(key, EventName.REMINDER_RAISED, by, None, **details):
                yield HouseworkDone(due.kind.value, due.subject, f"{due.on}: {due.who} {due.what}")

    def _once(self, key: store.Key, event: EventName, by: Actor, project: str | None = None, **details: Json) -> bool:
        """Write the event with its row, if no row is there; False when it was done before, by whomever."""
        kind, subject, on, step = key
        with self._records.read() as session:
            if session.get(store.ReminderRow, key) is not None:
                return False
        try:
            with self._records.change(by=by) as change:
                change.session.add(store.ReminderRow(kind=kind, subject=subject, due_on=on, step=step, at=change.at))
                change.session.flush()
                change.record(event, project=project, dataset=None, **details)
        except IntegrityError:  # two ran at once: the other one wrote it
            return False
        return True

    # -- what the calendar is read from

    def _kept(self, retentions: Sequence[Retention]) -> WhatIsKept:
        access = self._access
        standings = [KnownProject(one.version, one.state, one.file) for one in access.projects()]
        with self._records.read() as session:
            rows = organisations_store.newest_agreements(session).values()
            agreements = [Agreement.model_validate(row.document) for row in rows if row.withdrawn_on is None]
            terms = [(row.person, row.until) for row in organisations_store.appointments(session)]
        return WhatIsKept(
            today=self.today(),
            projects=standings,
            people=access.people(),
            organisations=access.organisations(),
            agreements=agreements,
            supports=access.supports(),
            emergencies=self._emergencies(),
            authorisers=terms,
            retentions=retentions,
            dormant_after=DORMANT_AFTER,
        )

    def _emergencies(self) -> list[WaitingEmergency]:
        return [
            WaitingEmergency(row.id, row.person, row.project, _aware(row.ends), _aware(row.starts), row.by, row.reason)
            for row in self._access.emergencies(unreviewed=True)
        ]

    def _reset(self) -> list[ResetLogin]:
        with self._records.read() as session:
            return [ResetLogin(row.person, row.by, row.at, row.reason) for row in realm_store.login_resets(session)]


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
