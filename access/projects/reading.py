"""How do projects stand? Every version with its decisions, and what stands around it, read anew each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from access.decisions import Decision
from access.organisations import store as organisations_store
from access.organisations.policies import made_with
from access.people import store as people_store
from access.projects import policies, store
from access.projects.differences import differences
from access.projects.file import Known, ProjectFile, problems_of
from access.projects.lapses import Surroundings, lapsed_parts
from access.projects.model import ProjectVersion
from access.projects.states import ProjectState, is_decided, state_of
from access.projects.views import as_data
from access.projects.waiting import Refusal, Wait, WaitingTime, refusals_of, waiting_times, waits_of
from access.support import store as support_store
from access.verbs import Verbs


@dataclass(frozen=True)
class Standing:
    """A project as it stands now: its governing version, its state and its file."""

    version: ProjectVersion
    state: ProjectState
    file: ProjectFile

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return as_data(self.version, self.state, self.file)


def governing_of(versions: Sequence[ProjectVersion]) -> ProjectVersion | None:
    """The version in force: the newest that everybody approved. Without one the newest submitted; then the draft.

    What came before it is over, also while a part of it is not in force: else a restriction would end with it.
    versions: of one project, the newest first.
    """
    decided = [version for version in versions if is_decided(version)]
    submitted = [version for version in versions if version.submitted_at is not None]
    return next(iter([*decided, *submitted, *versions]), None)


class ProjectReading(Verbs):
    """What is asked about projects; nothing here changes anything."""

    def problems(self, file: ProjectFile) -> list[str]:
        """What must be mended before this project can be submitted."""
        with self.records.read() as session:
            people = people_store.all_people(session)
            organisations = frozenset(one.id for one in organisations_store.all_organisations(session))
            catalogue = organisations_store.catalogue(session)
        roles, employers = {one.id: one.roles for one in people}, {one.id: one.organisation for one in people}
        found = problems_of(file, Known(catalogue, roles, organisations, self._today(), employers))
        if file.legal_basis == "synthetic-data" and self.real_data:
            found.append("legal_basis: synthetic-data is for synthetic records, and this haven holds real ones")
        return found

    def still_missing(self, file: ProjectFile) -> list[str]:
        """What would keep it from going live though everybody approved: a sentence each. It may be submitted."""
        with self.records.read() as session:
            lapsed = lapsed_parts(file, self._surroundings(session, file))
        return [f"{one.reason} {one.mend or ''}".strip() for one in lapsed]

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

    def decided_upon(self, name: str) -> list[Standing]:
        """The version in force and the newest that was submitted, each once, the older first: no draft beside them.

        Raises RefusedError when there is no such project.
        """
        policies.exists(self._newest(name)).require()
        found = {one.version: one for one in (self._governing(name), self._newest_submitted(name)) if one is not None}
        return [self._standing_of(found[number]) for number in sorted(found)]

    def asked_of(self, name: str) -> Standing:
        """The version that is decided on: the newest that was submitted. Raises RefusedError when there is none."""
        return self.decided_upon(name)[-1]

    def amendment(self, name: str) -> tuple[int, int]:
        """What is decided on, and what it amends: the version in force, or else the one submitted before.

        A draft is neither: whoever compares with one would not see what it had already changed.
        """
        submitted = [one.version for one in self._versions(name) if one.submitted_at is not None]
        newer = self.asked_of(name).version.version
        in_force = self.project(name).version.version
        older = in_force if in_force < newer else next((one for one in submitted if one < newer), newer)
        return older, newer

    def standing(self, project: str) -> Decision:
        """Is the project live now?"""
        return policies.is_live(self._governing(project), self._today())

    def changes(self, project: str, before: int, after: int) -> list[str]:
        """What differs between two versions' files, in words. Raises RefusedError when one is unknown."""
        with self.records.read() as session:
            for version in (before, after):
                if session.get(store.ProjectVersionRow, (project, version)) is None:
                    policies.unknown().require()
            old, new = (store.project_file(session, project, one) for one in (before, after))
        return differences(old, new)

    def members(self, project: str) -> frozenset[str]:
        """Everybody who is or was named in, leads or applied for, any version that was submitted."""
        versions = self._versions(project)
        return versions[0].insiders if versions else frozenset()

    def every_version(self) -> list[ProjectVersion]:
        """Every version of every project, drafts too: by project, the newest first."""
        with self.records.read() as session:
            names = store.project_names(session)
        return [version for name in names for version in self._versions(name)]

    def every_file(self) -> dict[tuple[str, int], ProjectFile]:
        """The file of each of those versions, by project and version."""
        keys = [(one.project, one.version) for one in self.every_version()]
        with self.records.read() as session:
            return {key: store.project_file(session, *key) for key in keys}

    def waiting(self) -> tuple[list[Wait], list[WaitingTime], list[Refusal]]:
        """How long applicants waited, on whom, and who refused them why: each wait, by decider, the refusals."""
        versions = self.every_version()
        waits = waits_of(versions, self._today())
        return waits, waiting_times(waits), refusals_of(versions)

    # -- parts

    def _versions(self, project: str) -> list[ProjectVersion]:
        with self.records.read() as session:
            return self._versions_in(session, project)

    def _versions_in(self, session: Session, project: str) -> list[ProjectVersion]:
        return store.versions_of(
            session,
            project,
            lambda file, datasets: lapsed_parts(file, self._surroundings(session, file), datasets),
        )

    def _surroundings(self, session: Session, file: ProjectFile) -> Surroundings:
        """What stands around a project with this file today, as the records say."""
        today = self._today()
        appointed = organisations_store.authorisers(session, today)
        people = [self._believed(people_store.find_person(session, name)) for name in appointed]
        named = {*file.people, file.lead or ""} if file.provider else set()
        theirs = [people_store.find_person(session, name) for name in named]
        return Surroundings(
            today=today,
            real_data=self.real_data,
            catalogue=organisations_store.catalogue(session),
            lead=self._believed(people_store.find_person(session, file.lead)) if file.lead else None,
            employers=frozenset(one.organisation for one in theirs if one is not None and one.closed_on is None),
            organisations={one.id: self._assessed(one) for one in organisations_store.all_organisations(session)},
            ourselves=self.ourselves,
            agreements=made_with(organisations_store.agreements_in_force(session, today), self.ourselves),
            support=support_store.find_support(session, file.support) if file.support else None,
            authorisers=[person for person in people if person is not None],
            retentions=self._retentions_in(session),
        )

    def _newest(self, project: str) -> ProjectVersion | None:
        return next(iter(self._versions(project)), None)

    def _known_newest(self, project: str) -> ProjectVersion:
        return self._versions(project)[0]

    def _governing(self, project: str) -> ProjectVersion | None:
        return governing_of(self._versions(project))

    def _newest_submitted(self, project: str) -> ProjectVersion | None:
        """The version that is decided on; a draft that was kept after it hides it from nobody."""
        versions = self._versions(project)
        submitted = [version for version in versions if version.submitted_at is not None]
        return next(iter(submitted + versions), None)

    def _standing_of(self, version: ProjectVersion) -> Standing:
        with self.records.read() as session:
            file = store.project_file(session, version.project, version.version)
        return Standing(version, state_of(version, self._today()), file)

    def _digest_of(self, version: ProjectVersion) -> str:
        with self.records.read() as session:
            return session.get_one(store.ProjectVersionRow, (version.project, version.version)).digest
