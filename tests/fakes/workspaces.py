"""A gateway process for the tests of workspaces: the real control routes, and doors that answer who stands at them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy import create_engine
from starlette.applications import Starlette

from access.decisions import Allowed, Decision, Refused
from audit.clock import SystemClock
from audit.records import Records
from environments.workspaces.client import HubClient
from environments.workspaces.control import ControlTokens, Desk, control_routes
from environments.workspaces.hub import HubPlace, HubServer, OpenID, base_interpreter
from environments.workspaces.logins import HubLogins
from environments.workspaces.model import Workplace
from environments.workspaces.register import WorkspaceRegister
from environments.workspaces.service import Workspaces
from environments.workspaces.sessions import SessionEvidence
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.plain_account import PLAIN_ACCOUNT, as_plain_account

ROOT = Path(__file__).resolve().parents[2]
NOT_APPROVED = Refused("project.not_a_member", "You are not one of its people.", "Its applicant can add you.")


@dataclass
class FakeApprovals:
    """Approves the pairs that it holds."""

    approved: set[tuple[str, str]] = field(default_factory=set)
    asked: tuple[str, ...] = ("gp-system: no table by practice is shown",)
    keeps: bool = True

    def conditions(self, project: str) -> tuple[str, ...]:
        """The same for each project."""
        return self.asked

    def keeps_cells(self, project: str) -> bool:
        """The same for each project."""
        return self.keeps

    def workplaces(self, person: str) -> list[Workplace]:
        """The projects of the pairs that it holds."""
        held = sorted(project for name, project in self.approved if name == person)
        return [Workplace(project, f"What {project} is for", Allowed()) for project in held]

    def may_open_workspace(self, person: str, project: str) -> Decision:
        """Yes when the pair is held."""
        return Allowed() if (person, project) in self.approved else NOT_APPROVED


class FakeDoors:
    """Sockets that answer every request with the person and project whose door it is."""

    def __init__(self, folder: Path, account: int | None = None) -> None:
        self.folder = folder
        self.account = account
        self.opened: dict[Path, asyncio.Server] = {}

    async def open(self, person: str, project: str) -> Path:
        """A new socket."""
        path = self.folder / secrets.token_hex(4) / "gateway.sock"
        path.parent.mkdir(parents=True)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            body = json.dumps({"person": person, "project": project}).encode()
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):  # who connects and says nothing
                await reader.readuntil(b"\r\n\r\n")
                length = b"Content-Length: %d" % len(body)
                writer.write(b"HTTP/1.1 200 OK\r\n%s\r\nConnection: close\r\n\r\n%s" % (length, body))
                await writer.drain()
            writer.close()

        self.opened[path] = await asyncio.start_unix_server(answer, str(path))
        path.with_name("flight.sock").touch()  # a real door has a second socket there
        _give(self.folder, self.account)
        return path

    async def close(self, path: Path) -> None:
        """Close it."""
        self.opened.pop(path).close()
        path.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Doors that a killed hub left open are closed with the process that holds them."""
        yield
        for path in list(self.opened):
            await self.close(path)


