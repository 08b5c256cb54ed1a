"""The table of states: complete, and every pair of states moved or refused exactly as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.events import EventName
from environments.airlock.errors import AirlockError
from environments.airlock.states import (
    ARRIVAL,
    LAPSE_WHEN_IDLE,
    OWNER,
    TRANSITIONS,
    Owner,
    ReleaseState,
    diagram,
    is_final,
    may_move,
)
from environments.airlock.store import RequestRow
from environments.airlock.verbs.desk import Work
from tests.fakes.airlock import ASHA, World

ROOT = Path(__file__).resolve().parents[4]
PAIRS = [(before, after) for before in ReleaseState for after in ReleaseState]
# rules/airlock.md, the table, as text: a second writing of it, so that a slip in one of them shows
RULE_BOOK = {
    "draft": "submitted withdrawn lapsed",
    "submitted": "checking returned failed",
    "checking": "consolidating returned",
    "consolidating": "approved controller_hold returned rejected",
    "controller_hold": "approved rejected returned",
    "returned": "submitted withdrawn lapsed",
    "approved": "releasing lapsed",
    "releasing": "released failed",
    "released": "recalled",
    "rejected": "",
    "withdrawn": "",
    "lapsed": "",
    "recalled": "",
    "failed": "submitted withdrawn",
}


def test_the_table_is_the_rule_books() -> None:
    """Fourteen states, and each may go exactly where the rule book says."""
    assert {state.value: {one.value for one in onward} for state, onward in TRANSITIONS.items()} == {
        state: set(onward.split()) for state, onward in RULE_BOOK.items()
    }
    assert len(ReleaseState) == 14


def test_every_state_has_its_owner_and_its_event() -> None:
    """A new state without owner, transitions or audit event breaks here; no two arrivals share an event."""
    assert set(TRANSITIONS) == set(OWNER) == set(ARRIVAL) == set(ReleaseState)
    assert len(set(ARRIVAL.values())) == len(ReleaseState)


def test_final_states_are_nobodys_turn() -> None:
    """Where there is no way onward it is nobody's turn."""
    finals = {state for state in ReleaseState if is_final(state)}
    assert finals == {
        ReleaseState.REJECTED,
        ReleaseState.WITHDRAWN,
        ReleaseState.LAPSED,
        ReleaseState.RECALLED,
    }
    assert all(OWNER[state] is Owner.NOBODY for state in finals)


def test_only_waiting_requests_lapse() -> None:
    """A request lapses while it waits for its author, or approved for its release; never under review."""
    assert {ReleaseState.DRAFT, ReleaseState.RETURNED, ReleaseState.APPROVED} == LAPSE_WHEN_IDLE


@pytest.fixture(scope="module")
def movers_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all pairs: each pair gets a request of its own."""
    return World(tmp_path_factory.mktemp("pairs"))


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=lambda state: state.value)
def test_every_pair_of_states(movers_world: World, before: ReleaseState, after: ReleaseState) -> None:
    """The one mover follows the table for each pair, with the arrival's event; else it changes and records nothing."""
    world = movers_world
    request = world.airlock.draft("falls", by=ASHA).id
    with world.records.change(by=ASHA) as change:
        change.session.get_one(RequestRow, request).state = before.value
        change.record(EventName.RELEASE_DRAFTED)
    recorded = len(world.log.events)
    if may_move(before, after):
        with world.airlock._desk.locked(request, ASHA) as work:
            work.move(after)
        assert world.airlock.whole(request).state is after
        assert [event.name for event in world.log.events[recorded:]] == [ARRIVAL[after]]
        assert world.airlock.whole(request).moves[-1].event == world.log.events[-1].id
    else:
        with pytest.raises(AirlockError), world.airlock._desk.locked(request, ASHA) as work:
            _move(work, after)
        assert world.airlock.whole(request).state is before
        assert len(world.log.events) == recorded


def _move(work: Work, after: ReleaseState) -> None:
    work.move(after)


def test_the_diagram_in_the_docs_is_generated() -> None:
    """docs/airlock-states.md is what the table of states gives."""
    assert (ROOT / "docs" / "airlock-states.md").read_text(encoding="utf-8") == diagram()
