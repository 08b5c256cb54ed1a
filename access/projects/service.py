"""Make it so: decide, endorse, suspend, recertify, withdraw, close. Whether a project is live is asked of its parts.

A withdrawal, a suspension or a closing ends or stops every version at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from access.decisions import Allowed, Decision, Refused
from access.organisations import store as organisations_store
from access.people.model import Person, Role
from access.projects import policies, store
from access.projects.applying import ProjectApplying
from access.projects.errors import NarrowingUnfit
from access.projects.model import Outcome, ProjectVersion
from access.projects.narrowing import NO_NARROWING, Narrowing
from access.projects.reading import governing_of
from access.projects.states import ProjectState, state_of
from access.verbs import may_be_said, shortened
from audit.events import EventName
from audit.model import Actor
from audit.records import Change


class ProjectVerbs(ProjectApplying):
    """Projects, from the draft to the end."""

    def approve(
        self,
        project: str,
        controller: str,
        *,
        by: Actor,
        narrowing: Narrowing = NO_NARROWING,
        version: int | None = None,
    ) -> ProjectVersion:
        """One controller approves its own part of the newest submitted version, as narrowed.

        version: the one that was read; refused when it is another by now. Raises RefusedError, which is recorded,
        or NarrowingUnfit.
        """
        with self._changing(f"project:{project}", EventName.PROJECT_APPROVE_REFUSED, by, project) as change:
            version = self._may_decide(project, controller, by, version)
            self._require_fit(narrowing, project, version, controller, by)
            change.session.add(_approval(project, version, controller, by, change, Outcome.APPROVED, narrowing))
            change.session.flush()
            change.record(
                EventName.PROJECT_APPROVED,
                project=project,
                version=version,
                controller=controller,
                narrowed=narrowing.takes_something,
                conditions=len(narrowing.conditions),
            )
            self._note_if_live(change, project)
        return self._known_newest(project)

    def refuse(
        self, project: str, controller: str, reason: str, *, by: Actor, version: int | None = None
    ) -> ProjectVersion:
        """One controller refuses its part of the newest submitted version, with its reason.

        version: as in `approve`. Raises RefusedError, which is recorded.
        """
        with self._changing(f"project:{project}", EventName.PROJECT_APPROVE_REFUSED, by, project) as change:
            version = self._may_decide(project, controller, by, version)
            self._require(may_be_said(reason), EventName.PROJECT_APPROVE_REFUSED, project, by, controller=controller)
            row = _approval(project, version, controller, by, change, Outcome.REFUSED, NO_NARROWING)
            row.reason = shortened(reason)
            change.session.add(row)
            change.record(EventName.PROJECT_REFUSED, project=project, version=version, controller=controller)
        return self._known_newest(project)

    def endorse(
        self,
        project: str,
        outcome: Outcome,
        answers: Mapping[str, str],
        reason: str | None = None,
        *,
        by: Actor,
        version: int | None = None,
    ) -> ProjectVersion:
        """The Caldicott Guardian decides on the newest submitted version, with the answers of the release test.

        answers: one for each key of policies.RELEASE_TEST; a refusal needs a reason. version: as in `approve`.
        Raises RefusedError, recorded.
        """
        with self._changing(f"project:{project}", EventName.PROJECT_ENDORSE_REFUSED, by, project) as change:
            newest = self._newest_submitted(project)
            decision = policies.may_endorse(self._guardian(by), newest, self._today()) and _is_read(newest, version)
            if decision and outcome is Outcome.REFUSED:
                decision = may_be_said(reason or "")
            elif decision:
                decision = _is_answered(answers)
            self._require(decision, EventName.PROJECT_ENDORSE_REFUSED, project, by)
            version = newest.version if newest else 0
            change.session.add(
                store.EndorsementRow(
                    project=project,
                    version=version,
                    by=by,
                    at=change.at,
                    outcome=outcome.value,
                    answers=dict(answers),
                    reason=shortened(reason) if reason else None,
                )
            )
            change.session.flush()
            event = EventName.PROJECT_ENDORSED if outcome is Outcome.APPROVED else EventName.PROJECT_REFUSED
            change.record(event, project=project, version=version)
            self._note_if_live(change, project)
        return self._known_newest(project)

    def withdraw(self, project: str, controller: str, reason: str, *, by: Actor) -> None:
        """A controller takes its approval back, of every version, at once. Raises RefusedError, which is recorded."""
        with self._changing(f"project:{project}", EventName.PROJECT_WITHDRAW_REFUSED, by, project) as change:
            versions, delegate = self._versions(project), self._delegate(by)
            holding = next((v for v in versions if _holds(v, controller)), versions[0] if versions else None)
            decision = _own_account(controller, by) and self.own_account(by)
            if decision:
                decision = policies.may_withdraw(controller, holding, delegate, self._today()) and may_be_said(reason)
            self._require(decision, EventName.PROJECT_WITHDRAW_REFUSED, project, by, controller=controller)
            for row in store.approvals_in_force(change.session, project, controller):
                row.withdrawn_at, row.withdrawn_by, row.reason = change.at, by, shortened(reason)
            change.record(EventName.PROJECT_WITHDRAWN, project=project, controller=controller)

    def withdraw_endorsement(self, project: str, reason: str, *, by: Actor) -> None:
        """The Guardian takes an approval back, of every version, at once. Raises RefusedError, which is recorded."""
        with self._changing(f"project:{project}", EventName.PROJECT_WITHDRAW_REFUSED, by, project) as change:
            versions = self._versions(project)
            holding = next((v for v in versions if v.endorsement and v.endorsement.in_force), None)
            asked = holding or (versions[0] if versions else None)
            decision = policies.may_withdraw_endorsement(self._guardian(by), asked, self._today())
            decision = decision and may_be_said(reason)
            self._require(decision, EventName.PROJECT_WITHDRAW_REFUSED, project, by)
            for row in store.endorsements_in_force(change.session, project):
                row.withdrawn_at, row.withdrawn_by, row.reason = change.at, by, shortened(reason)
            change.record(EventName.PROJECT_WITHDRAWN, project=project, controller="caldicott-guardian")

    def suspend(self, project: str, reason: str, *, by: Actor) -> None:
        """Stop a project until somebody resumes it: an incident, a doubt. Raises RefusedError, which is recorded."""
        with self._changing(f"project:{project}", EventName.PROJECT_SUSPEND_REFUSED, by, project) as change:
            self._may_suspend(project, by, lift=False)
            self._require(may_be_said(reason), EventName.PROJECT_SUSPEND_REFUSED, project, by)
            change.session.add(
                store.SuspensionRow(
                    id=str(uuid.uuid4()), project=project, reason=shortened(reason), by=by, at=change.at
                )
            )
            change.record(EventName.PROJECT_SUSPENDED, project=project)

    def resume(self, project: str, *, by: Actor) -> None:
        """Lift a suspension; the parts are asked again. Raises RefusedError, which is recorded."""
        with self._changing(f"project:{project}", EventName.PROJECT_SUSPEND_REFUSED, by, project) as change:
            self._may_suspend(project, by, lift=True)
            row = store.suspension_in_force(change.session, project)
            if row is None:
                raise RuntimeError("a suspension that may be lifted exists")
            row.lifted_at, row.lifted_by = change.at, by
            change.record(EventName.PROJECT_RESUMED, project=project)
            change.session.flush()
            self._note_if_live(change, project)

    def recertify(self, project: str, kept: frozenset[str], *, by: Actor) -> ProjectVersion:
        """The lead says who still needs access, for a quarter; whoever is left out loses it at once.

        Raises RefusedError, which is recorded: not the lead, a project that is not live, somebody who is not of it.
        """
        with self._changing(f"project:{project}", EventName.PROJECT_RECERTIFY_REFUSED, by, project) as change:
            governing = self._governing(project)
            decision = policies.may_recertify(self._guardian(by), governing, self._today())
            strangers = kept - self._people_of(governing)
            if decision and strangers:
                decision = Refused(
                    "project.not_a_member",
                    f"Not of the project: {', '.join(sorted(strangers))}.",
                    "An amendment adds people.",
                )
            self._require(decision, EventName.PROJECT_RECERTIFY_REFUSED, project, by)
            change.session.add(
                store.RecertificationRow(id=str(uuid.uuid4()), project=project, kept=sorted(kept), by=by, at=change.at)
            )
            change.record(EventName.PROJECT_RECERTIFIED, project=project, kept=len(kept))
        return self.project(project).version

    def close(self, project: str, *, by: Actor) -> None:
        """End a project for good, as lead or applicant of the version in force, or a governance lead.

        Raises RefusedError, which is recorded; also for who is so only in an amendment that is asked for.
        """
        with self._changing(f"project:{project}", EventName.PROJECT_CLOSE_REFUSED, by, project) as change:
            governing = self._governing(project)
            office = self._office(by, Role.GOVERNANCE_LEAD)
            decision = policies.may_close(self._guardian(by), governing, office, self._today())
            self._require(decision, EventName.PROJECT_CLOSE_REFUSED, project, by)
            for version in self._versions_in(change.session, project):
                if governing and governing.submitted_at is None and version.applicant != governing.applicant:
                    continue  # another's draft under the same id
                row = change.session.get_one(store.ProjectVersionRow, (project, version.version))
                row.closed, row.closed_at = True, row.closed_at or change.at
            change.record(EventName.PROJECT_CLOSED, project=project)

    # -- parts

    def _require_fit(self, narrowing: Narrowing, project: str, version: int, controller: str, by: Actor) -> None:
        with self.records.read() as session:
            catalogue = organisations_store.catalogue(session)
            file = store.project_file(session, project, version)
        if problems := policies.problems_of_narrowing(narrowing, file, controller, catalogue):
            self.records.note(
                EventName.PROJECT_APPROVE_REFUSED,
                by=by,
                project=project,
                rule=NarrowingUnfit.code,
                controller=controller,
            )
            raise NarrowingUnfit(problems, project)

    def _people_of(self, version: ProjectVersion | None) -> frozenset[str]:
        """The people that the version's file names, kept by its lead or not."""
        if version is None:
            return frozenset()
        with self.records.read() as session:
            return frozenset(store.project_file(session, version.project, version.version).people)

    def _may_decide(self, project: str, controller: str, by: Actor, version: int | None) -> int:
        newest, delegate = self._newest_submitted(project), self._delegate(by)
        decision = _own_account(controller, by) and self.own_account(by)
        if decision:
            decision = policies.may_approve(controller, newest, delegate, self._today()) and _is_read(newest, version)
        self._require(decision, EventName.PROJECT_APPROVE_REFUSED, project, by, controller=controller)
        return newest.version if newest else 0

    def _may_suspend(self, project: str, by: Actor, *, lift: bool) -> None:
        decision = self._office(by, Role.GOVERNANCE_LEAD)
        if decision:
            decision = policies.may_suspend(self._newest_submitted(project), self._guardian(by), lift=lift)
        self._require(decision, EventName.PROJECT_SUSPEND_REFUSED, project, by)

    def _note_if_live(self, change: Change, project: str) -> None:
        """Write the day on which the version in force first became live, and the event of it; one before it is over."""
        version = governing_of(self._versions_in(change.session, project))
        if version is not None and self._is_first_live(version):
            row = change.session.get_one(store.ProjectVersionRow, (project, version.version))
            row.went_live_at = change.at
            change.record(EventName.PROJECT_WENT_LIVE, project=project, version=version.version)

    def note_live(self, *, by: Actor) -> list[str]:
        """Write of every project that waited for a part outside it, and is live now, that it went live; which."""
        with self.records.read() as session:
            names = store.project_names(session)
        waiting = [name for name in names if self._is_newly_live(name)]
        for name in waiting:
            with self._changing(f"project:{name}", EventName.PROJECT_APPROVE_REFUSED, by, name) as change:
                if self._is_newly_live(name):
                    self._note_if_live(change, name)
                else:  # somebody noted it meanwhile
                    change.abandon()
        return waiting

    def _is_newly_live(self, project: str) -> bool:
        version = self._governing(project)
        return version is not None and self._is_first_live(version)

    def _is_first_live(self, version: ProjectVersion) -> bool:
        return version.went_live_at is None and state_of(version, self._today()) is ProjectState.LIVE

    def _delegate(self, by: Actor) -> Person | None:
        """The person who decides; None when the organisation's own account does."""
        kind, _, name = by.partition(":")
        if kind == "organisation":
            return None
        return self.person(name) or Person(name, name, "", frozenset())


