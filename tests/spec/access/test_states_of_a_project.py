"""The rule book of states: each from its parts, every pair of them, and the page that the table gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise, product
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from access.decisions import Refused, RefusedError
from access.projects.model import Approval, Endorsement, Outcome, ProjectVersion, Suspension
from access.projects.narrowing import Narrowing
from access.projects.policies import is_live
from access.projects.states import ARRIVAL, MAY_BECOME, RULE, WAITS_FOR, ProjectState, diagram, state_of
from audit.clock import FixedClock
from audit.model import organisation, person
from tests.fakes.havens import ANSWERS, START, memory_records, peopled, project_file

S = ProjectState
TODAY = START.date()
PAGE = Path(__file__).resolve().parents[3] / "docs" / "project-states.md"
GIVEN = Approval("gp", "organisation:gp", START)
ENDORSED = Endorsement("person:greta", START, Outcome.APPROVED)
LAPSED = (Refused("support.ended", "It ended.", "Extend it."),)
WHOLE = ProjectVersion(
    "admissions", 1, "Title", "asha", frozenset({"asha"}), frozenset({"gp"}), date(2027, 1, 1),
    approvals={"gp": GIVEN}, lead="asha", submitted_at=START, went_live_at=START, endorsement=ENDORSED,
)  # fmt: skip
OF_EACH: dict[ProjectState, ProjectVersion] = {
    S.DRAFT: replace(WHOLE, submitted_at=None),
    S.SUBMITTED: replace(WHOLE, approvals={}, endorsement=None),
    S.WITH_GUARDIAN: replace(WHOLE, endorsement=None),
    S.AWAITING_SUPPORT: replace(WHOLE, lapsed=LAPSED, went_live_at=None),
    S.LIVE: WHOLE,
    S.SUSPENDED: replace(WHOLE, suspension=Suspension("an incident", "person:lena", START)),
    S.REFUSED: replace(WHOLE, approvals={"gp": replace(GIVEN, outcome=Outcome.REFUSED)}, endorsement=None),
    S.WITHDRAWN: replace(WHOLE, approvals={"gp": replace(GIVEN, withdrawn=True)}),
    S.EXPIRED: replace(WHOLE, ends=TODAY - timedelta(days=1)),
    S.CLOSED: replace(WHOLE, closed=True),
}


@pytest.mark.parametrize("state", S)
def test_each_state_follows_from_its_parts(state: ProjectState) -> None:
    """Every state has its row in each table and parts that give it; a new state breaks this test."""
    assert state_of(OF_EACH[state], TODAY) is state
    assert state in RULE
    assert state in WAITS_FOR
    assert state in ARRIVAL
    assert state in MAY_BECOME


@pytest.mark.parametrize("state", S)
def test_only_a_live_project_is_live(state: ProjectState) -> None:
    """In every other state the answer is no, with a rule, a reason and who can change it."""
    decision = is_live(OF_EACH[state], TODAY)
    assert bool(decision) is (state is S.LIVE)
    if isinstance(decision, Refused):
        assert decision.reason
        assert decision.mend


@pytest.mark.parametrize(("one", "other"), list(product(S, S)), ids=lambda state: state.value)
def test_every_pair_of_states(one: ProjectState, other: ProjectState) -> None:
    """A later state never leads back to an earlier decision; closed leads nowhere, and nothing leads to a draft."""
    onward = other in MAY_BECOME[one]
    if one is other or one is S.CLOSED or other is S.DRAFT:
        assert not onward
    if other is S.CLOSED and one is not S.CLOSED:
        assert onward
    if other is S.LIVE:
        assert onward is (one in {S.WITH_GUARDIAN, S.AWAITING_SUPPORT, S.SUSPENDED})
    if one in {S.REFUSED, S.WITHDRAWN, S.EXPIRED}:
        assert other in {S.WITHDRAWN, S.EXPIRED, S.CLOSED} or not onward


def test_the_table_holds_exactly_the_pairs_that_can_happen() -> None:
    """Every part moved by its verb from wherever it can stand: each change of state is in the table, no other is."""
    draft = replace(WHOLE, controllers=frozenset({"gp", "hospital"}), approvals={}, endorsement=None,
                    submitted_at=None, went_live_at=None)  # fmt: skip
    seen: dict[str, tuple[ProjectVersion, date]] = {}
    waiting, pairs = [(draft, TODAY)], set[tuple[ProjectState, ProjectState]]()
    while waiting:
        before, day = waiting.pop()
        if repr((before, day)) in seen:
            continue
        seen[repr((before, day))] = before, day
        for after, then in _moved(before, day):
            if state_of(after, then) is S.LIVE:
                after = replace(after, went_live_at=START)  # noqa: PLW2901 - as it is noted when it happens
            pairs.add((state_of(before, day), state_of(after, then)))
            waiting.append((after, then))
    happens = {(one, other) for one, other in pairs if one is not other}
    assert happens == {(one, other) for one, onward in MAY_BECOME.items() for other in onward}


def _moved(one: ProjectVersion, day: date) -> Iterator[tuple[ProjectVersion, date]]:
    """Everything that can happen next to this version: a verb, a part outside it, time. A closed one moves no more."""
    if one.closed:
        return
    yield replace(one, closed=True), day
    if day <= one.last_day:
        yield replace(one, submitted_at=START), day
    yield one, one.ends + timedelta(days=1)
    yield replace(one, lapsed=() if one.lapsed else LAPSED), day
    if one.submitted_at is None:
        return
    yield replace(one, suspension=None if one.suspension else Suspension("an incident", "person:lena", START)), day
    for name in sorted(one.controllers):
        given = one.approvals.get(name)
        if given is None and day <= one.last_day:
            for outcome in Outcome:
                yield replace(one, approvals={**one.approvals, name: replace(GIVEN, outcome=outcome)}), day
        elif given is not None and given.in_force:
            yield replace(one, approvals={**one.approvals, name: replace(given, withdrawn=True)}), day
    if state_of(one, day) is S.WITH_GUARDIAN:
        for outcome in Outcome:
            yield replace(one, endorsement=replace(ENDORSED, outcome=outcome)), day
    if one.endorsement is not None and one.endorsement.outcome is Outcome.APPROVED:
        yield replace(one, endorsement=replace(one.endorsement, withdrawn=True)), day


def test_a_part_that_lapsed_suspends_and_the_same_part_again_makes_it_live() -> None:
    """A project that was live stands still while a part is not in force, and goes on by itself."""
    assert state_of(replace(WHOLE, lapsed=LAPSED), TODAY) is S.SUSPENDED
    decision = is_live(replace(WHOLE, lapsed=LAPSED), TODAY)
    assert decision.code == "support.ended"  # type: ignore[union-attr]


def test_a_controller_may_end_it_earlier_than_was_asked() -> None:
    """The earliest of the ends counts."""
    earlier = replace(GIVEN, narrowing=Narrowing(ends=TODAY))
    project = replace(WHOLE, approvals={"gp": earlier})
    assert state_of(project, TODAY) is S.LIVE
    assert state_of(project, TODAY + timedelta(days=1)) is S.EXPIRED


VERBS = st.sampled_from(
    ["approve gp", "approve hospital", "refuse gp", "endorse", "refuse endorsing", "withdraw gp",
     "withdraw endorsement", "suspend", "resume", "close", "wait"]
)  # fmt: skip


@given(st.lists(VERBS, max_size=9))
@settings(deadline=None, max_examples=40)
def test_whatever_is_done_the_state_moves_along_the_table(verbs: list[str]) -> None:
    """Invented histories: each change of state that the verbs bring about is one that the table knows."""
    clock = FixedClock(START)
    access = peopled(memory_records(clock))
    access.apply(project_file(), applicant="asha", by=person("asha"))
    states = [access.newest("admissions").state]
    for verb in verbs:
        try:
            _do(access, clock, verb)
        except RefusedError:
            continue
        states.append(access.newest("admissions").state)
    for before, after in pairwise(states):
        assert before is after or after in MAY_BECOME[before], (before, after, verbs)


def _do(access, clock: FixedClock, verb: str) -> None:  # type: ignore[no-untyped-def]
    greta, lena = person("greta"), person("lena")
    what, _, who = verb.partition(" ")
    match what, who:
        case "approve", _:
            access.approve("admissions", who, by=organisation(who))
        case "refuse", "endorsing":
            access.endorse("admissions", Outcome.REFUSED, {}, "not in the public interest", by=greta)
        case "refuse", _:
            access.refuse("admissions", who, "not for this purpose", by=organisation(who))
        case "endorse", _:
            access.endorse("admissions", Outcome.APPROVED, ANSWERS, by=greta)
        case "withdraw", "endorsement":
            access.withdraw_endorsement("admissions", "a reason to stop", by=greta)
        case "withdraw", _:
            access.withdraw("admissions", who, "a reason to stop", by=organisation(who))
        case "suspend", _:
            access.suspend("admissions", "an incident is looked into", by=lena)
        case "resume", _:
            access.resume("admissions", by=lena)
        case "close", _:
            access.close("admissions", by=person("asha"))
        case _:
            clock.at += timedelta(days=200)


def test_the_page_is_the_table() -> None:
    """docs/project-states.md is what the table gives."""
    assert PAGE.read_text(encoding="utf-8") == diagram()
