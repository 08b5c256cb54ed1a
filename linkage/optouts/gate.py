"""The gate of opt-outs: no disclosure is built but through it. What must it heed, whom leave out, what certify?

Every builder of a disclosure takes a gate; there is none without. The research zone is told person numbers for one
build.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from access.decisions import Decision, Refused
from access.optouts.disclosures import SCOPE, Disclosures
from access.optouts.model import DisclosurePlan
from access.projects.scope import Scope
from audit.events import EventName
from audit.model import Actor
from audit.records import Change, Records
from linkage.optouts.errors import LinkageDue
from linkage.optouts.in_zones import LEFT_OUT
from linkage.separation.ports import ZoneRunner


@dataclass(frozen=True)
class Passage:
    """Leave to build once. left_out: person numbers; runs: of linkage, that the payload must have followed."""

    plan: DisclosurePlan
    left_out: pa.Table
    runs: list[str]


class DisclosureGate(Protocol):
    """Asked before a build, and told after it."""

    def open(self, scope: Scope, *, by: Actor) -> Passage:
        """Leave to build this now. Raises RefusedError, which is recorded."""
        ...

    def certify(self, change: Change, passage: Passage, build: str, facts: Mapping[str, Any]) -> None:
        """Within the change that makes the build the scope. facts: people, rows; both as with nobody left out.

        Raises RefusedError, recorded, where another disclosure came meanwhile that this must not stand beside.
        """
        ...

    def still_certified(self, passage: Passage, build: str) -> bool:
        """Does the build's certificate say what this passage would?"""
        ...

    def certify_again(self, change: Change, passage: Passage, build: str) -> None:
        """The same build stands under what is known now: the same people, another list or decision.

        Raises RefusedError as certify does.
        """
        ...


class OptOutGate:
    """The gate of one haven. test_range: may NHS numbers of the range for tests be somebody's?"""

    def __init__(self, zones: ZoneRunner, disclosures: Disclosures, records: Records, *, test_range: bool) -> None:
        self._zones = zones
        self._disclosures = disclosures
        self._records = records
        self._test_range = test_range

    def open(self, scope: Scope, *, by: Actor) -> Passage:
        """As the port says."""
        plan = self._disclosures.plan(scope)
        self._require(self._disclosures.may_disclose(plan), plan, by)
        if not plan.applies and not plan.objections:
            return Passage(plan, nobody(), [])
        asked = {
            "list": plan.using.id if plan.applies and plan.using else None,
            "objections": list(plan.objections),
            "numberless_stay": plan.numberless_stay,
            "test_range": self._test_range,
        }
        try:
            answer = self._zones.run("optouts.left_out", asked)
        except LinkageDue as due:
            again = f"Run: haven linkage run; then: haven scope publish {plan.project}"
            self._require(Refused(due.code, due.what, again), plan, by)
            raise
        return Passage(plan, answer.tables[LEFT_OUT], answer.data["runs"])

    def certify(self, change: Change, passage: Passage, build: str, facts: Mapping[str, Any]) -> None:
        """As the port says."""
        self._require(self._disclosures.may_disclose_now(change, passage.plan), passage.plan, change.by)
        before, rows = facts["before"], facts["rows"]
        people = (int(before["people"]), int(facts["people"]))
        pairs = {table: (int(many), int(rows.get(table, 0))) for table, many in before["rows"].items()}
        self._disclosures.certify(change, passage.plan, SCOPE, build, people, pairs)

    def still_certified(self, passage: Passage, build: str) -> bool:
        """As the port says."""
        return self._disclosures.is_certified(passage.plan, build)

    def certify_again(self, change: Change, passage: Passage, build: str) -> None:
        """As the port says. Raises RuntimeError for a build that never was certified."""
        found = self._disclosures.of_build(passage.plan.project, build)
        if found is None:
            raise RuntimeError("a build that stands was certified when it was made")
        self._require(self._disclosures.may_disclose_now(change, passage.plan), passage.plan, change.by)
        self._disclosures.certify(change, passage.plan, SCOPE, build, found.people, found.rows)

    def _require(self, decision: Decision, plan: DisclosurePlan, by: Actor) -> None:
        if isinstance(decision, Refused):
            self._records.note(EventName.SCOPE_PUBLISH_REFUSED, by=by, project=plan.project, rule=decision.code)
        decision.require()


def nobody() -> pa.Table:
    """Left out of nothing."""
    return pa.table({"person": pa.array([], pa.string())})
