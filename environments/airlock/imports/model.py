"""What is an import? Files sealed under their hashes, what they are for, what a checker must look at, and each move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from environments.airlock.imports.states import OWNER, ImportState
from environments.airlock.model import Move


class FileKind(StrEnum):
    """What may be brought in: code, and look-up tables. The value is how the file's name ends."""

    PYTHON = ".py"
    R = ".R"
    SQL = ".sql"
    NOTEBOOK = ".ipynb"
    CSV = ".csv"
    PARQUET = ".parquet"


@dataclass(frozen=True)
class ImportFile:
    """One sealed file. approved: the hash that the checker approved, None before; findings: what to look at."""

    name: str
    kind: FileKind
    sha256: str
    approved: str | None
    size: int
    findings: tuple[str, ...]

    @property
    def round(self) -> int:
        """Files are sealed once; other files are another import."""
        return 1


@dataclass(frozen=True)
class ImportRequest:
    """An import, as it stands. why: what the files are for; held: why it could not be delivered."""

    id: str
    project: str
    state: ImportState
    author: str
    why: str
    members: frozenset[str]
    checkers: frozenset[str]
    earlier_makers: frozenset[str]
    held: str | None
    created: datetime
    moved: datetime
    files: tuple[ImportFile, ...]
    moves: tuple[Move, ...]

    @property
    def makers(self) -> frozenset[str]:
        """The author, and who ever brought a file of one of these names into the project."""
        return self.earlier_makers | {self.author}

    @property
    def whose_turn(self) -> str:
        """Who acts next, in words."""
        return OWNER[self.state]

    @property
    def approver(self) -> str | None:
        """Who approved it."""
        return next((move.by for move in self.moves if move.after is ImportState.APPROVED), None)
