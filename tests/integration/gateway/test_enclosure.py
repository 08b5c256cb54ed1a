"""What a worker's process can reach, tried from inside; beside each, a control that shows the same try can succeed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from environments.gateway.enclosure import MOST_THREADS, ROOT, SCOPE_INSIDE
from environments.gateway.errors import QueryFailed
from environments.gateway.worker import MOST_FILES, MOST_SPILLED
from environments.gateway.workers import BESIDE_THE_ENGINE, bytes_of
from tests.fakes.gateway import ASHA, ENCLOSURE, WORKER_MEMORY, gateway

PROBE = r"""
import ctypes, json, os, pathlib, platform, socket, sys
NUMBERS = {"add_key": 248 if platform.machine() == "x86_64" else 217}
told = json.loads(sys.stdin.readline())
def tried(what):
    try:
        return what() or True
    except (OSError, ValueError) as error:
        return False
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(2)
        one.connect(address)
def call(name, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(NUMBERS[name], *arguments) < 0:
        raise OSError(ctypes.get_errno())
def signal():
    os.kill(told["process"], 0)
found = {
    "tcp": tried(lambda: connect(socket.AF_INET, ("127.0.0.1", told["port"]))),
    "abstract socket": tried(lambda: connect(socket.AF_UNIX, "\0" + told["abstract"])),
    "file": tried(lambda: pathlib.Path(told["file"]).read_text()),
    "passwords": tried(lambda: pathlib.Path("/etc/passwd").read_text()),
    "process": tried(signal),
    "new namespace": tried(lambda: os.unshare(0x10000000)) if hasattr(os, "unshare") else False,
    "write scope": tried(lambda: open(told["scope"], "r+b").close()),
    "write code": tried(lambda: open(os.path.join(told["code"], "x.py"), "w").close()),
    "own socket": tried(lambda: socket.socket(socket.AF_UNIX).close()),
    "pair of sockets": tried(lambda: socket.socketpair()[0].close()),
    "kernel's keys": tried(lambda: call("add_key", b"user", b"haven", b"x", 1, -2)),
    "read scope": tried(lambda: open(told["scope"], "rb").close()),
    "write folder": tried(lambda: open("spill", "w").close()),
}
print(json.dumps(found))
"""


@pytest.fixture
def listening() -> Iterator[tuple[int, str]]:
    """A TCP port of loopback, and an abstract socket, that accept."""
    name = f"haven-{os.getpid()}"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
        tcp.bind(("127.0.0.1", 0))
        abstract.bind("\0" + name)
        for one in (tcp, abstract):
            one.listen(8)
            threading.Thread(target=lambda one=one: _accept(one), daemon=True).start()
        yield tcp.getsockname()[1], name
        for one in (tcp, abstract):
            one.shutdown(socket.SHUT_RDWR)


def _accept(one: socket.socket) -> None:
    try:
        while True:
            one.accept()[0].close()
    except OSError:
        return


def _found(command: list[str], told: dict[str, object], folder: Path, held: tuple[int, ...] = ()) -> dict[str, object]:
    done = subprocess.run(
        command, input=json.dumps(told) + "\n", capture_output=True, text=True, timeout=60, check=False, cwd=folder,
        pass_fds=held, env={},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("account", [None, 300_123] if os.geteuid() == 0 else [None])
def test_a_worker_reaches_its_file_and_its_folder(
    tmp_path: Path, listening: tuple[int, str], account: int | None
) -> None:
    """No network, no other process, no other file, nothing written but in its folder; without walls, all of it."""
    scope, other, folder, code = (tmp_path / name for name in ("scope.duckdb", "other.txt", "w", "environments"))
    scope.write_text("the scope")
    other.write_text("another project's")
    folder.mkdir(mode=0o700)
    code.mkdir()
    if account is not None:
        os.chown(folder, account, account)
        scope.chmod(0o444)
    told: dict[str, object] = {
        "port": listening[0], "abstract": listening[1], "file": str(other), "process": os.getpid(),
        "scope": str(scope), "code": str(code),
    }  # fmt: skip
    work = [sys.executable, "-P", "-c", PROBE]
    control = _found(work, told, tmp_path)
    assert {name for name, done in control.items() if done is False} <= {"new namespace", "kernel's keys"}
    with ENCLOSURE.command(scope, folder, work, account) as (command, held):
        found = _found(command, {**told, "scope": str(SCOPE_INSIDE), "code": str(ROOT / "environments")}, folder, held)
    assert {name for name, done in found.items() if done} == {"read scope", "write folder"}
    assert (folder / "spill").stat().st_uid == (account or os.geteuid())


async def test_the_gateways_own_workers_are_enclosed() -> None:
    """A worker that serves queries lives in namespaces of its own, and where root runs it under its own account."""
    async with gateway() as stands:
        await stands.ask("select count(*) from gp_events")
        worker = stands.workers._workers[ASHA.project]
        inner = _deepest(worker.process.pid)
        for kind in ("net", "mnt", "pid", "user", "ipc"):
            assert Path(f"/proc/{inner}/ns/{kind}").readlink() != Path(f"/proc/self/ns/{kind}").readlink(), kind
        owner = Path(f"/proc/{inner}").stat().st_uid
        assert owner == (300_000 if os.geteuid() == 0 else os.geteuid())
        await stands.workers.stop(ASHA.project)
        until = time.monotonic() + 10
        while _runs(inner) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        assert not _runs(inner)


async def test_a_worker_cannot_take_what_the_kernel_does_not_give_it() -> None:
    """Its limits are the kernel's: no core file, bounded memory, files and processes; a filter of calls is in force."""
    async with gateway() as stands:
        await stands.ask("select count(*) from gp_events")
        inner = _deepest(stands.workers._workers[ASHA.project].process.pid)
        limits = Path(f"/proc/{inner}/limits").read_text()
        found = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
        memory = str(2 * bytes_of(WORKER_MEMORY) + BESIDE_THE_ENGINE)
        assert found["Max data size"] == [memory, memory]
        assert found["Max core file size"] == ["0", "0"]
        assert found["Max file size"] == [str(MOST_SPILLED)] * 2
        assert found["Max open files"] == [str(MOST_FILES)] * 2
        if os.geteuid() == 0:
            assert found["Max processes"] == [str(MOST_THREADS)] * 2
        status = dict(line.split(":", 1) for line in Path(f"/proc/{inner}/status").read_text().splitlines())
        assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip()) == ("2", "1")


async def test_memory_beside_the_engines_own_count_is_bounded_too() -> None:
    """A text of more than a gigabyte, which the engine does not count: the query fails, the next one is answered."""
    async with gateway(people=20, memory="64MB") as stands:
        with pytest.raises(QueryFailed) as failed:
            await stands.ask("select length(repeat('x', 1300000000) || code) from gp_events")
        assert failed.value.where == "query.memory"
        assert (await stands.ask("select count(*) as n from gp_events"))["n"].to_pylist() != [0]


async def test_what_a_worker_puts_in_its_folder_is_nothing_that_the_gateway_asks() -> None:
    """Its socket lies where it cannot write: it cannot put another project's in its place."""
    async with gateway() as stands:
        await stands.ask("select count(*) from gp_events")
        worker = stands.workers._workers[ASHA.project]
        assert worker.door.is_socket()
        assert not worker.door.is_relative_to(worker.folder)
        assert [path for path in worker.folder.rglob("*") if path.is_socket()] == []
        await stands.workers.stop(ASHA.project)
        assert not worker.door.exists()


def _runs(pid: int) -> bool:
    """Is there such a process that has not ended? One that nobody has reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _deepest(pid: int) -> int:
    """The last of a line of children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _deepest(int(children[0])) if children else pid
