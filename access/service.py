"""Who may do what, for which approved purpose, until when? The verbs of every subject together, and the questions.

Every question is answered anew from the records: nothing here remembers a yes. `why` and `access_list` answer from the
same functions as the doors do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from access.decisions import Allowed, Decision
from access.organisations import store as organisations_store
from access.organisations.agreement import Agreement
from access.organisations.model import ENOUGH, Organisation, SecurityAssessment
from access.organisations.service import OrganisationVerbs
from access.people.model import Person, Role
from access.people.policies import may_log_in
from access.people.recovery import RecoveryVerbs
from access.people.service import PeopleVerbs
from access.projects import policies
from access.projects import store as projects_store
from access.projects.compiling import compile_scope
from access.projects.file import ProjectFile
from access.projects.model import ProjectVersion
from access.projects.purposes import needs_agreement
from access.projects.scope import Scope
from access.projects.service import ProjectVerbs
from access.support.file import SupportFile
from access.support.service import SupportVerbs
from audit.events import EventName
from audit.model import Actor

Action = Literal["query", "open-workspace", "submit", "check-outputs"]
ACTIONS: tuple[Action, ...] = ("query", "open-workspace", "submit", "check-outputs")
FOR_EVERY_PROJECT = frozenset(
    {Role.CALDICOTT_GUARDIAN, Role.GOVERNANCE_LEAD, Role.ANONYMISATION_AUTHORISER, Role.OUTPUT_CHECKER}
)
"""Offices on which every project rests, whosever data it asks for: that it is live, and what leaves it."""


@dataclass(frozen=True)
class Entry:
    """One line of the access list: may this person do this in this project, and if not, by which rule?"""

    person: str
    project: str
    action: Action
    decision: Decision


class Access(PeopleVerbs, RecoveryVerbs, OrganisationVerbs, SupportVerbs, ProjectVerbs):
    """Safe People and Safe Projects, as every other part of the haven asks them."""

    # -- who prepares people for a project is not of it

    def register_person(self, person: Person, *, by: Actor) -> None:
        """Add or change a person, but for whom one's own project needs. Raises RefusedError, which is recorded."""
        if not person.suspended:
            project = self._own_project(lambda file: self._needs(file, person), by, Role.ADMINISTRATOR)
            decision = policies.own_application() if project else Allowed()
            self._require(decision, EventName.PERSON_REGISTER_REFUSED, project, by, person=person.id)
        super().register_person(person, by=by)

    def _officer_not_self(self, name: str, by: Actor) -> Decision:
        """Nobody records evidence of whom their own project needs."""
        decision, of = super()._officer_not_self(name, by), self.person(name)
        if not decision or of is None:
            return decision
        own = self._own_project(lambda file: self._needs(file, of), by, Role.ADMINISTRATOR)
        return policies.own_application() if own else decision

    # -- what puts a part in force may make a project live

    def register_agreement(self, agreement: Agreement, *, by: Actor) -> int:
        """Keep a signed agreement; a project that waited for it goes live. Raises RefusedError, recorded."""
        details = {"agreement": agreement.id}
        self._require_outside(lambda file: bool(file.datasets.keys() & agreement.datasets.keys()),
                              EventName.AGREEMENT_REFUSED, by, details)  # fmt: skip
        version = super().register_agreement(agreement, by=by)
        self.note_live(by=by)
        return version

    def register_support(self, file: SupportFile, *, by: Actor) -> int:
        """Keep a support; a project that waited for it goes live. Raises RefusedError, recorded."""
        self._require_outside(
            lambda one: one.support == file.reference, EventName.SUPPORT_REFUSED, by, {"support": file.reference}
        )
        version = super().register_support(file, by=by)
        self.note_live(by=by)
        return version

    def record_review(self, reference: str, next_due: date, *, by: Actor) -> None:
        """The annual review was accepted; a project that waited for it goes live. Raises RefusedError, recorded."""
        self._require_outside(
            lambda one: one.support == reference, EventName.SUPPORT_REFUSED, by, {"support": reference}
        )
        super().record_review(reference, next_due, by=by)
        self.note_live(by=by)

    def appoint_authoriser(self, person: str, until: date, *, by: Actor) -> None:
        """Name who answers for anonymisation; a project that waited for it goes live. Raises RefusedError, recorded."""
        self._require_outside(
            lambda one: needs_agreement(one.legal_basis), EventName.AUTHORISER_APPOINT_REFUSED, by, {"person": person}
        )
        super().appoint_authoriser(person, until, by=by)
        self.note_live(by=by)

    def register_organisation(self, organisation: Organisation, *, by: Actor) -> None:
        """Add or change an organisation; an assessment that comes with it is asked as any. Raises RefusedError."""
        if organisation.security is not None:
            self._require_assessor(organisation.id, organisation.security, by)
        super().register_organisation(organisation, by=by)

    def assess_organisation(self, name: str, assessment: SecurityAssessment, *, by: Actor) -> None:
        """Record the toolkit's status; a project that waited for it goes live. Raises RefusedError, recorded."""
        self._require_assessor(name, assessment, by)
        super().assess_organisation(name, assessment, by=by)
        self.note_live(by=by)

    def lift_sanction(self, id: str, reason: str, *, by: Actor) -> None:
        """Lift a sanction before its end; not one that stops a project of one's own. Raises RefusedError, recorded."""
        for kind, _, name in (one.subject.partition(":") for one in self.sanctions() if one.id == id):
            stopped = self._assessed_for if kind == "organisation" else _people_of
            self._require_outside(lambda file, stopped=stopped, name=name: name in stopped(file),  # type: ignore[misc]
                                  EventName.SANCTION_REFUSED, by, {"sanction": id})  # fmt: skip
        super().lift_sanction(id, reason, by=by)

    # -- questions

    def live_scope(self, project: str) -> Scope:
        """What the project may see now. Raises RefusedError when it is not live."""
        version = self._governing(project)
        policies.is_live(version, self._today()).require()
        if version is None:
            raise RuntimeError("a live project has a version")
        with self.records.read() as session:
            file = projects_store.project_file(session, project, version.version)
            catalogue = organisations_store.catalogue(session)
        return compile_scope(file, version.version, catalogue, version.approvals)

    def may_log_in(self, person: str) -> Decision:
        """May this person be let in at all? What they may do then is asked each time."""
        return may_log_in(self.person(person), self._today())

    def conditions(self, project: str) -> tuple[str, ...]:
        """What the controllers in force, and the support, ask in sentences of who works in the project; each once.

        Raises RefusedError: there is no such project.
        """
        standing = self.project(project)
        approvals = sorted(standing.version.approvals.items())
        said = [f"{name}: {text}" for name, one in approvals if one.in_force for text in one.narrowing.conditions]
        support = self.support(standing.file.support) if standing.file.support else None
        said += [f"{support.reference}: {text}" for text in support.conditions] if support else []
        return tuple(dict.fromkeys(said))

    def may_query(self, person: str, project: str) -> Decision:
        """May this person query the project's data now?"""
        decision = policies.may_see(self.person(person), self._governing(project), self._today())
        return self._through_emergency(decision, person, project)

    def may_open_workspace(self, person: str, project: str) -> Decision:
        """May this person work in the project's workspace now?"""
        return self.may_query(person, project)

    def may_submit(self, person: str, project: str) -> Decision:
        """May this person submit an output of the project now?"""
        return self.may_query(person, project)

    def may_check_output(self, person: str, project: str) -> Decision:
        """May this person check the project's outputs? Never who is or was of a version that was submitted."""
        return policies.may_check_outputs(self.person(person), self._newest_submitted(project), self._today())

    def scope_version(self, project: str) -> int | None:
        """The version in force; None when the project is not live."""
        version = self._governing(project)
        return version.version if version and policies.is_live(version, self._today()) else None

    def why(self, person: str, project: str, action: Action) -> Decision:
        """May this person do this, and if not: which rule, and who can change it?"""
        match action:
            case "query":
                return self.may_query(person, project)
            case "open-workspace":
                return self.may_open_workspace(person, project)
            case "submit":
                return self.may_submit(person, project)
            case "check-outputs":
                return self.may_check_output(person, project)

    def access_list(self) -> list[Entry]:
        """For every project and whoever is of it or may check it: each action, with yes or the rule that says no."""
        entries = []
        checkers = {one.id for one in self.people() if "output_checker" in one.roles}
        for standing in self.projects():
            name = standing.version.project
            for person in sorted(self.members(name) | checkers):
                actions: tuple[Action, ...] = ACTIONS if person in self.members(name) else ("check-outputs",)
                entries += [Entry(person, name, action, self.why(person, name, action)) for action in actions]
        return entries

    def _through_emergency(self, decision: Decision, person: str, project: str) -> Decision:
        """Break-glass bridges evidence that ran out; the rules of the project are still asked."""
        if decision or not self._bridged(decision, person, project):
            return decision
        return policies.may_work_on(self.person(person), self._governing(project), self._today())

    def _require_assessor(self, name: str, assessment: SecurityAssessment, by: Actor) -> None:
        """One that is not enough puts nothing in force: whoever is inside may record that, and stop their own."""
        if assessment.status in ENOUGH:
            self._require_outside(lambda file: name in self._assessed_for(file),
                                  EventName.ORGANISATION_ASSESS_REFUSED, by, {"organisation": name})  # fmt: skip

    def _assessed_for(self, file: ProjectFile) -> set[str]:
        """The organisations whose assessments the project waits for: of its datasets, its people, the haven's own."""
        catalogue, people = self.datasets(), map(self.person, _people_of(file))
        controllers = {catalogue[one].controller for one in file.datasets if one in catalogue}
        employers = {one.organisation for one in people if one is not None}
        return controllers | employers | {self.ourselves, file.provider or ""}

    def _require_outside(
        self, concerned: Callable[[ProjectFile], bool], event: EventName, by: Actor, details: Mapping[str, str]
    ) -> None:
        """Nobody puts in force what their own project waits for. Raises RefusedError, which is recorded."""
        project = self._own_project(concerned, by, Role.GOVERNANCE_LEAD)
        self._require(policies.own_application() if project else Allowed(), event, project, by, **details)

    def _own_project(self, concerned: Callable[[ProjectFile], bool], by: Actor, office: Role) -> str | None:
        """A project that is not closed, of which this holder of an office is, and which is concerned."""
        kind, _, name = by.partition(":")
        if kind != "person" or not self._office(by, office):
            return None  # the verb itself refuses whom the office is not
        for version in self.every_version():
            # A draft names whom it likes, and anybody keeps one who may apply: it keeps nobody but its applicant from
            # their work, and no administrator.
            own = version.insiders | version.people
            if version.submitted_at is None:
                own = frozenset() if office is Role.ADMINISTRATOR else frozenset({version.applicant})
            if not version.closed and name in own and concerned(self._file_of(version)):
                return version.project
        return None

    def _needs(self, file: ProjectFile, person: Person) -> bool:
        """Is it one of the project's people, or of those on whom it rests: who decide on it, and on what leaves it?"""
        catalogue = self.datasets()
        controllers = {catalogue[one].controller for one in file.datasets if one in catalogue}
        decides = Role.CONTROLLER_DELEGATE in person.roles and person.organisation in controllers
        return decides or bool(person.roles & FOR_EVERY_PROJECT) or person.id in _people_of(file)

    def _file_of(self, version: ProjectVersion) -> ProjectFile:
        with self.records.read() as session:
            return projects_store.project_file(session, version.project, version.version)


def _people_of(file: ProjectFile) -> set[str]:
    """Everybody whom the file names: who works in the project, and who leads it."""
    return {*file.people, *([file.lead] if file.lead else [])}
