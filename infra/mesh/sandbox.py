"""Where is MESH when there is none? NHS England's own sandbox in a process beside, on this machine's loopback only.

It keeps messages in memory. Its two mailboxes and their password are the package's and protect nothing.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from infra.errors import DeploymentError
from infra.servers.ports import LOOPBACK, free_port
from infra.servers.supervisor import stop_process
from infra.settings_tables import MeshSettings
from linkage.optouts.mesh import MeshPlace

ENVIRONMENT = "mesh"
OURS, NATIONAL = "X26ABC1", "X26ABC2"
"""Two of the sandbox's mailboxes: the haven's, and the simulated national service's."""
PASSWORD, SHARED_KEY = "password", "TestKey"
SECONDS_TO_START = 60.0


class SandboxMissing(DeploymentError):
    """The environment of the sandbox is not made, or it did not start."""

    code = "optouts.no_sandbox"
    exit_status = 69


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that runs. folder: private, with the files of its well-known secrets."""

    url: str
    folder: Path
    patience: timedelta = timedelta(minutes=5)

    @property
    def settings(self) -> MeshSettings:
        """As [optouts.mesh] would name it."""
        password, shared = self._secret("password", PASSWORD), self._secret("shared-key", SHARED_KEY)
        return MeshSettings(
            url=self.url, mailbox=OURS, recipient=NATIONAL, password_file=password, shared_key_file=shared
        )

    def place(self, mailbox: str = OURS, recipient: str = NATIONAL) -> MeshPlace:
        """One of its mailboxes."""
        mesh = self.settings
        return MeshPlace(
            self.url, mailbox, mesh.password_file, mesh.shared_key_file, self.patience, recipient=recipient
        )

    def _secret(self, name: str, content: str) -> Path:
        path = self.folder / name
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(content)
        return path


def is_made(environments: Path) -> bool:
    """Is the sandbox's environment there?"""
    return (environments / ENVIRONMENT / "bin" / "python").exists()


@contextmanager
def running_sandbox(environments: Path, folder: Path) -> Iterator[Sandbox]:
    """A sandbox while the block runs. folder: for its log and files. Raises SandboxMissing."""
    if not is_made(environments):
        raise SandboxMissing(
            "The environment of the MESH sandbox is not made.",
            where=str(environments / ENVIRONMENT),
            mend="`haven test` and `haven demo` make it; by hand: python3 scripts/install.py mesh",
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = free_port()
    log = folder / "sandbox.log"
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        process = subprocess.Popen(
            [str(environments / ENVIRONMENT / "bin" / "python"), "-P", "-m", "uvicorn", "mesh_sandbox.api:app"]
            + ["--host", LOOPBACK, "--port", str(port), "--log-level", "warning"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", ""), "STORE_MODE": "memory", "SHARED_KEY": SHARED_KEY,
                 "AUTH_MODE": "full", "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )  # fmt: skip
    url = f"http://{LOOPBACK}:{port}"
    try:
        _await_ready(process, url, log)
        yield Sandbox(url, folder)
    finally:
        stop_process(process)


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{url}/messageexchange/_ping", timeout=2.0):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SandboxMissing("The MESH sandbox did not start.", where=str(log), mend="Its log says why.")
