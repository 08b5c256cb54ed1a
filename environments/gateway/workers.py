"""Which worker process serves which project? One per scope, started when asked, stopped when idle or revoked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from environments.gateway.enclosure import INSIDE, SCOPE_INSIDE, Enclosure
from environments.gateway.errors import WorkerDown
from environments.gateway.model import ScopeFile

SECONDS_TO_START = 60.0
BUFFER = 16 * 1024 * 1024
PRIVATE = 0o700
BESIDE_THE_ENGINE = 1024**3  # bytes: the program itself, and batches on their way
UNITS: dict[str, int] = {
    f"{sign}{kind}B": base**power for power, sign in enumerate("KMGT", 1) for kind, base in (("", 1000), ("I", 1024))
}
SIZE = re.compile(r"([0-9]+) ?([KMGT]I?B)", re.IGNORECASE)
# -P: its working folder is its own to write: nothing is imported from there
WORK = [sys.executable, "-P", "-m", "environments.gateway.worker"]


@dataclass
class Worker:
    """A running worker and the scope that it holds."""

    scope: ScopeFile
    process: asyncio.subprocess.Process
    folder: Path  # its own to write
    door: Path  # the socket at which it is asked; not its own: it could put another's in its place
    busy: int = 0
    last_used: float = field(default_factory=time.monotonic)

    @property
    def alive(self) -> bool:
        """Does its process run?"""
        return self.process.returncode is None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for one query. Raises WorkerDown."""
        try:
            return await asyncio.open_unix_connection(str(self.door), limit=BUFFER)
        except OSError:
            raise WorkerDown("The project's worker does not answer.", mend="Ask again.") from None

    async def kill(self) -> None:
        """End it at once; what it was sending breaks off."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.door.unlink(missing_ok=True)


class WorkerPool:
    """The workers of a gateway. folder: private, for their sockets and spilled pages. memory: as
    DuckDB's settings say sizes. enclosure: what keeps each apart;
    None only where nothing real is held."""

    def __init__(
        self, folder: Path, *, memory: str, threads: int, idle_seconds: float, enclosure: Enclosure | None
    ) -> None:
        self._folder = folder
        self._enclosure = enclosure
        self._memory = memory
        self._threads = threads
        self._idle_seconds = idle_seconds
        self._workers: dict[str, Worker] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def running(self) -> list[str]:
        """The projects whose worker runs."""
        return sorted(name for name, worker in self._workers.items() if worker.alive)

    async def for_scope(self, scope: ScopeFile) -> Worker:
        """The worker of this scope; one that holds another build of it is replaced. Raises WorkerDown."""
        async with self._locks.setdefault(scope.project, asyncio.Lock()):
            worker = self._workers.get(scope.project)
            if worker is not None and worker.alive and worker.scope.build == scope.build:
                worker.last_used = time.monotonic()
                return worker
            if worker is not None:
                await worker.kill()
            self._workers[scope.project] = worker = await self._start(scope)
            return worker

    async def stop(self, project: str) -> None:
        """End a project's worker."""
        worker = self._workers.pop(project, None)
        if worker is not None:
            await worker.kill()

    async def end(self, worker: Worker) -> None:
        """End this one, whoever it serves; the project's next statement starts another."""
        if self._workers.get(worker.scope.project) is worker:
            del self._workers[worker.scope.project]
        await worker.kill()

    async def stop_idle(self) -> None:
        """End the workers that nobody has asked for a while."""
        now = time.monotonic()
        for project, worker in list(self._workers.items()):
            if not worker.alive or (worker.busy == 0 and now - worker.last_used > self._idle_seconds):
                await self.stop(project)

    async def close(self) -> None:
        """End them all."""
        for project in list(self._workers):
            await self.stop(project)

    async def _start(self, scope: ScopeFile) -> Worker:
        folder = self._folder / secrets.token_hex(6)
        folder.mkdir(parents=True, mode=PRIVATE)
        door = folder.with_suffix(".sock")
        with _listening(door) as listener, self._command(scope, folder) as (command, held):
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # a fault's text may quote a cell
                env={"LANG": "C.UTF-8", "TZ": "UTC"},
                cwd=folder,
                pass_fds=(*held, listener),
            )
            worker = Worker(scope, process, folder, door)
            try:
                await self._instruct(worker, listener)
            except BaseException:
                await worker.kill()
                raise
        return worker

    def _command(self, scope: ScopeFile, folder: Path) -> AbstractContextManager[tuple[list[str], tuple[int, ...]]]:
        """How it is started, and the open files that go with it."""
        if self._enclosure is None:
            return nullcontext((WORK, ()))
        account = None
        if self._enclosure.other_accounts:
            account = self._enclosure.accounts.of(scope.project)
            os.chown(folder, account, account)
        return self._enclosure.command(scope.path, folder, WORK, account)

    async def _instruct(self, worker: Worker, listener: int) -> None:
        """Its instructions by standard input, which stays open: when it closes, the worker ends."""
        scope, process = worker.scope, worker.process
        if process.stdin is None or process.stdout is None:
            raise WorkerDown("The project's worker could not be started.")
        place, file = (worker.folder, scope.path) if self._enclosure is None else (INSIDE, SCOPE_INSIDE)
        told = {
            "scope": str(file),
            "key": scope.key,
            "listener": listener,
            "spill": str(place / "spill"),
            "memory": self._memory,
            "data_bytes": 2 * bytes_of(self._memory) + BESIDE_THE_ENGINE,
            "threads": self._threads,
        }
        try:
            process.stdin.write(json.dumps(told).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), SECONDS_TO_START)
        except (OSError, TimeoutError):
            line = b""
        if line != b"ready\n":
            raise WorkerDown(
                "The project's worker could not open the scope.",
                where=scope.project,
                mend="The data team publishes it again: haven scope publish.",
            )


def bytes_of(size: str) -> int:
    """Of a size as DuckDB's settings say it: 2GB, 512 MiB. Raises ValueError."""
    found = SIZE.fullmatch(size)
    if found is None:
        raise ValueError("a size is a number with KB, MB, GB, TB or KiB, MiB, GiB, TiB")
    return int(found[1]) * UNITS[found[2].upper()]


@contextmanager
def _listening(path: Path) -> Iterator[int]:
    """A socket there, for this account only, open to be passed on while this lasts."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(64)
        yield listener.fileno()
