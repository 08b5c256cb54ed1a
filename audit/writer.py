"""The log's own process: the only one that writes it, over a socket that can only append.

`python -m audit.writer --folder F --socket S [--idle-seconds N]`

Requests that arrive within 5 ms are made durable together (group commit); the acknowledgement is sent after the
fsync. A signed checkpoint follows each second or 256 events, when asked for, and at the stop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.canonical import canonical, from_entry
from audit.errors import AuditError, AuditUnavailable
from audit.merkle import leaf_hash
from audit.reader import LogReader
from audit.tree import LogTree
from audit.wire import LARGEST_MESSAGE, LENGTH, pack, receive

GROUP_SECONDS = 0.005
GROUP_EVENTS = 100
CHECKPOINT_SECONDS = 1.0
CHECKPOINT_EVENTS = 256
REMEMBERED_IDS = 20_000
SECONDS_TO_TAKE_OVER = 20.0
KEY_FILE, PUBLIC_FILE, ORIGIN_FILE = "log.key", "log.pub", "origin"
PRIVATE_FILE = 0o600

Receipt = tuple[int, bytes]


@dataclass
class _Waiting:
    """A batch that waits for its group: its entries by id, and where the answer goes."""

    entries: list[tuple[str, bytes]]
    answer: asyncio.Future[list[Receipt]]


class Writer:
    """Serves one log folder until told to stop, or until nobody has asked for `idle_seconds`."""

    def __init__(self, tree: LogTree, idle_seconds: float | None) -> None:
        self.tree = tree
        self.idle_seconds = idle_seconds
        self.stopping = asyncio.Event()
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._known: OrderedDict[str, Receipt] = OrderedDict()
        self._last_asked = time.monotonic()
        self._connections = 0
        self._tree_lock = asyncio.Lock()
        self._folder = _identity(tree.folder)
        self._remember_recent()

    async def serve(self, socket_path: Path) -> None:
        """Listen on the socket (this account only) until stopping."""
        socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        socket_path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._talk, path=str(socket_path))
            mine = _identity(socket_path)
        finally:
            os.umask(old)
        tasks = [
            asyncio.create_task(self._commit()),
            asyncio.create_task(self._sign()),
            asyncio.create_task(self._tire()),
        ]
        await self.stopping.wait()
        server.close()
        if mine is not None and _identity(socket_path) == mine:  # else the home was made anew, with a writer of its own
            socket_path.unlink(missing_ok=True)
        while not self._queue.empty():
            await asyncio.sleep(GROUP_SECONDS)
        async with self._tree_lock:  # a thread may be in the tree: cancelling its task would not stop it
            for task in tasks:
                task.cancel()
            self.tree.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                if length > LARGEST_MESSAGE:
                    break
                message = await reader.readexactly(length)
                if self.stopping.is_set():
                    break  # the client asks again, of the next writer
                self._last_asked = time.monotonic()
                writer.write(pack(await self._answer(message)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections -= 1
            self._last_asked = time.monotonic()
            writer.close()

    async def _answer(self, message: bytes) -> dict[str, Any]:
        try:
            request = json.loads(message)
            match request.get("op"):
                case "append":
                    receipts = await self._append(request["entries"])
                    return {"receipts": [[index, leaf.hex()] for index, leaf in receipts]}
                case "text":
                    async with self._tree_lock:
                        return {"digest": await asyncio.to_thread(self.tree.store_text, str(request["text"]))}
                case "sign":
                    async with self._tree_lock:
                        await asyncio.to_thread(self.tree.checkpoint)
                    return {"size": self.tree.size, "signed": self.tree.signed_size}
                case "status":
                    return {"size": self.tree.size, "signed": self.tree.signed_size}
                case "retire" if self.idle_seconds is not None:
                    self.stopping.set()  # it was started on demand; one that stays takes over
                    return {"retires": True}
                case _:
                    return _refusal("audit.unknown_request", "The log's writer knows no such request.")
        except AuditError as error:
            return {"error": error.as_dict()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return _refusal("audit.unreadable_request", "The log's writer could not read the request.")
        except OSError as error:
            return _refusal("audit.unavailable", f"The audit log cannot be written ({error.strerror}).")

    async def _append(self, texts: list[str]) -> list[Receipt]:
        entries = []
        for text in texts:
            entry = text.encode()
            event = from_entry(entry)
            if canonical(json.loads(entry)) != entry:
                raise AuditUnavailable("The entry is not in canonical form.")
            entries.append((event.id, entry))
        if self.stopping.is_set():
            raise AuditUnavailable("The log's writer is stopping.", mend="Ask again in a moment.")
        answer: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Waiting(entries, answer))
        return await answer

    async def _commit(self) -> None:
        """Gather what waits into one group, make it durable with one fsync, answer."""
        while True:
            group = [await self._queue.get()]
            until = time.monotonic() + GROUP_SECONDS
            while self._more_may_come(group, until):
                try:
                    left = until - time.monotonic()
                    group.append(await asyncio.wait_for(self._queue.get(), max(left, 0.0)))
                except TimeoutError:
                    break
            await self._write(group)

    def _more_may_come(self, group: list[_Waiting], until: float) -> bool:
        """Is it worth waiting? Not when the group is large, the time is over, or all who are connected wait in it."""
        if sum(len(one.entries) for one in group) >= GROUP_EVENTS or time.monotonic() >= until:
            return False
        return self._connections > len(group) or not self._queue.empty()

    async def _write(self, group: list[_Waiting]) -> None:
        fresh: dict[str, bytes] = {}
        for waiting in group:
            fresh |= {name: entry for name, entry in waiting.entries if name not in self._known}
        try:
            async with self._tree_lock:
                receipts = await asyncio.to_thread(self.tree.append, list(fresh.values())) if fresh else []
                if self.tree.size - self.tree.signed_size >= CHECKPOINT_EVENTS:
                    await asyncio.to_thread(self._checkpoint)
        except (AuditError, OSError) as error:
            for waiting in group:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        for name, receipt in zip(fresh, receipts, strict=True):
            self._remember(name, receipt)
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_result([self._known[name] for name, _ in waiting.entries])

    def _checkpoint(self) -> None:
        """Sign. A disk that is full leaves the entries in the journal, durable and unsigned, until there is room."""
        with contextlib.suppress(OSError):
            self.tree.checkpoint()

    async def _sign(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            async with self._tree_lock:
                await asyncio.to_thread(self._checkpoint)

    async def _tire(self) -> None:
        """End when nobody has asked for long, or when the home was deleted, perhaps made anew by another."""
        while self.idle_seconds is not None:
            await asyncio.sleep(min(1.0, self.idle_seconds))
            idle = not self._connections and time.monotonic() - self._last_asked > self.idle_seconds
            if idle or _identity(self.tree.folder) != self._folder:
                self.stopping.set()

    def _remember(self, name: str, receipt: Receipt) -> None:
        self._known[name] = receipt
        while len(self._known) > REMEMBERED_IDS:
            self._known.popitem(last=False)

    def _remember_recent(self) -> None:
        """A client that lost its answer asks again with the same ids: they must still be known after a restart."""
        reader = LogReader(self.tree.folder)
        for index, entry in reader.entries(max(0, self.tree.size - REMEMBERED_IDS // 10)):
            self._remember(from_entry(entry).id, (index, leaf_hash(entry)))


def open_tree(folder: Path) -> LogTree:
    """The log of a folder, made on first use with a key of its own."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file = folder / KEY_FILE
    if not key_file.exists():
        if (folder / "checkpoint").exists():
            raise AuditUnavailable(
                "The log's key is missing.", where=str(key_file), mend="Restore it from its backup; nothing is written."
            )
        key = Ed25519PrivateKey.generate()
        _write_private(
            folder / ORIGIN_FILE, f"haven.local/log/{key.public_key().public_bytes_raw().hex()[:16]}".encode()
        )
        _write_private(folder / PUBLIC_FILE, key.public_key().public_bytes_raw().hex().encode())
        _write_private(key_file, key.private_bytes_raw().hex().encode())
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key_file.read_text(encoding="ascii")))
    return LogTree(folder, (folder / ORIGIN_FILE).read_text(encoding="ascii"), key)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file lies there now; None for nothing."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fsync(file.fileno())
    draft.replace(path)


