"""What does a person ask for? An address that opens their workspace once; later, that it be closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from access.decisions import Refused, RefusedError
from environments.workspaces.client import HubClient
from environments.workspaces.control import ControlTokens
from environments.workspaces.errors import WorkspaceError, WorkspacesDown

SECONDS = 30.0
REFUSED = 403


class Workspaces:
    """The workspaces of a haven whose services run, as its command line and its demo ask for them."""

    def __init__(
        self,
        gateway_socket: Path,
        tokens: ControlTokens,
        hub_address: str,
        orchestrator_token: Path,
        *,
        sign_in_at: str | None = None,
    ) -> None:
        self.gateway_socket = gateway_socket
        self.tokens = tokens
        self.hub_address = hub_address
        self.orchestrator_token = orchestrator_token
        self.sign_in_at = sign_in_at  # the hub as browsers reach it, where people log in; None: by one-time codes

    def open_address(self, person: str, project: str) -> str:
        """An address that takes this person to this project's workspace: by a code, once, or by logging in.

        Raises RefusedError, WorkspacesDown.
        """
        if self.sign_in_at is not None:
            return f"{self.sign_in_at}/hub/spawn/{quote(person)}/{quote(project)}"
        return f"{self.hub_address}/hub/haven-login?{urlencode({'code': self.login_code(person, project)})}"

    def login_code(self, person: str, project: str) -> str:
        """The code alone. Raises WorkspaceError where people log in at the identity provider."""
        if self.sign_in_at is not None:
            raise WorkspaceError(
                "No codes are given here: people log in at the identity provider.",
                where=self.sign_in_at,
                mend="Open the workspace in a browser: `haven workspace open PROJECT --as PERSON` prints where.",
            )
        return str(self._ask("login-codes", person=person, project=project)["code"])

    def opened(self) -> list[dict[str, str]]:
        """The open workspaces: person, project, since."""
        workspaces: list[dict[str, str]] = self._ask("workspaces/list")["workspaces"]
        return workspaces

    def hub(self) -> HubClient:
        """The hub, to act for a person who has logged in."""
        if not self.orchestrator_token.exists():
            raise _down(self.hub_address)
        return HubClient(self.hub_address, self.orchestrator_token)

    def enter(self, person: str, project: str) -> HubClient:
        """Log the person in and start their workspace; the client that is given back runs notebooks in it.

        Whoever calls this acknowledges the project's conditions for the person: read them with `conditions`.
        """
        code = self.login_code(person, project)
        hub = self.hub()
        try:
            hub.log_in(code)
            hub.start(person, project, self.conditions(person, project)[1])
        except BaseException:
            hub.close()
            raise
        return hub

    def conditions(self, person: str, project: str) -> tuple[list[str], str]:
        """The conditions of working in this project, and the ticket that acknowledges them. Raises RefusedError."""
        answer = self._ask("workspaces/conditions", person=person, project=project)
        return list(answer["conditions"]), str(answer["ticket"])

    def close(self, person: str, project: str) -> None:
        """Stop the workspace and everything in it; files in its home are kept."""
        hub = self.hub()
        try:
            hub.stop(person, project)
        finally:
            hub.close()

    def _ask(self, route: str, **body: str) -> dict[str, Any]:
        transport = httpx.HTTPTransport(uds=str(self.gateway_socket))
        try:
            token = self.tokens.house.read_text(encoding="utf-8")
            with httpx.Client(transport=transport, timeout=SECONDS) as gateway:
                answer = gateway.post(
                    f"http://haven/control/{route}", json=body, headers={"Authorization": f"Bearer {token}"}
                )
                content: dict[str, Any] = answer.json()
        except (OSError, httpx.HTTPError, ValueError):
            raise _down(str(self.gateway_socket)) from None
        if answer.status_code == httpx.codes.OK:
            return content
        refused = Refused(**content["refused"])
        if answer.status_code == REFUSED:
            raise RefusedError(refused)
        raise WorkspaceError(refused.reason, where=f"rule {refused.code}", mend=refused.mend)


def _down(where: str) -> WorkspacesDown:
    return WorkspacesDown("The services that give workspaces do not run.", where=where, mend="Start them: `haven up`.")
