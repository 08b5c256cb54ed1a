"""What does a scope cost? Ten million rows to five million of six columns, beside a plain copy of the same rows."""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from access.keys import KeyRing
from access.projects.scope import ColumnScope, Condition, Scope, TableScope
from audit.clock import SystemClock
from audit.model import service
from audit.records import Base, Records
from linkage.scopes.service import ScopePublisher
from linkage.zones import ZonePlan, Zones
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.gates import OpenGate

NAME = "scopes: 10 million rows of 1 million people to the 5 million of half of them, six columns"
COLUMNS = ("code", "event_date", "value", "unit")
SCOPE = Scope(
    "bench",
    1,
    (TableScope("gp", "gp", "gp_events", tuple(ColumnScope(name) for name in COLUMNS)),),
    (Condition("gp_events", "code", "=", ("c1",)),),
    date(2030, 1, 1),
    "nhs_england_sde",
)


def run(quick: bool) -> list[tuple[str, float, str]]:
    """Seconds, their ratio, and rows a second."""
    rows = 1_000_000 if quick else 10_000_000
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        keyring = KeyRing.open(home / "keys")
        zones = Zones(ZonePlan.under(home), keyring)
        with zones.research() as zone:
            _fill(zone, rows)
        publisher = ScopePublisher(zones, keyring, _records(), home / "scopes", gate=OpenGate())
        started = time.perf_counter()
        summary = publisher.publish(SCOPE, by=service("bench"))
        published = time.perf_counter() - started
        copied = _plain_copy(home, rows)
        for folder in (home / "scopes").glob("*"):
            folder.chmod(0o700)
    kept = summary.rows["gp_events"]
    return [
        ("rows in the zone", rows, "rows"),
        ("rows in the scope", kept, "rows"),
        ("publish: cohort, pseudonyms, order, encryption", published, "s"),
        ("plain copy of the same rows, in the clear, unordered", copied, "s"),
        ("ratio", published / copied, "times"),
        ("rate", kept / published, "rows/s"),
    ]


def _fill(zone: duckdb.DuckDBPyConnection, rows: int) -> None:
    """People 0, 1, 2...; every second one has a row of code c1."""
    people = rows // 10
    zone.execute(
        f"CREATE TABLE gp_events AS SELECT 'd' AS delivery, md5((i % {people})::TEXT)::UUID AS person, true AS linked,"
        f" CASE WHEN i < {people} AND i % 2 = 0 THEN 'c1' ELSE 'c' || (2 + i % 900) END AS code,"
        " DATE '2020-01-01' + (i % 2000)::INTEGER AS event_date, (i % 777) * 0.1 AS value, 'mmol/L' AS unit"
        f" FROM range({rows}) r(i)"
    )


def _plain_copy(home: Path, rows: int) -> float:
    with duckdb.connect(str(home / "plain.duckdb")) as connection:
        _fill(connection, rows)
        connection.execute("ATTACH ? AS target", [str(home / "copy.duckdb")])
        started = time.perf_counter()
        connection.execute(
            "CREATE TABLE target.gp_events AS SELECT person, linked, code, event_date, value, unit FROM gp_events"
            " WHERE person IN (SELECT person FROM gp_events WHERE code = 'c1')"
        )
        connection.execute("DETACH target")
        return time.perf_counter() - started


def _records() -> Records:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    return Records(engine, MemoryAuditLog(), SystemClock())
