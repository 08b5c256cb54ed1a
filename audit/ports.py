"""How does the rest of Haven speak to the log? Through this port, and only to append or to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from audit.model import AuditEvent, Receipt


class AuditLog(Protocol):
    """Append-only. Returns when the entries are durable (fsynced); raises AuditUnavailable otherwise."""

    def append(self, events: Sequence[AuditEvent]) -> list[Receipt]:
        """Write the events in order, all or none. Never returns before they are on disk."""
        ...
