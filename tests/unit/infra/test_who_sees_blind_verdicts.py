"""Who sees every verdict of a request at the command line? An auditor, as long as they may act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from access.people.model import Role
from access.service import Access
from audit.model import Actor, person
from audit.records import Records
from environments.airlock.service import Airlock
from infra.cli.release_show import _as_seen
from tests.fakes.airlock import CARA, World
from tests.fakes.havens import HOUSE, memory_records, peopled
from tests.fakes.people import invented_person


@dataclass
class _Haven:
    """What the command asks: the people, the clock, and the airlock."""

    access: Access
    airlock: Airlock

    @property
    def records(self) -> Records:
        return self.access.records

    def actor(self, name: str) -> Actor:
        return person(name)


@pytest.fixture
def haven(tmp_path: Path) -> Any:
    """Cara has given her verdict, which is blind; Aud is an auditor."""
    world, access = World(tmp_path), peopled(memory_records())
    access.register_person(invented_person("aud", "haven", {Role.AUDITOR}, date(2026, 12, 31)), by=HOUSE)
    world.airlock.decide(world.submitted(), True, by=CARA)
    yield _Haven(access, world.airlock)
    world.close()


def _seen(haven: Any, who: str | None = "aud") -> int:
    request = haven.airlock.list()[0].id
    return len(_as_seen(haven, request, who).every_verdict)


def test_an_auditor_sees_all_of_it(haven: Any) -> None:
    """Blind verdicts too; nobody else does."""
    assert [_seen(haven), _seen(haven, "dev"), _seen(haven, None)] == [1, 0, 0]


def test_an_auditor_who_was_barred_does_not(haven: Any) -> None:
    """A sanction ends what the role showed."""
    haven.access.sanction("person:aud", "A breach of the rules.", None, by=HOUSE)
    assert _seen(haven) == 0


def test_an_auditor_who_was_closed_does_not(haven: Any) -> None:
    """So does the closing of their account."""
    haven.access.close_person("aud", "Left the haven.", by=HOUSE)
    assert _seen(haven) == 0


def test_an_auditor_whose_evidence_lapsed_does_not(haven: Any) -> None:
    """And what must be renewed each year and was not."""
    haven.records.clock.at += timedelta(days=366)
    assert _seen(haven) == 0
