"""How does the hub run? As a process of its own environment, told its place by a file, ended by its own group."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from environments.workspaces.control import ControlTokens, make_token
from environments.workspaces.errors import WorkspaceError

PLACE_SETTING = "HAVEN_HUB_PLACE"
FIRST_ACCOUNT = 400_000
MEMORY = 4 * 1024**3
IDLE_SECONDS = 2 * 3600
LONGEST_SECONDS = 24 * 3600
HOME_QUOTA = 20 * 1024**3
WORKSPACE_MEMORY = 8 * 1024**3
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 30.0
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR")


@dataclass(frozen=True)
class OpenID:
    """Where people log in, and as which client the hub asks there (OpenID Connect, code flow with PKCE)."""

    authorize_url: str
    token_url: str
    callback_url: str  # the hub's, as browsers reach it; exactly so in the realm
    logout_url: str
    secret_file: Path
    ca_file: Path | None = None


@dataclass(frozen=True)
class HubPlace:
    """Where the hub of one haven stands. `run` must be a short path: sockets stand in it."""

    folder: Path  # <home>/hub
    run: Path  # <run>/hub
    workspaces: Path  # <home>/workspaces
    imports: Path  # <home>/imports: what was brought in, one folder per project
    packages: Path  # <home>/packages: what may be installed, one folder per project
    control_socket: Path  # the gateway's
    tokens: ControlTokens
    environments: Path  # the folder of the environments `hub` and `workspace`
    clients: Path  # the folder of the distributions haven-hub and haven-client
    port: int
    first_account: int = FIRST_ACCOUNT
    memory: int = MEMORY  # bytes, of one process
    home_quota: int = HOME_QUOTA  # bytes on the disk, of one workspace's home
    workspace_memory: int = WORKSPACE_MEMORY  # bytes, of all processes of one workspace
    idle_seconds: int = IDLE_SECONDS  # without any use, before a workspace is closed; 0: no bound
    longest_seconds: int = LONGEST_SECONDS  # of a whole stay; 0: no bound
    openid: OpenID | None = None  # None: people come by one-time codes
    cluster: Mapping[str, object] | None = None  # workspaces are its pods; None: sandboxes of this machine
    kubeconfig: Path | None = None  # of the cluster: where it is, and who the hub is there

    @property
    def place_file(self) -> Path:
        return self.folder / "place.json"

    @property
    def orchestrator_token(self) -> Path:
        return self.folder / "orchestrator.token"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class HubServer:
    """The hub's process. `command`, `environment` and `ready` serve a supervisor; `start` and `stop` serve alone."""

    def __init__(self, place: HubPlace) -> None:
        self.place = place
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """No secret stands in it: arguments are public."""
        config = self.place.clients / "haven-hub" / "haven_hub" / "config.py"
        return (str(self.place.environments / "hub" / "bin" / "python"), "-P", "-m", "jupyterhub", "-f", str(config))

    @property
    def environment(self) -> Mapping[str, str]:
        """What the hub is told beyond its command: where its place file is."""
        return {
            PLACE_SETTING: str(self.place.place_file),
            "PYTHONPATH": str(self.place.clients / "haven-hub"),
            "DO_NOT_TRACK": "1",
        }

    @property
    def number(self) -> int:
        """The process id of the hub that `start` started. Raises WorkspaceError when none runs."""
        if self._process is None:
            raise WorkspaceError("The hub does not run.", mend="Run `haven up`.")
        return self._process.pid

    def prepare(self) -> None:
        """Folders, tokens and the place file. Call before starting `command`."""
        place = self.place
        for folder in (place.folder, place.run, place.workspaces, place.imports, place.packages):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.tokens.make()
        make_token(place.orchestrator_token)
        draft = place.place_file.with_suffix(".part")
        draft.write_text(json.dumps(self._place_values()), encoding="utf-8")
        draft.replace(place.place_file)

    def ready(self) -> bool:
        """Does the hub answer at its address?"""
        try:
            with urllib.request.urlopen(f"{self.place.address}/hub/api", timeout=2.0) as answer:  # noqa: S310
                return bool(answer.status == http.HTTPStatus.OK)
        except (OSError, urllib.error.URLError, http.client.HTTPException):
            return False

    def start(self, log: Path) -> None:
        """Start and wait until ready. Raises WorkspaceError."""
        self.prepare()
        inherited = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited, **self.environment},
                start_new_session=True,
            )
        until = time.monotonic() + SECONDS_TO_START
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise WorkspaceError("The hub did not start.", where=str(log), mend="Its log says why.")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the hub and with it every workspace: ask, then insist."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _place_values(self) -> dict[str, object]:
        place = self.place
        environment = place.environments / "workspace"
        return {
            "folder": str(place.folder),
            "run": str(place.run),
            "workspaces": str(place.workspaces),
            "imports": str(place.imports),
            "packages": str(place.packages),
            "port": place.port,
            "control_socket": str(place.control_socket),
            "control_token": str(place.tokens.hub),
            "orchestrator_token": str(place.orchestrator_token),
            "environment": str(environment),
            "python": str(base_interpreter(environment)),
            "client": str(client_folder(place.clients)),
            "jupyter": str(place.clients / "haven-hub" / "jupyter"),
            "first_account": place.first_account,
            "memory": place.memory,
            "openid": _as_json(place.openid),
            "home_quota": place.home_quota,
            "idle_seconds": place.idle_seconds,
            "longest_seconds": place.longest_seconds,
            "workspace_memory": place.workspace_memory,
            "cluster": None if place.cluster is None else dict(place.cluster),
            "kubeconfig": place.kubeconfig and str(place.kubeconfig),
        }


def _as_json(openid: OpenID | None) -> dict[str, str | None] | None:
    return None if openid is None else {name: value and str(value) for name, value in asdict(openid).items()}


def base_interpreter(environment: Path) -> Path:
    """The folder of the interpreter that an environment was made from: visible wherever the environment is."""
    for line in (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home":
            return Path(value.strip()).parent
    raise WorkspaceError(
        "The workspace environment does not say which Python it was made from.", where=str(environment)
    )


def client_folder(clients: Path) -> Path:
    """The folder that holds the `haven` client package. Raises WorkspaceError when it is not there."""
    for folder in (clients / "haven-client" / "src", clients / "haven-client"):
        if (folder / "haven" / "__init__.py").exists():
            return folder
    raise WorkspaceError("The client for notebooks is missing.", where=str(clients / "haven-client"))