def _approval(
    project: str, version: int, controller: str, by: Actor, change: Change, outcome: Outcome, narrowing: Narrowing
) -> store.ApprovalRow:
    return store.ApprovalRow(
        project=project,
        version=version,
        controller=controller,
        by=by,
        at=change.at,
        outcome=outcome.value,
        narrowing=narrowing.model_dump(mode="json", by_alias=True),
    )


def _own_account(controller: str, by: Actor) -> Decision:
    """An organisation's account decides for that organisation only; a service never decides."""
    kind, _, name = by.partition(":")
    if kind == "person" or (kind == "organisation" and name == controller):
        return Allowed()
    return Refused(
        "project.not_delegate", f"Only {controller} decides on its own part.", "The controller's delegate decides."
    )


def _is_read(newest: ProjectVersion | None, read: int | None) -> Decision:
    """Is what is decided on what the decider read? An amendment may have come meanwhile."""
    if newest is None or read in (None, newest.version):
        return Allowed()
    return Refused(
        "project.another_version",
        f"Version {newest.version} is decided on now, not version {read}.",
        f"See what it changes: haven project diff {newest.project}; then decide on it.",
    )


def _holds(version: ProjectVersion, controller: str) -> bool:
    given = version.approvals.get(controller)
    return given is not None and given.in_force


def _is_answered(answers: Mapping[str, str]) -> Decision:
    missing = [key for key in policies.RELEASE_TEST if len(answers.get(key, "").strip()) < 3]
    unknown = sorted(set(answers) - set(policies.RELEASE_TEST))
    if not missing and not unknown:
        return Allowed()
    return Refused(
        "project.release_test",
        f"The release test is not answered: {', '.join(missing + [f'{key} is no question' for key in unknown])}.",
        "haven project questions FILE writes the questions; answer each.",
    )
