"""Whom do workspaces ask? The approvals, and the gateway's doors; infra puts the real ones behind these."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from access.decisions import Decision


class Approvals(Protocol):
    """The approval records, asked at every opening and while a workspace is open."""

    def may_open_workspace(self, person: str, project: str) -> Decision: ...


class Doors(Protocol):
    """The gateway's sockets, one per open workspace; the socket itself says who asks and for which project."""

    async def open(self, person: str, project: str) -> Path: ...

    async def close(self, path: Path) -> None: ...
