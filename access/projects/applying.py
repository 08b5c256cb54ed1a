"""Make it so: draft a project, submit it, amend it. An amended project is a new version that everybody decides on.

Every change of a project is made one after another: whoever comes second is asked after the first.
"""

from __future__ import annotations

import hashlib
from itertools import takewhile

from access.decisions import Refused
from access.organisations import store as organisations_store
from access.people.model import Person
from access.projects import policies, store
from access.projects.errors import ProjectIncomplete
from access.projects.file import ProjectFile
from access.projects.lapses import as_submitted
from access.projects.model import ProjectVersion
from access.projects.reading import ProjectReading
from audit.events import EventName
from audit.model import Actor
from audit.records import Change


class ProjectApplying(ProjectReading):
    """What applicants do with projects."""

    def draft(self, file: ProjectFile, *, applicant: str, by: Actor) -> ProjectVersion:
        """Keep a project that is not yet submitted; the applicant's own later draft takes its place.

        Raises RefusedError, which is recorded.
        """
        with self._changing(f"project:{file.id}", EventName.PROJECT_APPLY_REFUSED, by, file.id) as change:
            self._may_apply(file, applicant, by)
            row = self._row_for(change, file, applicant)
            change.record(EventName.PROJECT_DRAFTED, project=file.id, version=row.version, digest=row.digest)
        return self._known_newest(file.id)

    def apply(self, file: ProjectFile, *, applicant: str, by: Actor) -> ProjectVersion:
        """Submit a project, or another version of it; the same file again changes nothing while it waits or stands.

        What was refused or withdrawn, is over, or has other data now is a new version, on which everybody decides anew.
        Raises RefusedError, which is recorded, or ProjectIncomplete.
        """
        self._may_apply(file, applicant, by)
        if problems := self.problems(file):
            self.records.note(EventName.PROJECT_APPLY_REFUSED, by=by, project=file.id, rule=ProjectIncomplete.code)
            raise ProjectIncomplete(problems, file.id)
        with self._changing(f"project:{file.id}", EventName.PROJECT_APPLY_REFUSED, by, file.id) as change:
            newest = self._may_apply(file, applicant, by)
            asked = newest is not None and newest.submitted_at is not None and self._digest_of(newest) == _digest(file)
            if newest is not None and asked and not policies.was_stopped(newest, self._today()):
                change.abandon()
                return newest
            row = self._row_for(change, file, applicant)
            row.submitted_at = change.at
            row.datasets = as_submitted(file, organisations_store.catalogue(change.session))
            change.record(
                EventName.PROJECT_APPLIED,
                project=file.id,
                version=row.version,
                digest=row.digest,
                controllers=list(row.controllers),
            )
        return self._known_newest(file.id)

    def submit(self, project: str, *, applicant: str, by: Actor) -> ProjectVersion:
        """Submit the draft that is kept: of a project that never was submitted, the applicant's own.

        Raises RefusedError, which is recorded, or ProjectIncomplete.
        """
        versions = self._versions(project)
        waiting = list(takewhile(lambda one: one.submitted_at is None, versions))
        if len(waiting) == len(versions):  # whoever drafts under an id may be a stranger
            waiting = [one for one in waiting if one.applicant == applicant and not one.closed]
        decision = policies.exists(next(iter(versions), None))
        if decision and not waiting:
            decision = Refused("project.no_draft", "No draft of this project is kept.", "haven project apply FILE.")
        self._require(decision, EventName.PROJECT_APPLY_REFUSED, project, by)
        return self.apply(self._standing_of(waiting[0]).file, applicant=applicant, by=by)

    # -- parts

    def _may_apply(self, file: ProjectFile, applicant: str, by: Actor) -> ProjectVersion | None:
        """The newest version that was submitted: a draft holds the id against nobody, or strangers could block it."""
        newest = next((one for one in self._versions(file.id) if one.submitted_at is not None), None)
        decision = policies.may_apply(self.person(applicant), newest, self._today())
        self._require(decision, EventName.PROJECT_APPLY_REFUSED, file.id, by)
        return newest

    def _row_for(self, change: Change, file: ProjectFile, applicant: str) -> store.ProjectVersionRow:
        """The row of the applicant's own draft that is kept, with this file; or of the next version.

        Another's draft stays, with its applicant, who has had to do with the project from then on.
        """
        number = store.newest_version(change.session, file.id)
        row = change.session.get(store.ProjectVersionRow, (file.id, number)) if number else None
        if row is None or row.submitted_at is not None or row.closed or row.applicant != applicant:
            row = store.ProjectVersionRow(project=file.id, version=number + 1, closed=False)
        row.applicant, row.digest, row.at = applicant, _digest(file), change.at
        entries = organisations_store.catalogue(change.session)
        row.controllers = sorted({entries[name].controller for name in file.datasets if name in entries})
        row.file = file.model_dump_json(by_alias=True)
        change.session.add(row)
        return row

    def _guardian(self, by: Actor) -> Person | None:
        kind, _, name = by.partition(":")
        return self.person(name) if kind == "person" else None


def _digest(file: ProjectFile) -> str:
    return hashlib.sha256(file.model_dump_json(by_alias=True).encode()).hexdigest()
