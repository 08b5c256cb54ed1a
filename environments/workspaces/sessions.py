"""What was done in a session? Executed cells, what left through the edge, what it used: from outside, in the audit log.

The edge and the spawner see these things where nobody in a workspace can change them. A cell whose entry the log does
not take is not run.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from audit.events import EventName
from audit.model import person
from audit.records import Records
from environments.gateway.texts import TextStore
from environments.workspaces.model import WorkspaceRequest
from environments.workspaces.ports import Approvals


@dataclass(frozen=True)
class Cell:
    """A cell as it was sent to a kernel: the digest of its text (SHA-256), and the text where it is not too long."""

    kernel: str
    digest: str
    text: str | None


@dataclass(frozen=True)
class FileChange:
    """What a browser asks of a workspace's files. change: PUT, POST, PATCH or DELETE; digest: of the request's body."""

    change: str
    path: str
    digest: str
    bytes: int


@dataclass(frozen=True)
class Used:
    """What a workspace has used since it was opened; bytes through the edge, to the browser and from it."""

    bytes_to_browser: int
    bytes_from_browser: int
    processor_seconds: int
    most_memory: int  # bytes resident, of all its processes together, as sampled


class SessionEvidence:
    """Writes down what the hub tells of sessions."""

    def __init__(self, records: Records, texts: TextStore, approvals: Approvals) -> None:
        self._records = records
        self._texts = texts
        self._approvals = approvals

    async def cell(self, request: WorkspaceRequest, cell: Cell) -> None:
        """A cell that is about to run. Its text is kept where the project's policy says so. Raises AuditError."""
        await asyncio.to_thread(self._cell, request, cell)

    async def file(self, request: WorkspaceRequest, changed: FileChange) -> None:
        """A file that a browser is about to change. Its path is kept where texts of cells are. Raises AuditError."""
        await asyncio.to_thread(self._file, request, changed)

    async def used(self, request: WorkspaceRequest, used: Used) -> None:
        """What the workspace has used so far. Raises AuditError."""
        await asyncio.to_thread(
            lambda: self._records.note(
                EventName.WORKSPACE_USED,
                by=person(request.person),
                project=request.project,
                bytes_to_browser=used.bytes_to_browser,
                bytes_from_browser=used.bytes_from_browser,
                processor_seconds=used.processor_seconds,
                most_memory=used.most_memory,
            )
        )

    def _file(self, request: WorkspaceRequest, changed: FileChange) -> None:
        kept = self._kept(request, changed.path)
        self._records.note(
            EventName.FILE_CHANGED,
            by=person(request.person),
            project=request.project,
            change=changed.change,
            path_digest=hashlib.sha256(changed.path.encode("utf-8", "surrogatepass")).hexdigest(),
            text_kept=kept,
            content_digest=changed.digest,
            bytes=changed.bytes,
        )

    def _kept(self, request: WorkspaceRequest, text: str | None) -> bool:
        """Keep a text beside the log, where there is one and the project's policy says so."""
        if text is None or not self._approvals.keeps_cells(request.project):
            return False
        self._texts.store_text(text)
        return True

    def _cell(self, request: WorkspaceRequest, cell: Cell) -> None:
        kept = self._kept(request, cell.text)
        self._records.note(
            EventName.CELL_EXECUTED,
            by=person(request.person),
            project=request.project,
            kernel=cell.kernel,
            cell_digest=cell.digest,
            text_kept=kept,
        )
