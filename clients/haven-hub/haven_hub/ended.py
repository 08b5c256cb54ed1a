"""Why did a workspace end? Kept for its person until they open it again, and shown on the hub's pages.

In memory only: after a restart of the hub no workspace is open, and whoever asks for one is told the reason then. What
the records ended is told as long as the records say no: asked again for each page, but for one of an error, which
JupyterHub makes without waiting for anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from haven_hub.control import UNREACHABLE, Refusal, ask
from haven_hub.place import read_place


@dataclass(frozen=True)
class End:
    """When and by which rule; by_records: whether it was the approval that ended, not the hub's own bounds."""

    at: str
    refused: Refusal
    by_records: bool

    def told(self, project: str, now: Refusal | None = None) -> str:
        """The sentence; now: what the records say by now."""
        refused = now or self.refused
        return f"{project} was closed on {self.at}: {refused} ({refused.code})"


_ended: dict[tuple[str, str], End] = {}


def note_end(person: str, project: str, refused: Refusal, *, by_records: bool) -> None:
    """The rule that ended this person's workspace, and when."""
    _ended[person, project] = End(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", refused, by_records)


def forget_end(person: str, project: str) -> None:
    """It is open again, or may be."""
    _ended.pop((person, project), None)


class Ended:
    """A sentence for each workspace of this person that a rule ended. A page that can wait asks again."""

    def __init__(self, person: str | None) -> None:
        self.found = [(project, end) for (whose, project), end in sorted(_ended.items()) if whose == person]
        self.person = person or ""

    def __iter__(self) -> Iterator[str]:
        return iter([end.told(project) for project, end in self.found])

    async def __aiter__(self) -> AsyncIterator[str]:
        for project, end in self.found:
            if not end.by_records:
                yield end.told(project)
                continue
            try:
                await ask(read_place(), "workspaces/standing", person=self.person, project=project)
                forget_end(self.person, project)
            except Refusal as refused:
                yield end.told(project, None if refused.code == UNREACHABLE else refused)


def ended_of(user: Any) -> Ended:
    """Of this user of the hub (None: nobody is logged in)."""
    return Ended(None if user is None else user.name)
