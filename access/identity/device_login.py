"""How does a program without a browser log a person in? The device flow (RFC 8628), at any issuer that speaks it.

The person reads a short code here and approves it in a browser, wherever that is; password and second factor are shown
to the issuer only. The program keeps what it gets: an access token for minutes, and a refresh token for the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from access.identity.addresses import is_safe, same_origin
from access.identity.discovery import OK, Discovery, unreachable
from access.identity.errors import IssuerUnreachable, LoginRefused
from access.identity.oauth import DEVICE_CODE, REFRESH, challenge_of
from access.identity.ports import Answer, Network, Unanswered
from access.identity.strict import Unreadable, read_object

LONGEST_SECRET = 8192
LONGEST_WAIT = 1800
SLOWER = 5.0  # seconds more each time the issuer says slow_down (RFC 8628 3.5)
LONGEST_INTERVAL = 60.0
SENTENCES: Mapping[str, str] = {
    "access_denied": "The login was denied.",
    "expired_token": "Nobody approved the code in time.",
    "invalid_grant": "The login has ended.",
    "invalid_client": "The issuer does not know this client.",
}


@dataclass(frozen=True)
class Prompt:
    """What the person is shown: where to go, and the code to compare."""

    page: str
    page_with_code: str | None
    user_code: str
    seconds: float


@dataclass(frozen=True)
class Granted:
    """What the issuer gave."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


class DeviceLogin:
    """Logs in at one issuer as one client. wait: pauses for so many seconds. scope: names the audience."""

    def __init__(self, issuer: str, client: str, network: Network, wait: Callable[[float], None], scope: str) -> None:
        self.issuer = issuer
        self.client = client
        self._network = network
        self._wait = wait
        self._scope = scope

    def log_in(self, show: Callable[[Prompt], None]) -> Granted:
        """Show the code and wait until it is approved. Raises LoginRefused, IssuerUnreachable."""
        places = Discovery.ask(self.issuer, self._network)
        verifier = secrets.token_urlsafe(48)
        proof = {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
        started = self._require(places.device, {"client_id": self.client, "scope": self._scope, **proof})
        code, prompt = self._prompt(started)
        show(prompt)
        form = {"grant_type": DEVICE_CODE, "device_code": code, "code_verifier": verifier, "client_id": self.client}
        return self._poll(places, form, prompt.seconds, _seconds(started.get("interval"), 5.0))

    def renew(self, refresh: str) -> Granted:
        """The next tokens. Raises LoginRefused: the login has ended."""
        places = Discovery.ask(self.issuer, self._network)
        form = {"grant_type": REFRESH, "refresh_token": refresh, "client_id": self.client}
        return _granted(self._require(places.tokens, form))

    def revoke(self, refresh: str) -> None:
        """End the login at the issuer (RFC 7009). Raises IssuerUnreachable."""
        places = Discovery.ask(self.issuer, self._network)
        form = {"token": refresh, "token_type_hint": REFRESH, "client_id": self.client}
        if self._ask(places.revocation, form).status != OK:
            raise unreachable()

    def _poll(self, places: Discovery, form: Mapping[str, str], seconds: float, interval: float) -> Granted:
        waited = 0.0
        while waited < seconds:
            self._wait(interval)
            waited += interval
            answer = self._ask(places.tokens, form)
            if answer.status == OK:
                return _granted(_object(answer))
            word = _object(answer).get("error")
            if word == "slow_down":
                interval = min(interval + SLOWER, LONGEST_INTERVAL)
            elif word != "authorization_pending":
                raise _refused(word)
        raise _refused("expired_token")

    def _prompt(self, started: Mapping[str, Any]) -> tuple[str, Prompt]:
        """The long code, and what to show. Raises IssuerUnreachable for an answer that is none."""
        code, user_code = started.get("device_code"), started.get("user_code")
        page, complete = started.get("verification_uri"), started.get("verification_uri_complete")
        if not _is_secret(code) or not _is_shown(user_code) or not self._is_page(page):
            raise unreachable()
        shown = str(complete) if self._is_page(str(complete).partition("?")[0]) and _is_shown(complete) else None
        return str(code), Prompt(str(page), shown, str(user_code), _seconds(started.get("expires_in"), 600.0))

    def _is_page(self, url: object) -> bool:
        return isinstance(url, str) and is_safe(url) and same_origin(url, self.issuer)

    def _require(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """The issuer's good answer. Raises LoginRefused with the sentence of its word."""
        answer = self._ask(url, form)
        found = _object(answer)
        if answer.status != OK:
            raise _refused(found.get("error"))
        return found

    def _ask(self, url: str, form: Mapping[str, str]) -> Answer:
        try:
            return self._network.post(url, form)
        except Unanswered:
            raise unreachable() from None


def _granted(found: Mapping[str, Any]) -> Granted:
    access, refresh = found.get("access_token"), found.get("refresh_token")
    if not _is_secret(access) or not _is_secret(refresh) or str(found.get("token_type")).lower() != "bearer":
        raise unreachable()
    return Granted(str(access), str(refresh))


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return read_object(answer.body)
    except Unreadable:
        raise unreachable() from None


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= LONGEST_SECRET


def _is_shown(value: object) -> bool:
    """Text for a terminal: nothing in it can move the cursor."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= 512


def _seconds(value: object, usual: float) -> float:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LONGEST_WAIT
    return float(value) if good and isinstance(value, int) else usual


def _refused(word: object) -> LoginRefused:
    says = SENTENCES.get(word, "The issuer refused.") if isinstance(word, str) else "The issuer refused."
    return LoginRefused(says, mend="Log in again: haven login")


__all__ = ["DeviceLogin", "Granted", "IssuerUnreachable", "LoginRefused", "Prompt"]
