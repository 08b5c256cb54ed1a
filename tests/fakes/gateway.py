"""A gateway of the tests' own: real records, a real scope file built from a research zone, real worker processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from access.optouts.disclosures import Disclosures
from access.service import Access
from audit.client import SocketAuditLog
from audit.clock import FixedClock
from audit.model import person, service
from audit.records import Records
from environments.gateway.brakes.policies import BrakePolicy
from environments.gateway.core import QueryCore
from environments.gateway.doors import Doors
from environments.gateway.enclosure import Enclosure
from environments.gateway.evidence.sealed import EvidenceFolder
from environments.gateway.listed import PeopleOfQueries
from environments.gateway.model import Asker, QueryLimits
from environments.gateway.texts import TextStore
from environments.gateway.web import build_app
from environments.gateway.workers import WorkerPool
from environments.workspaces.machine import sandbox_program, worker_filter
from infra.database import make_engine
from infra.person_sets import KeysOfProjects, LedgerSets
from infra.published import GatewayApprovals, GatewayScopes
from linkage.optouts.gate import OptOutGate
from linkage.scopes.service import ScopePublisher
from linkage.separation.ports import runner_of
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import START, make_live, memory_records, peopled, project_file
from tests.fakes.zones import LinkageBench

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs"))
HUB_CODE = ROOT / "clients" / "haven-hub"


def enclosure() -> Enclosure:
    """What workers are enclosed in: the real program and the real filter of calls, of the hub's environment."""
    hub = ENVIRONMENTS / "hub"
    program, call_filter = sandbox_program(hub), worker_filter(hub, HUB_CODE)
    if program is None or call_filter is None:
        raise FileNotFoundError("the hub's environment is not there: python3 scripts/install.py hub")
    return Enclosure(program, HUB_CODE / "haven_hub" / "confine.py", call_filter)


ENCLOSURE = enclosure()
WORKER_MEMORY = "1GB"
CLIENT = Path(__file__).resolve().parents[2] / "clients" / "haven-client"
ASHA = Asker("asha", "admissions")
OUTSIDER = "9990000042"
SECONDS_TO_HANG = 120
"""Of a query that would take days: what is not cut fails the test, however busy the machine is."""


@dataclass
class GatewayForTests:
    """Everything that stands, with what can be changed."""

    access: Access
    records: Records
    log: MemoryAuditLog
    core: QueryCore
    doors: Doors
    workers: WorkerPool
    publisher: ScopePublisher
    folder: Path
    evidence: EvidenceFolder
    people: LedgerSets

    async def ask(self, sql: str, parameters: object = None, asker: Asker = ASHA) -> pa.Table:
        """Ask the core as the doors do; the whole result."""
        query = await self.core.start(asker, sql, parameters)  # type: ignore[arg-type]
        parts = [part async for part in self.core.stream(query, sql, parameters)]  # type: ignore[arg-type]
        return pa.ipc.open_stream(b"".join(parts)).read_all()

    def names(self) -> list[str]:
        """The events so far."""
        return [event.name.value for event in self.log.events]


async def until_running(stands: GatewayForTests, asked: asyncio.Task[Any]) -> None:
    """Wait until what was asked is in the log as requested and a worker runs; or is over, which its awaiting tells."""
    while not asked.done() and not (stands.names()[-1] == "query.requested" and stands.workers.running):
        await asyncio.sleep(0.01)


