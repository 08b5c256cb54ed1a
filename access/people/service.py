"""Make it so: register people, record the evidence about them, bar, close, let in for an emergency.

Every verb says who acts and is recorded; what is lacking is told by access.people.policies, never filled in here.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from access.decisions import Allowed, Decision, Refused, may_last_until
from access.organisations import store as organisations_store
from access.organisations.model import Sanction
from access.people import policies, store
from access.people.invented import INVENTED
from access.people.model import (
    PASS_MARK,
    TRAINING_HOLDS,
    Accreditation,
    Evidence,
    Person,
    Proofing,
    ProofingKind,
    Role,
    Training,
    TrainingKind,
)
from access.projects import store as projects_store
from access.verbs import Verbs, may_be_said, shortened
from audit.events import EventName
from audit.model import Actor
from audit.records import Change

DORMANT_AFTER = timedelta(days=90)
LONGEST_EMERGENCY = timedelta(hours=4)


class PeopleVerbs(Verbs):
    """People: who is registered, what shows that they may work here, and what takes it away."""

    def register_person(self, person: Person, *, by: Actor) -> None:
        """Add a person, or change what they do; evidence handed in is kept too. Raises RefusedError, recorded."""
        roles = sorted(role.value for role in person.roles)
        with self._changing(f"person:{person.id}", EventName.PERSON_REGISTER_REFUSED, by) as change:
            known = {one.id for one in organisations_store.all_organisations(change.session)}
            decision = self._office(by, Role.ADMINISTRATOR) and policies.may_register(person, known)
            if decision and by == f"person:{person.id}":
                decision = Refused("person.own_roles", "Nobody sets their own roles.", "Another administrator does.")
            before = store.find_person(change.session, person.id)
            self._require(decision, EventName.PERSON_REGISTER_REFUSED, None, by, person=person.id)
            if before is not None and before.organisation != person.organisation:  # which vouches for no evidence
                store.forget_evidence(change.session, person.id)
            store.keep_person(change.session, person, change.at)
            self._take_up(change, person.id)
            name = EventName.PERSON_SUSPENDED if person.suspended else EventName.PERSON_REGISTERED
            change.record(
                name,
                person=person.id,
                organisation=person.organisation,
                roles=list(roles),
                evidence=person.evidence != Evidence(),
                let_in_again=before is not None and (before.suspended or before.closed_on is not None),
            )

    def suspend_person(self, name: str, *, by: Actor) -> None:
        """Take every right from a person at once. Raises RefusedError, which is recorded, when nobody has this name."""
        with self._changing(f"person:{name}", EventName.PERSON_SUSPEND_REFUSED, by) as change:
            decision = self._office(by, Role.ADMINISTRATOR) and policies.exists(self.person(name))
            self._require(decision, EventName.PERSON_SUSPEND_REFUSED, None, by, person=name)
            change.session.get_one(store.PersonRow, name).suspended = True
            change.record(EventName.PERSON_SUSPENDED, person=name)

    def close_person(self, name: str, why: str, *, by: Actor) -> None:
        """Close the account of somebody who left or does not use it. Raises RefusedError, recorded."""
        with self._changing(f"person:{name}", EventName.PERSON_SUSPEND_REFUSED, by) as change:
            decision = self._office(by, Role.ADMINISTRATOR) and policies.exists(self.person(name)) and may_be_said(why)
            self._require(decision, EventName.PERSON_SUSPEND_REFUSED, None, by, person=name)
            change.session.get_one(store.PersonRow, name).closed_on = change.at.date()
            change.record(EventName.PERSON_CLOSED, person=name, why=shortened(why))

    def require_receiver(self, *, by: Actor) -> None:
        """Whoever takes in a delivery, asked before anything of it is read. Raises RefusedError, which is recorded."""
        kind, _, name = by.partition(":")
        person = self.person(name) if kind == "person" else None
        decision = policies.may_receive(by, person, self._today())
        self._require(decision, EventName.DELIVERY_RECEIVE_REFUSED, None, by)

    # -- evidence

    def record_proofing(self, name: str, kind: ProofingKind, *, by: Actor) -> None:
        """That somebody's identity was proved today, by whoever acts. Nobody proves their own."""
        proofing = Proofing(kind, by, self._today())
        self._record(name, Evidence(proofing=proofing), self._officer_not_self(name, by), by, "proofing", kind.value)

    def record_training(self, name: str, kind: TrainingKind, passed_on: date, score: int, *, by: Actor) -> Training:
        """The result of a test; a failed one is kept too, and does not count. Raises RefusedError, recorded."""
        decision = self._officer_not_self(name, by)
        if decision and not (0 <= score <= 100 and passed_on <= self._today()):
            decision = Refused(
                "person.training_impossible",
                "A score lies between 0 and 100, and a test was taken today or before.",
                f"A score of {PASS_MARK} passes.",
            )
        ends = passed_on + TRAINING_HOLDS[kind] if decision else passed_on  # a refused day may be the calendar's last
        training = Training(kind, passed_on, score, ends)
        self._record(name, Evidence(trainings=(training,)), decision, by, "training", kind.value)
        return training

    def record_accreditation(self, name: str, scheme: str, number: str, ends: date, *, by: Actor) -> None:
        """That a scheme accredited this researcher until a day."""
        evidence = Evidence(accreditation=Accreditation(scheme, number, ends))
        decision = self._officer_not_self(name, by) and policies.is_accreditation(scheme, number)
        decision = decision and may_last_until(ends, self._today())
        self._record(name, evidence, decision, by, "accreditation", scheme)

    def acknowledge(self, name: str, *, by: Actor) -> None:
        """A person acknowledges their duty of confidence and the conditions of working here, for a year. Only they."""
        decision: Decision = policies.exists(self.person(name))
        if decision and by != f"person:{name}":
            decision = Refused("person.not_themselves", "Only a person acknowledges their own duty.", "They do it.")
        evidence = Evidence(acknowledged_on=self._today())
        self._record(name, evidence, decision, by, "acknowledgement", "duty-of-confidence")

    def saw(self, name: str) -> None:
        """Somebody used their account today: it is not dormant. Written once a day."""
        today = self._today()
        person = self.person(name)
        if person is None or person.last_seen == today or not policies.may_act(person, today):
            return
        with self.records.change(by=Actor(f"person:{name}")) as change:
            change.session.get_one(store.PersonRow, name).last_seen = today
            change.record(EventName.PERSON_EVIDENCE_RECORDED, person=name, kind="seen")

    def close_dormant(self, *, by: Actor) -> list[str]:
        """Close every account that nobody has used for DORMANT_AFTER; whose."""
        limit = self._today() - DORMANT_AFTER
        found = []
        for name in [one.id for one in self.people() if policies.is_unused(one, limit)]:
            with self._changing(f"person:{name}", EventName.PERSON_SUSPEND_REFUSED, by) as change:
                if not policies.is_unused(self.person(name), limit):  # used, or closed, at that moment
                    change.abandon()
                    continue
                change.session.get_one(store.PersonRow, name).closed_on = change.at.date()
                change.record(EventName.PERSON_CLOSED, person=name, why="dormant")
                found.append(name)
        return found

    def sweep(self, organisation: str, staff: Mapping[str, str], *, by: Actor) -> dict[str, str]:
        """Hold an organisation's people against its own list (person -> organisation now).

        Leavers are closed; movers lose their roles and their evidence. The log keeps the list's digest: by which list.

        Returns what became of whom: person -> `left` or `moved`. Raises RefusedError, recorded.
        """
        self._require(self._may_sweep(organisation, staff, by), EventName.PERSON_REGISTER_REFUSED, None, by)
        self.records.note(
            EventName.PEOPLE_SWEPT, by=by, organisation=organisation, listed=len(staff), digest=_digest_of(staff)
        )
        became: dict[str, str] = {}
        for person in self.people():
            if person.organisation != organisation or person.closed_on is not None:
                continue
            now = staff.get(person.id)
            if now is None:
                self.close_person(person.id, "left the organisation", by=by)
                became[person.id] = "left"
            elif now != organisation:
                self._move(person.id, now, by)
                became[person.id] = "moved"
        return became

    # -- sanctions

    def sanction(self, subject: Actor, reason: str, until: date | None, *, by: Actor) -> Sanction:
        """Bar a person (`person:asha`) or an organisation, from today until a day or for good."""
        decision = self._office(by, Role.GOVERNANCE_LEAD) and self._subject_exists(subject)
        if decision and subject == by:
            decision = Refused("sanction.self", "Nobody decides on their own sanction.", "Somebody else does.")
        if decision and until is not None and until < self._today():
            decision = Refused("sanction.past", "The sanction would be over already.", "Give a later --until, or none.")
        decision = decision and may_be_said(reason)
        self._require(decision, EventName.SANCTION_REFUSED, None, by, subject=subject)
        with self.records.change(by=by) as change:
            row = organisations_store.SanctionRow(
                id=str(uuid.uuid4()),
                subject=subject,
                reason=shortened(reason),
                starts=change.at.date(),
                until=until,
                by=by,
                at=change.at,
            )
            change.session.add(row)
            change.record(
                EventName.SANCTION_IMPOSED, sanction=row.id, subject=subject, until=until.isoformat() if until else None
            )
            return organisations_store.as_sanction(row)

    def lift_sanction(self, id: str, reason: str, *, by: Actor) -> None:
        """Lift a sanction before its end. Raises RefusedError, recorded."""
        with self._changing(f"sanction:{id}", EventName.SANCTION_REFUSED, by) as change:
            row = change.session.get(organisations_store.SanctionRow, id)
            decision = self._office(by, Role.GOVERNANCE_LEAD)
            if decision and (row is None or row.lifted_by is not None):
                decision = Refused(
                    "sanction.unknown", "No such sanction is in force.", "`haven sanction list` shows them."
                )
            if decision and row is not None and row.subject == by:
                decision = Refused("sanction.self", "Nobody decides on their own sanction.", "Somebody else does.")
            self._require(decision and may_be_said(reason), EventName.SANCTION_REFUSED, None, by, sanction=id)
            if row is None:
                raise RuntimeError("a sanction that may be lifted exists")
            row.lifted_by, row.lifted_at, row.lifted_because = by, change.at, shortened(reason)
            change.record(EventName.SANCTION_LIFTED, sanction=id, subject=row.subject)

    def sanctions(self) -> list[Sanction]:
        """Every sanction, the oldest first."""
        with self.records.read() as session:
            return organisations_store.all_sanctions(session)

    # -- break-glass

    def open_emergency(self, name: str, project: str, reason: str, hours: float, *, by: Actor) -> datetime:
        """Let somebody work on for some hours though their evidence has lapsed; until when. Alerts, and owes a review.

        Only what ran out is bridged (policies.LAPSES): no sanction, no suspension, no project that is not live.
        """
        with self._changing(f"emergency:{name}", EventName.EMERGENCY_REFUSED, by, project) as change:
            decision = self._may_open_emergency(name, project, reason, hours, by)
            self._require(decision, EventName.EMERGENCY_REFUSED, project, by, person=name)
            ends = change.at + timedelta(hours=hours)
            row = store.EmergencyRow(
                id=str(uuid.uuid4()),
                person=name,
                project=project,
                reason=shortened(reason),
                by=by,
                starts=change.at,
                ends=ends,
            )
            change.session.add(row)
            change.record(
                EventName.EMERGENCY_OPENED, project=project, emergency=row.id, person=name, until=ends.isoformat()
            )
        return ends

    def review_emergency(self, id: str, finding: str, *, justified: bool, by: Actor) -> None:
        """Say afterwards whether it was justified. Nobody reviews what they allowed, used, or whose project it was."""
        with self._changing(f"review:{id}", EventName.EMERGENCY_REFUSED, by) as change:
            row = change.session.get(store.EmergencyRow, id)
            decision = self._office(by, Role.GOVERNANCE_LEAD)
            if decision and (row is None or row.reviewed_at is not None):
                decision = Refused(
                    "emergency.unknown", "No such emergency waits for a review.", "`haven emergency list`."
                )
            if decision and row is not None and by in (row.by, f"person:{row.person}"):
                decision = Refused("emergency.self", "Nobody reviews what they allowed or used.", "Another lead does.")
            if decision and row is not None and by in {f"person:{one}" for one in self._insiders(row.project)}:
                decision = Refused(
                    "emergency.own_project", "Nobody reviews who was let into their own project.", "Another lead does."
                )
            self._require(decision and may_be_said(finding), EventName.EMERGENCY_REFUSED, None, by, emergency=id)
            if row is None:
                raise RuntimeError("an emergency that may be reviewed exists")
            row.reviewed_by, row.reviewed_at = by, change.at
            row.justified, row.finding = justified, shortened(finding)
            change.record(EventName.EMERGENCY_REVIEWED, project=row.project, emergency=id, justified=justified)

    def emergencies(self, *, unreviewed: bool = False) -> list[store.EmergencyRow]:
        """Every break-glass, the newest first; or those that wait for their review."""
        with self.records.read() as session:
            return store.emergencies(session, unreviewed=unreviewed)

    # -- parts

    def _bridged(self, decision: Decision, name: str, project: str) -> Decision:
        """A refusal that only lapses give, each of them, bridged by an emergency that is open now."""
        person = self.person(name)
        if not isinstance(decision, Refused) or person is None:
            return decision
        if not policies.all_refusals(person, self._today()) or self._beside_lapses(name) is not None:
            return decision
        with self.records.read() as session:
            open_now = store.emergency_in_force(session, name, project, self.records.clock.now())
        return Allowed() if open_now is not None else decision

    def _may_open_emergency(self, name: str, project: str, reason: str, hours: float, by: Actor) -> Decision:
        decision = self._office(by, Role.GOVERNANCE_LEAD) and policies.exists(self.person(name))
        if decision and by == f"person:{name}":
            return Refused("emergency.self", "Nobody lets themselves in.", "Another governance lead does.")
        if decision and not (math.isfinite(hours) and timedelta() < timedelta(hours=hours) <= LONGEST_EMERGENCY):
            return Refused("emergency.too_long", "An emergency lasts four hours at most.", "Give fewer hours.")
        if decision and by in {f"person:{one}" for one in self._insiders(project)}:
            return Refused("emergency.own_project", "Nobody lets others into their own project.", "Another lead does.")
        if decision and any(row.person == name for row in self.emergencies(unreviewed=True)):
            return Refused(
                "emergency.not_reviewed", "This person's last emergency waits for its review.", "haven emergency list"
            )
        if decision and (barring := self._beside_lapses(name)) is not None:
            return Refused(
                "emergency.bridges_nothing", f"Break-glass bridges only what ran out. {barring.reason}", barring.mend
            )
        if decision and not self._knows_project(project):
            return Refused("project.unknown", "There is no such project.", "`haven project list` shows them.")
        return decision and may_be_said(reason)

    def _beside_lapses(self, name: str) -> Refused | None:
        """What keeps this person out that is no evidence which ran out, if anything does."""
        person = self.person(name)
        refusals = policies.all_refusals(person, self._today()) if person is not None else []
        return next((one for one in refusals if one.code not in policies.LAPSES), None)

    def _insiders(self, project: str) -> frozenset[str]:
        """Whoever has or had to do with any version of it."""
        with self.records.read() as session:
            versions = projects_store.versions_as_decided(session, project)
        return frozenset().union(*(one.insiders | one.people for one in versions))

    def _knows_project(self, project: str) -> bool:
        with self.records.read() as session:
            return projects_store.newest_version(session, project) > 0

    def _record(self, name: str, evidence: Evidence, decision: Decision, by: Actor, kind: str, what: str) -> None:
        test = next(iter(evidence.trainings), None)
        self._require(decision, EventName.PERSON_EVIDENCE_REFUSED, None, by, person=name, kind=kind)
        with self._changing(f"person:{name}", EventName.PERSON_EVIDENCE_REFUSED, by) as change:
            row = change.session.get_one(store.PersonRow, name)
            if evidence.proofing is not None and row.proofing_by == INVENTED:
                store.forget_evidence(change.session, name)  # what stood beside it was invented too
            store.keep_evidence(change.session, row, evidence)
            self._take_up(change, name)
            if test is None:
                change.record(EventName.PERSON_EVIDENCE_RECORDED, person=name, kind=kind, what=what)
                return
            on = test.passed_on.isoformat()
            change.record(
                EventName.PERSON_EVIDENCE_RECORDED, person=name, kind=kind, what=what, score=test.score, on=on
            )

    def _take_up(self, change: Change, name: str) -> None:
        change.hold("offices")
        store.take_up_offices(change.session, name, change.at)

    def _officer_not_self(self, name: str, by: Actor) -> Decision:
        decision = self._office(by, Role.ADMINISTRATOR) and policies.exists(self.person(name))
        if decision and by == f"person:{name}":
            return Refused(
                "person.own_evidence", "Nobody records evidence of their own.", "Another administrator does."
            )
        return decision

    def _subject_exists(self, subject: Actor) -> Decision:
        kind, _, name = subject.partition(":")
        with self.records.read() as session:
            if kind == "organisation" and organisations_store.find_organisation(session, name):
                return Allowed()
        if kind == "person" and self.person(name):
            return Allowed()
        return Refused("sanction.nobody", "Nobody is registered under this name.", "`haven person list` shows who is.")

    def _may_sweep(self, organisation: str, staff: Mapping[str, str], by: Actor) -> Decision:
        """By an administrator who stays, and only to organisations that are registered."""
        decision = self._office(by, Role.ADMINISTRATOR)
        with self.records.read() as session:
            known = {one.id for one in organisations_store.all_organisations(session)}
        theirs = {staff[one.id] for one in self.people() if one.organisation == organisation and one.id in staff}
        mine = self.person(by.partition(":")[2]) if by.startswith("person:") else None
        if decision and mine and mine.organisation == organisation != staff.get(mine.id):
            return Refused(
                "person.swept_self", "The list moves or closes whoever sweeps by it.", "Another administrator sweeps."
            )
        if decision and theirs - known:
            return Refused(
                "organisation.unknown",
                "The list names an organisation that is not registered.",
                "Register it first: `haven organisation add ID NAME`.",
            )
        return decision

    def _move(self, name: str, organisation: str, by: Actor) -> None:
        """Away from where they were; a suspension or a closing of that moment stays."""
        with self._changing(f"person:{name}", EventName.PERSON_REGISTER_REFUSED, by) as change:
            store.forget_evidence(change.session, name)
            row = change.session.get_one(store.PersonRow, name)
            row.organisation, row.roles, row.anew_at = organisation, [], change.at
            change.record(EventName.PERSON_MOVED, person=name, organisation=organisation)


def _digest_of(staff: Mapping[str, str]) -> str:
    """SHA-256 of the list, one `person,organisation` a line, sorted: whoever has the list can tell that it was it."""
    lines = sorted(f"{name},{organisation}\n" for name, organisation in staff.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
