"""A haven with linked people, a project over them, and the gate of opt-outs; a mailbox and its service too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import duckdb

from access.optouts.disclosures import Disclosures
from access.optouts.service import OptOuts
from access.projects.scope import Scope
from access.service import Access
from audit.events import EventName
from audit.model import person, service
from audit.records import Records
from linkage.errors import LinkageError
from linkage.optouts.errors import MailboxAway
from linkage.optouts.form import read, written
from linkage.optouts.gate import OptOutGate
from linkage.optouts.model import MailboxMessage
from linkage.optouts.service import OptOutLists
from linkage.scopes.service import ScopePublisher, ScopeSummary
from linkage.scopes.store import current_scope
from linkage.separation.here import InThisProcess
from tests.fakes.havens import peopled, project_file
from tests.fakes.papers import REAL, approve_all
from tests.fakes.zones import LinkageBench

BY = service("test")
OURS, NATIONAL, WORKFLOW = "HAVEN1", "SPINE1", "SPINE_NTT_UPHOLDING"
COLUMNS = {"gp": {"event_date": "DATE", "code": "VARCHAR"}, "hospital": {"admidate": "DATE", "diag_4_01": "VARCHAR"}}
TABLES = {"gp": "gp_events", "hospital": "hospital_episodes"}
LONGEST = timedelta(days=7)
Row = Mapping[str, object]


@dataclass
class MemoryMesh:
    """MESH in memory: a mailbox of ours and the service that answers. opted_out: numbers; away: is it not there now?"""

    opted_out: set[str] = field(default_factory=set)
    answers: bool = True
    away: bool = False
    sent: list[str] = field(default_factory=list)
    inbox: dict[str, MailboxMessage] = field(default_factory=dict)
    mailbox: str = OURS
    recipient: str = NATIONAL
    workflow: str = WORKFLOW
    patience: timedelta = timedelta(hours=2)

    @contextmanager
    def opened(self) -> Iterator[MemoryMesh]:
        """As the port says."""
        if self.away:
            raise MailboxAway("MESH cannot be used now.")
        yield self

    def find_sent(self, local_id: str) -> bool:
        """As the port says."""
        return local_id in self.sent

    def send(self, local_id: str, content: bytes) -> None:
        """The service answers at once, where it does."""
        self.sent.append(local_id)
        if self.answers:
            good = written(number for number in read(content) or [] if number not in self.opted_out)
            self.put(f"m{len(self.sent)}", local_id, good)

    def put(self, name: str, local_id: str, content: bytes, **changes: object) -> None:
        """A message comes."""
        facts = {"sender": NATIONAL, "workflow": WORKFLOW, "report": False, **changes}
        self.inbox[name] = MailboxMessage(id=name, local_id=local_id, content=content, **facts)  # type: ignore[arg-type]

    def waiting(self) -> list[str]:
        """As the port says."""
        return list(self.inbox)

    def take(self, message: str, most: int) -> MailboxMessage:
        """As the port says."""
        found = self.inbox[message]
        return MailboxMessage(
            found.id, found.sender, found.workflow, found.local_id, found.report, found.content[: most + 1]
        )

    def acknowledge(self, message: str) -> None:
        """As the port says."""
        self.inbox.pop(message, None)


@dataclass
class OptOutHaven:
    """Zones with people, records, and everything that opt-outs pass through."""

    home: Path
    mesh: MemoryMesh = field(default_factory=MemoryMesh)
    longest: timedelta | None = LONGEST
    given: Records | None = None

    def __post_init__(self) -> None:
        self.bench = LinkageBench(self.home, self.given)
        self.records, self.clock = self.bench.records, self.bench.clock
        self.access: Access = peopled(self.records)
        self.optouts = OptOuts(self.records, self.access)
        self.runner = InThisProcess(self.bench.zones, mailbox=self.mesh)
        self.disclosures = Disclosures(self.records, longest=self.longest, real_data=False)
        gate = OptOutGate(self.runner, self.disclosures, self.records, test_range=True)
        self.publisher = ScopePublisher(
            self.bench.zones, self.bench.keyring, self.records, self.home / "scopes", gate=gate
        )
        self.lists = self.lists_through(self.runner)

    def lists_through(self, runner: InThisProcess, pause: Callable[[float], None] = lambda _: None) -> OptOutLists:
        """The list's verbs, on another mailbox."""
        key = self.bench.keyring.signing_key("certificate")
        return OptOutLists(runner, self.records, self.access, key, longest=self.longest, test_range=True, pause=pause)

    def people(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Deliveries by dataset, linked."""
        for dataset, found in rows.items():
            self.bench.deliver(dataset, TABLES[dataset], found, COLUMNS[dataset])
        self.bench.linker.link(by=BY)

    def live(self, name: str = "admissions", applicant: str = "asha", **changes: object) -> Scope:
        """A live project; its scope. Without a cohort, on section 251, unless said otherwise."""
        file = project_file(**(REAL | {"id": name, "cohort": []} | changes))
        self.access.apply(file, applicant=applicant, by=person(applicant))
        approve_all(self.access, file)
        return self.access.live_scope(name)

    def refresh(self, opted_out: Iterable[str]) -> str:
        """A list in which these opted out; its id."""
        self.clock.at += timedelta(seconds=1)
        self.mesh.opted_out = set(opted_out)
        return self.lists.refresh(by=BY, wait=True).list.id

    def publish(self, project: str = "admissions") -> ScopeSummary:
        """Publish what the project may see now."""
        self.clock.at += timedelta(seconds=1)
        return self.publisher.publish(self.access.live_scope(project), by=BY)

    def codes(self, project: str = "admissions") -> dict[str, list[str]]:
        """What stands in the project's file: by table the first column after the pseudonym's two, sorted."""
        with self.records.read() as session:
            row = current_scope(session, project)
        if row is None:
            raise LinkageError("nothing is published")
        key = self.bench.keyring.scope_file_key(project, row.version)
        with duckdb.connect() as connection:
            file = str(self.home / "scopes" / row.file)
            connection.execute("ATTACH ? AS scope (ENCRYPTION_KEY ?, READ_ONLY)", [file, key])
            found = {}
            for table, columns in row.tables.items():
                name = next(column for column in columns if column not in ("pseudonym", "linked"))
                rows = connection.execute(f'SELECT "{name}"::TEXT FROM scope.main."{table}"').fetchall()
                found[table] = sorted(str(value) for (value,) in rows)
            return found

    def name_objector(self, number: str, objection: str) -> None:
        """As the linkage zone is told whose wish an objection is."""
        told = {"number": number, "objection": objection, "at": "2026-03-01T09:00:00", "test_range": True}
        self.runner.run("optouts.name_objector", told)

    def clock_on(self) -> None:
        """A second passes: what is decided now is later than what was decided before."""
        self.clock.at += timedelta(seconds=1)

    def close(self) -> None:
        """Published scopes lie in read-only folders."""
        for folder in (self.home / "scopes").glob("*"):
            folder.chmod(0o700)


def one(local: str, number: str | None, name: str, **payload: object) -> Row:
    """A person as a controller records them."""
    letters = "".join(part for part in name if part.isalpha())
    place = ord(letters[0]) - ord("A")  # nobody is taken for another: no two have a birthday or a postcode in common
    return {
        "local_id": local, "nhs_number": number, "surname": f"Sur{letters}", "forenames": f"Fore{letters}",
        "date_of_birth": f"19{40 + place}-02-{1 + place:02d}", "sex": "F", "postcode": f"LS{1 + place} 1AA",
        "event_date": "2026-02-01",
        "admidate": "2026-02-02", **payload,
    }  # fmt: skip


def names(haven: OptOutHaven) -> list[EventName]:
    """The events so far."""
    return [event.name for event in haven.records.log.events]  # type: ignore[attr-defined]
