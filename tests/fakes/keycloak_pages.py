"""A person at Keycloak's pages without a browser: reads each form, fills it in, and sends it.

Enough for tests that need a token of a real log-in; tests/browser goes the same way in Chromium.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

PERIOD = 30
TIMEOUT = 60.0
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def totp(secret: str, at: float | None = None) -> str:
    """The six digits of RFC 6238 for a base32 secret, at a time (now by default)."""
    key = base64.b32decode(secret.replace(" ", "").upper() + "=" * (-len(secret.replace(" ", "")) % 8))
    counter = struct.pack(">Q", int((time.time() if at is None else at) // PERIOD))
    digest = hmac.new(key, counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def wait_for_next_code() -> None:
    """A code counts once: wait until the next one begins."""
    time.sleep(PERIOD - time.time() % PERIOD + 0.2)


@dataclass
class PersonAtTheDoor:
    """Somebody who logs in: their id, password, and the secret of their authenticator once they have one."""

    name: str
    password: str
    secret: str | None = None
    codes: set[str] = field(default_factory=set)

    def code(self) -> str:
        """The authenticator's code, never the same twice (Keycloak takes each once)."""
        if self.secret is None:
            raise LookupError("no authenticator yet")
        while True:
            for ahead in (0, PERIOD):  # one period ahead counts too: clocks differ
                if (code := totp(self.secret, time.time() + ahead)) not in self.codes:
                    self.codes.add(code)
                    return code
            wait_for_next_code()


@dataclass
class DeviceCode:
    """What the command line holds between asking and being let in."""

    answer: dict[str, Any]
    verifier: str


class CommandLine:
    """The client `haven-cli`, as RFC 8628 and RFC 7636 say; nothing of the haven's own code."""

    def __init__(self, realm_url: str) -> None:
        self.base = f"{realm_url}/protocol/openid-connect"

    def _post(self, path: str, form: dict[str, str]) -> httpx.Response:
        return httpx.post(f"{self.base}/{path}", data=form, timeout=TIMEOUT, trust_env=False, verify=False)  # noqa: S501 - loopback

    def ask(self, scope: str = "", client: str = "haven-cli") -> DeviceCode:
        """A device code with its proof key."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        form = {"client_id": client, "code_challenge": challenge, "code_challenge_method": "S256"}
        answer = self._post("auth/device", form | ({"scope": scope} if scope else {}))
        answer.raise_for_status()
        return DeviceCode(answer.json(), verifier)

    def collect(self, code: DeviceCode, **changes: str) -> httpx.Response:
        """The answer of the token endpoint."""
        form = {
            "grant_type": DEVICE_GRANT,
            "client_id": "haven-cli",
            "device_code": code.answer["device_code"],
            "code_verifier": code.verifier,
        }
        return self._post("token", form | changes)

    def refresh(self, token: str) -> httpx.Response:
        """A new token for a refresh token."""
        return self._post("token", {"grant_type": "refresh_token", "client_id": "haven-cli", "refresh_token": token})


class _Forms(HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        if tag == "form" and self.action is None:
            self.action = found.get("action")
        elif tag in ("input", "button") and found.get("name"):
            self.fields[found["name"]] = found.get("value", "")


class Browsing:
    """One browser's visit: cookies, the page it is on, and what a person does there."""

    def __init__(self) -> None:
        self.cookies = httpx.Cookies()
        self.page = ""
        self.address = ""

    def _go(self, method: str, address: httpx.URL, form: dict[str, str] | None = None) -> None:
        with httpx.Client(follow_redirects=True, timeout=TIMEOUT, trust_env=False, verify=False) as http:  # noqa: S501
            http.cookies = self.cookies
            http.event_hooks = {"response": [lambda _: _keep(http.cookies)]}
            answer = http.request(method, address, data=form)
            self.cookies, self.page, self.address = http.cookies, answer.text, str(answer.url)

    def open(self, address: str) -> None:
        """Go to an address."""
        self._go("GET", httpx.URL(address))

    def send(self, **values: str) -> None:
        """Fill in the form of this page and send it; buttons that were not pressed are not sent."""
        form = _Forms()
        form.feed(self.page)
        if form.action is None:
            raise LookupError(f"this page has no form: {self.title}")
        fields = {key: value for key, value in form.fields.items() if key not in ("cancel", "login", "cancel-aia")}
        self._go("POST", httpx.URL(self.address).join(form.action), fields | values)

    def log_in(self, person: PersonAtTheDoor, new_password: str | None = None) -> None:
        """Everything that is asked, until nothing of it is asked any more."""
        self.send(username=person.name, password=person.password)
        for _ in range(4):
            if 'name="totp"' in self.page and 'name="totpSecret"' in self.page:
                self.set_up(person)
            elif 'name="otp"' in self.page:
                self.send(otp=person.code())
            elif 'name="password-new"' in self.page:
                person.password = new_password or secrets.token_urlsafe(18)
                self.send(**{"password-new": person.password, "password-confirm": person.password})
            else:
                return

    def set_up(self, person: PersonAtTheDoor) -> None:
        """The authenticator, from the secret that the page shows."""
        found = re.search(r'name="totpSecret" value="([^"]+)"', self.page)
        if found is None:
            raise LookupError("no secret on the page")
        person.secret = base64.b32encode(found.group(1).encode()).decode().rstrip("=")
        self.send(totp=person.code(), userLabel="test")

    @property
    def title(self) -> str:
        """The page's heading."""
        found = re.search(r'<h1[^>]*id="kc-page-title"[^>]*>\s*(.*?)\s*</h1>', self.page, re.DOTALL)
        return re.sub(r"<[^>]+>|\s+", " ", found.group(1)).strip() if found else ""


def _keep(cookies: httpx.Cookies) -> None:
    """Like a browser, to which this machine's own address is as good as https, for which cookies are."""
    for cookie in cookies.jar:
        cookie.secure = False


def token_of(realm_url: str, person: PersonAtTheDoor, scope: str = "") -> dict[str, Any]:
    """The token endpoint's answer after a whole log-in by the device flow."""
    command_line, browsing = CommandLine(realm_url), Browsing()
    code = command_line.ask(scope)
    browsing.open(code.answer["verification_uri_complete"])
    browsing.log_in(person)
    browsing.send(accept="Yes")
    answer = command_line.collect(code)
    answer.raise_for_status()
    return dict(answer.json())
