"""Two people at once, on SQLite and on PostgreSQL: one approval, one handing out, one use of a round."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date

import pyrage
import pytest
from sqlalchemy import Engine

from access.keys import KeyRing
from access.keys.custody import KeyCustody
from access.people.model import Role
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import person
from audit.records import Records
from infra.database import make_engine
from infra.migrations import upgrade
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, START, make_live, peopled, project_file
from tests.fakes.people import invented_person
from tests.fakes.postgres import postgresql

DARIA = person("daria")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A fresh database of each kind, migrated."""
    if request.param == "sqlite":
        found = make_engine(f"sqlite:///{tmp_path_factory.mktemp('records') / 'haven.db'}")
        upgrade(found)
        yield found
        found.dispose()
        return
    with postgresql() as url:
        found = make_engine(url)
        upgrade(found)
        yield found
        found.dispose()


@pytest.fixture(scope="module")
def custody(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> KeyCustody:
    """The people of the tests, a data engineer, a project, its keys."""
    records = Records(engine, MemoryAuditLog(), FixedClock(START))
    access = peopled(records)
    access.register_person(invented_person("daria", "haven", {Role.DATA_ENGINEER}, date(2027, 1, 31)), by=HOUSE)
    access.apply(project_file(), applicant="asha", by=person("asha"))
    make_live(access)
    return KeyCustody(KeyRing.open(tmp_path_factory.mktemp("keys")), records, access)


def _at_once(calls: list[Callable[[], object]]) -> list[object]:
    """What those gave who were not refused."""
    done: list[object] = []
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            done.append(call())
        except Exception:  # noqa: BLE001 - refused or in conflict, depending on who was first
            return

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def test_of_two_at_once_one_is_served(custody: KeyCustody) -> None:
    """Approving, taking and using race: one of two succeeds, and the log tells of one."""
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    asked = custody.request_unwrap("admissions", recipient, "r", by=DARIA)
    custody.create_round("census", "tokens", ["gp"], by=DARIA)
    approvals = [lambda who=who: custody.approve_unwrap(asked.id, by=person(who)) for who in ("gwen", "hari")]
    assert len(_at_once(approvals)) == 1
    assert len(_at_once([lambda: custody.hand_out(asked.id, by=DARIA)] * 2)) == 1
    assert len(_at_once([lambda: custody.use_round("census", recipient, by=DARIA)] * 2)) == 1
    names = [event.name for event in custody._records.log.events]  # type: ignore[attr-defined]
    for name in (EventName.KEY_UNWRAP_APPROVED, EventName.KEY_UNWRAP_HANDED_OUT, EventName.KEY_ROUND_USED):
        committed = names.count(name) - sum(
            event.details.get("name") == name.value
            for event in custody._records.log.events  # type: ignore[attr-defined]
        )
        assert committed == 1


def test_a_round_ends_alike(custody: KeyCustody) -> None:
    """Made and destroyed: the same statement on each database, times with their zone."""
    custody.create_round("short", "tokens", ["gp"], by=DARIA)
    said = custody.destroy_round("short", by=DARIA)["statement"]
    assert said["created_at"] == said["destroyed_at"] == START.isoformat()
