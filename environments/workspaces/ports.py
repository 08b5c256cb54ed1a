"""Whom do workspaces ask? The approvals, and the gateway's doors; infra puts the real ones behind these."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from access.decisions import Decision
from environments.workspaces.model import Workplace


class Approvals(Protocol):
    """The approval records, asked at every opening and while a workspace is open."""

    def may_open_workspace(self, person: str, project: str) -> Decision: ...

    def conditions(self, project: str) -> tuple[str, ...]:
        """What the controllers and the support ask of who works in this project, in sentences."""
        ...

    def keeps_cells(self, project: str) -> bool:
        """Is the text of executed cells kept, by the project's policy, or only its digest?"""
        ...

    def workplaces(self, person: str) -> list[Workplace]:
        """The projects that this person is of."""
        ...


class Doors(Protocol):
    """The gateway's sockets, one per open workspace; the socket itself says who asks and for which project."""

    async def open(self, person: str, project: str) -> Path: ...

    async def close(self, path: Path) -> None: ...
