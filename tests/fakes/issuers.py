"""Issuers at work for the shared questions: the local one on a loopback port, and the real Keycloak, asked alike."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import uvicorn

from access.identity.device_login import DeviceLogin, Granted, Prompt
from access.identity.discovery import Discovery
from access.identity.ended_sessions import EndedInFolder
from access.identity.fetching import HttpNetwork
from access.identity.keys import PublishedKeys
from access.identity.local.issuer import LocalIssuer
from access.identity.local.logins import LocalLogins
from access.identity.local.web import build_issuer_app
from access.identity.model import TrustedIssuer
from access.identity.tokens import Verifier
from access.service import Access
from audit.clock import SystemClock
from audit.events import EventName
from environments.gateway.doors import SocketServer, TokenIdentity
from environments.gateway.web import build_app
from infra.servers.ports import LOOPBACK, free_port
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.gateway import GatewayForTests, gateway
from tests.fakes.havens import memory_records, peopled
from tests.fakes.keycloak import KeycloakForTests
from tests.fakes.keycloak_pages import Browsing, PersonAtTheDoor
from tests.fakes.local_logins import approve
from tests.fakes.tokens import AUDIENCE, CLIENT, HeldSigning, TokenBench, new_key

AT_ONCE = 0.05


class IssuerAtWork(Protocol):
    """An issuer that runs, and what a person and its keeper do there."""

    url: str
    trusted: TrustedIssuer
    word_of_replayed: str
    word_of_unknown: str

    def approve(self, prompt: Prompt, name: str) -> None:
        """The person opens the page and approves the code."""

    def rotate(self) -> None:
        """The issuer signs with a new key from now."""

    def refused_codes(self) -> list[str]:
        """What its log says of device codes that it refused, the newest first: its own word for each."""


def log_in(issuer: IssuerAtWork, name: str, scope: str = AUDIENCE) -> Granted:
    """A whole log-in by the haven's own client."""
    device = DeviceLogin(issuer.url, CLIENT, HttpNetwork(), time.sleep, scope)
    return device.log_in(lambda prompt: issuer.approve(prompt, name))


def renew(issuer: IssuerAtWork, granted: Granted) -> Granted:
    """The next tokens."""
    return DeviceLogin(issuer.url, CLIENT, HttpNetwork(), time.sleep, AUDIENCE).renew(granted.refresh)


def published(issuer: IssuerAtWork) -> dict[str, Any]:
    """The keys as they are published."""
    return published_at(issuer.url)


def published_at(url: str) -> dict[str, Any]:
    """The keys that the issuer of this address publishes."""
    answer = httpx.get(Discovery.ask(url, HttpNetwork()).keys, trust_env=False)
    return dict(answer.json())


class LocalAtWork:
    """The local issuer, served by uvicorn."""

    word_of_replayed, word_of_unknown = "device.replayed", "device.unknown"

    def __init__(self, url: str) -> None:
        self.url = url
        self.signing = HeldSigning()
        self.records = memory_records()
        self.access: Access = peopled(self.records)
        self.records.log = self.log = MemoryAuditLog()
        issuer = LocalIssuer(url, self.signing, SystemClock(), real_data=False)
        self.trusted = issuer.trusted({AUDIENCE: [CLIENT]})
        self.logins = LocalLogins(issuer, self.access, self.records, audience=AUDIENCE, clients=frozenset({CLIENT}))

    def approve(self, prompt: Prompt, name: str) -> None:
        """Choose the person on the page."""
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            approve(http, prompt.user_code, name).raise_for_status()

    def rotate(self) -> None:
        """A new key beside the old one."""
        self.signing.keys.append(new_key())

    def bench(self) -> TokenBench:
        """This issuer, as one that signs whatever it is told to, now."""
        return TokenBench(self.url, self.signing, SystemClock().now())

    def refused_codes(self) -> list[str]:
        """The rules in the haven's own audit log."""
        rules = [str(one.details["rule"]) for one in self.log.events if one.name is EventName.TOKEN_REFUSED]
        return [rule for rule in reversed(rules) if rule.startswith("device.")]


@contextmanager
def local_at_work() -> Iterator[LocalAtWork]:
    """A local issuer on a loopback port."""
    port = free_port()
    issuer = LocalAtWork(f"http://{LOOPBACK}:{port}")
    server = uvicorn.Server(
        uvicorn.Config(
            build_issuer_app(issuer.logins), host=LOOPBACK, port=port, log_config=None, log_level="critical",
            access_log=False, lifespan="off",
        )
    )  # fmt: skip
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(AT_ONCE)
    try:
        yield issuer
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def keycloak_at_work(keycloak: KeycloakForTests) -> Iterator[KeycloakAtWork]:
    """The shared Keycloak, left without the people who came."""
    issuer = KeycloakAtWork(keycloak)
    try:
        yield issuer
    finally:
        admin = keycloak.realm.admin
        for name in issuer.people:
            admin.delete_user(str(admin.get_user_id(name)))


