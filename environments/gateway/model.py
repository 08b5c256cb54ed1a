"""What is a query to the gateway? Who asks it, of which scope, within which limits, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

AUDIENCE = "haven-gateway"  # for whom tokens to this door are issued
Parameters = Sequence[object] | Mapping[str, object] | None


@dataclass(frozen=True)
class Asker:
    """The person who asks and the project for which: from the door or from a verified token, never from the body."""

    person: str
    project: str


@dataclass(frozen=True)
class ScopeFile:
    """The file that a project's queries run on, the columns of its views, and its key (never shown)."""

    project: str
    version: int
    build: str
    path: Path
    tables: Mapping[str, Mapping[str, str]]
    key: str = field(repr=False)


@dataclass(frozen=True)
class QueryLimits:
    """The most that one query may take: rows and bytes of its result, seconds from start to end."""

    rows: int = 5_000_000
    bytes: int = 2 * 1024**3
    seconds: float = 300.0


@dataclass(frozen=True)
class QueryOutcome:
    """How a query that did not complete ended, as its asker may read it."""

    asker: Asker
    code: str
    reason: str
    mend: str | None
