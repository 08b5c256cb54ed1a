"""How does the haven act in a workspace for a person? As a browser would: over the hub, on a real kernel."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import nbformat
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from access.decisions import Refused, RefusedError
from environments.workspaces.errors import NotebookFailed, WorkspaceError, WorkspacesDown
from environments.workspaces.model import CellOutcome

SECONDS_PER_REQUEST = 120.0
SECONDS_PER_CELL = 120.0
SECONDS_OF_TOKEN = 1800
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
REFUSED = 403


class HubClient:
    """The hub, for the orchestrator's account: log a person in by their code, start, stop, run a notebook."""

    def __init__(self, address: str, orchestrator_token: Path) -> None:
        self.address = address
        token = orchestrator_token.read_text(encoding="utf-8").strip()
        self._hub = httpx.Client(
            base_url=f"{address}/hub/api",
            headers={"Authorization": f"token {token}"},
            timeout=SECONDS_PER_REQUEST,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._hub.close()

    def __enter__(self) -> HubClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def log_in(self, code: str) -> None:
        """Redeem a one-time code, so that the hub knows the person. Raises RefusedError."""
        with httpx.Client(timeout=SECONDS_PER_REQUEST) as browser:
            answer = browser.get(f"{self.address}/hub/haven-login", params={"code": code})
        if answer.status_code != httpx.codes.FOUND:
            raise RefusedError(
                Refused("workspace.code_refused", "The one-time code was refused.", "Ask for a new one.")
            )

    def start(self, person: str, project: str, acknowledged: str) -> None:
        """Start the workspace and wait until it answers; acknowledged: the ticket of its conditions.

        Raises RefusedError with the approvals' reason.
        """
        options = {"acknowledged": acknowledged}
        answer = self._ask("POST", f"/users/{quote(person)}/servers/{quote(project)}", json=options)
        if answer.status_code == REFUSED:
            raise RefusedError(Refused("workspace.open_refused", _message(answer)))
        if answer.status_code not in (httpx.codes.CREATED, httpx.codes.ACCEPTED):
            raise WorkspaceError(f"The workspace did not start: {_message(answer)}")

    def stop(self, person: str, project: str) -> None:
        """Stop the workspace; one that does not run stays so."""
        answer = self._ask("DELETE", f"/users/{quote(person)}/servers/{quote(project)}")
        if answer.status_code not in (httpx.codes.NO_CONTENT, httpx.codes.ACCEPTED, httpx.codes.NOT_FOUND):
            raise WorkspaceError(f"The workspace did not stop: {_message(answer)}")

    def run_notebook(self, person: str, project: str, notebook: Path) -> list[CellOutcome]:
        """Run every code cell of an .ipynb in a fresh kernel of the workspace; a cell that raises does not stop it."""
        content = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
        return self.run_cells(person, project, [cell.source for cell in content.cells if cell.cell_type == "code"])

    def run_cells(self, person: str, project: str, cells: Sequence[str]) -> list[CellOutcome]:
        """The same for cells given as text."""
        with self.kernel(person, project) as kernel:
            return [kernel.run(cell) for cell in cells]

    @contextmanager
    def kernel(self, person: str, project: str, name: str = "python3") -> Iterator[Kernel]:
        """A fresh kernel in the workspace, ended afterwards. name: of its kind, as the workspace lists it."""
        token = self.server_token(person, project)
        prefix = f"{self.address}/user/{quote(person)}/{quote(project)}"
        with httpx.Client(headers={"Authorization": f"token {token}"}, timeout=SECONDS_PER_REQUEST) as server:
            answer = server.post(f"{prefix}/api/kernels", json={"name": name})
            if answer.status_code != httpx.codes.CREATED:
                raise WorkspaceError("The workspace gave no kernel.", where=f"{person} in {project}")
            kernel_url = f"{prefix}/api/kernels/{answer.json()['id']}"
            try:
                with connect(
                    kernel_url.replace("http", "ws", 1) + "/channels",
                    additional_headers={"Authorization": f"token {token}"},
                    max_size=None,
                    proxy=None,
                ) as channel:
                    yield Kernel(channel)
            finally:
                server.delete(kernel_url)

    def server_token(self, person: str, project: str) -> str:
        """A token for this one workspace, good for half an hour."""
        scope = f"access:servers!server={person}/{project}"
        body = {"scopes": [scope], "expires_in": SECONDS_OF_TOKEN, "note": "the haven, for the person"}
        answer = self._ask("POST", f"/users/{quote(person)}/tokens", json=body)
        if answer.status_code != httpx.codes.CREATED:
            raise WorkspaceError(f"The hub gave no access to the workspace: {_message(answer)}")
        return str(answer.json()["token"])

    def _ask(self, method: str, path: str, json: dict[str, Any] | None = None) -> httpx.Response:
        try:
            return self._hub.request(method, path, json=json)
        except httpx.HTTPError:
            raise WorkspacesDown("The hub does not answer.", where=self.address, mend="Run `haven up`.") from None


class Kernel:
    """A kernel's channels over one websocket."""

    def __init__(self, channel: Connection) -> None:
        self.channel = channel

    def run(self, source: str) -> CellOutcome:
        """Run one cell and wait until the kernel is idle again. Raises NotebookFailed when it does not answer."""
        number = uuid.uuid4().hex
        self.channel.send(json.dumps(_execute(number, source)))
        texts: list[str] = []
        error: str | None = None
        for kind, content in self._answers(number):
            if kind == "error":
                error = str(content["ename"])
                texts.append(COLOURS.sub("", "\n".join(content["traceback"])))
            elif text := _shown(kind, content):
                texts.append(text)
        return CellOutcome(source, "".join(texts), error)

    def complete(self, source: str) -> list[str]:
        """What the kernel proposes at the end of this text."""
        number = uuid.uuid4().hex
        self.channel.send(json.dumps(_request(number, "complete_request", {"code": source, "cursor_pos": len(source)})))
        for kind, content in self._answers(number):
            if kind == "complete_reply":
                return [str(one) for one in content["matches"]]
        return []

    def _answers(self, number: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The messages that answer ours, until the kernel says that it is idle."""
        while True:
            try:
                message = json.loads(self.channel.recv(timeout=SECONDS_PER_CELL))
            except TimeoutError:
                raise NotebookFailed(
                    f"The kernel did not answer within {SECONDS_PER_CELL:.0f} s.",
                    mend="Open the workspace in the browser and run the cell there.",
                ) from None
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return
            yield kind, content


def _execute(number: str, source: str) -> dict[str, Any]:
    content = {
        "code": source,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }
    return _request(number, "execute_request", content)


def _request(number: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """A request to a kernel (Jupyter's messaging protocol 5.4)."""
    return {
        "header": {
            "msg_id": number,
            "msg_type": kind,
            "username": "haven",
            "session": number,
            "date": "",
            "version": "5.4",
        },
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "content": content,
        "buffers": [],
    }


def _shown(kind: str, content: dict[str, Any]) -> str:
    """What a reader sees of a message, as text."""
    if kind == "stream":
        return str(content["text"])
    if kind in ("execute_result", "display_data"):
        return str(content["data"].get("text/plain", "")) + "\n"
    return ""


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