@dataclass
class WorkplaceForTests:
    """Everything that stands: the approvals to change, the log to read, the workspaces to open."""

    home: Path
    approvals: FakeApprovals
    log: MemoryAuditLog
    doors: FakeDoors
    place: HubPlace
    workspaces: Workspaces
    hub: HubServer
    account: int | None = None  # the plain account that the hub runs under, if it is not the tests' own
    homes: Callable[[str, str], Path] | None = None  # where a home lies that is not on the hub's own disk

    def home_of(self, person: str, project: str) -> Path:
        """A workspace's home, as the machine sees it."""
        return self.homes(person, project) if self.homes else self.home / "workspaces" / project / person / "home"

    def as_the_hub(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """This command, under the account of the hub."""
        return command if self.account is None else as_plain_account(command, [self.home])

    def start(self, hub: HubClient, person: str, project: str) -> None:
        """Start a workspace of somebody who has logged in and acknowledges the conditions."""
        hub.start(person, project, self.workspaces.conditions(person, project)[1])

    @contextlib.contextmanager
    def browser(self, person: str, project: str) -> Iterator[httpx.Client]:
        """A browser in which this person has logged in at the hub."""
        with httpx.Client(base_url=self.place.address, follow_redirects=True, trust_env=False) as browser:
            code = self.workspaces.login_code(person, project)
            browser.get("/hub/haven-login", params={"code": code}, follow_redirects=False)
            yield browser

    def processes_inside(self) -> set[int]:
        """The processes of this machine that run in one of this workplace's sandboxes: they see its folders mounted."""
        found = set()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"/{self.home.name}/workspaces/" in (entry / "mountinfo").read_text():
                    found.add(int(entry.name))
            except OSError:
                continue  # it has ended, or is not ours to read
        return found


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="hv-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def environments_folder() -> Path:
    """Where the launcher made the hub's and the workspaces' environments."""
    return Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs"))


def clients_folder() -> Path:
    """The distributions that are put into foreign environments."""
    return ROOT / "clients"


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class HubOfAPlainAccount(HubServer):
    """The real hub, started by root under a plain account. Its folders are given to that account."""

    @property
    def command(self) -> tuple[str, ...]:
        place = self.place
        places = [place.environments, place.clients, base_interpreter(place.environments / "workspace")]
        return as_plain_account(super().command, places)

    def prepare(self) -> None:
        """As ever, and given away."""
        super().prepare()
        _give(self.place.folder.parent, PLAIN_ACCOUNT)


def _give(folder: Path, account: int | None) -> None:
    if account is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account, account, follow_symlinks=False)


@contextlib.contextmanager
def workplace(
    environments: Path,
    clients: Path,
    openid: OpenID | None = None,
    logins: Callable[[Records], HubLogins] | None = None,
    port: int | None = None,
    machine: Callable[[], Decision] = Allowed,
    *,
    plain: bool = False,
    pods: Callable[[Path], dict[str, Any]] | None = None,
    real_doors: Any = None,
    **bounds: int,
) -> Iterator[WorkplaceForTests]:
    """A gateway process's control routes and a real hub, until the block ends; people log in by codes or `openid`.

    machine: what is asked at an opening. plain: root runs the hub under another account. pods: of a home, the cluster
    of its hub's place. real_doors: a gateway's, in place of doors that tell whose they are.
    """
    account = PLAIN_ACCOUNT if plain and os.geteuid() == 0 else None
    with short_folder() as home:
        log, approvals, doors = MemoryAuditLog(), FakeApprovals(), real_doors or FakeDoors(home / "doors", account)
        records = Records(create_engine("sqlite://"), log, SystemClock())
        register = WorkspaceRegister(records, approvals, doors, machine)
        tokens = ControlTokens(home / "control")
        place = HubPlace(
            folder=home / "hub",
            run=home / "run",
            workspaces=home / "workspaces",
            imports=home / "imports",
            packages=home / "packages",
            control_socket=home / "gateway.sock",
            tokens=tokens,
            environments=environments,
            clients=clients,
            port=port or free_port(),
            openid=openid,
            **(pods(home) if pods else {}),
            **bounds,
        )
        workspaces = Workspaces(
            place.control_socket, tokens, place.address, place.orchestrator_token, sign_in_at=openid and place.address
        )
        desk = Desk(register, SessionEvidence(records, log, approvals), logins(records) if logins else None)
        app = Starlette(routes=control_routes(desk, tokens), lifespan=doors.lifespan)
        with serving(uvicorn.Config(app, uds=str(place.control_socket), log_level="warning", lifespan="on")):
            hub = HubServer(place) if account is None else HubOfAPlainAccount(place)
            hub.start(home / "hub.log")
            try:
                yield WorkplaceForTests(home, approvals, log, doors, place, workspaces, hub, account)
            finally:
                hub.stop()


@contextlib.contextmanager
def serving(config: uvicorn.Config) -> Iterator[None]:
    """A server in a thread of its own, which answers when the block begins and is gone when it ends."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
