"""HTTP to an issuer: the one adapter of the port Network.

No redirect, no proxy of the environment, no cookie; an answer has a bound in bytes and in seconds; plain HTTP goes to
this machine only, and HTTPS checks its certificate.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from access.identity.addresses import is_safe
from access.identity.ports import Answer, Unanswered

LONGEST_ANSWER = 128 * 1024
SECONDS = 5.0


class HttpNetwork:
    """HTTP by httpx. ca_file: the certificate authority of an organisation's own."""

    def __init__(self, ca_file: Path | None = None, seconds: float = SECONDS) -> None:
        self._ca_file = ca_file
        self._seconds = seconds

    def get(self, url: str) -> Answer:
        """The answer to a GET. Raises Unanswered."""
        return self._ask("GET", url, None)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """The answer to a POST of a form. Raises Unanswered."""
        return self._ask("POST", url, form)

    def _ask(self, method: str, url: str, form: Mapping[str, str] | None) -> Answer:
        if not is_safe(url):
            raise Unanswered
        until = time.monotonic() + self._seconds
        try:
            with (
                httpx.Client(
                    verify=ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None),
                    follow_redirects=False,
                    trust_env=False,
                    timeout=self._seconds,
                ) as client,
                client.stream(method, url, data=dict(form) if form is not None else None) as answer,
            ):
                if answer.is_redirect:
                    raise Unanswered
                return Answer(answer.status_code, _body(answer, until))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            raise Unanswered from None


def _body(answer: httpx.Response, until: float) -> bytes:
    """The whole body within its bounds. Raises Unanswered."""
    body = b""
    for chunk in answer.iter_bytes(8192):
        body += chunk
        if len(body) > LONGEST_ANSWER or time.monotonic() > until:
            raise Unanswered
    return body
