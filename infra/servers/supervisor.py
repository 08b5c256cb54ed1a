"""Are the haven's processes up? Starts them in order, says when each is ready, stops them in reverse.

It ends only processes it started itself, each by its own process group. One supervisor per home, held by a
file lock, so that a stale process id can never be mistaken for ours.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from infra.servers.model import Service, ServiceError, ServicesRunning

STATE_FILE = "services.json"
LOCK_FILE = "services.lock"
SECONDS_TO_STOP = 15.0
POLL_SECONDS = 0.1
PROGRAM = Path(__file__).resolve().parents[2]
# What a service inherits: enough to run, and nothing that a shell may carry (tokens, proxies, settings).
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR", "HAVEN_ENVIRONMENTS")
DATABASE = "HAVEN_DATABASE"  # may hold a password

Say = Callable[[str], None]


class Supervisor:
    """Runs services for one home until told to stop."""

    def __init__(self, run_folder: Path, logs_folder: Path, say: Say) -> None:
        self.run_folder = run_folder
        self.logs_folder = logs_folder
        self.say = say
        self.stopping = threading.Event()
        self._running: list[tuple[Service, subprocess.Popen[bytes]]] = []
        self._left_out: dict[str, str] = {}

    @contextlib.contextmanager
    def running(self, services: Sequence[Service]) -> Iterator[None]:
        """Start all, hold while the block runs, stop all. Raises ServicesRunning or ServiceError."""
        self.run_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._only_one():
            try:
                for service in services:
                    self._start(service)
                yield
            finally:
                self._stop_all()

    def watch(self) -> None:
        """Wait until told to stop. Raises ServiceError when a service ends by itself."""
        while not self.stopping.wait(POLL_SECONDS * 5):
            for service, process in self._running:
                if process.poll() is not None and not service.optional:
                    raise ServiceError(
                        f"The {service.name} stopped by itself (status {process.returncode}).",
                        where=str(self._log_of(service)),
                        mend="Its log says why; then run `haven up` again.",
                    )

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        with (self.run_folder / LOCK_FILE).open("a") as lock:
            if not _try_lock(lock):
                raise ServicesRunning(
                    "The services of this haven already run.",
                    where=str(self.run_folder),
                    mend="Use them, or stop them with `haven down`.",
                )
            yield

    def _start(self, service: Service) -> None:
        log = self._log_of(service)
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            process = subprocess.Popen(
                service.command,
                cwd=PROGRAM,  # never where the caller stands: what lies there is somebody's
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**_kept_variables(service), **service.environment, **_home_of(service)},
                start_new_session=True,
                **_as_account(service),
            )
        self._running.append((service, process))
        started = time.monotonic()
        try:
            self._await_ready(service, process)
        except ServiceError as error:
            if not service.optional:
                raise
            self._left_out[service.name] = error.what
            self.say(f"  {service.name:<10} NOT available: {error.what}")
        else:
            self.say(f"  {service.name:<10} ready in {time.monotonic() - started:4.1f} s  {service.address}")
        self._write_state()

    def _await_ready(self, service: Service, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + service.seconds_to_start
        while time.monotonic() < until:
            if process.poll() is not None:
                raise ServiceError(
                    f"The {service.name} ended at its start (status {process.returncode}).",
                    where=str(self._log_of(service)),
                    mend="Its log says why.",
                )
            if service.ready():
                return
            if self.stopping.wait(POLL_SECONDS):
                raise ServiceError("Stopped while starting.")
        raise ServiceError(
            f"The {service.name} was not ready after {service.seconds_to_start:.0f} s.",
            where=str(self._log_of(service)),
            mend="Its log says why.",
        )

    def _stop_all(self) -> None:
        (self.run_folder / STATE_FILE).unlink(missing_ok=True)
        for service, process in reversed(self._running):
            if stop_process(process):
                self.say(f"  {service.name:<10} stopped")
        self._running.clear()

    def _write_state(self) -> None:
        state = {
            "supervisor": os.getpid(),
            "left_out": self._left_out,
            "services": {
                service.name: {"pid": process.pid, "address": service.address}
                for service, process in self._running
                if service.name not in self._left_out
            },
        }
        draft = self.run_folder / (STATE_FILE + ".part")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666), "w") as file:
            json.dump(state, file)
        draft.replace(self.run_folder / STATE_FILE)

    def _log_of(self, service: Service) -> Path:
        return self.logs_folder / f"{service.name}.log"


def stop_process(process: subprocess.Popen[bytes]) -> bool:
    """End a process group that we started: ask first, insist after a while. True when it was running."""
    if process.poll() is not None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return True


def read_state(run_folder: Path) -> dict[str, object] | None:
    """What runs for this home, or None. The lock decides, not the file: a crash leaves no false state."""
    lock_path = run_folder / LOCK_FILE
    if not lock_path.exists():
        return None
    with lock_path.open("a") as lock:
        if _try_lock(lock):
            return None
    try:
        state: dict[str, object] = json.loads((run_folder / STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"services": {}, "left_out": {}}
    return state


def service_address(run_folder: Path, name: str) -> str | None:
    """Where a service of this home answers now, or None."""
    services = (read_state(run_folder) or {}).get("services")
    if isinstance(services, dict) and name in services:
        return str(services[name]["address"])
    return None


def stop_supervisor(run_folder: Path) -> bool:
    """Ask the supervisor of this home to stop and wait until it has. False when none runs."""
    state = read_state(run_folder)
    if state is None:
        return False
    supervisor = state.get("supervisor")
    if not isinstance(supervisor, int):
        raise ServiceError("The services are still starting.", mend="Try again in a few seconds.")
    os.kill(supervisor, signal.SIGTERM)
    until = time.monotonic() + 6 * SECONDS_TO_STOP
    while read_state(run_folder) is not None:
        if time.monotonic() > until:
            raise ServiceError("The services did not stop in time.", where=str(run_folder))
        time.sleep(POLL_SECONDS)
    return True


def _as_account(service: Service) -> dict[str, Any]:
    """Who the process is, where it has an account of its own; none of root's groups stays with it."""
    if service.account is None:
        return {}
    return {"user": service.account.uid, "group": service.account.gid, "extra_groups": []}


def _home_of(service: Service) -> dict[str, str]:
    return {} if service.account is None else {"HOME": str(service.account.home)}


def _kept_variables(service: Service) -> dict[str, str]:
    names = (*KEPT_VARIABLES, DATABASE) if service.opens_records else KEPT_VARIABLES
    return {name: os.environ[name] for name in names if name in os.environ}


def _try_lock(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
