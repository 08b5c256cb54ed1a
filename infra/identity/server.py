"""Does this home's Keycloak run? Started in the background on loopback with data of its own, stopped by its process.

The lock decides whether it runs, not a file with a number: Keycloak's processes hold it until the last of them ends, so
that a number of another process is never mistaken for ours. No secret stands in arguments or environment: they are
in a file that only this account reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from infra.identity.distribution import Distribution, IdentityUnavailable, environment_for_java
from infra.servers.ports import LOOPBACK, free_port

SECONDS_TO_START = 180.0
SECONDS_TO_STOP = 30.0
POLL_SECONDS = 0.2
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""Started by this very process: it is their parent and must hear of their end."""
OUT_OF_THE_WAY = 20  # the start script uses the low numbers of files itself


@dataclass(frozen=True)
class IdentityServer:
    """One home's Keycloak. port: 0 lets the system choose once; it then stays, because it is in every token."""

    folder: Path
    log: Path
    distribution: Distribution
    keeper: str
    port: int = 0
    host: str = LOOPBACK  # as people's browsers name this machine
    memory: str = "384m"

    @property
    def secret_file(self) -> Path:
        """The secret of the service account that keeps the realm."""
        return self.folder / "keeper.secret"

    @property
    def address(self) -> str | None:
        """Where it answers, if it runs."""
        if not self.is_running():
            return None
        state = self._state()
        return self._address(state["port"]) if state else None

    def is_running(self) -> bool:
        """Does any process of it live?"""
        if not self._lock_file.exists():
            return False
        with self._lock_file.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def start(self) -> str:
        """Start it unless it runs; its address when it answers. Raises IdentityUnavailable."""
        if (address := self.address) and (state := self._state()):
            self._await_answer(state["port"])  # somebody may have started it just now
            return address
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / "tmp").mkdir(exist_ok=True, mode=0o700)
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        port = self._choose_port()
        _write_private(self._configuration_file, self._configuration(port))
        process = self._run()
        _CHILDREN[process.pid] = process
        _write_private(self._state_file, json.dumps({"pid": process.pid, "port": port}))
        self._await_answer(port)
        return self._address(port)

    def stop(self) -> bool:
        """End it; False where nothing ran."""
        if not self.is_running():
            return False
        state = self._state()
        if state is None:
            raise IdentityUnavailable("Keycloak is still starting.", mend="Try again in a few seconds.")
        for number, seconds in ((signal.SIGTERM, SECONDS_TO_STOP), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(state["pid"], number)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if child := _CHILDREN.get(state["pid"]):
                    child.poll()
                if not self.is_running():
                    self._state_file.unlink(missing_ok=True)
                    return True
                time.sleep(POLL_SECONDS)
        raise IdentityUnavailable("Keycloak did not stop.", where=str(self.log))

    # -- private

    def _address(self, port: int) -> str:
        return f"http://{self.host}:{port}"

    @property
    def _lock_file(self) -> Path:
        return self.folder / "keycloak.lock"

    @property
    def _state_file(self) -> Path:
        return self.folder / "keycloak.json"

    @property
    def _configuration_file(self) -> Path:
        return self.folder / "keycloak.conf"

    def _state(self) -> dict[str, int] | None:
        try:
            return dict(json.loads(self._state_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def _choose_port(self) -> int:
        """The one that was written the last time, when it is free: tokens and redirects name it."""
        if self.port:
            return self.port
        with contextlib.suppress(FileNotFoundError, ValueError, OSError):
            before = int((self.folder / "port").read_text(encoding="utf-8"))
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, before))
            return before
        port = free_port()
        _write_private(self.folder / "port", str(port))
        return port

    def _configuration(self, port: int) -> str:
        database = f"jdbc:h2:file:{self.folder / 'data' / 'keycloak'};NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE"
        lines = [
            f"db-url={database}",
            "cache=local",
            "http-enabled=true",
            f"http-host={LOOPBACK}",
            f"http-port={port}",
            f"hostname={self._address(port)}",
            "log-level=warn,org.keycloak.events:info",
        ]
        if not (self.folder / "data").exists():  # only a Keycloak without data takes its first administrator from here
            _write_private(self.secret_file, secrets.token_urlsafe(32))
            secret = self.secret_file.read_text(encoding="utf-8")
            lines += [f"bootstrap-admin-client-id={self.keeper}", f"bootstrap-admin-client-secret={secret}"]
        return "\n".join([*lines, ""])

    def _run(self) -> subprocess.Popen[bytes]:
        options = {
            "quarkus.transaction-manager.object-store.directory": self.folder / "data" / "transaction-logs",
            "java.io.tmpdir": self.folder / "tmp",
        }
        environment = {
            **environment_for_java(),
            "HOME": str(self.folder),
            "JAVA_OPTS_KC_HEAP": f"-Xms64m -Xmx{self.memory}",
            # The start script splits at spaces, and takes what stands in quotation marks for one.
            # It is started often and does little: the first compiler alone is quicker at both.
            "JAVA_OPTS_APPEND": " ".join(
                ["-XX:TieredStopAtLevel=1", *(f'"-D{name}={value}"' for name, value in options.items())]
            ),
        }
        command = [str(self.distribution.program), f"--config-file={self._configuration_file}", "start", "--optimized"]
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(output, "ab") as log, self._lock_file.open("a") as lock:
            held = fcntl.fcntl(lock, fcntl.F_DUPFD, OUT_OF_THE_WAY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(held,),
                )
            except BlockingIOError:
                raise IdentityUnavailable("Keycloak is already starting.", mend="Wait a few seconds.") from None
            finally:
                os.close(held)

    def _await_answer(self, port: int) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until:
            if not self.is_running():
                raise IdentityUnavailable("Keycloak ended at its start.", where=str(self.log), mend="Its log says why.")
            if _answers(port):
                return
            time.sleep(POLL_SECONDS)
        self.stop()
        raise IdentityUnavailable(
            f"Keycloak did not answer within {SECONDS_TO_START:.0f} s.", where=str(self.log), mend="Its log says why."
        )


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/realms/master", timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _write_private(path: Path, text: str) -> None:
    """Only this account reads it, from its first byte on."""
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)
