"""Which adapter stands behind which port? Here, and only here, the haven is put together.

Every part is made on first use: a command pays only for what it touches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from audit.clock import Clock, SystemClock
from infra.settings import Settings, load_settings

if TYPE_CHECKING:
    from audit.ports import AuditLog
    from audit.records import Records

PRIVATE = 0o700


@dataclass
class Haven:
    """One haven: its settings, and its parts made on first use."""

    settings: Settings
    clock: Clock

    @classmethod
    def at(cls, home: Path) -> Haven:
        """The haven at `home`; its folders are made, private to this account."""
        settings = load_settings(home)
        for folder in (settings.home, settings.run_folder, settings.home / "records"):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        return cls(settings, SystemClock())

    @cached_property
    def audit_log(self) -> AuditLog:
        """The log's client; starts the writer process when none runs."""
        from audit.client import SocketAuditLog

        return SocketAuditLog(self.settings.audit_folder, self.settings.audit_socket)

    @cached_property
    def records(self) -> Records:
        """The database of records, migrated to the newest schema."""
        from audit.records import Records
        from infra.database import open_database

        return Records(open_database(self.settings), self.audit_log, self.clock)
