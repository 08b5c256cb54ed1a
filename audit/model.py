"""What is an audit event? A past fact with a stable name, who did it, and what it concerned.

Names follow CloudEvents (`type`), the canonical form is RFC 8785 JSON. An event holds no row value, no
identifier and no key: it names things by opaque ids (a project's slug, a delivery's id, a query's hash).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType, TypeAlias

from audit.events import EventName

Actor = NewType("Actor", str)
"""Who acts: `person:asha`, `organisation:gp`, `service:gateway`."""

Json: TypeAlias = "str | int | float | bool | None | list[Json] | dict[str, Json]"


def person(name: str) -> Actor:
    """The actor that is a person."""
    return Actor(f"person:{name}")


def organisation(name: str) -> Actor:
    """The actor that is an organisation acting through its delegate."""
    return Actor(f"organisation:{name}")


def service(name: str) -> Actor:
    """The actor that is one of the haven's own processes."""
    return Actor(f"service:{name}")


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One entry: `by` did `name` at `at`, concerning a project, a dataset or neither.

    details: JSON values only, opaque ids, hashes, codes and suppressed counts.
    """

    name: EventName
    at: datetime
    by: Actor
    project: str | None = None
    dataset: str | None = None
    details: Mapping[str, Json] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    change: bool = False  # True: it tells of a change in the records, whose receipt stands there

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an audit event's time must carry its time zone")
        if not self.by:
            raise ValueError("an audit event must say who acted")


@dataclass(frozen=True)
class Receipt:
    """Proof of writing: the entry's index in the log and its RFC 6962 leaf hash (32 bytes)."""

    index: int
    leaf: bytes
