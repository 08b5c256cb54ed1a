"""What do all verbs of access share? The records, the day, whoever holds an office, refusals that are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from access.decisions import Allowed, Decision, Refused
from access.documents import HIDDEN, REWRITE, UNSEEN
from access.organisations.model import OURSELVES, Organisation
from access.organisations.policies import may_act_for_itself
from access.organisations.store import find_organisation
from access.people import store as people_store
from access.people.invented import INVENTED, INVENTED_ODS
from access.people.model import Evidence, Person, Role
from access.people.policies import may_hold_office
from access.retention.model import Retention
from access.retention.reading import Held, retentions_in
from audit.events import EventName
from audit.model import Actor, service
from audit.records import Change, Records

ADMINISTRATION = service("administration")
SHORTEST_REASON = 5
LONGEST_REASON = 400


class Verbs:
    """The part that every subject's verbs stand on. held: the deliveries, from the component that keeps them."""

    def __init__(self, records: Records, *, real_data: bool, held: Held, organisation: str = OURSELVES) -> None:
        self.records = records
        self.real_data = real_data
        self._held = held
        self.ourselves = organisation  # to whom agreements and supports must let data flow

    def person(self, name: str) -> Person | None:
        """The person of this id."""
        with self.records.read() as session:
            return self._believed(people_store.find_person(session, name))

    def people(self) -> list[Person]:
        """Everybody, by id."""
        with self.records.read() as session:
            return [one for person in people_store.all_people(session) if (one := self._believed(person)) is not None]

    def retentions(self) -> list[Retention]:
        """Every delivery that was taken in and not replaced, and until when it may be kept; the oldest first."""
        with self.records.read() as session:
            return self._retentions_in(session)

    def _retentions_in(self, session: Session) -> list[Retention]:
        return retentions_in(session, self._held, self.ourselves)

    def _believed(self, person: Person | None) -> Person | None:
        """The person as this haven takes them: invented evidence is none where real data are held."""
        if person is None or not self.real_data:
            return person
        proofing, employer = person.evidence.proofing, person.employer
        if proofing is not None and proofing.by == INVENTED:
            person = replace(person, evidence=Evidence())
        return replace(person, employer=self._assessed(employer)) if employer is not None else person

    def _assessed(self, organisation: Organisation) -> Organisation:
        """The organisation as this haven takes it: an invented assessment is none where real data are held."""
        security = organisation.security
        invented = self.real_data and security is not None and security.ods_code == INVENTED_ODS
        return replace(organisation, security=None) if invented else organisation

    def _today(self) -> date:
        return self.records.clock.now().date()

    def _office(self, by: Actor, role: Role) -> Decision:
        """May whoever acts do what this role does?

        The haven's own account may while no real data are held, or until somebody has taken the office up: somebody
        must be able to register the first one, and record what shows that they may. Who has acknowledged their
        duty has taken it up, for good; that is the last step, and their own.
        """
        kind, _, name = by.partition(":")
        if kind == "person":
            return may_hold_office(self.person(name), role, self._today())
        if by == ADMINISTRATION and not (self.real_data and self._is_taken_up(role)):
            return Allowed()
        return Refused("office.not_held", f"This is done by a person with the role {role}.", "Say who: --as PERSON.")

    def may_administer(self, by: Actor) -> Decision:
        """May whoever acts do what administrators do?"""
        return self._office(by, Role.ADMINISTRATOR)

    def _is_taken_up(self, role: Role) -> bool:
        """Did anybody ever hold it, and has root not given it back for this hour (access.people.recovery)?

        Who took it up may lose the role, move or leave: the own account gets nothing back by that.
        """
        now = self.records.clock.now()
        with self.records.read() as session:
            given = any(row.role == role and now < row.until for row in people_store.recoveries(session))
            return not given and people_store.was_taken_up(session, role)

    def own_account(self, by: Actor) -> Decision:
        """May whoever acts do so as an organisation's own account? Not while that is barred; a person is no account."""
        kind, _, name = by.partition(":")
        if kind != "organisation":
            return Allowed()
        with self.records.read() as session:
            return may_act_for_itself(find_organisation(session, name), self._today())

    def _changing(
        self, subject: str, refused: EventName, by: Actor, project: str | None = None
    ) -> AbstractContextManager[Change]:
        return changing(self.records, subject, refused, by, project)

    def _require(self, decision: Decision, event: EventName, project: str | None, by: Actor, **details: str) -> None:
        if isinstance(decision, Refused):
            self.records.note(event, by=by, project=project, rule=decision.code, **details)
        decision.require()


@contextmanager
def changing(
    records: Records, subject: str, refused: EventName, by: Actor, project: str | None = None
) -> Iterator[Change]:
    """One change of a subject at a time: policies are asked within it, so that they see what came before.

    Raises RefusedError, recorded as `refused`, where two make the same thing at once.
    """
    try:
        with records.change(by=by) as change:
            change.hold(subject)
            yield change
    except IntegrityError:
        meanwhile = Refused("change.meanwhile", "Somebody changed it at the same moment.", "Look, and try again.")
        records.note(refused, by=by, project=project, rule=meanwhile.code)
        meanwhile.require()


def may_be_said(reason: str) -> Decision:
    """Is this a reason: a sentence, and one that shows itself as it is?"""
    if len(reason.strip()) < SHORTEST_REASON:
        return Refused("reason.missing", "This needs its reason.", "Say it in a sentence: --reason.")
    if UNSEEN.search(" ".join(reason.split())):
        return Refused("reason.hidden_signs", f"The reason {HIDDEN}.", f"{REWRITE.capitalize()}.")
    return Allowed()


def shortened(reason: str) -> str:
    """A reason in one line, as long as its column."""
    return " ".join(reason.split())[:LONGEST_REASON]
