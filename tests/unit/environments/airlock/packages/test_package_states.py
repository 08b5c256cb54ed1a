"""The table of a package's states: complete, as the page writes it, and every pair moved or refused as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from environments.airlock.errors import AirlockError
from environments.airlock.packages.service import Packages, _move
from environments.airlock.packages.states import ARRIVAL, OWNER, TRANSITIONS, PackageState, may_move
from environments.airlock.packages.store import PackageRow
from tests.fakes.airlock import ASHA, World

ROOT = Path(__file__).resolve().parents[5]
PAIRS = [(before, after) for before in PackageState for after in PackageState]


@pytest.fixture(scope="module")
def movers_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all pairs: each pair gets a request of its own."""
    return World(tmp_path_factory.mktemp("pairs"))


def test_the_table_is_the_pages() -> None:
    """docs/packages.md writes each state, whose turn it is, where it may go, and its event, once more."""
    page = (ROOT / "docs" / "packages.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \| `(.+?)` \|$", page, re.MULTILINE)
    assert rows == [
        (str(state), OWNER[state], ", ".join(sorted(TRANSITIONS[state])) or "-", str(ARRIVAL[state]))
        for state in PackageState
    ]
    assert set(TRANSITIONS) == set(OWNER) == set(ARRIVAL) == set(PackageState)
    assert len(set(ARRIVAL.values())) == len(PackageState)


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=lambda state: state.value)
def test_every_pair_of_states(movers_world: World, before: PackageState, after: PackageState) -> None:
    """The one mover follows the table for each pair, with the arrival's event; else it changes and records nothing."""
    world, packages = movers_world, movers_world.packages
    name = f"p-{PAIRS.index((before, after))}"
    request = packages.request("falls", f"{name}==1", "For every pair of states.", by=ASHA).id
    with world.records.change(by=ASHA) as change:
        change.session.get_one(PackageRow, request).state = before.value
        change.record(ARRIVAL[before])
    recorded = len(world.log.events)
    if may_move(before, after):
        _moved(packages, request, after)
        assert packages.get(request).state is after
        assert [event.name for event in world.log.events[recorded:]] == [ARRIVAL[after]]
        assert packages.get(request).moves[-1].event == world.log.events[-1].id
    else:
        with pytest.raises(AirlockError):
            _moved(packages, request, after)
        assert packages.get(request).state is before
        assert len(world.log.events) == recorded


def _moved(packages: Packages, request: str, after: PackageState) -> None:
    with packages._locked(request, ASHA) as (change, row, _):
        _move(change, row, after, None)
