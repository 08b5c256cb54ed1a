"""The zones in this process: the laptop's arrangement. One account runs all; the zones' keys are apart, no more."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager

from access.keys import KeyRing
from audit.progress import Progress, silent
from linkage.matching.engines.choice import LinkageEngine
from linkage.optouts.ports import MailboxPlace
from linkage.separation.ports import Answer, Plain, Room, Tables, TableSink, handed
from linkage.separation.shapes import taken
from linkage.separation.verbs import verb_named
from linkage.zones import Zones


class InThisProcess:
    """Opens the zone of each verb here, and no other with it."""

    def __init__(
        self,
        zones: Zones,
        keyring: KeyRing | None = None,
        engine: LinkageEngine | None = None,
        mailbox: MailboxPlace | None = None,
    ) -> None:
        self._zones = zones
        self._engine = engine
        self._mailbox = mailbox
        self._keyring = keyring or zones.keyring

    def __repr__(self) -> str:
        return "InThisProcess(zones)"

    def run(
        self,
        verb: str,
        arguments: Plain | None = None,
        tables: Tables = (),
        *,
        progress: Progress = silent,
        sink: TableSink | None = None,
    ) -> Answer:
        """As the port says; arguments go through JSON, as they do to another process."""
        self._zones.require_one_zone()
        known = verb_named(verb)
        opener = self._zones.opener(known.zone)
        room = Room(
            opener,
            self._keyring,
            self._zones.folder(known.zone),
            self._zones.spilling(known.zone),
            progress,
            self._engine,
            self._zones.opener("review"),
            optouts=self._zones.opener("optouts"),
            objectors=self._zones.opener("objections"),
            mailbox=self._mailbox,
        )
        answer = known.done(room, json.loads(json.dumps(arguments or {})), tables)
        data = json.loads(json.dumps(answer.data))
        given = ((name, handed(table)) for name, table in answer.tables.items())
        return taken(data, given, known.gives, sink)

    def one_linkage_at_a_time(self) -> AbstractContextManager[None]:
        """By the lock in the linkage zone's folder."""
        return self._zones.one_linkage_at_a_time()

    def one_publication_at_a_time(self, project: str) -> AbstractContextManager[None]:
        """By the lock in the research zone's folder."""
        return self._zones.one_publication_at_a_time(project)
