"""Things of the machine that an attempt tries to reach, made for one workplace and taken away with it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.probes.table import Things
from tests.fakes.workspaces import WorkplaceForTests

IPC_CREATE, IPC_REMOVE = 0o1000 | 0o666, 0
MEMORY, FILES, FILE_SIZE, SCRATCH, PROCESSES = 4 * 1024**3, 4096, 10 * 1024**3, 1024**3, 512


@contextlib.contextmanager
def things_of(place: WorkplaceForTests) -> Iterator[tuple[Things, Things]]:
    """What an attempt is told inside a workspace, and what its control is told outside."""
    name, folder = f"hv-{secrets.token_hex(4)}", place.home / "control-folder"
    folder.mkdir()
    shared = Path("/dev/shm") / name
    shared.write_text("x")
    for path in (folder, shared):
        if place.account is not None:
            os.chown(path, place.account, place.account)
    with contextlib.ExitStack() as stack:
        stack.callback(shared.unlink)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stands = {
            "tcp": str(stack.enter_context(_listener())),
            "udp": str(stack.enter_context(_answers_datagrams())),
            "abstract": stack.enter_context(_abstract(name)),
            "segment": str(stack.enter_context(_segment())),
            "process": str(stack.enter_context(_sleeper(place, name))),
            "process name": name,
            "mark": name,
            "secret": str(place.place.orchestrator_token),
            "haven": str(place.home),
            "others file": str(place.home_of("bo", "asthma") / "mine"),
            "hub socket": str(place.place.run / "hub.sock"),
            "control socket": str(place.place.control_socket),
            "door": str(stack.enter_context(_door(place, name))),
            "shared memory": str(shared),
            "more than memory": str(MEMORY + 1024**3),
            "more than processes": str(PROCESSES + 50),
            "more than files": str(FILES + 1000),
            "more than a file": str(FILE_SIZE + 1024),
            "more than scratch": str(SCRATCH + 4096),
        }
        packages = next((place.place.environments / "workspace" / "lib").glob("python3*/site-packages"))
        places = [
            str(packages),
            "/",
            "/usr/bin",
            "/etc",
            "/opt/haven/client",
            "/run/haven",
            "/imports",
            "/packages",
            str(place.place.environments),
            "/proc",
        ]
        inside = {
            "folder": "/home/researcher",
            "scratch": "/tmp",
            "shared scratch": "/dev/shm",
            "other scratch": "/dev",
            "not its own": json.dumps(places),
        }
        outside = dict.fromkeys(("folder", "scratch", "shared scratch", "other scratch"), str(folder))
        yield {**stands, **inside}, {**stands, **outside, "not its own": json.dumps([str(folder)])}


@contextlib.contextmanager
def _listener() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield int(listener.getsockname()[1])


@contextlib.contextmanager
def _answers_datagrams() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
        service.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                asked, who = service.recvfrom(16)
                if asked == b"end":
                    return
                service.sendto(b"yes", who)

        answering = threading.Thread(target=answer)
        answering.start()
        port = int(service.getsockname()[1])
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", ("127.0.0.1", port))
            answering.join()


@contextlib.contextmanager
def _abstract(name: str) -> Iterator[str]:
    with socket.socket(socket.AF_UNIX) as hidden:
        hidden.bind("\0" + name)
        hidden.listen(8)
        yield name


@contextlib.contextmanager
def _door(place: WorkplaceForTests, name: str) -> Iterator[Path]:
    """A door beside those of workspaces, which stands as long as it is tried: a workspace's own may close meanwhile."""
    folder = list(place.doors.opened)[-1].parent.with_name(name)
    folder.mkdir()
    path = folder / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen(8)
        for one in (folder, path):
            if place.account is not None:
                os.chown(one, place.account, place.account)
        try:
            yield path
        finally:
            shutil.rmtree(folder)


@contextlib.contextmanager
def _segment() -> Iterator[int]:
    library, key = ctypes.CDLL(None), secrets.randbelow(2**30) + 1
    number = library.shmget(key, 1, IPC_CREATE)
    try:
        yield key
    finally:
        library.shmctl(number, IPC_REMOVE, None)


@contextlib.contextmanager
def _sleeper(place: WorkplaceForTests, name: str) -> Iterator[int]:
    """A process of the hub's account, with a name, a mark in its environment, and a secret held open."""
    secret = str(place.place.orchestrator_token)
    source = f"import time; held = open({secret!r}); print('up', flush=True); time.sleep(900)"
    command = place.as_the_hub((sys.executable, "-c", source, name))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "HV_MARK": name}) as sleeper:
        try:
            if sleeper.stdout is None or sleeper.stdout.readline() != b"up\n":
                raise RuntimeError("the process to be found did not start")
            yield sleeper.pid
        finally:
            sleeper.kill()
