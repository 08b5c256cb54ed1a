"""An audit log in memory, for tests that ask what was recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from audit.model import AuditEvent, Receipt


class MemoryAuditLog:
    """Holds the events it was given, in order."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.texts: dict[str, str] = {}

    def append(self, events: Sequence[AuditEvent]) -> list[Receipt]:
        """Keep the events."""
        first = len(self.events)
        self.events.extend(events)
        return [Receipt(first + number, bytes(32)) for number in range(len(events))]

    def store_text(self, text: str) -> str:
        """Keep a text under its digest."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.texts[digest] = text
        return digest
