"""Which logins ended before their tokens did? Kept for as long as a token may live, by the session's hash.

A token is good until it expires, whoever has it; after a logout here it is refused at the next question. A session that
is ended at the identity provider alone lives on until its access token expires (docs/limits.md).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from access.identity.model import LEEWAY, LONGEST_LIFE
from audit.clock import Clock

PRIVATE = 0o700


class EndedInFolder:
    """One empty file for each ended session. Implements EndedSessions."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def has(self, session: str) -> bool:
        """Did this one end?"""
        return self._file(session).exists()

    def add(self, session: str) -> None:
        """It ended now. Those whose last token has expired are forgotten."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        self._file(session).touch()
        oldest = (self._clock.now() - LONGEST_LIFE - LEEWAY).timestamp()
        for path in self._folder.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    def _file(self, session: str) -> Path:
        return self._folder / hashlib.sha256(session.encode("utf-8")).hexdigest()
