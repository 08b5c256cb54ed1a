"""One verb, one record: change and entry stand or fall together; what a crash left is told; the log is searched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from access.organisations.store import OrganisationRow
from audit.client import SocketAuditLog
from audit.clock import FixedClock
from audit.errors import AuditUnavailable
from audit.events import EventName
from audit.model import AuditEvent, person, service
from audit.reader import LogReader
from audit.records import AuditReceipt, Records
from audit.search import SearchIndex, Wanted
from audit.settle import settle
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import START, memory_records

BY = service("test")


@pytest.fixture
def clock() -> FixedClock:
    """A clock that the test moves."""
    return FixedClock(START)


@pytest.fixture
def real_log(tmp_path: Path) -> Iterator[SocketAuditLog]:
    """The real writer in a process of its own, started on demand."""
    log = SocketAuditLog(tmp_path / "audit", tmp_path / "audit.sock")
    yield log
    log.close()


def _organisations(records: Records) -> set[str]:
    with records.read() as session:
        return set(session.scalars(select(OrganisationRow.id)))


def test_a_change_leaves_its_entry_and_its_receipt() -> None:
    """Row, entry and receipt: all three."""
    records = memory_records()
    with records.change(by=BY) as change:
        change.session.add(OrganisationRow(id="a", name="A"))
        change.record(EventName.ORGANISATION_REGISTERED, organisation="a")
    assert _organisations(records) == {"a"}
    (event,) = records.log.events  # type: ignore[attr-defined]
    assert event.change
    with records.read() as session:
        assert session.get(AuditReceipt, event.id) is not None


def test_without_its_entry_a_change_does_not_happen() -> None:
    """The log refuses: the row is not kept, the caller is told."""
    records = memory_records()

    def dead(_: object) -> list[object]:
        raise AuditUnavailable("The log's writer does not answer.")

    records.log.append = dead  # type: ignore[method-assign, assignment]
    with pytest.raises(AuditUnavailable), records.change(by=BY) as change:
        change.session.add(OrganisationRow(id="a", name="A"))
        change.record(EventName.ORGANISATION_REGISTERED, organisation="a")
    assert _organisations(records) == set()


def test_a_change_without_an_event_is_refused() -> None:
    """Nobody changes the records in silence."""
    records = memory_records()
    with pytest.raises(RuntimeError), records.change(by=BY) as change:
        change.session.add(OrganisationRow(id="a", name="A"))
    assert _organisations(records) == set()


def test_an_error_in_the_verb_leaves_neither_row_nor_entry() -> None:
    """What raises before the end happened to nobody."""
    records = memory_records()
    with pytest.raises(KeyError), records.change(by=BY) as change:
        change.session.add(OrganisationRow(id="a", name="A"))
        change.record(EventName.ORGANISATION_REGISTERED, organisation="a")
        raise KeyError("x")
    assert _organisations(records) == set()
    assert records.log.events == []  # type: ignore[attr-defined]


def test_a_change_lost_between_entry_and_commit_is_told_once(real_log: SocketAuditLog, clock: FixedClock) -> None:
    """The machine died after the entry was durable: `change.abandoned` is appended, once, after a while."""
    records = memory_records(clock)
    records.log = real_log
    lost = AuditEvent(name=EventName.PROJECT_CLOSED, at=clock.now(), by=person("asha"), project="p", change=True)
    fact = AuditEvent(name=EventName.QUERY_REFUSED, at=clock.now(), by=person("asha"), project="p")
    real_log.append([lost, fact])
    reader = LogReader(real_log.folder)
    assert settle(records, reader) == 0  # it may still be under way
    clock.at += timedelta(minutes=5)
    assert settle(records, reader) == 1
    assert settle(records, reader) == 0
    index = SearchIndex(real_log.folder, real_log.folder.parent / "index.db")
    (told,) = [event for _, event in index.find(Wanted(verb="change.abandoned"))]
    assert told.details["event"] == lost.id
    assert told.project == "p"


def test_both_logs_keep_the_ports_contract(real_log: SocketAuditLog) -> None:
    """The fake and the real one: indexes without a gap, in order, also of a batch; an unfit batch leaves nothing."""
    for log in (MemoryAuditLog(), real_log):
        events = [AuditEvent(name=EventName.QUERY_REQUESTED, at=START, by=person("a")) for _ in range(5)]
        first = log.append(events[:2])
        rest = log.append(events[2:])
        assert [one.index for one in (*first, *rest)] == [0, 1, 2, 3, 4]
        assert all(len(one.leaf) == 32 for one in (*first, *rest))
    unfit = AuditEvent(name=EventName.QUERY_REQUESTED, at=START, by=person("a"), details={"x": 1.5})
    with pytest.raises(Exception, match="float"):
        real_log.append([events[0], unfit])
    assert real_log.status()["size"] == 5


def test_a_batch_that_is_sent_again_is_not_written_twice(real_log: SocketAuditLog) -> None:
    """A lost answer makes a client ask again: the same ids give the same receipts."""
    event = AuditEvent(name=EventName.QUERY_REQUESTED, at=START, by=person("a"))
    assert real_log.append([event]) == real_log.append([event])
    assert real_log.status()["size"] == 1


def test_the_search_finds_by_each_filter_and_can_be_rebuilt(real_log: SocketAuditLog, tmp_path: Path) -> None:
    """Person with or without kind, project, dataset, verb or its beginning, times; a lost index changes nothing."""
    made = [
        AuditEvent(name=EventName.QUERY_REQUESTED, at=START, by=person("asha"), project="p"),
        AuditEvent(name=EventName.QUERY_REFUSED, at=START + timedelta(hours=1), by=person("bryn"), project="q"),
        AuditEvent(name=EventName.DELIVERY_RECEIVED, at=START + timedelta(hours=2), by=service("flows"), dataset="gp"),
    ]
    real_log.append(made)
    index = SearchIndex(real_log.folder, tmp_path / "index.db")

    def found(wanted: Wanted) -> list[int]:
        return [number for number, _ in index.find(wanted)]

    for _ in range(2):
        assert found(Wanted()) == [0, 1, 2]
        assert found(Wanted(by="asha")) == found(Wanted(by="person:asha")) == [0]
        assert found(Wanted(project="q")) == [1]
        assert found(Wanted(dataset="gp")) == [2]
        assert found(Wanted(verb="query")) == [0, 1]
        assert found(Wanted(verb="query.refused")) == [1]
        assert found(Wanted(since=START + timedelta(minutes=30), until=START + timedelta(minutes=90))) == [1]
        assert found(Wanted(limit=1)) == [2]
        index.rebuild()
