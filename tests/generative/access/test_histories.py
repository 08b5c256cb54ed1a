"""Invented histories of approvals: a project is live only while every part of one version is in force."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from access.decisions import RefusedError
from access.projects.model import Outcome
from audit.events import EventName
from audit.model import organisation, person
from tests.fakes.havens import ANSWERS, memory_records, peopled, project_file

CONTROLLERS = ("gp", "hospital")
GUARDIAN = "guardian"


class ApprovalHistory(RuleBasedStateMachine):
    """A project applied for, approved, withdrawn, amended and closed in any order, against a model of two sets."""

    def __init__(self) -> None:
        super().__init__()
        self.access = peopled(memory_records())
        self.versions: list[set[str]] = []  # who approves each version now: controllers and the Guardian
        self.decided: set[str] = set()  # who has decided on the newest version
        self.refused = False  # the newest version
        self.suspended = self.closed = False

    @rule()
    def apply(self) -> None:
        """Apply, each time with another title: a new version."""
        file = project_file(title=f"Title number {len(self.versions)}")
        try:
            self.access.apply(file, applicant="asha", by=person("asha"))
        except RefusedError:
            assert self.closed
            return
        self.versions.append(set())
        self.decided, self.refused = set(), False

    @precondition(lambda self: self.versions)
    @rule(controller=st.sampled_from(CONTROLLERS), approves=st.booleans())
    def decide(self, controller: str, approves: bool) -> None:
        """A controller decides on the newest version, once."""
        by = organisation(controller)
        try:
            if approves:
                self.access.approve("admissions", controller, by=by)
            else:
                self.access.refuse("admissions", controller, "not for this purpose", by=by)
        except RefusedError:
            assert self.closed or controller in self.decided
            return
        assert not self.closed
        assert controller not in self.decided
        self.decided.add(controller)
        if approves:
            self.versions[-1].add(controller)
        else:
            self.refused = True

    @precondition(lambda self: self.versions)
    @rule(outcome=st.sampled_from(Outcome))
    def endorse(self, outcome: Outcome) -> None:
        """The Guardian decides on the newest version, once, when every controller's approval is in force."""
        ready = self.versions[-1] == set(CONTROLLERS) and not self.refused and not self.closed
        try:
            self.access.endorse("admissions", outcome, ANSWERS, "not in the public interest", by=person("greta"))
        except RefusedError:
            assert not ready or GUARDIAN in self.decided
            return
        assert ready
        assert GUARDIAN not in self.decided
        self.decided.add(GUARDIAN)
        if outcome is Outcome.APPROVED:
            self.versions[-1].add(GUARDIAN)
        else:
            self.refused = True

    @precondition(lambda self: self.versions)
    @rule(lift=st.booleans())
    def suspend(self, lift: bool) -> None:
        """The governance lead stops the project, or lets it go on."""
        try:
            if lift:
                self.access.resume("admissions", by=person("lena"))
            else:
                self.access.suspend("admissions", "an incident is looked into", by=person("lena"))
        except RefusedError:
            assert self.closed or self.suspended is not lift
            return
        assert not self.closed
        self.suspended = not lift

    @precondition(lambda self: self.versions)
    @rule()
    def withdraw_endorsement(self) -> None:
        """The Guardian takes back what was given, of all versions."""
        try:
            self.access.withdraw_endorsement("admissions", "a reason", by=person("greta"))
        except RefusedError:
            assert not any(GUARDIAN in version for version in self.versions)
            return
        for version in self.versions:
            version.discard(GUARDIAN)

    @precondition(lambda self: self.versions)
    @rule(controller=st.sampled_from(CONTROLLERS))
    def withdraw(self, controller: str) -> None:
        """A controller takes back what it gave, of all versions."""
        try:
            self.access.withdraw("admissions", controller, "a reason", by=organisation(controller))
        except RefusedError:
            assert self.closed or not any(controller in version for version in self.versions)
            return
        for version in self.versions:
            version.discard(controller)

    @precondition(lambda self: self.versions)
    @rule()
    def close(self) -> None:
        """The project is closed."""
        self.access.close("admissions", by=person("asha"))
        self.closed = True

    @invariant()
    def live_only_while_every_approval_of_one_version_is_in_force(self) -> None:
        """The haven's answer is the model's."""
        live = not self.closed and any(version == {*CONTROLLERS, GUARDIAN} for version in self.versions)
        live = live and not self.suspended
        assert bool(self.access.may_query("asha", "admissions")) == live

    @invariant()
    def every_refusal_and_every_change_is_in_the_log(self) -> None:
        """As many approvals in the log as were given."""
        names = [event.name for event in self.access.records.log.events]  # type: ignore[attr-defined]
        given_ = names.count(EventName.PROJECT_APPROVED)
        assert given_ >= sum(len(version - {GUARDIAN}) for version in self.versions)
        assert names.count(EventName.PROJECT_APPLIED) == len(self.versions)


TestApprovalHistory = ApprovalHistory.TestCase
TestApprovalHistory.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
