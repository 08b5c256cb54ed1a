"""A home whose records are of an older schema opens, and what stood in it stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from access.decisions import RefusedError
from access.keys import KeyRing
from access.keys.custody import KeyCustody
from access.keys.model import RoundState
from access.optouts.linkages import last_ended, mark_begun, mark_ended, under_way_since
from access.people.model import Role
from access.service import Access
from audit.clock import FixedClock
from audit.model import person
from audit.records import Base, Records
from infra.database import make_engine
from infra.migrations import configuration, upgrade
from linkage.store import all_deliveries, as_data, held_deliveries
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, START, peopled
from tests.fakes.people import invented_person
from tests.fakes.postgres import postgresql

DARIA = person("daria")
ROUND = (
    "INSERT INTO round_key (name, purpose, check_value, state, ending, created_at, created_by, used_at, used_by)"
    " VALUES ('census', 'tokens', :check, 'used', false, :at, 'person:daria', :at, 'person:daria')"
)
DELIVERY = (
    "INSERT INTO delivery (id, name, dataset, controller, contract_version, digest, state, rows, quarantined, at, by)"
    " VALUES ('d1', 'deaths-first', 'deaths', 'registrar', '1', :digest, 'received', :rows, '{}', :at, 'person:daria')"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        found = make_engine(f"sqlite:///{tmp_path / 'haven.db'}")
        yield found
        found.dispose()
        return
    with postgresql() as url:
        found = make_engine(url)
        yield found
        found.dispose()


def test_rounds_and_deliveries_from_before_they_named_each_other_stay(engine: Engine, tmp_path: Path) -> None:
    """Both are read and say nothing of what was not noted; the round ends with its certificate and tombstone."""
    ring = KeyRing.open(tmp_path / "keys")
    check = ring.rounds.create("census").check_value
    path = tmp_path / "keys" / "rounds" / "census.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({name: content[name] for name in ("version", "nonce", "sealed", "check")}))
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0004")
        connection.execute(text(ROUND), {"check": check, "at": START})
        connection.execute(text(DELIVERY), {"digest": "0" * 64, "rows": json.dumps({"deaths": 3}), "at": START})
    upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    records = Records(engine, MemoryAuditLog(), FixedClock(START))
    with records.read() as session:
        (delivery,) = all_deliveries(session)
        told = as_data(delivery)
    assert (told["rows"], told["round"], told["round_check"]) == ({"deaths": 3}, None, None)
    access = peopled(records)
    keeper = invented_person("daria", "haven", {Role.DATA_ENGINEER}, date(2027, 1, 31))
    access.register_person(keeper, by=HOUSE)
    custody = KeyCustody(ring, records, access)
    found = custody.round("census")
    assert found is not None
    assert (found.state, found.check_value, found.datasets) == (RoundState.USED, check, ())
    assert custody.destroy_round("census", by=DARIA)["statement"]["check_value"] == check
    assert [(one.name, one.check_value, one.datasets) for one in custody.ended_rounds()] == [("census", check, ())]


RUN = (
    "INSERT INTO linkage_run (id, specification, key_id, key_check, deliveries, summary, at, by, decisions)"
    " VALUES (:id, '1', 'token/spine', 'c', '[]', '{}', :at, 'service:linkage', 0)"
)


def test_what_was_published_before_linkages_were_marked_is_published_anew(engine: Engine) -> None:
    """The last linkage of before counts as one that came after every file: whether it did, nobody kept."""
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0014")
        for id, at in (("r1", START), ("r2", START + timedelta(days=1))):
            connection.execute(text(RUN), {"id": id, "at": at})
    upgrade(engine)
    with Records(engine, MemoryAuditLog(), FixedClock(START)).read() as session:
        assert (last_ended(session), under_way_since(session)) == ("r2", None)
        mark_begun(session, "r3", START)
        session.flush()
        assert (last_ended(session), under_way_since(session)) == ("r2", START)
        mark_ended(session)
        assert (last_ended(session), under_way_since(session)) == ("r3", None)


PERSON = (
    "INSERT INTO person (id, name, organisation, roles, suspended, acknowledged_on, proofing_by)"
    " VALUES (:id, :id, 'haven', :roles, :no, :on, :by)"
)
TEST = (
    "INSERT INTO person_training (person, kind, passed_on, score, ends)"
    " VALUES ('lena', 'information-governance', :on, 91, :ends)"
)


def test_tests_stay_and_who_holds_an_office_has_taken_it_up(engine: Engine) -> None:
    """Whoever acknowledged and was not invented; afterwards the haven's own account is refused, with real data."""
    day = START.date()
    people = [
        ("ida", ["auditor"], day, "service:invention"),
        ("lena", ["governance_lead"], day, "person:registrar"),
        ("adam", ["administrator"], None, "person:registrar"),
    ]
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0009")
        for id, roles, on, by in people:
            told = {"id": id, "roles": json.dumps(roles), "no": False, "on": on, "by": by}
            connection.execute(text(PERSON), told)
        connection.execute(text(TEST), {"on": day, "ends": date(2027, 3, 1)})
    upgrade(engine)
    access = Access(Records(engine, MemoryAuditLog(), FixedClock(START)), real_data=True, held=held_deliveries)
    lena = access.person("lena")
    assert lena is not None
    assert [(one.score, one.passed_on, one.ends) for one in lena.evidence.trainings] == [(91, day, date(2027, 3, 1))]
    with engine.connect() as connection:
        held = [tuple(row) for row in connection.execute(text("SELECT role, person FROM office"))]
    assert held == [("governance_lead", "lena")]
    with pytest.raises(RefusedError, match="governance_lead"):
        access.sanction(person("ida"), "a good reason", None, by=HOUSE)
    access.suspend_person("ida", by=HOUSE)  # nobody took up the administrator's yet
