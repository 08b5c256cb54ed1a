"""Make it so: register people and datasets, apply for a project, approve, withdraw, close; and answer who may what.

Whether a project is live is asked of its parts each time (access.states). An amended project is a new version: the
version before it stays in force until every controller has approved the new one; a withdrawal or a closing ends
every version at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy.orm import Session

from access import policies, store
from access.decisions import Allowed, Decision, Refused
from access.errors import AccessError
from access.model import DatasetEntry, Organisation, Person, ProjectVersion
from access.project_file import ProjectFile, compile_scope, problems_of
from access.scope import Scope
from access.states import ProjectState, state_of
from audit.events import EventName
from audit.model import Actor
from audit.records import Records

Action = Literal["query", "open-workspace", "submit", "check-outputs"]
ACTIONS: tuple[Action, ...] = ("query", "open-workspace", "submit", "check-outputs")


class ProjectIncomplete(AccessError):
    """The project's file fits its form, but asks for what cannot be given. `problems` lists all of it."""

    code = "project.incomplete"
    exit_status = 65
    http_status = 422

    def __init__(self, problems: list[str], where: str) -> None:
        super().__init__(
            "The project cannot be submitted: " + "; ".join(problems),
            where=where,
            mend="Correct the file; `haven project check FILE` says whether it is complete.",
        )
        self.problems = problems


@dataclass(frozen=True)
class Standing:
    """A project as it stands now: its governing version, its state and its file."""

    version: ProjectVersion
    state: ProjectState
    file: ProjectFile

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return store.as_data(self.version, self.state.value, self.file)


