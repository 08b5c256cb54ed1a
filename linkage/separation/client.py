"""The zones in their own accounts' processes, asked over their sockets: the adapter of an installed haven."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.errors import HavenError
from audit.progress import Progress, silent
from linkage.errors import LinkageError, ZoneAway, ZoneForbids
from linkage.separation.ports import Answer, Plain, Tables, TableSink
from linkage.separation.shapes import NONE, Shapes, taken
from linkage.separation.verbs import verb_named
from linkage.separation.wire import ALL_SENT, ANSWER, ERROR, PROGRESS, REQUEST, Wire, disorder, plain
from linkage.zones import PATIENCE_SECONDS, held_lock


@dataclass(frozen=True)
class ZonePlace:
    """Where a zone's process answers, and whose it must be: the socket's folder may be anybody's idea."""

    socket: Path
    uid: int


class InTheirAccounts:
    """Asks each zone's process. places: by zone; locks: a folder of the asking account's own."""

    def __init__(
        self,
        places: Mapping[str, ZonePlace],
        verbs: Mapping[str, str],
        locks: Path,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._places = places
        self._verbs = verbs
        self._locks = locks
        self._patience = patience

    def __repr__(self) -> str:
        return "InTheirAccounts(zones)"

    def run(
        self,
        verb: str,
        arguments: Plain | None = None,
        tables: Tables = (),
        *,
        progress: Progress = silent,
        sink: TableSink | None = None,
    ) -> Answer:
        """As the port says."""
        if verb not in self._verbs:
            raise ZoneForbids("No zone does this.", where=verb[:60])
        with connected(self._places[self._verbs[verb]]) as wire:
            return asked(wire, verb, arguments or {}, tables, progress, sink, verb_named(verb).gives)

    def one_linkage_at_a_time(self) -> AbstractContextManager[None]:
        """By a lock of the asking account's own; each zone has its own besides."""
        return held_lock(self._locks / ".linkage.lock", "linkage", patience=self._patience)

    def one_publication_at_a_time(self, project: str) -> AbstractContextManager[None]:
        """By a lock of the asking account's own."""
        return held_lock(self._locks / f".publish-{project}.lock", "research", patience=self._patience)


@contextmanager
def connected(place: ZonePlace) -> Iterator[Wire]:
    """A connection to the process of this account. Raises ZoneAway, also when another account's answers there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(place.socket))
        except OSError as error:
            raise ZoneAway(
                f"The zone's process does not answer ({error.strerror}).",
                where=str(place.socket),
                mend="Start it as root: haven up. `haven accounts check` says what is amiss.",
            ) from None
        wire = Wire(connection)
        if wire.peer() != place.uid:
            raise ZoneAway(
                "Another account answers in the zone's place; nothing was sent.",
                where=str(place.socket),
                mend="Find out whose process that is: haven accounts check",
            )
        yield wire


def asked(
    wire: Wire,
    verb: str,
    arguments: Plain,
    tables: Tables,
    progress: Progress,
    sink: TableSink | None,
    gives: Shapes = NONE,
) -> Answer:
    """Ask, and take the answer, with the tables that the verb gives. Raises what the verb raised; ZoneError."""
    try:
        wire.send_plain(REQUEST, {"verb": verb, "arguments": arguments})
        for name, table in tables:
            wire.send_table(name, table)
        wire.send(ALL_SENT)
    except ZoneAway:
        pass  # the zone may have refused while we were sending: its answer says why
    while True:
        kind, content = wire.receive()
        data = plain(content)
        if kind == PROGRESS:
            progress(str(data.get("step")), data.get("done") or 0, data.get("total"))
        elif kind == ERROR:
            raise error_of(data)
        elif kind == ANSWER:
            break
        else:
            raise disorder()
    return taken(data, wire.tables(), gives, sink)


def error_of(data: Plain) -> HavenError:
    """The error that the other process raised: of its class where we know the code, of the family where we do not."""
    known = {one.code: one for one in _descendants(HavenError) if one.__init__ is HavenError.__init__}
    family = known.get(str(data.get("code")), LinkageError)
    made: HavenError = family(str(data.get("what")), where=data.get("where"), mend=data.get("mend"))
    return made


def _descendants(family: type[HavenError]) -> Iterator[type[HavenError]]:
    yield family
    for one in family.__subclasses__():
        yield from _descendants(one)