def _patients(count: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for number in range(count):
        rows.append(
            {
                "local_id": f"p{number}",
                "surname": f"Name{number}",
                "forenames": "Zara",
                "date_of_birth": f"19{50 + number % 40}-03-{10 + number % 18}",
                "sex": "F",
                "event_date": f"2026-02-{1 + number % 27:02d}",
                "code": "44054006" if number % 2 else OUTSIDER,
                "value": number * 1.0,
            }
        )
    return rows


def disclosures_of(records: Records) -> Disclosures:
    """What disclosures must heed, where a list may be a week old."""
    return Disclosures(records, longest=timedelta(days=7), real_data=False)


def prepared(home: Path, people: int = 400) -> tuple[LinkageBench, Access, ScopePublisher, MemoryAuditLog]:
    """Linked data of two controllers, and a live, published project over them; the records are in a file."""
    log = MemoryAuditLog()
    records = memory_records(FixedClock(START), make_engine(f"sqlite:///{home / 'records.db'}"))
    records.log = log
    bench = LinkageBench(home, records)
    access = peopled(records)
    columns = {"event_date": "DATE", "code": "VARCHAR"}
    bench.deliver("gp", "gp_events", _patients(people), columns)
    episodes = [row | {"admidate": row["event_date"]} for row in _patients(people // 2)]
    bench.deliver("hospital", "hospital_episodes", episodes, {"admidate": "DATE"})
    bench.linker.link(by=service("linkage"))
    access.apply(project_file(), applicant="asha", by=person("asha"))
    make_live(access)
    gate = OptOutGate(runner_of(bench.zones), disclosures_of(records), records, test_range=True)
    publisher = ScopePublisher(bench.zones, bench.keyring, records, home / "scopes", gate=gate)
    publisher.publish(access.live_scope("admissions"), by=service("publisher"))
    return bench, access, publisher, log


@asynccontextmanager
async def gateway(
    limits: QueryLimits | None = None,
    people: int = 400,
    brakes: BrakePolicy | None = None,
    *,
    as_installed: bool = False,
    memory: str = WORKER_MEMORY,
) -> AsyncIterator[GatewayForTests]:
    """A gateway over that project, with its watch running; as_installed: with the log's writer, too.

    Records are on disk: the watch and a test's change are two threads, which share no connection then.
    """
    home = Path(tempfile.mkdtemp(prefix="hg-"))
    bench, access, publisher, log = await asyncio.to_thread(prepared, home, people)
    texts: TextStore = log
    if as_installed:
        texts = bench.records.log = SocketAuditLog(home / "audit", home / "s")
    workers = WorkerPool(home / "w", memory=memory, threads=2, idle_seconds=60, enclosure=ENCLOSURE)
    scopes = GatewayScopes(access, bench.records, bench.keyring, home / "scopes", disclosures_of(bench.records))
    core = QueryCore(
        bench.records,
        GatewayApprovals(access, scopes),
        scopes,
        workers,
        texts,
        limits or QueryLimits(),
        evidence := EvidenceFolder(
            home / "evidence", bench.keyring.evidence_key, bench.keyring.signing_key("evidence")
        ),
        brakes or BrakePolicy(),
    )
    doors = Doors(build_app(core), core, home / "doors")
    watching = asyncio.create_task(core.watch())
    try:
        people = _people(home, evidence, scopes, bench, log)
        yield GatewayForTests(access, bench.records, log, core, doors, workers, publisher, home, evidence, people)
    finally:
        watching.cancel()
        await doors.close_all()
        await core.close()
        for folder in (home / "scopes").glob("*"):
            folder.chmod(0o700)
        shutil.rmtree(home, ignore_errors=True)


def _people(
    home: Path, evidence: EvidenceFolder, scopes: GatewayScopes, bench: LinkageBench, log: MemoryAuditLog
) -> LedgerSets:
    """Who stands behind its queries, as the release ledger asks: not within the loop that the gateway runs in."""

    def pool(folder: Path) -> WorkerPool:
        return WorkerPool(folder, memory=WORKER_MEMORY, threads=2, idle_seconds=60, enclosure=ENCLOSURE)

    keys = KeysOfProjects(bench.keyring, bench.records)
    return LedgerSets(evidence, scopes, PeopleOfQueries(home / "l", pool, log, bench.records, scopes), keys)


def client() -> None:
    """Put the client distribution on the path, as a workspace has it."""
    if str(CLIENT) not in sys.path:
        sys.path.append(str(CLIENT))
