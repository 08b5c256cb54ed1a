"""A small world for the airlock: people, one project, a table that passes, and a real database file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, create_engine, event

from access.decisions import Allowed, Decision, Refused, RefusedError
from audit.clock import FixedClock
from audit.model import Actor, person
from audit.records import Base, Change, Records
from environments.airlock.errors import EvidenceBroken, PeopleUnknown
from environments.airlock.imports.service import Imports
from environments.airlock.ledger.model import GroupMarks
from environments.airlock.packages.service import Packages
from environments.airlock.ports import Approvals, Inspectors, PersonSets, SealedEvidence
from environments.airlock.service import Airlock
from environments.airlock.verbs.checking import check_file
from environments.airlock.verbs.desk import Check
from environments.disclosure.sealed.model import QueryEvidence, QueryGroup
from environments.inspection.errors import InspectorsDown
from environments.inspection.inspect import inspect_file
from environments.inspection.model import Inspection
from tests.fakes.audit_log import MemoryAuditLog

ASHA, OMAR = person("asha"), person("omar")  # members of the project
CARA, DEV, EVE = person("cara"), person("dev"), person("eve")  # output checkers
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
GOOD_TABLE = b"age,sex,people\n0-39,F,120\n0-39,M,135\n40+,F,210\n40+,M,*\n"
OTHER_TABLE = b"age,sex,people\n0-39,F,125\n0-39,M,140\n40+,F,215\n40+,M,*\n"
UNROUNDED_TABLE = b"age,sex,people\n0-39,F,121\n0-39,M,135\n40+,F,210\n40+,M,3\n"
LOOKUP = b"code,meaning\nA00,Cholera\nA01,Typhoid and paratyphoid fevers\n"
WHY = "ICD-10 codes with their meaning, from the public tables, for the labels."
CONTEXT: dict[str, Any] = {
    "purpose": "Shows how many people of each group were admitted in 2025.",
    "description": "People admitted to hospital by age group and sex.",
    "population": "Everybody in the cohort with an admission in 2025.",
    "columns": {"age": "age group in years", "sex": "recorded sex", "people": "distinct people"},
    "count_column": "people",
}


@dataclass
class FakeApprovals:
    """The approvals as a test sets them."""

    people_in: dict[str, set[str]] = field(default_factory=lambda: {"falls": {"asha", "omar"}})
    checkers: set[str] = field(default_factory=lambda: {"cara", "dev", "eve"})
    engineers: set[str] = field(default_factory=lambda: {"enid"})
    live: bool = True
    version: int = 1
    profile_name: str = "hes"
    kept_vetoes: set[str] = field(default_factory=set)
    recipients: set[str] = field(default_factory=lambda: {"City Council"})
    delegates: dict[str, str] = field(default_factory=lambda: {"person:gita": "gp"})

    def may_submit(self, person: str, project: str) -> Decision:
        if person not in self.members(project):
            return Refused("project.not_a_member", "Not a member.")
        return self.standing(project)

    def may_import(self, person: str, project: str) -> Decision:
        return self.standing(project) if person in self.engineers else self.may_submit(person, project)

    def may_mirror(self, person: str, project: str) -> Decision:
        if person in self.engineers - self.members(project):
            return Allowed()
        return Refused("person.other_role", "No data engineer outside the project.")

    def may_check_output(self, person: str, project: str) -> Decision:
        if person not in self.checkers:
            return Refused("release.no_checker", "This person is no output checker.")
        if person in self.members(project):
            return Refused("release.own_project", "Nobody checks the outputs of their own project.")
        return Allowed()

    def standing(self, project: str) -> Decision:
        return Allowed() if self.live else Refused("project.withdrawn", "Withdrawn by the controller: gp.")

    def members(self, project: str) -> frozenset[str]:
        return frozenset(self.people_in.get(project, ()))

    def scope_version(self, project: str) -> int | None:
        return self.version if self.live else None

    def profile(self, project: str) -> str:
        return self.profile_name

    def output_checkers(self) -> frozenset[str]:
        return frozenset(self.checkers)

    def vetoes(self, project: str) -> frozenset[str]:
        return frozenset(self.kept_vetoes)

    def may_receive(self, recipient: str, project: str) -> Decision:
        if recipient in self.recipients:
            return Allowed()
        return Refused("release.recipient_unknown", "The recipient is no registered organisation.")

    def may_acknowledge(self, by: Actor, recipient: str) -> Decision:
        if by in (f"person:{recipient}", f"organisation:{recipient}"):
            return Allowed()
        return Refused("release.not_the_recipient", "Only who was told acknowledges.")

    def certify_release(
        self, change: Change, project: str, version: int, request: str, *, offered: datetime
    ) -> str | None:
        return f"certificate-of-{version}"

    def may_decide_for(self, by: Actor, controller: str, project: str) -> Decision:
        if by == f"organisation:{controller}" or self.delegates.get(by) == controller:
            return Allowed()
        return Refused("release.not_delegate", f"Only {controller}'s delegate decides here.")


@dataclass
class FakeEvidence:
    """Evidence as a test lays it down: by project and query; broken: what does not verify."""

    sealed: dict[tuple[str, str], QueryEvidence] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def of(self, project: str, query: str) -> QueryEvidence | None:
        if query in self.broken:
            raise EvidenceBroken("The sealed evidence of a query does not verify.")
        return self.sealed.get((project, query))


@dataclass
class FakePeople:
    """Who stands behind queries. As long as a test says nothing else: as many people as were counted, the same in every
    query for a group of one key, none in two groups, of a figure the first of them.

    of_group: marks by query and key; unknown: queries of which nobody can tell any more.
    """

    evidence: FakeEvidence
    of_group: dict[tuple[str, tuple[object, ...]], list[int]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def of(self, project: str, query: str) -> Mapping[tuple[object, ...], GroupMarks]:
        if query in self.unknown:
            raise PeopleUnknown("The project's data were published anew.", mend="Ask the query again.")
        found = self.evidence.of(project, query)
        return {one.key: self._marks(query, one) for one in found.groups} if found else {}

    def _marks(self, query: str, group: QueryGroup) -> GroupMarks:
        first = int.from_bytes(hashlib.sha256(repr(group.key).encode()).digest()[:6], "big") << 16
        marks = np.array(self.of_group.get((query, group.key), range(first, first + group.people)), dtype=np.uint64)
        return GroupMarks(marks, tuple(marks[: one.people] for one in group.figures))


@dataclass
class FakeInspectors:
    """The real inspectors in this process. rules: as a test says; down: nothing can be looked into."""

    rules: str = "rules-of-now"
    down: bool = False
    pseudonyms: set[str] = field(default_factory=set)
    looked: list[str] = field(default_factory=list)

    def look(self, project: str, name: str, content: bytes) -> Inspection:
        if self.down:
            raise InspectorsDown("The file could not be looked into.")
        self.looked.append(name)
        return inspect_file(name, content, is_pseudonym=self.pseudonyms.__contains__)


@dataclass
class World:
    """The airlock and what stands around it."""

    folder: Path
    check: Check = check_file
    engine: Engine | None = None  # migrated; else a fresh SQLite file

    def __post_init__(self) -> None:
        self.approvals = FakeApprovals()
        self.evidence = FakeEvidence()
        self.people = FakePeople(self.evidence)
        self.inspectors = FakeInspectors()
        self.clock = FixedClock(START)
        self.log = MemoryAuditLog()
        if self.engine is None:
            self.engine = create_engine(f"sqlite:///{self.folder / 'records.db'}")
            event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
            Base.metadata.create_all(self.engine)
        self.records = Records(self.engine, self.log, self.clock)
        self.outbox, self.register = self.folder / "outbox", self.folder / "register"
        self.rest_on(self.evidence)

    def rest_on(self, evidence: SealedEvidence, people: PersonSets | None = None) -> None:
        """An airlock that reads this evidence, and knows these people behind it."""
        port: Approvals = self.approvals
        places = (self.folder / "airlock", self.outbox, self.register)
        inspectors: Inspectors = self.inspectors
        self.airlock = Airlock(
            self.records, port, *places, KEY, evidence=evidence, people=people or self.people,
            key_of=lambda name: hashlib.sha256(name.encode()).digest(), inspectors=inspectors, check=self._checked,
        )  # fmt: skip

    @property
    def imports(self) -> Imports:
        """The other side: what comes in."""
        return Imports(self.records, self.approvals, self.folder / "airlock" / "imports", self.folder / "imports", KEY)

    @property
    def packages(self) -> Packages:
        """The curated index."""
        return Packages(self.records, self.approvals, self.folder / "packages")

    def brought_in(self, name: str = "chapters.csv", content: bytes = LOOKUP) -> str:
        """A request of Asha's to bring a file in; its number."""
        return self.imports.request("falls", [(name, content)], WHY, by=ASHA).id

    def _checked(self, *arguments: Any) -> Any:
        return self.check(*arguments)

    @property
    def events(self) -> list[str]:
        """The names of what was recorded, in order."""
        return [event.name.value for event in self.log.events]

    def submitted(self, table: bytes = GOOD_TABLE, **context: Any) -> str:
        """A request of Asha's that waits for the checkers; its number."""
        return self.airlock.submit("falls", "admissions.csv", table, {**CONTEXT, **context}, by=ASHA).id

    def approved(self, table: bytes = GOOD_TABLE, **context: Any) -> str:
        """A request that two checkers approved; its number."""
        request = self.submitted(table, **context)
        self.airlock.decide(request, True, by=CARA)
        self.airlock.decide(request, True, by=DEV)
        return request

    def released(self, table: bytes = GOOD_TABLE, **context: Any) -> str:
        """A request that is out; its number."""
        request = self.approved(table, **context)
        self.airlock.release(request, by=CARA)
        return request

    def close(self) -> None:
        """Let go of the database."""
        if self.engine is not None:
            self.engine.dispose()


def refusal_of(call: object, *arguments: object, **named: object) -> str:
    """The code with which this is refused."""
    with pytest.raises(RefusedError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.refused.code
