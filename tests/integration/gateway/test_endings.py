"""What ends a right ends what runs on it: each ending, against a running query and an open session, on real records.

The promise in words (docs/governance.md): the next query is refused; what runs is asked about at least twice a second
and cut, within a second on a machine that has room; an open session is asked about each second and closed. That second
is held in one place, at the end; everything else waits for the event itself, however busy the machine is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from access.decisions import Allowed, Decision, Refused
from access.optouts.model import ObjectionTarget
from access.optouts.service import OptOuts
from access.people.model import Role
from audit.clock import FixedClock
from audit.model import organisation, person
from environments.gateway.errors import QueryCut
from environments.gateway.ports import Approvals
from environments.workspaces.model import WorkspaceRequest
from environments.workspaces.register import WorkspaceRegister
from infra.published import GatewayApprovals
from tests.fakes.deliveries import nhs_number
from tests.fakes.gateway import ASHA, SECONDS_TO_HANG, GatewayForTests, gateway, until_running
from tests.fakes.havens import HOUSE
from tests.fakes.people import invented_person

LONG = "select count(*) from range(10000000) a(i), range(10000000) b(j) where (i * j) % 7 = 3"
PROMISED = 1.0
ENDINGS_TRIED = 10
LENA = person("lena")


def _clock(stands: GatewayForTests) -> FixedClock:
    assert isinstance(stands.records.clock, FixedClock)
    return stands.records.clock


def _withdraw(stands: GatewayForTests) -> None:
    stands.access.withdraw("admissions", "gp", "The agreement ended.", by=organisation("gp"))


def _expire(stands: GatewayForTests) -> None:
    """Everybody's evidence is renewed in time, the project's is not."""
    last = datetime(2027, 3, 1, 9, tzinfo=UTC)
    asha = invented_person("asha", "university", {Role.RESEARCHER}, last.date() + timedelta(days=99), last.date())
    stands.access.register_person(asha, by=HOUSE)
    _clock(stands).at = last + timedelta(days=1)


def _let_training_lapse(stands: GatewayForTests) -> None:
    _clock(stands).at = datetime(2027, 2, 1, 9, tzinfo=UTC)


def _bar(stands: GatewayForTests) -> None:
    stands.access.sanction(person("asha"), "Tried to identify somebody.", None, by=LENA)


def _suspend_the_person(stands: GatewayForTests) -> None:
    stands.access.suspend_person("asha", by=HOUSE)


def _suspend_the_project(stands: GatewayForTests) -> None:
    stands.access.suspend("admissions", "An incident is looked into.", by=LENA)


def _object(stands: GatewayForTests) -> None:
    named = {"number": nhs_number(1), "objection": "o1", "at": "2026-03-01T09:00:00", "test_range": True}
    stands.publisher._runner.run("optouts.name_objector", named)
    target = ObjectionTarget("controller", "gp")
    OptOuts(stands.records, stands.access).record_objection("o1", target, "Not for research", by=organisation("gp"))


ENDINGS: dict[str, tuple[Callable[[GatewayForTests], None], str, str | None]] = {
    "withdrawal": (_withdraw, "project.withdrawn", "project.withdrawn"),
    "expiry": (_expire, "project.expired", "project.expired"),
    "lapse of training": (_let_training_lapse, "person.training_expired", "person.training_expired"),
    "sanction": (_bar, "person.sanctioned", "person.sanctioned"),
    "suspension of the person": (_suspend_the_person, "person.suspended", "person.suspended"),
    "suspension of the project": (_suspend_the_project, "project.suspended", "project.suspended"),
    "objection": (_object, "optouts.outdated", None),
}
"""What ends it, and the rule that cuts the query and that closes the session. An objection needs a new scope: the
session stays open, and its queries are refused until that is published."""


@pytest.mark.parametrize("ending", ENDINGS)
async def test_an_ending_cuts_the_query_and_closes_the_session_and_names_its_rule(ending: str) -> None:
    """While the query computes without giving a row; what comes after is refused by the same rule."""
    end, cut_by, closed_by = ENDINGS[ending]
    async with gateway() as stands:
        approvals = GatewayApprovals(stands.access, stands.core._scopes)  # type: ignore[arg-type]
        session = WorkspaceRegister(stands.records, approvals, stands.doors, lambda: Allowed())
        asked = WorkspaceRequest("asha", "admissions")
        assert await session.standing(asked)
        running = asyncio.create_task(stands.ask(LONG))
        await until_running(stands, running)
        await asyncio.to_thread(end, stands)
        with pytest.raises(QueryCut) as told:
            await asyncio.wait_for(running, SECONDS_TO_HANG)
        assert told.value.rule == cut_by
        refused = await asyncio.to_thread(stands.core._approvals.may_query, ASHA.person, ASHA.project)
        standing = await session.standing(asked)
        assert (standing.code if isinstance(standing, Refused) else None) == closed_by
        assert closed_by is None or isinstance(refused, Refused)
        failed = next(event for event in reversed(stands.log.events) if event.name == "query.failed")
        assert failed.details["reason"] == cut_by


class Counted:
    """The approvals, and how often they answered."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals
        self.answered = 0

    def may_query(self, person: str, project: str) -> Decision:
        """The approvals' answer."""
        decision = self._approvals.may_query(person, project)
        self.answered += 1
        return decision

    def why(self, person: str, project: str, action: str) -> Decision:
        """The approvals' answer."""
        return self._approvals.why(person, project, action)


async def test_what_runs_is_cut_within_the_promised_second() -> None:
    """Measured from the end of the right to the cut, at the worst: the right ends just after it was asked about.

    A busy machine may be late, so one ending of ten has to keep it; asked about less often than that, none would.
    """
    took = []
    async with gateway() as stands:
        approvals = stands.core._approvals = Counted(stands.core._approvals)
        while len(took) < ENDINGS_TRIED and not any(one < PROMISED for one in took):
            running = asyncio.create_task(stands.ask(LONG))
            await until_running(stands, running)
            before = approvals.answered
            while approvals.answered == before and not running.done():
                await asyncio.sleep(0.005)
            await asyncio.to_thread(_suspend_the_project, stands)
            ended = time.monotonic()
            with pytest.raises(QueryCut) as told:
                await asyncio.wait_for(running, SECONDS_TO_HANG)
            took.append(time.monotonic() - ended)
            assert told.value.rule == "project.suspended"
            await asyncio.to_thread(lambda: stands.access.resume("admissions", by=LENA))
    assert min(took) < PROMISED
