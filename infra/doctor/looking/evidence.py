"""Can the records be opened and asked, and what does the log's edge show? Nothing is migrated, nothing appended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from access.decisions import Refused
from audit.client import SocketAuditLog
from audit.clock import SystemClock
from audit.errors import AuditUnavailable
from audit.glance import glance
from infra.doctor.facts import LogFacts, RecordsFacts
from infra.doctor.looking.running import state_of
from infra.doctor.model import Finding, Standing
from infra.doctor.policies import evidence as policies
from infra.settings import Settings

NOBODY, NOTHING = "nobody-whom-anybody-knows", "no-project-that-is"


def records(settings: Settings) -> Iterator[Finding]:
    """The database and its schema; then whether approvals can be looked up in it."""
    from infra.database import make_engine
    from infra.migrations import HEAD, current_version

    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():  # to connect would make it
        yield policies.records(RecordsFacts("sqlite", there=False, version=None, newest=HEAD))
        return
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            facts = RecordsFacts(url.get_backend_name(), True, current_version(connection), HEAD)
    except SQLAlchemyError as error:  # its own text may hold the password
        facts = RecordsFacts(url.get_backend_name(), True, None, HEAD, error=type(error).__name__)
    finding = policies.records(facts)
    yield finding
    if finding.standing is Standing.HOLDS:
        yield policies.look_up(_look_up(settings, engine))
    engine.dispose()


def _look_up(settings: Settings, engine: Engine) -> str | None:
    from access.service import Access
    from audit.records import Records
    from infra.migrations import load_tables
    from linkage.store import held_deliveries

    load_tables()
    log = SocketAuditLog(settings.audit_folder, settings.audit_socket, start_writer=False)
    access = Access(
        Records(engine, log, SystemClock()),
        real_data=settings.real_data,
        held=held_deliveries,
        organisation=settings.organisation,
    )
    try:
        decision = access.may_open_workspace(NOBODY, NOTHING)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding; its own text may quote a row
        return f"failed ({type(error).__name__})"
    return None if isinstance(decision, Refused) else "somebody whom nobody knows may open a workspace"


def log(settings: Settings) -> Iterator[Finding]:
    """The writer's answer, the edge of the log, and the age of its newest checkpoint."""
    seen = glance(settings.audit_folder)
    age = None if seen.at is None else datetime.now(UTC) - seen.at
    facts = LogFacts(
        seen.signed, seen.unsigned, age, seen.problem, state_of(settings) is not None, _writer_answers(settings)
    )
    yield from policies.log(facts)


def _writer_answers(settings: Settings) -> bool:
    client = SocketAuditLog(settings.audit_folder, settings.audit_socket, start_writer=False)
    try:
        client.status()
    except AuditUnavailable:
        return False
    finally:
        client.close()
    return True
