"""Why did a workspace end? Kept for its person until they open it again, and shown on the hub's pages.

In memory only: after a restart of the hub no workspace is open, and whoever asks for one is told the reason then.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from haven_hub.control import Refusal

_ended: dict[tuple[str, str], str] = {}


def note_end(person: str, project: str, refused: Refusal) -> None:
    """The rule that ended this person's workspace, with its code and when."""
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    _ended[person, project] = f"{project} was closed on {at}: {refused} ({refused.code})"


def forget_end(person: str, project: str) -> None:
    """It is open again."""
    _ended.pop((person, project), None)


def ended_of(user: Any) -> list[str]:
    """A sentence for each workspace of this user of the hub (None: nobody is logged in) that a rule ended."""
    return [told for (whose, _), told in sorted(_ended.items()) if user is not None and whose == user.name]
