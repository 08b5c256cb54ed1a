"""The records on SQLite and on PostgreSQL: one schema, and the same answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from access.decisions import RefusedError
from access.housekeeping.model import HouseworkDone
from access.housekeeping.service import Housekeeping
from access.housekeeping.store import reminders
from access.retention.store import DestructionRow, certified
from access.service import Access
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import organisation, person, service
from audit.record_version import RecordVersion
from audit.records import Base, Records
from infra.database import make_engine, open_database
from infra.migrations import SchemaUnknown, upgrade
from infra.settings import load_settings
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, START, make_live, peopled, project_file
from tests.fakes.postgres import postgresql
from tests.fakes.registers import support

pytestmark = pytest.mark.needs_postgresql


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
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
def access(engine: Engine) -> Access:
    """The people and datasets of the tests."""
    return peopled(Records(engine, MemoryAuditLog(), FixedClock(START)))


def test_the_migrations_make_exactly_the_schema_of_the_models(engine: Engine) -> None:
    """Nothing differs between what the migrations made and what the classes say."""
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    """A second upgrade of a database at the newest schema is quiet."""
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


def test_a_stamp_is_shared_only_while_nothing_changes(engine: Engine) -> None:
    """It stays while the records are only read, and is another after each commit."""
    version = RecordVersion(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE probe (n INTEGER)"))
    before = version.stamp()
    with engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM probe")).scalar()
    assert before is not None
    assert before == version.stamp()
    seen = [before]
    for number in range(3):
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO probe VALUES (:n)"), {"n": number})
            if engine.dialect.name == "sqlite":
                assert version.stamp() == seen[-1]  # not yet: others do not see it either
        seen.append(version.stamp() or "")
    assert len(set(seen)) == 4
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE probe"))


def test_approvals_answer_alike(access: Access) -> None:
    """Apply, approve, live, withdraw: the same story on each database, times with their zone."""
    access.apply(project_file(), applicant="asha", by=person("asha"))
    make_live(access)
    assert access.may_query("asha", "admissions")
    approvals = access.project("admissions").version.approvals
    assert {one.at.astimezone(UTC) for one in approvals.values()} == {START}
    scope = access.live_scope("admissions")
    assert [table.table for table in scope.tables] == ["gp_events", "hospital_episodes"]
    access.withdraw("admissions", "gp", "ended", by=organisation("gp"))
    with pytest.raises(RefusedError):
        access.live_scope("admissions")


def test_two_who_approve_at_once_leave_one_approval(access: Access) -> None:
    """A race of two delegates gives one approval and one refusal or conflict, never two entries in force."""
    access.apply(project_file(id="race"), applicant="asha", by=person("asha"))
    failures: list[BaseException] = []
    barrier = threading.Barrier(2)

    def approve() -> None:
        barrier.wait()
        try:
            access.approve("race", "gp", by=organisation("gp"))
        except Exception as error:  # noqa: BLE001 - which one it is depends on who was first
            failures.append(error)

    threads = [threading.Thread(target=approve) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 1
    assert set(access.newest("race").version.approvals) == {"gp"}


def test_a_database_of_a_newer_haven_is_refused(tmp_path: Path) -> None:
    """A schema version that is not known is refused with what to do, and left as it was."""
    settings = load_settings(tmp_path)
    (tmp_path / "records").mkdir()
    engine = open_database(settings)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaUnknown, match="newer"):
        upgrade(engine)
    engine.dispose()


def test_housekeeping_tells_each_once_though_two_run_at_once(access: Access) -> None:
    """Two runs at the same moment: each warning is one row and one entry in the log, on each database."""
    access.register_support(support(), by=HOUSE)
    told: list[list[HouseworkDone]] = []
    barrier = threading.Barrier(2)

    def keep() -> None:
        barrier.wait()
        told.append(Housekeeping(access).run(by=service("housekeeping")))

    threads = [threading.Thread(target=keep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 2
    reviews = [one for done in told for one in done if one.kind == "support-review"]
    assert [one.subject for one in reviews] == ["26/CAG/0001"]
    with access.records.read() as session:
        assert len([row for row in reminders(session) if row.kind == "support-review"]) == 1
    assert Housekeeping(access).run(by=service("housekeeping")) == []


def test_a_certificate_is_kept_as_it_was_signed(access: Access) -> None:
    """What a database gives back of a certificate is what was put into it, and there is one for a delivery."""
    made = {"statement": {"delivery": "d1", "name": "gp-first"}, "signature": "c2ln", "public_key": "a2V5"}
    with access.records.change(by=HOUSE) as change:
        change.session.add(DestructionRow(delivery="d1", certificate=made, by=HOUSE, at=change.at))
        change.record(EventName.DELIVERY_DESTRUCTION_CERTIFIED, dataset="gp", delivery="d1")
    with access.records.read() as session:
        assert certified(session) == {"d1"}
        assert session.get_one(DestructionRow, "d1").certificate == made
