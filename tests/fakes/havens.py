"""Records in memory, a clock that is moved by hand, and a haven's people and datasets, for tests of approvals."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from access.organisations.model import DatasetEntry
from access.people.model import Role
from access.projects.file import ProjectFile
from access.projects.model import Outcome
from access.projects.policies import RELEASE_TEST
from access.service import Access
from audit.clock import FixedClock
from audit.model import AuditEvent, organisation, person, service
from audit.records import Base, Records
from linkage.store import held_deliveries
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.people import assessed, invented_person
from tests.fakes.postgres import STORIES_DATABASE, database_of_its_own

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOUSE = service("administration")
GP = DatasetEntry(
    "gp",
    "gp",
    "https://gp.example/notice",
    "nhs_england_sde",
    {"gp_patients": {"sex": "code", "year_of_birth": "integer"}, "gp_events": {"event_date": "date", "code": "code"}},
)
HOSPITAL = DatasetEntry(
    "hospital",
    "hospital",
    "https://hospital.example/notice",
    "nhs_england_sde",
    {"hospital_episodes": {"admidate": "date", "diag_4_01": "code"}},
)
PEOPLE = (
    ("asha", "university", {Role.RESEARCHER}),
    ("bryn", "university", {Role.RESEARCHER}),
    ("carys", "university", {Role.COMMISSIONER}),
    ("dev", "haven", {Role.OUTPUT_CHECKER}),
    ("ewa", "haven", {Role.OUTPUT_CHECKER, Role.RESEARCHER}),
    ("gwen", "gp", {Role.CONTROLLER_DELEGATE}),
    ("hari", "hospital", {Role.CONTROLLER_DELEGATE, Role.RESEARCHER}),
    ("greta", "haven", {Role.CALDICOTT_GUARDIAN}),
    ("lena", "haven", {Role.GOVERNANCE_LEAD}),
    ("sian", "haven", {Role.ANONYMISATION_AUTHORISER}),
)
PROJECT = {
    "id": "admissions",
    "title": "Admissions of people with diabetes",
    "lay_summary": "How many people with diabetes are admitted, so that nurses can be where they are needed.",
    "purpose": "research",
    "legal_basis": "synthetic-data",
    "lead": "asha",
    "people": ["asha", "ewa"],
    "datasets": {
        "gp": {"tables": {"gp_events": {"columns": {"code": "defines the cohort", "event_date": "order of events"}}}},
        "hospital": {"tables": {"hospital_episodes": {"columns": {"admidate": "the outcome itself"}}}},
    },
    "cohort": [{"table": "gp_events", "column": "code", "op": "=", "values": ["44054006"]}],
    "disclosure_profile": "nhs_england_sde",
    "ends": date(2027, 3, 1),
}
_registered: dict[tuple[bool, datetime], tuple[bytes, list[AuditEvent], dict[str, str]]] = {}
"""Databases with the above registered, and what the log then held: by whether real data are held, and the moment."""


def memory_records(clock: FixedClock | None = None, engine: Engine | None = None) -> Records:
    """Records in an SQLite database in memory (or on `engine`), with a log in memory.

    Where HAVEN_TESTS_POSTGRESQL names a server, in a database of their own there.
    """
    import access.keys.store
    import access.optouts.store  # noqa: F401 - their tables; the others come with access.service

    engine = engine or _fresh_engine()
    if not _of_stories(engine):  # those are copies of a database with all tables
        Base.metadata.create_all(engine)
    return Records(engine, MemoryAuditLog(), clock or FixedClock(START))


def _fresh_engine() -> Engine:
    if url := os.environ.get(STORIES_DATABASE):
        return database_of_its_own(url)
    return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})


def _of_stories(engine: Engine) -> bool:
    return STORIES_DATABASE in os.environ and engine.dialect.name == "postgresql"


def peopled(records: Records, *, real_data: bool = False) -> Access:
    """The organisations, people and datasets above, registered: once in a process, then copied where that is alike."""
    access = Access(records, real_data=real_data, held=held_deliveries)
    log, alike = records.log, (real_data, records.clock.now())
    if not (isinstance(log, MemoryAuditLog) and not log.events and isinstance(records.engine.pool, StaticPool)):
        _register_everything(access)
        return access
    with closing(records.engine.raw_connection()) as connection:
        database = connection.driver_connection
        assert isinstance(database, sqlite3.Connection)
        if alike not in _registered:
            _register_everything(access)
            _registered[alike] = (database.serialize(), list(log.events), dict(log.texts))
        else:
            content, events, texts = _registered[alike]
            database.deserialize(content)
            log.events.extend(events)
            log.texts.update(texts)
    return access


def _register_everything(access: Access) -> None:
    for name in ("university", "haven", "gp", "hospital"):
        access.register_organisation(assessed(name), by=HOUSE)
    for name, employer, roles in PEOPLE:
        access.register_person(invented_person(name, employer, roles, date(2027, 1, 31)), by=HOUSE)
    for entry in (GP, HOSPITAL):
        access.register_dataset(entry, by=HOUSE)


def with_engineer(records: Records, name: str = "data-engineer") -> Access:
    """A data engineer of the haven, registered and trained on the day of the records' clock."""
    access, today = Access(records, real_data=False, held=held_deliveries), records.clock.now().date()
    access.register_organisation(assessed("haven", today=today), by=HOUSE)
    access.register_person(invented_person(name, "haven", {Role.DATA_ENGINEER}, today=today), by=HOUSE)
    return access


def project_file(**changes: object) -> ProjectFile:
    """The project above, with changes."""
    return ProjectFile.model_validate(PROJECT | changes)


ANSWERS = dict.fromkeys(RELEASE_TEST, "Considered, and in order.")


def endorse(access: Access, project: str = "admissions", guardian: str = "greta") -> None:
    """The Guardian approves the newest version."""
    access.endorse(project, Outcome.APPROVED, ANSWERS, by=person(guardian))


def make_live(access: Access, project: str = "admissions", controllers: tuple[str, ...] = ("gp", "hospital")) -> None:
    """Every controller and the Guardian approve the newest version as it is."""
    for controller in controllers:
        access.approve(project, controller, by=organisation(controller))
    endorse(access, project)
