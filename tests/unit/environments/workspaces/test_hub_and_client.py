"""The hub's place as both sides read it, and a kernel's answers as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from haven_hub.place import SETTING, Place, read_place

from environments.workspaces.client import Kernel
from environments.workspaces.control import ControlTokens
from environments.workspaces.errors import NotebookFailed, WorkspaceError
from environments.workspaces.hub import PLACE_SETTING, HubPlace, HubServer, client_folder
from environments.workspaces.service import Workspaces


def _place(folder: Path) -> HubPlace:
    (folder / "envs" / "workspace").mkdir(parents=True)
    (folder / "envs" / "workspace" / "pyvenv.cfg").write_text("home = /py/3.11/bin\nversion_info = 3.11\n")
    package = folder / "clients" / "haven-client" / "haven"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return HubPlace(
        folder=folder / "hub",
        run=folder / "run",
        workspaces=folder / "workspaces",
        imports=folder / "imports",
        packages=folder / "packages",
        control_socket=folder / "gateway.sock",
        tokens=ControlTokens(folder / "control"),
        environments=folder / "envs",
        clients=folder / "clients",
        port=8000,
    )


def test_the_hub_reads_the_place_that_the_haven_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides of the place file agree, key by key."""
    place = _place(tmp_path)
    server = HubServer(place)
    server.prepare()
    assert PLACE_SETTING == SETTING
    monkeypatch.setenv(SETTING, server.environment[SETTING])
    read = read_place()
    assert isinstance(read, Place)
    assert read.python == Path("/py/3.11")
    assert read.client == tmp_path / "clients" / "haven-client"
    assert read.port == 8000
    assert read.control_token == place.tokens.hub


def test_an_unknown_key_of_the_place_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that is told something it does not know does not start."""
    place = _place(tmp_path)
    HubServer(place).prepare()
    values = json.loads(place.place_file.read_text())
    place.place_file.write_text(json.dumps({**values, "admin": "yes"}))
    monkeypatch.setenv(SETTING, str(place.place_file))
    with pytest.raises(ValueError, match="exactly"):
        read_place()


def test_the_hubs_command_and_variables_hold_no_secret(tmp_path: Path) -> None:
    """Tokens stand in files; what others can see of the process names only paths."""
    server = HubServer(_place(tmp_path))
    server.prepare()
    seen = " ".join([*server.command, *server.environment.values()])
    for token in (server.place.orchestrator_token, server.place.tokens.hub, server.place.tokens.house):
        assert token.read_text() not in seen
        assert token.read_text() not in server.place.place_file.read_text()


def test_a_missing_client_is_said(tmp_path: Path) -> None:
    """Without the client for notebooks the hub is not started."""
    with pytest.raises(WorkspaceError, match="client"):
        client_folder(tmp_path)


class Channel:
    """A websocket that answers every request with the same messages."""

    def __init__(self, *messages: tuple[str, dict[str, object]]) -> None:
        self.messages = list(messages)
        self.parent = ""

    def send(self, text: str) -> None:
        """Take the request's number."""
        self.parent = json.loads(text)["header"]["msg_id"]

    def recv(self, timeout: float) -> str:
        """The next message, or none in time."""
        if not self.messages:
            raise TimeoutError
        kind, content = self.messages.pop(0)
        parent = "another" if kind == "foreign" else self.parent
        return json.dumps({"parent_header": {"msg_id": parent}, "msg_type": kind, "content": content})


def test_a_cells_output_is_what_a_reader_sees() -> None:
    """Streams and results are joined, other cells' messages left out, until the kernel is idle."""
    channel = Channel(
        ("status", {"execution_state": "busy"}),
        ("foreign", {"text": "not mine"}),
        ("stream", {"text": "hello\n"}),
        ("execute_result", {"data": {"text/plain": "42"}}),
        ("status", {"execution_state": "idle"}),
    )
    outcome = Kernel(channel).run("x")  # type: ignore[arg-type]
    assert (outcome.text, outcome.error) == ("hello\n42\n", None)


def test_a_cells_error_is_named() -> None:
    """A cell that raises gives the error's name and its traceback without colours."""
    channel = Channel(
        ("error", {"ename": "ValueError", "evalue": "no", "traceback": ["\x1b[31mValueError\x1b[0m: no"]}),
        ("status", {"execution_state": "idle"}),
    )
    outcome = Kernel(channel).run("x")  # type: ignore[arg-type]
    assert (outcome.text, outcome.error) == ("ValueError: no", "ValueError")


def test_a_silent_kernel_is_an_error() -> None:
    """A kernel that does not answer in time is said to the person."""
    with pytest.raises(NotebookFailed):
        Kernel(Channel()).run("x")  # type: ignore[arg-type]


def test_where_people_log_in_no_code_is_asked_for(tmp_path: Path) -> None:
    """The address is the workspace's own; running a notebook for somebody says why it cannot."""
    tokens = ControlTokens(tmp_path)
    workspaces = Workspaces(
        tmp_path / "none.sock", tokens, "http://127.0.0.1:1", tmp_path / "t", sign_in_at="https://w"
    )
    assert workspaces.open_address("asha", "diabetes") == "https://w/hub/spawn/asha/diabetes"
    with pytest.raises(WorkspaceError, match="log in at the identity provider"):
        workspaces.enter("asha", "diabetes")