class Access:
    """Who may do what, for which approved purpose, until when."""

    def __init__(self, records: Records) -> None:
        self.records = records

    # -- people, organisations, datasets

    def register_organisation(self, organisation: Organisation, *, by: Actor) -> None:
        """Add an organisation, or change its name."""
        with self.records.change(by=by) as change:
            change.session.merge(store.OrganisationRow(id=organisation.id, name=organisation.name))
            change.record(EventName.ORGANISATION_REGISTERED, organisation=organisation.id)

    def register_person(self, person: Person, *, by: Actor) -> None:
        """Add a person, or change what they may do. Raises RefusedError, which is recorded: unknown organisation."""
        decision = policies.may_register(person, {one.id for one in self.organisations()})
        self._require(decision, EventName.PERSON_REGISTER_REFUSED, None, by, person=person.id)
        with self.records.change(by=by) as change:
            roles = sorted(role.value for role in person.roles)
            change.session.merge(
                store.PersonRow(
                    id=person.id,
                    name=person.name,
                    organisation=person.organisation,
                    roles=roles,
                    training_ends=person.training_ends,
                    suspended=person.suspended,
                )
            )
            name = EventName.PERSON_SUSPENDED if person.suspended else EventName.PERSON_REGISTERED
            change.record(name, person=person.id, roles=list(roles), training_ends=person.training_ends.isoformat())

    def suspend_person(self, name: str, *, by: Actor) -> None:
        """Take every right from a person at once. Raises RefusedError, which is recorded, when nobody has this name."""
        self._require(policies.may_suspend(self.person(name)), EventName.PERSON_SUSPEND_REFUSED, None, by)
        with self.records.change(by=by) as change:
            change.session.get_one(store.PersonRow, name).suspended = True
            change.record(EventName.PERSON_SUSPENDED, person=name)

    def require_receiver(self, *, by: Actor) -> None:
        """Whoever takes in a delivery, asked before anything of it is read. Raises RefusedError, which is recorded."""
        kind, _, name = by.partition(":")
        person = self.person(name) if kind == "person" else None
        decision = policies.may_receive(by, person, self._today())
        self._require(decision, EventName.DELIVERY_RECEIVE_REFUSED, None, by)

    def register_dataset(self, entry: DatasetEntry, *, by: Actor) -> None:
        """Put a dataset into the catalogue; the same entry again changes nothing."""
        with self.records.read() as session:
            if store.catalogue(session).get(entry.id) == entry:
                return
        with self.records.change(by=by) as change:
            tables = {table: dict(columns) for table, columns in entry.tables.items()}
            change.session.merge(
                store.DatasetRow(
                    id=entry.id,
                    controller=entry.controller,
                    notice=entry.notice,
                    disclosure_profile=entry.disclosure_profile,
                    tables=tables,
                )
            )
            change.record(EventName.DATASET_REGISTERED, dataset=entry.id, controller=entry.controller)

    def person(self, name: str) -> Person | None:
        """The person of this id."""
        with self.records.read() as session:
            return store.find_person(session, name)

    def people(self) -> list[Person]:
        """Everybody, by id."""
        with self.records.read() as session:
            return store.all_people(session)

    def organisations(self) -> list[Organisation]:
        """Every organisation, by id."""
        with self.records.read() as session:
            return store.all_organisations(session)

    def datasets(self) -> dict[str, DatasetEntry]:
        """The catalogue."""
        with self.records.read() as session:
            return store.catalogue(session)

    # -- projects

    def problems(self, file: ProjectFile) -> list[str]:
        """What must be mended before this project can be submitted."""
        with self.records.read() as session:
            people = {person.id for person in store.all_people(session)}
            return problems_of(file, store.catalogue(session), people, self._today())

    def apply(self, file: ProjectFile, *, applicant: str, by: Actor) -> ProjectVersion:
        """Submit a project, or an amended version of it; the same file again changes nothing.

        Raises RefusedError, which is recorded, or ProjectIncomplete.
        """
        newest = self._newest(file.id)
        decision = policies.may_apply(self.person(applicant), newest, self._today())
        self._require(decision, EventName.PROJECT_APPLY_REFUSED, file.id, by)
        digest = hashlib.sha256(file.model_dump_json(by_alias=True).encode()).hexdigest()
        if problems := self.problems(file):
            self.records.note(EventName.PROJECT_APPLY_REFUSED, by=by, project=file.id, rule=ProjectIncomplete.code)
            raise ProjectIncomplete(problems, file.id)
        if newest is not None and self._digest_of(newest) == digest:
            return newest
        with self.records.change(by=by) as change:
            number = store.newest_version(change.session, file.id)
            controllers = self._controllers(change.session, file)
            change.session.add(
                store.ProjectVersionRow(
                    project=file.id,
                    version=number + 1,
                    digest=digest,
                    applicant=applicant,
                    controllers=controllers,
                    file=file.model_dump_json(by_alias=True),
                    closed=False,
                    at=change.at,
                )
            )
            change.record(
                EventName.PROJECT_APPLIED,
                project=file.id,
                version=number + 1,
                digest=digest,
                controllers=list(controllers),
            )
        return self._known_newest(file.id)

    def approve(self, project: str, controller: str, *, by: Actor) -> ProjectVersion:
        """One controller approves its own part of the newest version. Raises RefusedError, which is recorded."""
        newest, delegate = self._newest(project), self._delegate(by)
        decision = self._own_account(controller, by)
        if decision:
            decision = policies.may_approve(controller, newest, delegate, self._today())
        self._require(decision, EventName.PROJECT_APPROVE_REFUSED, project, by, controller=controller)
        version = newest.version if newest else 0
        with self.records.change(by=by) as change:
            change.session.add(
                store.ApprovalRow(project=project, version=version, controller=controller, by=by, at=change.at)
            )
            change.session.flush()
            change.record(EventName.PROJECT_APPROVED, project=project, version=version, controller=controller)
            now = store.versions_of(change.session, project)[0]
            if state_of(now, self._today()) is ProjectState.LIVE:
                change.record(EventName.PROJECT_WENT_LIVE, project=project, version=version)
        return self._known_newest(project)

    def withdraw(self, project: str, controller: str, reason: str, *, by: Actor) -> None:
        """A controller takes its approval back, of every version, at once. Raises RefusedError, which is recorded."""
        versions, delegate = self._versions(project), self._delegate(by)
        holding = next((v for v in versions if self._holds(v, controller)), versions[0] if versions else None)
        decision = self._own_account(controller, by)
        if decision:
            decision = policies.may_withdraw(controller, holding, delegate, self._today())
        self._require(decision, EventName.PROJECT_WITHDRAW_REFUSED, project, by, controller=controller)
        with self.records.change(by=by) as change:
            for row in store.approvals_in_force(change.session, project, controller):
                row.withdrawn_at, row.withdrawn_by, row.reason = change.at, by, reason[:400]
            change.record(EventName.PROJECT_WITHDRAWN, project=project, controller=controller)

    def close(self, project: str, *, by: Actor) -> None:
        """End a project for good. Raises RefusedError, which is recorded, when there is none."""
        self._require(policies.exists(self._newest(project)), EventName.PROJECT_CLOSE_REFUSED, project, by)
        with self.records.change(by=by) as change:
            for version in store.versions_of(change.session, project):
                change.session.get_one(store.ProjectVersionRow, (project, version.version)).closed = True
            change.record(EventName.PROJECT_CLOSED, project=project)

    # -- questions

    def projects(self) -> list[Standing]:
        """Every project as it stands, by id."""
        with self.records.read() as session:
            names = store.project_names(session)
        return [self.project(name) for name in names]

    def project(self, name: str) -> Standing:
        """A project as it stands. Raises RefusedError when there is none."""
        version = self._governing(name)
        policies.exists(version).require()
        if version is None:
            raise RuntimeError("a project that exists has a version")
        return self._standing_of(version)

    def newest(self, name: str) -> Standing:
        """The newest version, which may not yet be in force. Raises RefusedError when there is none."""
        policies.exists(self._newest(name)).require()
        return self._standing_of(self._known_newest(name))

    def standing(self, project: str) -> Decision:
        """Is the project live now?"""
        return policies.is_live(self._governing(project), self._today())

    def live_scope(self, project: str) -> Scope:
        """What the project may see now. Raises RefusedError when it is not live."""
        version = self._governing(project)
        policies.is_live(version, self._today()).require()
        if version is None:
            raise RuntimeError("a live project has a version")
        in_force = frozenset(name for name, one in version.approvals.items() if not one.withdrawn)
        with self.records.read() as session:
            file = store.project_file(session, project, version.version)
            return compile_scope(file, version.version, store.catalogue(session), in_force)

    def may_query(self, person: str, project: str) -> Decision:
        """May this person query the project's data now?"""
        return policies.may_see(self.person(person), self._governing(project), self._today())

    def may_open_workspace(self, person: str, project: str) -> Decision:
        """May this person work in the project's workspace now?"""
        return self.may_query(person, project)

    def may_submit(self, person: str, project: str) -> Decision:
        """May this person submit an output of the project now?"""
        return self.may_query(person, project)

    def may_check_output(self, person: str, project: str) -> Decision:
        """May this person check the project's outputs? Never its members or applicants, of any version."""
        checker, today = self.person(person), self._today()
        versions = self._versions(project)
        decision = policies.may_check_outputs(checker, versions[0] if versions else None, today)
        for version in versions:
            decision = decision and policies.may_check_outputs(checker, version, today)
        return decision

    def members(self, project: str) -> frozenset[str]:
        """Everybody who is or was named in, or applied for, any version of the project."""
        return frozenset(name for version in self._versions(project) for name in version.people | {version.applicant})

    def scope_version(self, project: str) -> int | None:
        """The version in force; None when the project is not live."""
        version = self._governing(project)
        return version.version if version and policies.is_live(version, self._today()) else None

    def disclosure_profile(self, project: str) -> str:
        """The profile named in the version in force. Raises RefusedError."""
        return self.project(project).file.disclosure_profile

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

    # -- parts

    def _today(self) -> date:
        return self.records.clock.now().date()

    def _versions(self, project: str) -> list[ProjectVersion]:
        with self.records.read() as session:
            return store.versions_of(session, project)

    def _newest(self, project: str) -> ProjectVersion | None:
        return next(iter(self._versions(project)), None)

    def _known_newest(self, project: str) -> ProjectVersion:
        return self._versions(project)[0]

    def _governing(self, project: str) -> ProjectVersion | None:
        """The newest version that is live; without one, the newest."""
        versions, today = self._versions(project), self._today()
        live = (version for version in versions if state_of(version, today) is ProjectState.LIVE)
        return next(live, versions[0] if versions else None)

    def _standing_of(self, version: ProjectVersion) -> Standing:
        with self.records.read() as session:
            file = store.project_file(session, version.project, version.version)
        return Standing(version, state_of(version, self._today()), file)

    def _digest_of(self, version: ProjectVersion) -> str:
        with self.records.read() as session:
            return session.get_one(store.ProjectVersionRow, (version.project, version.version)).digest

    def _delegate(self, by: Actor) -> Person | None:
        """The person who decides; None when the organisation's own account does."""
        kind, _, name = by.partition(":")
        if kind == "organisation":
            return None
        return self.person(name) or Person(name, name, "", frozenset(), date.min)

    def _own_account(self, controller: str, by: Actor) -> Decision:
        """An organisation's account decides for that organisation only; a service never decides."""
        kind, _, name = by.partition(":")
        if kind == "person" or (kind == "organisation" and name == controller):
            return Allowed()
        return Refused(
            "project.not_delegate", f"Only {controller} decides on its own part.", "The controller's delegate decides."
        )

    @staticmethod
    def _holds(version: ProjectVersion, controller: str) -> bool:
        given = version.approvals.get(controller)
        return given is not None and not given.withdrawn

    def _controllers(self, session: Session, file: ProjectFile) -> list[str]:
        entries = store.catalogue(session)
        return sorted({entries[name].controller for name in file.datasets})

    def _require(self, decision: Decision, event: EventName, project: str | None, by: Actor, **details: str) -> None:
        if isinstance(decision, Refused):
            self.records.note(event, by=by, project=project, rule=decision.code, **details)
        decision.require()
