"""Who is told what waits when they act? It names people and reasons: nobody who may not be let in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from access.people.model import Person, Role
from access.service import Access
from audit.clock import SystemClock
from audit.model import person
from infra.settings import Settings
from infra.wiring.haven import Haven
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE
from tests.fakes.people import assessed, invented_person


@pytest.mark.parametrize(
    "ended",
    [
        lambda access: access.suspend_person("max", by=HOUSE),
        lambda access: access.close_person("max", "left us", by=HOUSE),
        lambda access: access.sanction(person("max"), "sold extracts on", None, by=HOUSE),
    ],
    ids=["suspended", "closed", "barred"],
)
def test_whoever_may_not_be_let_in_is_told_nothing(tmp_path: Path, ended: Callable[[Access], object]) -> None:
    """A governance lead is told before they act; not after their account was closed, or they were barred."""
    (tmp_path / "records").mkdir()
    haven = Haven(Settings.model_validate({"home": tmp_path}), SystemClock())
    haven.audit_log = MemoryAuditLog()
    haven.access.register_organisation(assessed("haven"), by=HOUSE)
    haven.access.register_person(invented_person("max", "haven", {Role.GOVERNANCE_LEAD}, date(2099, 1, 1)), by=HOUSE)
    greeted: list[Person] = []
    haven.greet = greeted.append
    try:
        haven.actor("max")
        assert [one.id for one in greeted] == ["max"]
        ended(haven.access)
        haven.actor("max")
        assert [one.id for one in greeted] == ["max"]
    finally:
        haven.records.engine.dispose()
