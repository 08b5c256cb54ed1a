"""How does the client speak to the gateway? HTTP over a Unix socket; the socket itself says whose project it is.

HAVEN_SOCKET names the socket (a path, no secret); in a workspace it stands at its usual place. Outside a workspace a
token and a project are given with each call (`Connection(socket, token, project)`).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from haven.errors import GatewayDown, HavenClientError, Incomplete, Refused

USUAL_SOCKET = "/run/haven/gateway.sock"
SECONDS = 330.0  # a little more than the gateway gives a query


@dataclass(frozen=True)
class Connection:
    """Where the gateway is, and, outside a workspace, who asks for which project."""

    socket: str = field(default_factory=lambda: os.environ.get("HAVEN_SOCKET", USUAL_SOCKET))
    token: str | None = field(default=None, repr=False)
    project: str | None = None

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON answer of a route. Raises Refused, GatewayDown, HavenClientError."""
        try:
            return json.loads(self.send(method, path, body))
        except ValueError:
            raise HavenClientError("The gateway's answer cannot be read.") from None

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The whole answer, or none of it. Raises Refused, Incomplete, GatewayDown."""
        with self.answer(method, path, body) as answer:
            return answer.read()

    @contextmanager
    def answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> Iterator[http.client.HTTPResponse]:
        """The answer, to be read while it comes. Raises Refused, GatewayDown, and Incomplete where it breaks off."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.project:
            path += ("&" if "?" in path else "?") + urlencode({"project": self.project})
        connection = _UnixConnection(self.socket)
        query: str | None = None
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            query = answer.getheader("Haven-Query")
            if answer.status != http.HTTPStatus.OK:
                raise _refusal(answer.read(), answer.status)
            yield answer
        except http.client.IncompleteRead:
            raise self._why_incomplete(query) from None
        except (OSError, http.client.HTTPException) as error:
            raise GatewayDown(
                f"The haven's gateway does not answer at {self.socket} ({type(error).__name__}). "
                "Close the workspace and open it again; if that does not help, tell the data team."
            ) from None
        finally:
            connection.close()

    def _why_incomplete(self, query: str | None) -> HavenClientError:
        """An answer that broke off has a reason, which the gateway keeps for who asked."""
        if query:
            try:
                outcome = self.ask("GET", f"/v1/queries/{query}")
                return Refused(outcome["code"], outcome["reason"], outcome.get("mend"))
            except (HavenClientError, KeyError, TypeError):
                pass
        return Incomplete("The answer broke off before its end; nothing of it is given. Ask again.")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("haven", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _refusal(content: bytes, status: int) -> HavenClientError:
    try:
        refused = json.loads(content)["refused"]
        return Refused(refused["code"], refused["reason"], refused.get("mend"))
    except (ValueError, KeyError, TypeError):
        return HavenClientError(f"The gateway answered with status {status} and no reason.")
