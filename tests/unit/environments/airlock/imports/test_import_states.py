"""The table of an import's states: complete, and every pair of states moved or refused exactly as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from environments.airlock.errors import AirlockError
from environments.airlock.imports.service import Imports, Work
from environments.airlock.imports.states import ARRIVAL, OWNER, TRANSITIONS, ImportState, may_move
from environments.airlock.imports.store import ImportRow
from tests.fakes.airlock import ASHA, World

ROOT = Path(__file__).resolve().parents[5]
PAIRS = [(before, after) for before in ImportState for after in ImportState]


@pytest.fixture(scope="module")
def movers_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all pairs: each pair gets an import of its own."""
    return World(tmp_path_factory.mktemp("pairs"))


def test_the_table_is_the_pages() -> None:
    """docs/imports.md writes each state, whose turn it is, where it may go, and its event, once more."""
    page = (ROOT / "docs" / "imports.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \| `(.+?)` \|$", page, re.MULTILINE)
    assert rows == [
        (str(state), OWNER[state], ", ".join(sorted(TRANSITIONS[state])) or "-", str(ARRIVAL[state]))
        for state in ImportState
    ]


def test_every_state_has_its_owner_and_its_event() -> None:
    """A new state without owner, transitions or audit event breaks here; no two arrivals share an event."""
    assert set(TRANSITIONS) == set(OWNER) == set(ARRIVAL) == set(ImportState)
    assert len(set(ARRIVAL.values())) == len(ImportState)


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=lambda state: state.value)
def test_every_pair_of_states(movers_world: World, before: ImportState, after: ImportState) -> None:
    """The one mover follows the table for each pair, with the arrival's event; else it changes and records nothing."""
    world, imports = movers_world, movers_world.imports
    content = f"code,meaning\n{before},{after}\n".encode()
    request = imports.request("falls", [("pair.csv", content)], "A table of codes for this test.", by=ASHA).id
    with world.records.change(by=ASHA) as change:
        change.session.get_one(ImportRow, request).state = before.value
        change.record(ARRIVAL[before])
    recorded = len(world.log.events)
    if may_move(before, after):
        _move(imports, request, after)
        assert imports.get(request).state is after
        assert [event.name for event in world.log.events[recorded:]] == [ARRIVAL[after]]
        assert imports.get(request).moves[-1].event == world.log.events[-1].id
    else:
        with pytest.raises(AirlockError):
            _move(imports, request, after)
        assert imports.get(request).state is before
        assert len(world.log.events) == recorded


def _move(imports: Imports, request: str, after: ImportState) -> None:
    with imports._locked(request, ASHA) as work:
        assert isinstance(work, Work)
        work.move(after)
