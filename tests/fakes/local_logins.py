"""A local issuer with a haven's people, a clock that the test moves, and an in-memory way to ask it over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import httpx
from starlette.types import ASGIApp

from access.identity.local.issuer import LocalIssuer
from access.identity.local.logins import LocalLogins
from access.identity.local.web import build_issuer_app
from access.identity.oauth import challenge_of
from access.service import Access
from audit.clock import FixedClock
from tests.fakes.havens import START, memory_records, peopled
from tests.fakes.tokens import AUDIENCE, CLIENT, URL, HeldSigning

VERIFIER = "a-secret-of-the-program-that-asks-0123456789-abc"
CODE = {"client_id": CLIENT, "code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


class LocalLoginsForTests:
    """The logins, and everything that a test looks at."""

    def __init__(self) -> None:
        self.clock = FixedClock(START)
        self.records = memory_records(self.clock)
        self.access: Access = peopled(self.records)
        self.ended: list[str] = []
        self.issuer = LocalIssuer(URL, HeldSigning(), self.clock, real_data=False)
        self.logins = LocalLogins(
            self.issuer,
            self.access,
            self.records,
            audience=AUDIENCE,
            clients=frozenset({CLIENT}),
            end=self.ended.append,
        )

    def later(self, seconds: float) -> None:
        """Time goes on."""
        self.clock.at += timedelta(seconds=seconds)

    def rules(self) -> list[str]:
        """The rules of the refusals in the log."""
        return [str(event.details["rule"]) for event in self.records.log.events if event.name == "token.refused"]  # type: ignore[attr-defined]

    @contextmanager
    def http(self) -> Iterator[httpx.Client]:
        """A client of its application."""
        with httpx.Client(transport=InProcess(build_issuer_app(self.logins)), base_url=URL) as client:
            yield client


class InProcess(httpx.BaseTransport):
    """An application asked in this process, one request after the other."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._loop = asyncio.new_event_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The application's answer."""
        return self._loop.run_until_complete(self._asked(request))

    async def _asked(self, request: httpx.Request) -> httpx.Response:
        request.stream = httpx.ByteStream(request.read())
        answer = await self._inner.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def close(self) -> None:
        """Nothing is left open."""
        self._loop.close()


def approve(http: httpx.Client, code: str, person: str, **changes: str) -> httpx.Response:
    """Open the page, choose the person, press the button; changes: fields that are sent otherwise."""
    page = http.get("/device", params={"user_code": code})
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
    form: Mapping[str, str] = {**fields, "person": person, "decision": "approve", **changes}
    return http.post("/device", data=dict(form), headers={"origin": str(http.base_url).rstrip("/")})


def collect(http: httpx.Client, code: str, **changes: str) -> httpx.Response:
    """Ask for the tokens of a code."""
    form = {"grant_type": DEVICE_CODE, "client_id": CLIENT, "device_code": code, "code_verifier": VERIFIER}
    return http.post("/token", data=form | changes)