def _refusal(code: str, what: str) -> dict[str, Any]:
    return {"error": {"code": code, "what": what, "where": None, "mend": None}}


async def _run(folder: Path, socket_path: Path, idle_seconds: float | None) -> None:
    writer = Writer(open_tree(folder), idle_seconds)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, writer.stopping.set)
    await writer.serve(socket_path)


def _take(lock: TextIO, socket_path: Path, *, stays: bool) -> bool:
    """Hold the log's lock. A writer that stays asks one that was started on demand to retire, and waits for it."""
    until = time.monotonic() + SECONDS_TO_TAKE_OVER
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not stays or time.monotonic() > until:
                return False
        else:
            return True
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            connection.connect(str(socket_path))
            connection.sendall(pack({"op": "retire"}))
            if "error" in receive(connection):
                return False  # it stays, too
        time.sleep(0.05)


def main() -> int:
    """Run until stopped; 0, or 73 when another writer holds the folder."""
    parser = argparse.ArgumentParser(prog="audit.writer", description="The audit log's writer.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--idle-seconds", type=float, default=None)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (options.folder / ".writer").open("a") as lock:
        if not _take(lock, options.socket, stays=options.idle_seconds is None):
            sys.stderr.write("another writer holds this log\n")
            return 73
        try:
            asyncio.run(_run(options.folder, options.socket, options.idle_seconds))
        except AuditError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
