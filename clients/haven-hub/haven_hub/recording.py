"""What goes through the edge for each workspace? Cells are written down before they reach a kernel; bytes are counted.

The counts are kept here, outside every workspace, from its opening until they are told at its close.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import unquote

from haven_hub.cells import LONGEST_TEXT, V1, execution_in, not_run
from haven_hub.control import Refusal, ask
from haven_hub.place import Place

LONGEST_PATH = 4096
CHANNELS = re.compile(r"/api/kernels/(?P<kernel>[^/]+)/channels/?")


@dataclass
class Volume:
    """Bytes between a browser and one workspace."""

    to_browser: int = 0
    from_browser: int = 0


_volumes: dict[tuple[str, str], Volume] = {}


def volume_of(person: str, project: str) -> Volume:
    """The counts of this workspace."""
    return _volumes.setdefault((person, project), Volume())


def forget(person: str, project: str) -> None:
    """Begin again at nothing: the workspace has ended."""
    _volumes.pop((person, project), None)


async def note_file(place: Place, person: str, project: str, change: str, path: str, content: bytes) -> None:
    """Write down what a browser is about to do to a file in the home. Raises Refusal."""
    digest = hashlib.sha256(content).hexdigest()
    named = {"change": change, "path": path[:LONGEST_PATH], "digest": digest, "bytes": len(content)}
    await ask(place, "workspaces/file", person=person, project=project, **named)


@dataclass(frozen=True)
class KernelWatch:
    """Writes down what a browser sends to one kernel."""

    place: Place
    person: str
    project: str
    kernel: str
    v1: bool

    @classmethod
    def of(cls, place: Place, person: str, project: str, inner: str, protocol: str | None) -> KernelWatch | None:
        """The watch for this address within a workspace; None where it is no kernel's."""
        found = CHANNELS.fullmatch(unquote(inner))
        return cls(place, person, project, found["kernel"][:64], protocol == V1) if found else None

    async def passes(self, message: str | bytes) -> list[str | bytes]:
        """Nothing where the message may pass, written down if it runs a cell; else what the browser is told.

        Raises Unreadable: what it would run cannot be told.
        """
        execution = await asyncio.to_thread(execution_in, message, v1=self.v1)
        if execution is None:
            return []
        if len(execution.text) > LONGEST_TEXT:
            return not_run(execution, f"A cell may have {LONGEST_TEXT:,} characters: put long texts into a file.")
        try:
            await ask(
                self.place,
                "workspaces/cell",
                person=self.person,
                project=self.project,
                kernel=self.kernel,
                digest=execution.digest,
                text=execution.text,
            )
        except Refusal as refused:
            return not_run(execution, f"It was not run, because it could not be recorded. {refused}")
        return []
