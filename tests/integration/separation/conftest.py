"""Zones of a new home, both adapters that do something in them, and the haven with installed accounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from access.keys import KeyRing
from linkage.separation.here import InThisProcess
from linkage.separation.ports import ZoneRunner
from linkage.zones import ZonePlan, Zones
from tests.fakes.played_chain import Played, played_chain
from tests.fakes.zone_processes import behind_sockets


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    """Zones of a new home."""
    return Zones(ZonePlan.under(tmp_path / "home"), KeyRing.open(tmp_path / "home" / "keys"), patience=0.1)


@pytest.fixture(params=["here", "there"])
def runner(request: pytest.FixtureRequest, zones: Zones, tmp_path: Path) -> Iterator[ZoneRunner]:
    """Each adapter in turn."""
    if request.param == "here":
        yield InThisProcess(zones)
        return
    with behind_sockets(zones, tmp_path) as there:
        yield there


@pytest.fixture(scope="package")
def played() -> Iterator[Played]:
    """The haven with installed accounts: played once for all proofs of this folder, since it takes a minute."""
    with played_chain() as done:
        yield done
