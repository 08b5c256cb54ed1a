"""How does a process append? Over the writer's socket; a writer is started when none runs.

No answer means no change: every failure is AuditUnavailable with its sentence. A request whose answer was lost is
sent again with the same event ids, which the writer knows, so that nothing is written twice.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit.errors import AuditUnavailable
from audit.model import AuditEvent, Receipt
from audit.wire import entry_text, pack, receive

IDLE_SECONDS = 60
SECONDS_TO_ANSWER = 30.0
SECONDS_TO_START = 20.0
TRIES = 3


class SocketAuditLog:
    """The log behind its writer's socket. Safe to use from several threads."""

    def __init__(self, folder: Path, socket_path: Path, *, start_writer: bool = True) -> None:
        self.folder = folder
        self.socket_path = socket_path
        self.start_writer = start_writer
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()

    def append(self, events: Sequence[AuditEvent]) -> list[Receipt]:
        """Write the events in order, all or none; returns when they are durable. Raises AuditUnavailable."""
        if not events:
            return []
        answer = self._ask({"op": "append", "entries": [entry_text(event) for event in events]})
        return [Receipt(int(index), bytes.fromhex(leaf)) for index, leaf in answer["receipts"]]

    def store_text(self, text: str) -> str:
        """Keep a long text beside the log; returns the SHA-256 by which an event names it."""
        return str(self._ask({"op": "text", "text": text})["digest"])

    def sign(self) -> dict[str, int]:
        """Sign a checkpoint of all that is written by now; the same as status. Raises AuditUnavailable."""
        return self._ask({"op": "sign"})

    def status(self) -> dict[str, int]:
        """How many entries the log has, and how many of them are signed."""
        return self._ask({"op": "status"})

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            for attempt in range(TRIES):
                try:
                    connection = self._connected()
                    connection.sendall(pack(message))
                    answer = receive(connection)
                    break
                except (OSError, ValueError):
                    self._drop()
                    if attempt == TRIES - 1:
                        raise _unavailable("does not answer", self.folder) from None
        if "error" in answer:
            error = answer["error"]
            raise AuditUnavailable(error["what"], where=error["where"], mend=error["mend"])
        return answer

    def _connected(self) -> socket.socket:
        if self._connection is None:
            self._connection = self._try_connect() or self._start_and_connect()
        return self._connection

    def _try_connect(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(SECONDS_TO_ANSWER)
        try:
            connection.connect(str(self.socket_path))
        except OSError:
            connection.close()
            return None
        return connection

    def _start_and_connect(self) -> socket.socket:
        if not self.start_writer:
            raise _unavailable("does not run", self.folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [sys.executable, "-P", "-m", "audit.writer", "--folder", str(self.folder)]
        command += ["--socket", str(self.socket_path), "--idle-seconds", str(IDLE_SECONDS)]
        with (self.folder / "writer.log").open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        threading.Thread(target=process.wait, daemon=True).start()  # reap it when it tires
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until:
            if connection := self._try_connect():
                return connection
            time.sleep(0.02)
        raise _unavailable("did not start", self.folder)

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None


def _unavailable(what: str, folder: Path) -> AuditUnavailable:
    return AuditUnavailable(
        f"The audit log's writer {what}; nothing was changed.",
        where=str(folder / "writer.log"),
        mend="Look at that file and the disk's free space, then ask again.",
    )
