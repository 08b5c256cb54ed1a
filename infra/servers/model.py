"""What is a service of the haven? A process, how to tell that it is ready, and where it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import DeploymentError


class ServiceError(DeploymentError):
    """A service did not start, or stopped when it should not."""

    code = "service.failed"
    exit_status = 69


class ServicesRunning(DeploymentError):
    """The haven's services already run for this home."""

    code = "service.already_running"
    exit_status = 73


@dataclass(frozen=True)
class Account:
    """The system account that a service runs as, where root starts it; home: what it is told as HOME."""

    uid: int
    gid: int
    home: Path


@dataclass(frozen=True)
class Service:
    """One process. `command` holds no secret (arguments are public); `ready` is asked until it says True."""

    name: str
    purpose: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds_to_start: float = 60.0
    account: Account | None = None  # None: whoever starts it
    opens_records: bool = False  # it is told where the haven's database is, which may hold a password
    optional: bool = False  # its failure is told and the rest goes on (workspaces without user namespaces)
