"""Invented histories of approvals, and what a compiled scope may hold: never more than was asked for and approved."""

from __future__ import annotations

from datetime import date

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from access.decisions import RefusedError
from access.project_file import ProjectFile, compile_scope
from audit.events import EventName
from audit.model import organisation, person
from tests.fakes.havens import GP, HOSPITAL, PROJECT, memory_records, peopled, project_file

CONTROLLERS = ("gp", "hospital")
CATALOGUE = {"gp": GP, "hospital": HOSPITAL}


class ApprovalHistory(RuleBasedStateMachine):
    """A project applied for, approved, withdrawn, amended and closed in any order, against a model of two sets."""

    def __init__(self) -> None:
        super().__init__()
        self.access = peopled(memory_records())
        self.versions: list[set[str]] = []  # the approvals in force of each version
        self.decided: set[str] = set()  # who has decided on the newest version
        self.closed = False

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
        self.decided = set()

    @precondition(lambda self: self.versions)
    @rule(controller=st.sampled_from(CONTROLLERS))
    def approve(self, controller: str) -> None:
        """A controller approves the newest version, once."""
        try:
            self.access.approve("admissions", controller, by=organisation(controller))
        except RefusedError:
            assert self.closed or controller in self.decided
            return
        assert not self.closed
        assert controller not in self.decided
        self.versions[-1].add(controller)
        self.decided.add(controller)

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
        live = not self.closed and any(version == set(CONTROLLERS) for version in self.versions)
        assert bool(self.access.may_query("asha", "admissions")) == live

    @invariant()
    def every_refusal_and_every_change_is_in_the_log(self) -> None:
        """As many approvals in the log as were given."""
        names = [event.name for event in self.access.records.log.events]  # type: ignore[attr-defined]
        given_ = names.count(EventName.PROJECT_APPROVED)
        assert given_ >= sum(len(version) for version in self.versions)
        assert names.count(EventName.PROJECT_APPLIED) == len(self.versions)


TestApprovalHistory = ApprovalHistory.TestCase
TestApprovalHistory.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)


COLUMNS = [("gp", t, c) for t, cs in GP.tables.items() for c in cs]
COLUMNS += [("hospital", t, c) for t, cs in HOSPITAL.tables.items() for c in cs]


@given(
    asked=st.sets(st.sampled_from(COLUMNS), min_size=1),
    dates=st.sampled_from(["day", "month", "year"]),
    approved=st.sets(st.sampled_from(CONTROLLERS)),
    cohort=st.booleans(),
)
@settings(deadline=None)
def test_a_scope_holds_nothing_that_was_not_asked_for_and_approved(
    asked: set[tuple[str, str, str]], dates: str, approved: set[str], cohort: bool
) -> None:
    """Columns only of datasets whose controller approved, only those asked for, dates never finer than asked."""
    datasets: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for dataset, table, column in asked:
        part = datasets.setdefault(dataset, {"tables": {}})["tables"].setdefault(table, {"columns": {}, "dates": dates})
        part["columns"][column] = "needed for the question"  # type: ignore[index]
    first = sorted(asked)[0]
    conditions = [{"table": first[1], "column": first[2], "op": "=", "values": ["x"]}] if cohort else []
    file = ProjectFile.model_validate(PROJECT | {"datasets": datasets, "cohort": conditions})
    scope = compile_scope(file, 1, CATALOGUE, frozenset(approved))
    for table in scope.tables:
        assert table.controller in approved
        for column in table.columns:
            assert (table.dataset, table.table, column.name) in asked
            kind = CATALOGUE[table.dataset].tables[table.table][column.name]
            assert column.precision == (dates if kind == "date" else "exact")
    if cohort and first[0] not in approved:
        assert not scope.tables  # a cohort that cannot be told leaves nobody, never everybody
    assert scope.ends == date(2027, 3, 1)
