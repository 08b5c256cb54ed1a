"""How is something done in a zone? By a verb, with plain arguments: JSON, tables of Arrow, and nothing else.

Two adapters stand behind `ZoneRunner`, held to one contract test: in this process (a laptop), and in the process of the
zone's own account (installed accounts; docs/adr/0013-zones-are-accounts.md). No verb takes SQL, a path or an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pyarrow as pa

from access.keys import KeyRing
from audit.progress import Progress, silent
from linkage.private_folders import Spilling

if TYPE_CHECKING:
    from linkage.matching.engines.choice import LinkageEngine
    from linkage.optouts.ports import MailboxPlace
    from linkage.zones import Zones

Plain = dict[str, Any]
"""Arguments and results that JSON can say."""
Named = tuple[str, pa.RecordBatchReader]
Tables = Iterable[Named]
"""Tables one after the other; each is read to its end before the next is taken."""
TableSink = Callable[[str, pa.RecordBatchReader], None]


class Asker(StrEnum):
    """Whose process asks a zone for a verb."""

    ORCHESTRATOR = "orchestrator"  # runs flows, command line, records and gateway: the administrator's account
    INTAKE = "intake"  # splits deliveries
    REVIEWER = "reviewer"  # a person of the linkage unit, at the door of the linkage zone


@dataclass(frozen=True)
class Answer:
    """What a verb gave. tables: small ones, as they are; or streams, read once."""

    data: Plain = field(default_factory=dict)
    tables: Mapping[str, pa.Table | pa.RecordBatchReader] = field(default_factory=dict)


Opener = Callable[..., AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True)
class Room:
    """Where a verb works: its zone, opened by `open(read_only=...)`, and the keys of its zone's role only."""

    open: Opener
    keyring: KeyRing
    folder: Path  # the zone's own; nobody else's account reads it
    spilling: Spilling  # of an engine that holds what was read here
    progress: Progress = silent
    engine: LinkageEngine | None = None  # what links; None: DuckDB
    review: Opener | None = None  # of what reviewers were shown and said
    listed: Callable[[str], bool] | None = None  # may a round's key be sealed for it? None: for anybody, on one account
    apart: bool = False  # is the zone an account's own? Then no row as it came is kept, no column's weight goes out
    most_pairs: int | None = None  # that a run may ask to be weighed; None: whatever it asks
    optouts: Opener | None = None  # of the list of opt-outs
    objectors: Opener | None = None  # of who objects
    mailbox: MailboxPlace | None = None  # through which the list is asked for


ZoneVerb = Callable[[Room, Plain, Iterator[Named]], Answer]


class ZoneRunner(Protocol):
    """Does verbs in the zones. Raises what the verb raises; ZoneAway, ZoneForbids."""

    def run(
        self,
        verb: str,
        arguments: Plain | None = None,
        tables: Tables = (),
        *,
        progress: Progress = silent,
        sink: TableSink | None = None,
    ) -> Answer:
        """Do this verb. sink: takes each table of the answer as it comes; else they are in the answer, whole."""
        ...

    def one_linkage_at_a_time(self) -> AbstractContextManager[None]:
        """Hold the linkage: its phases go from zone to zone, and no other run may come between."""
        ...

    def one_publication_at_a_time(self, project: str) -> AbstractContextManager[None]:
        """Hold the publication of one project's scope."""
        ...


def runner_of(
    zones: Zones | ZoneRunner, keyring: KeyRing | None = None, engine: LinkageEngine | None = None
) -> ZoneRunner:
    """What was given, or the zones of this process behind the port. keyring: another than theirs."""
    from linkage.separation.here import InThisProcess
    from linkage.zones import Zones

    return InThisProcess(zones, keyring, engine) if isinstance(zones, Zones) else zones


def handed(table: pa.Table | pa.RecordBatchReader) -> pa.RecordBatchReader:
    """A table as a stream."""
    return table if isinstance(table, pa.RecordBatchReader) else table.to_reader()
