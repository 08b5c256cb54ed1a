"""A zone's own process: it answers on a Unix socket, to the accounts it knows, for the verbs that each may ask.

Who asks is what the kernel says of the other side (SO_PEERCRED), never what the other side says. It holds its own
role's key and opens its own zone.
"""

from __future__ import annotations

import socketserver
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from audit.errors import HavenError
from linkage.errors import LinkageError, ZoneBusy, ZoneError, ZoneForbids
from linkage.full_disks import is_no_room, no_room
from linkage.separation.ports import Answer, Asker, Named, Plain, handed
from linkage.separation.wire import (
    ALL_SENT,
    ANSWER,
    ERROR,
    LARGEST_FRAME,
    LARGEST_PLAIN,
    PROGRESS,
    REQUEST,
    Wire,
    plain,
)

OPEN_TO_ALL = 0o666  # whoever connects is asked for their account, so the file's mode need not say it
SECONDS_TO_WAIT = 600.0  # for the other side's next frame
SECONDS_TO_REFUSE = 1.0  # whoever does not take the refusal in this time goes without
MOST_AT_ONCE = {Asker.ORCHESTRATOR: 32, Asker.INTAKE: 8, Asker.REVIEWER: 8}
"""Each kind has a room of its own: nobody can keep another out."""
LARGEST_OF_REVIEWER = 1 << 16  # bytes of what a reviewer asks: names of pairs, and a comment
MOST_AFTER_REFUSAL = 4096  # frames that are still taken of who sends on, so that they read why they were refused
Progressed = Callable[[str, int, "int | None"], None]
Do = Callable[[str, Asker, Plain, Iterator[Named], Progressed], Answer]
"""do(verb, asker, arguments, tables, progress)"""
ReviewerOf = Callable[[int], "str | None"]
"""The name of the account with this number, if it is a reviewer's."""


def no_reviewers(_: int) -> None:
    """Of a process that has no door."""


class ZoneServer(socketserver.ThreadingUnixStreamServer):
    """Serves until told to stop. askers: the accounts that may ask, by their number; none of them is a reviewer."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, path: Path, askers: Mapping[int, Asker], do: Do, reviewer: ReviewerOf = no_reviewers) -> None:
        self.askers = dict(askers)
        self.do = do
        self._reviewer = reviewer
        path.unlink(missing_ok=True)
        self._rooms = {asker: threading.BoundedSemaphore(most) for asker, most in MOST_AT_ONCE.items()}
        self._held: dict[int, threading.BoundedSemaphore] = {}
        super().__init__(str(path), _Conversation)
        path.chmod(OPEN_TO_ALL)

    def asker(self, uid: int) -> tuple[Asker, str] | None:
        """As whom this account asks, and a reviewer's name; None: it may ask nothing."""
        if uid in self.askers:
            return self.askers[uid], ""
        name = self._reviewer(uid)
        return None if name is None else (Asker.REVIEWER, name)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Is it one of the haven's accounts, and is there room? Else it is told so, and not a byte of it is read."""
        wire = Wire(request)
        error: ZoneError = _forbidden()
        asker = self.asker(wire.peer())
        if asker is not None:
            room = self._rooms[asker[0]]
            if room.acquire(blocking=False):
                self._held[id(request)] = room
                return True
            error = ZoneBusy("The zone's process has too many askers.", where="zone socket", mend="Try again at once.")
        request.settimeout(SECONDS_TO_REFUSE)
        with suppress(ZoneError):
            wire.send_plain(ERROR, error.as_dict())
        return False

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own; where none can be started, its place is free again."""
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._held.pop(id(request)).release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One conversation; its place is free afterwards."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._held.pop(id(request)).release()

    def stop(self) -> None:
        """End serving, from a signal's handler."""
        threading.Thread(target=self.shutdown, daemon=True).start()


class _Conversation(socketserver.BaseRequestHandler):
    """One request and its answer."""

    server: ZoneServer

    def handle(self) -> None:
        self.request.settimeout(SECONDS_TO_WAIT)
        wire = Wire(self.request)
        with suppress(ZoneError):  # the other side is gone: nobody is left to be told
            try:
                self._answer(wire)
            except HavenError as error:
                _refuse(wire, error)
            except Exception as error:  # noqa: BLE001 - any library's: its text may quote a row
                _refuse(wire, _fault(error))

    def _answer(self, wire: Wire) -> None:
        known = self.server.asker(wire.peer())
        reviewer = known is not None and known[0] is Asker.REVIEWER
        kind, content = wire.receive(LARGEST_OF_REVIEWER if reviewer else LARGEST_PLAIN)
        if known is None or kind != REQUEST:
            raise _forbidden()
        asker, name = known
        asked = plain(content)
        if asker is Asker.REVIEWER:  # who that is, is what the kernel says, whatever was sent
            asked["arguments"]["account"] = name

        def progressed(step: str, done: int, total: int | None) -> None:
            wire.send_plain(PROGRESS, {"step": step, "done": done, "total": total})

        tables = wire.tables()
        answer = self.server.do(asked["verb"], asker, asked["arguments"], tables, progressed)
        for _ in tables:
            pass  # what nobody read; the other side waits until all is taken
        wire.send_plain(ANSWER, answer.data)
        for name, table in answer.tables.items():
            wire.send_table(name, handed(table))
        wire.send(ALL_SENT)


def _refuse(wire: Wire, error: HavenError) -> None:
    """Let the other side finish, so that it reads the answer, and say what was wrong."""
    wire.send_plain(ERROR, error.as_dict())
    with suppress(ZoneError):
        for _ in range(MOST_AFTER_REFUSAL):
            if wire.receive(LARGEST_FRAME)[0] == ALL_SENT:
                return


def _forbidden() -> ZoneForbids:
    return ZoneForbids(
        "This account may ask nothing here.",
        where="zone socket",
        mend="The haven's own accounts ask; `haven accounts check` names them.",
    )


def _fault(error: Exception) -> LinkageError:
    """A fault of the programme, by type and place only; a full disk is none."""
    if is_no_room(error):
        return no_room()
    frame: Any = traceback.extract_tb(error.__traceback__)[-1]
    return ZoneError(
        f"The zone's process failed with {type(error).__name__}.",
        where=f"{Path(frame.filename).name}:{frame.lineno}",
        mend="What was complete is kept; report the place.",
    )
