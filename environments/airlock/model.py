"""What is a request to release? Files sealed under their hashes, the verdicts on them, and every move it made.

Verdicts count in their own round and for the hash they were given for: a changed byte voids them (rules/airlock.md, 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from audit.model import Json
from environments.airlock.imports.states import ImportState
from environments.airlock.packages.states import PackageState
from environments.airlock.states import OWNER, ReleaseState
from environments.inspection.model import FileFinding, FileType, FindingCode


class Gate(StrEnum):
    """Where the files go. Three different gates: what passed one has not passed another (rule 11)."""

    TO_RESEARCHER = "to_researcher"
    TO_COMMISSIONER = "to_commissioner"
    TO_PUBLIC = "to_public"


@dataclass(frozen=True)
class InspectionRecord:
    """What the inspector of a file's type said of it, by which rules; kept with the request.

    offered: SHA-256 of the bytes that the author offered. Where the file was written anew from them, its own hash is
    another one, and `mended` is what was found in theirs and is gone. findings: what keeps the file from leaving.
    """

    rules: str
    type: FileType | None
    offered: str
    findings: tuple[FileFinding, ...] = ()
    more: int = 0
    mended: tuple[FileFinding, ...] = ()

    def holds(self, rules: str) -> bool:
        """Does it still say what these rules would? An inspection that did not end says nothing."""
        return self.rules == rules and all(one.code is not FindingCode.NOT_INSPECTED for one in self.findings)

    def as_data(self) -> dict[str, Json]:
        """For the records, and for a program."""
        return {
            "rules": self.rules,
            "type": self.type and self.type.value,
            "offered_sha256": self.offered,
            "findings": [{**one.as_data()} for one in self.findings],
            "more": self.more,
            "mended": [{**one.as_data()} for one in self.mended],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> InspectionRecord:
        """As it was kept."""
        findings, mended = (
            tuple(FileFinding(FindingCode(one["code"]), one["what"], one["where"], one["mend"]) for one in data[key])
            for key in ("findings", "mended")
        )
        kind = None if data["type"] is None else FileType(data["type"])
        return cls(data["rules"], kind, data["offered_sha256"], findings, data["more"], mended)


@dataclass(frozen=True)
class ReleaseFile:
    """One sealed file of one round. sha256: of its bytes; content: of its cells, however they are written.

    inspection: what was found in it.
    """

    id: str
    round: int
    name: str
    sha256: str
    content: str
    size: int
    uploader: str
    context: Mapping[str, Json]
    problems: tuple[str, ...]
    at: datetime
    inspection: InspectionRecord | None = None

    @property
    def hashes(self) -> frozenset[str]:
        """Every hash by which what it holds is known: of its bytes, its cells, and the bytes that were offered."""
        offered = {self.inspection.offered} if self.inspection else set()
        return frozenset({self.sha256, self.content} | offered)


@dataclass(frozen=True)
class Verdict:
    """What one person said of one file, for its hash. controller: for whose veto, None for an output checker's."""

    round: int
    file: str
    sha256: str
    by: str
    controller: str | None
    approve: bool
    comment: str
    at: datetime


@dataclass(frozen=True)
class Move:
    """One change of state, of a release, an import or a package; event: its entry in the audit log."""

    before: ReleaseState | ImportState | PackageState | None
    after: ReleaseState | ImportState | PackageState
    by: str
    reason: str | None
    event: str
    at: datetime


@dataclass(frozen=True)
class Recipient:
    """Somebody who was told of a recall, and when they acknowledged it."""

    name: str
    notified: datetime
    acknowledged: datetime | None = None


@dataclass(frozen=True)
class ReleaseRequest:
    """A request, as it stands. every_file and every_verdict hold all rounds; `files` and `verdicts` the current one."""

    id: str
    project: str
    gate: Gate
    recipient: str | None
    state: ReleaseState
    author: str
    round: int
    profile: str
    scope_version: int
    members: frozenset[str]
    checkers: frozenset[str]
    vetoes: frozenset[str]
    held: str | None
    created: datetime
    moved: datetime
    every_file: tuple[ReleaseFile, ...] = ()
    every_verdict: tuple[Verdict, ...] = ()
    moves: tuple[Move, ...] = ()
    recipients: tuple[Recipient, ...] = field(default=())

    @property
    def files(self) -> tuple[ReleaseFile, ...]:
        """The files of the current round."""
        return tuple(file for file in self.every_file if file.round == self.round)

    @property
    def offered(self) -> datetime:
        """Since when the request holds what it holds: a file that is offered again unchanged is as old as before.

        Of several files: of the youngest. Raises ValueError for a request without files.
        """
        return max(min(one.at for one in self.every_file if one.content == file.content) for file in self.files)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts given for exactly the bytes of the current round."""
        hashes = {file.id: file.sha256 for file in self.files}
        return tuple(v for v in self.every_verdict if v.round == self.round and hashes.get(v.file) == v.sha256)

    @property
    def problems(self) -> list[str]:
        """What the check found in the current round, in sentences."""
        return [problem for file in self.files for problem in file.problems]

    @property
    def makers(self) -> frozenset[str]:
        """The author and everybody who offered a file in any round."""
        return frozenset({self.author, *(file.uploader for file in self.every_file)})

    @property
    def whose_turn(self) -> str:
        """Who acts next, in words."""
        return OWNER[self.state].value


@dataclass(frozen=True)
class Released:
    """What left: the folder in the outbox, its signed manifest, and the entry in the public register."""

    request: str
    folder: Path
    manifest: Path
    register_entry: Mapping[str, Json]
