"""The daily purge of opt-outs: a list that is older than it may be goes once, and its certificate stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from access.optouts.model import ListState
from audit.events import EventName
from infra.housekeeping import purge_optouts
from infra.settings import Settings
from linkage.optouts.errors import ListFailed
from tests.fakes.deliveries import nhs_number
from tests.fakes.optouts import BY, OptOutHaven, one

ADA, BEN = nhs_number(1), nhs_number(2)


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Two people with numbers."""
    haven = OptOutHaven(tmp_path)
    haven.people({"gp": [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")]})
    yield haven
    haven.close()


def test_housekeeping_purges_a_list_that_is_too_old_once(haven: OptOutHaven, tmp_path: Path) -> None:
    """Not a young one, nor while an asking is under way; its certificate is in the log and beside the records."""
    settings = Settings.model_validate({"home": tmp_path / "installed"})
    installed: Any = SimpleNamespace(opt_out_lists=haven.lists, records=haven.records, settings=settings)
    name = haven.refresh([ADA])
    assert purge_optouts(installed, by=BY) == []
    haven.clock.at += timedelta(days=30)
    haven.mesh.answers = False
    haven.lists.refresh(by=BY, wait=False)
    assert purge_optouts(installed, by=BY) == []
    haven.clock.at += haven.mesh.patience + timedelta(minutes=1)
    with pytest.raises(ListFailed):
        haven.lists.refresh(by=BY, wait=False)
    done = purge_optouts(installed, by=BY)
    assert (name in {one.subject for one in done}, {one.kind for one in done}) == (True, {"opt-out-list-purged"})
    event = haven.records.log.events[-1]  # type: ignore[attr-defined]
    (kept,) = (settings.home / "records" / "opt-outs-purged").iterdir()
    assert (event.name, event.details["signed"]) == (EventName.OPTOUT_LIST_PURGED, json.loads(kept.read_text()))
    assert {one.id: one.state for one in haven.lists.status()[0]}[name] is ListState.PURGED
    many = len(haven.records.log.events)  # type: ignore[attr-defined]
    assert purge_optouts(installed, by=BY) == []
    assert len(haven.records.log.events) == many  # type: ignore[attr-defined]
