"""Where does the haven keep what it knows of itself? The audit log, and the records whose changes it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from audit.clock import Clock
from infra.settings import Settings

if TYPE_CHECKING:
    from audit.client import SocketAuditLog
    from audit.records import Records
    from linkage.matching.engines.piece_tables import RunPieces
    from linkage.optouts.ports import MailboxPlace


@dataclass
class EvidenceParts:
    """The settings of one haven, its log and its records; what all other parts stand on."""

    settings: Settings
    clock: Clock
    run_pieces: RunPieces | None = None  # who makes the pieces of a partitioned linkage; None: this process
    mailbox: MailboxPlace | None = None  # another than the settings name: the demo's sandbox
    left_out: dict[str, str] = field(default_factory=dict)  # services that this machine cannot run, and why

    @cached_property
    def audit_log(self) -> SocketAuditLog:
        """The log's client; starts the writer process when none runs."""
        from audit.client import SocketAuditLog

        return SocketAuditLog(self.settings.audit_folder, self.settings.audit_socket)

    @cached_property
    def records(self) -> Records:
        """The database of records, migrated to the newest schema."""
        from audit.records import Records
        from infra.database import open_database

        return Records(open_database(self.settings), self.audit_log, self.clock)

    def settle(self) -> int:
        """Tell in the log which changes were written there and not kept (after a crash); how many were found now."""
        from audit.reader import LogReader
        from audit.settle import settle

        return settle(self.records, LogReader(self.settings.audit_folder))
