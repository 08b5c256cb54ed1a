"""JupyterHub as it comes, to be measured beside ours: its own proxy, its simple spawner, the same Lab, no sandbox."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from environments.workspaces.hub import SECONDS_TO_START
from tests.fakes.workspaces import free_port, short_folder

CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}/"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie-secret"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = ["{hub}/bin/configurable-http-proxy"]
c.ConfigurableHTTPProxy.auth_token = "{token}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/homes/{{username}}"
c.Spawner.cmd = ["{workspace}/bin/python", "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--ServerApp.terminals_enabled=False", "--LabApp.extension_manager=readonly",
                  "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
c.Spawner.environment = {{"PYTHONDONTWRITEBYTECODE": "1", "JUPYTERHUB_DISABLE_USER_CONFIG": "1"}}
c.Spawner.start_timeout = 75
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {{"asha"}}
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 90, "slow_stop_timeout": 20}}
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "bench", "scopes": ["admin:servers", "read:users"], "services": ["bench"]}}]
"""


class PlainHub:
    """Its interface, for a service that may start and stop servers."""

    def __init__(self, address: str, token: str, number: int) -> None:
        self.number = number
        headers = {"Authorization": f"token {token}"}
        self.api = httpx.Client(base_url=f"{address}/hub/api", headers=headers, timeout=SECONDS_TO_START * 2)

    def start(self) -> None:
        """Start asha's server and wait until it answers."""
        answer = self.api.post("/users/asha/server")
        if answer.status_code != httpx.codes.CREATED:
            raise RuntimeError(f"the plain hub's server did not start: {answer.status_code}")

    def stop(self) -> None:
        """Stop it."""
        self.api.delete("/users/asha/server").raise_for_status()


@contextlib.contextmanager
def plain_hub(environments: Path) -> Iterator[PlainHub]:
    """A plain JupyterHub that is ready, until the block ends."""
    with short_folder() as folder:
        token, port = secrets.token_hex(16), free_port()
        config = folder / "config.py"
        values = {"port": port, "hub_port": free_port(), "proxy_port": free_port(), "token": token, "folder": folder}
        text = CONFIG.format(**values, hub=environments / "hub", workspace=environments / "workspace")
        config.write_text(text, encoding="utf-8")
        (folder / "homes" / "asha").mkdir(parents=True)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(environments / "hub" / "bin" / "python"), "-P", "-m", "jupyterhub", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        try:
            hub = PlainHub(f"http://127.0.0.1:{port}", token, process.pid)
            _wait_until_ready(hub, process, folder / "log")
            yield hub
            hub.api.close()
        finally:
            process.terminate()
            process.wait(SECONDS_TO_START)


def _wait_until_ready(hub: PlainHub, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if hub.api.get("/users/asha").status_code == httpx.codes.OK:
                return
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])
        time.sleep(0.1)
