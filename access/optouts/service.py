"""Make it so: decide on a flow, record an objection and its answer. Each with who, when and why, and in the log."""

from __future__ import annotations

import re
import uuid
from contextlib import AbstractContextManager
from datetime import date

from access.decisions import Allowed, Decision, Refused
from access.documents import HIDDEN, REWRITE, UNSEEN
from access.optouts import policies, store
from access.optouts.errors import UnknownOptOut
from access.optouts.model import (
    DataFlow,
    FlowDecision,
    Objection,
    ObjectionState,
    ObjectionTarget,
    OptOutCase,
)
from access.people.model import Person
from access.projects import store as approvals
from access.projects.model import ProjectVersion
from access.projects.reading import Standing
from access.projects.states import ENDED
from access.service import Access
from access.verbs import SHORTEST_REASON, changing
from audit.events import EventName
from audit.model import Actor
from audit.records import Change, Records

TEN_DIGITS = re.compile(r"\d(?:[\s.\-]{0,2}\d){9}")
"""What may be an NHS number: in no text that lies outside the linkage zone."""


class OptOuts:
    """Decisions on flows, and objections, of one haven."""

    def __init__(self, records: Records, access: Access) -> None:
        self.records = records
        self.access = access

    def decide(
        self, project: str, dataset: str, recipient: str, case: OptOutCase, evidence: str | None, *, by: Actor
    ) -> list[FlowDecision]:
        """Say under which case the flow falls, of the version in force and of the newest submitted; of each a decision.

        Of one that has no such flow, or whose basis or support does not bear the case, none is made. Raises
        RefusedError, recorded, where that is both of them; UnknownOptOut.
        """
        flowing = self._flowing(project, dataset, recipient)
        answers = [(one, self._may_decide(one, dataset, case, evidence, by)) for one in flowing]
        may = [one for one, decision in answers if decision]
        if not may:
            details = {"project": project, "dataset": dataset}
            self._require(answers[-1][1], EventName.OPTOUT_DECIDE_REFUSED, by, **details)
        with changing(self.records, "optouts:decisions", EventName.OPTOUT_DECIDE_REFUSED, by, project) as change:
            return [
                self._decided(change, DataFlow(project, one.version.version, dataset, recipient), case, evidence)
                for one in may
            ]

    def record_objection(self, name: str, target: ObjectionTarget, wish: str, *, by: Actor) -> Objection:
        """Somebody, who is named in the linkage zone under this opaque id, objects. Heeded from now on.

        Raises RefusedError, recorded; UnknownOptOut for a target that there is not.
        """
        self._require_target(target)
        organisations = [one.id for one in self.access.organisations()]
        with self._changing_objection(name, by) as change:
            decision = policies.may_record_objection(self._person(by), by, organisations, self._today())
            found = next((one for one in store.objections(change.session, name) if one.target == target), None)
            decision = decision and policies.is_new(found) and _written(wish) and _nameless(wish)
            self._require(decision, EventName.OPTOUT_OBJECTION_REFUSED, by, objection=name)
            change.session.add(
                store.ObjectionRow(
                    id=name, kind=target.kind, target=target.name, wish=wish, state=ObjectionState.OPEN.value,
                    by=by, at=change.at, considered=None, answered_by=None, answered_at=None,
                )
            )  # fmt: skip
            change.record(EventName.OPTOUT_OBJECTED, objection=name, kind=target.kind, target=target.name)
        return self._objection(name, target)

    def answer(
        self, name: str, target: ObjectionTarget, answer: ObjectionState, considered: str, *, by: Actor
    ) -> Objection:
        """Uphold or decline, with the reasons considered; or say that the person took it back. Raises RefusedError."""
        asked = policies.may_take_back if answer is ObjectionState.WITHDRAWN else policies.may_answer
        with self._changing_objection(name, by) as change:
            found = next((one for one in store.objections(change.session, name) if one.target == target), None)
            decision = self.access.own_account(by) and asked(
                found, self._concerned(target), self._person(by), by, self._today(), inside=self._gaining(target)
            )
            decision = decision and _written(considered, SHORTEST_REASON) and _nameless(considered)
            self._require(decision, EventName.OPTOUT_OBJECTION_REFUSED, by, objection=name)
            row = change.session.get_one(store.ObjectionRow, (name, target.kind, target.name))
            row.state, row.considered, row.answered_by, row.answered_at = answer.value, considered, by, change.at
            change.record(
                EventName.OPTOUT_ANSWERED, objection=name, kind=target.kind, target=target.name, answer=answer.value
            )
        return self._objection(name, target)

    def objections(self, name: str | None = None) -> list[Objection]:
        """Every objection, or those of one id: to show, and to share with a controller."""
        with self.records.read() as session:
            return store.objections(session, name)

    def decisions(self, project: str, version: int) -> list[FlowDecision]:
        """What was decided on the flows of this version."""
        with self.records.read() as session:
            return store.decisions_on(session, project, version)

    def recipients(self, version: ProjectVersion) -> list[str]:
        """The organisations toward which the version's data flow: of its people and applicant, and its recipients."""
        people = [self.access.person(name) for name in version.people | {version.applicant}]
        with self.records.read() as session:
            named = approvals.project_file(session, version.project, version.version).recipients
        return sorted({one.organisation for one in people if one is not None} | set(named))

    def recipients_of(self, project: str) -> list[str]:
        """Those of the version in force and of the newest submitted. Raises RefusedError."""
        return sorted({name for one in self.access.decided_upon(project) for name in self.recipients(one.version)})

    # -- parts

    def _changing_objection(self, name: str, by: Actor) -> AbstractContextManager[Change]:
        return changing(self.records, f"objection:{name}", EventName.OPTOUT_OBJECTION_REFUSED, by)

    def _may_decide(
        self, standing: Standing, dataset: str, case: OptOutCase, evidence: str | None, by: Actor
    ) -> Decision:
        version, file = standing.version, standing.file
        controller = self.access.datasets()[dataset].controller
        decision = self.access.own_account(by) and policies.may_decide_flow(
            controller, version, by, self._person(by), self._today()
        )
        decision = decision and policies.may_claim(case, file.legal_basis) and _nameless(evidence)
        decision = decision and (Allowed() if evidence is None else _written(evidence))
        if decision and policies.exempts(case, evidence):
            support = self.access.support(file.support) if file.support else None
            decision = policies.is_in_the_letter(case, evidence, file.legal_basis, support)
        return decision

    def _decided(self, change: Change, flow: DataFlow, case: OptOutCase, evidence: str | None) -> FlowDecision:
        made = FlowDecision(str(uuid.uuid4()), flow, case, evidence, change.by, change.at)
        number = store.next_number(change.session, store.OptOutDecisionRow)
        change.session.add(
            store.OptOutDecisionRow(
                id=made.id, number=number, project=flow.project, version=flow.version, dataset=flow.dataset,
                recipient=flow.recipient, case=case.value, evidence=evidence, by=change.by, at=change.at,
            )
        )  # fmt: skip
        change.record(
            EventName.OPTOUT_DECIDED, project=flow.project, dataset=flow.dataset, version=flow.version,
            decision=made.id, recipient=flow.recipient, case=case.value, exempts=policies.exempts(case, evidence),
        )  # fmt: skip
        return made

    def _objection(self, name: str, target: ObjectionTarget) -> Objection:
        return next(one for one in self.objections(name) if one.target == target)

    def _gaining(self, target: ObjectionTarget) -> frozenset[str]:
        """Who is or was of the project; of a controller: of any over its data that is or may become live. They gain."""
        if target.kind == "project":
            return self.access.members(target.name)
        with self.records.read() as session:
            names = approvals.project_names(session)
        standings = [one for name in names for one in self.access.decided_upon(name) if one.state not in ENDED]
        using = {one.version.project for one in standings if target.name in one.version.controllers}
        return frozenset().union(*map(self.access.members, using))

    def _concerned(self, target: ObjectionTarget) -> set[str]:
        """The controllers that answer: of a project those of the version in force; an amendment names whom it likes."""
        if target.kind == "controller":
            return {target.name}
        with self.records.read() as session:
            if target.name not in approvals.project_names(session):
                return set()
        return set(self.access.project(target.name).version.controllers)

    def _flowing(self, project: str, dataset: str, recipient: str) -> list[Standing]:
        """Those of the versions decided upon that have this flow. Raises UnknownOptOut where none has."""
        asked = self.access.decided_upon(project)
        using = [one for one in asked if dataset in one.file.datasets]
        if not using:
            raise UnknownOptOut("The project uses no such dataset.", where=dataset, mend="`haven project show` tells.")
        found = [one for one in using if recipient in self.recipients(one.version)]
        if not found:
            raise UnknownOptOut(
                "Nobody of this organisation is in the project, and it is no recipient of it.",
                where=recipient,
                mend=f"Its data flow toward: {', '.join(self.recipients_of(project))}.",
            )
        return found

    def _require_target(self, target: ObjectionTarget) -> None:
        with self.records.read() as session:
            projects = set(approvals.project_names(session))
        controllers = {entry.controller for entry in self.access.datasets().values()}
        known = {"project": projects, "controller": controllers}.get(target.kind, set())
        if target.name not in known:
            raise UnknownOptOut(
                "There is no such controller or project.",
                where=f"{target.kind}:{target.name}"[:80],
                mend="Write controller:NAME or project:NAME.",
            )

    def _person(self, by: Actor) -> Person | None:
        kind, _, name = by.partition(":")
        return self.access.person(name) if kind == "person" else None

    def _today(self) -> date:
        return self.records.clock.now().date()

    def _require(self, decision: Decision, event: EventName, by: Actor, **details: str) -> None:
        if isinstance(decision, Refused):
            self.records.note(event, by=by, rule=decision.code, **details)
        decision.require()


def _written(text: str, shortest: int = 1) -> Decision:
    """Is there something to read, that shows itself as it is?"""
    if len(text.strip()) < shortest:
        return Refused("optouts.nothing_said", "Too little is said there.", "Write it down in a few words.")
    if UNSEEN.search(text):
        return Refused("optouts.hidden_signs", f"The text {HIDDEN}.", f"{REWRITE.capitalize()}.")
    return Allowed()


def _nameless(text: str | None) -> Decision:
    """No number that could be somebody's stands in what is kept outside the linkage zone."""
    if text is None or not TEN_DIGITS.search(text):
        return Allowed()
    return Refused(
        "optouts.number_in_text", "The text holds what may be an NHS number.", "Write it without; say who by the id."
    )