class KeycloakAtWork:
    """The real Keycloak with the haven's realm; each person sets up both factors at their first log-in."""

    word_of_replayed = word_of_unknown = "invalid_oauth2_device_code"

    def __init__(self, keycloak: KeycloakForTests) -> None:
        self.url = keycloak.issuer
        self.trusted = TrustedIssuer(
            self.url, {AUDIENCE: frozenset({CLIENT})}, frozenset({"ES256"}), second_factor=frozenset({"0", "1"})
        )
        self._keycloak = keycloak
        self.people: dict[str, PersonAtTheDoor] = {}

    def approve(self, prompt: Prompt, name: str) -> None:
        """Log in with both factors, and say yes."""
        browsing = Browsing()
        browsing.open(str(prompt.page_with_code))
        browsing.log_in(self.known(name))
        browsing.send(accept="Yes")

    def known(self, name: str) -> PersonAtTheDoor:
        """This researcher, made at the first asking."""
        if name not in self.people:
            self.people[name] = self._keycloak.person(name, "researcher")
        return self.people[name]

    def rotate(self) -> None:
        """Through the realm's own verb."""
        self._keycloak.realm.change_signing_key()

    def refused_codes(self) -> list[str]:
        """The errors of the realm's own event log."""
        found = self._keycloak.realm.admin.get_events({"type": "OAUTH2_DEVICE_CODE_TO_TOKEN_ERROR"})
        return [str(event["error"]) for event in found if event["clientId"] == CLIENT]


class MovedClock:
    """The machine's clock, and so much before or after it."""

    by = timedelta(0)

    def now(self) -> datetime:
        """The time that the door takes it to be."""
        return SystemClock().now() + self.by


class DoorAtWork:
    """The gateway's own HTTP door at a socket, over a published project, with one verifier that never restarts."""

    def __init__(self, issuer: IssuerAtWork) -> None:
        self.issuer = issuer
        self.folder = Path(tempfile.mkdtemp(prefix="hd-"))
        self.ended = EndedInFolder(self.folder / "ended", SystemClock())
        keys = PublishedKeys(issuer.url, HttpNetwork(), SystemClock(), again=timedelta(0))
        self.clock = MovedClock()
        self.verifier = Verifier(issuer.trusted, keys, self.clock, self.ended)
        self.stands: GatewayForTests | None = None
        self._ready, self._stop = threading.Event(), threading.Event()

    def run(self) -> None:
        """The door's own thread and loop."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        async with gateway() as stands:
            self.stands = stands
            app = TokenIdentity(build_app(stands.core), self.verifier, stands.records)
            server = SocketServer(app, self.folder / "door.sock")
            await server.open()
            self._ready.set()
            while not self._stop.is_set():
                await asyncio.sleep(AT_ONCE)
            await server.close()

    def ask(self, token: str | None, **headers: str) -> tuple[int, str | None]:
        """A question with this token: the status, and the code of the refusal."""
        said = {"authorization": f"Bearer {token}"} if token is not None else {}
        transport = httpx.HTTPTransport(uds=str(self.folder / "door.sock"))
        with httpx.Client(transport=transport, base_url="http://door", timeout=60) as http:
            answer = http.post(
                "/v1/query", params={"project": "admissions"}, headers=said | headers,
                json={"sql": "select count(*) as n from gp_events"},
            )  # fmt: skip
        good = answer.status_code == 200
        return answer.status_code, None if good else answer.json()["refused"]["code"]

    @property
    def gateway(self) -> GatewayForTests:
        """What stands behind it."""
        if self.stands is None:
            raise LookupError("the door is closed")
        return self.stands

    def last_rule(self) -> str:
        """The rule of the last refusal of a token in the log."""
        return self.refusals()[-1]

    def refusals(self) -> list[str]:
        """The rules of all refusals of tokens in the log."""
        return [str(one.details["rule"]) for one in self.gateway.log.events if one.name is EventName.TOKEN_REFUSED]


@contextmanager
def door_at_work(issuer: IssuerAtWork) -> Iterator[DoorAtWork]:
    """A door that trusts this issuer."""
    door = DoorAtWork(issuer)
    thread = threading.Thread(target=door.run)
    thread.start()
    while not door._ready.wait(AT_ONCE):
        if not thread.is_alive():
            raise LookupError("the door did not open")
    try:
        yield door
    finally:
        door._stop.set()
        thread.join()
        shutil.rmtree(door.folder, ignore_errors=True)


class Listener:
    """A port that somebody else holds: counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind((LOOPBACK, 0))
        self._socket.listen()
        self._socket.settimeout(AT_ONCE)
        self.address = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}/{secrets.token_hex(4)}"

    def heard_nobody(self) -> bool:
        """Did nobody connect?"""
        try:
            self._socket.accept()[0].close()
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        """No more."""
        self._socket.close()
